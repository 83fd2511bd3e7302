"""What the nodes need of ComfyUI: its folders, cancel, progress and previews. No other helper imports it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import comfy.model_management
import comfy.utils
import folder_paths
from comfy_execution.utils import get_executing_context
from PIL import Image
from server import PromptServer

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from ..jobs.job import Outcome, Status
    from ..jobs.run import Run

T = TypeVar("T")

_POLL_S = 0.025
# Longest side of a preview, in pixels.
PREVIEW_SIDE = 1024


def private_directory() -> Path:
    """The pack's folder that the server never serves, `user/__volc_inpaint`, mode 0700.

    Where it cannot be made, keys of the environment and a journal elsewhere work all the same.
    """
    folder = Path(folder_paths.get_system_user_directory("volc_inpaint"))
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def credentials_file() -> Path:
    """Where the settings page keeps the keys."""
    return private_directory() / "credentials.json"


def journal_directory() -> Path:
    """Where paid pictures are kept unless `VOLC_JOURNAL_DIR` says otherwise."""
    return private_directory() / "journal"


def throw_if_interrupted() -> None:
    """Raise ComfyUI's own exception when the user pressed Cancel, so that the run ends as *interrupted*.

    The flag stays set: two nodes may be waiting on it at the same time.

    Raises:
        InterruptProcessingException: The user cancelled.
    """
    if comfy.model_management.processing_interrupted():
        raise comfy.model_management.InterruptProcessingException


def routes() -> Any:
    """ComfyUI's table of HTTP routes."""
    return PromptServer.instance.routes


async def in_background(function: Callable[..., T], *arguments: Any) -> T:
    """Run `function` on a daemon thread: the graph goes on meanwhile, and Cancel need not wait for it.

    (`asyncio.to_thread` would make a cancelled prompt wait for its thread.)

    Raises:
        InterruptProcessingException: The user cancelled; the thread's result is dropped.
    """
    finished = threading.Event()
    box: list[tuple[T | None, BaseException | None]] = []

    def work() -> None:
        try:
            box.append((function(*arguments), None))
        except BaseException as error:  # noqa: BLE001 - handed to the waiting node as it is
            box.append((None, error))
        finished.set()

    threading.Thread(target=work, name="volc-inpaint-work", daemon=True).start()
    pause = 0.001
    while not finished.is_set():
        throw_if_interrupted()
        await asyncio.sleep(pause)
        pause = min(pause * 2, _POLL_S)
    result, error = box[0]
    if error is not None:
        raise error
    return result  # type: ignore[return-value]


class Display:
    """What a running node shows: its bar, its status, a preview of each picture as it arrives."""

    def __init__(self, node_id: str, total: int) -> None:
        """Show 0 of `total` on the node called `node_id`."""
        context = get_executing_context()
        self.node_id = node_id
        self._ids = {"node": node_id, "prompt_id": context.prompt_id if context else ""}
        self._total = total
        self._arrived = 0
        self._bar = comfy.utils.ProgressBar(total, node_id=node_id)
        self._shown: Status | None = None
        self.previews: dict[int, dict[str, str]] = {}

    def status(self, status: Status, *, done: bool = False) -> None:
        """Show how the run stands; sent only when it changed."""
        if status == self._shown and not done:
            return
        self._shown = status
        server = PromptServer.instance
        event = {**self._ids, **asdict(status), "done": done}
        server.send_sync("volc_inpaint.status", event, server.client_id)

    def picture(self, index: int, rgb: np.ndarray[Any, Any]) -> None:
        """Show picture `index` (1-based), uint8 [H, W, 3]; called as it arrives, from any thread."""
        preview = Image.fromarray(rgb).convert("RGB")
        preview.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.BILINEAR, reducing_gap=2)
        folder = Path(folder_paths.get_temp_directory())
        folder.mkdir(parents=True, exist_ok=True)
        name = f"volc_inpaint_{uuid.uuid4().hex[:12]}.jpg"
        preview.save(folder / name, quality=90)
        image = {"filename": name, "subfolder": "", "type": "temp"}
        self.previews[index] = image
        self._arrived += 1
        # No preview with it: the canvas would show that one large picture in place of the grid.
        self._bar.update_absolute(self._arrived, self._total)
        event = {**self._ids, "index": index, "total": self._total, "image": image}
        server = PromptServer.instance
        server.send_sync("volc_inpaint.variant", event, server.client_id)

    def output(self) -> list[dict[str, str]]:
        """The previews in the pictures' order, for the node's grid."""
        return [self.previews[index] for index in sorted(self.previews)]


async def follow(
    run: Run, display: Display, take: Callable[[Outcome], np.ndarray[Any, Any]]
) -> None:
    """Wait for a run and take its pictures as they arrive.

    Args:
        run: What was started.
        display: Where to show it.
        take: Called on a thread of its own for each outcome with a value; returns what to preview, uint8 [H, W, 3].

    Raises:
        InterruptProcessingException: The user cancelled. Nothing new is sent; what is on the wire is journaled
            when it arrives.
    """
    try:
        while True:
            finished = run.done.is_set()
            while not run.outcomes.empty():
                outcome = run.outcomes.get_nowait()
                if outcome.value is not None:
                    rgb = await in_background(take, outcome)
                    with contextlib.suppress(OSError):  # a full disk costs the preview, not the run
                        await in_background(display.picture, outcome.index, rgb)
                display.status(run.status())
            if finished:
                break
            throw_if_interrupted()
            display.status(run.status())
            await asyncio.sleep(_POLL_S)
    finally:
        if not run.done.is_set():
            run.cancel()
    display.status(run.status(), done=True)
