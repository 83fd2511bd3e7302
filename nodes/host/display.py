"""What a running node shows: its bar, its status, its pictures as they arrive."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from typing import TYPE_CHECKING, Any

import comfy.model_management
import comfy.utils
from comfy_execution.utils import get_executing_context
from server import PromptServer

from .previews import previews
from .server import POLL_S, in_background, throw_if_interrupted

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from ..jobs.job import Outcome
    from ..jobs.run import Run, Status

# Longest side of the preview of a picture that arrives, in pixels.
PREVIEW_SIDE = 512
# How often all of it is told: a page that was loaded anew meanwhile knows nothing.
_ALL_AGAIN_S = 1.0

_numbers = itertools.count(1)


class Display:
    """What a running node shows: its bar, its status, a preview of each picture as it arrives.

    Only the page that asked for the run is told, as ComfyUI does with a node's output; of a script's run none may be.
    """

    def __init__(self, node_id: str, total: int) -> None:
        """Show 0 of `total` on the node called `node_id`."""
        context = get_executing_context()
        # Kept, for a picture that is drawn while the run is cancelled comes when the next one has begun.
        self._client_id = PromptServer.instance.client_id
        # of a list ComfyUI runs the node for each entry, side by side
        self._ids = {
            "node": node_id,
            "prompt_id": context.prompt_id if context else "",
            "run": next(_numbers),
        }
        self._total = total
        self._bar = comfy.utils.ProgressBar(total, node_id=node_id)
        self._shown: tuple[Status, tuple[int, int] | None] | None = None
        self._all_again_at = 0.0
        self._previews: dict[int, dict[str, str]] = {}

    def status(
        self, status: Status, encoding: tuple[int, int] | None = None, *, done: bool = False
    ) -> None:
        """Show how the run stands, and which of how many pictures is being encoded; sent only when it changed, or when `done`.

        And once a second all of it, with the pictures so far.
        """
        again = time.monotonic() >= self._all_again_at
        if (status, encoding) == self._shown and not (again or done):
            return
        self._shown = status, encoding
        event = {**status._asdict(), "encoding": encoding, "done": done}
        if again:
            self._all_again_at = time.monotonic() + _ALL_AGAIN_S
            event["images"] = sorted(self._previews.items())
        self._send("status", event)

    def picture(self, index: int, rgb: NDArray[np.uint8]) -> None:
        """Show picture `index` (1-based), uint8 [H, W, 3]; called as it arrives, from any thread."""
        (image,) = previews(rgb, PREVIEW_SIDE)
        self._previews[index] = image
        self._send("variant", {"index": index, "total": self._total, "image": image})

    def arrived(self) -> None:
        """Count a picture."""
        # No preview with it: the canvas would show that one large picture in place of the grid.
        self._bar.update(1)

    def output(self) -> list[dict[str, str]]:
        """The previews in the pictures' order, for the node's grid."""
        return [self._previews[index] for index in sorted(self._previews)]

    def _send(self, name: str, event: dict[str, Any]) -> None:
        if self._client_id is not None:  # to nobody would be to everybody
            PromptServer.instance.send_sync(
                f"volc_inpaint.{name}", {**self._ids, **event}, self._client_id
            )


async def follow(
    run: Run,
    display: Display,
    take: Callable[[Outcome], NDArray[np.uint8] | None],
    encoding: Callable[[], tuple[int, int] | None],
) -> set[int]:
    """Wait for a run and take its pictures as they arrive; what was taken is let go.

    Args:
        run: What was started.
        display: Where to show it.
        take: Called on a thread of its own for each outcome with a value; returns what to preview, uint8 [H, W, 3],
            or None for what it did not take.
        encoding: Which of how many pictures is being encoded now, if one is.

    Returns:
        The indices of the jobs whose pictures were taken.

    Raises:
        InterruptProcessingException: The user cancelled. Nothing new is sent; what is on the wire is journaled
            when it arrives.
    """
    taken = set()
    try:
        while True:
            finished = run.done.is_set()
            while not run.outcomes.empty():
                outcome = run.outcomes.get_nowait()
                if outcome.value is not None:
                    rgb = await in_background(take, outcome)
                    display.arrived()
                    if rgb is not None:
                        taken.add(outcome.job.index)
                        # a full disk costs the preview, not the run
                        with contextlib.suppress(OSError):
                            await in_background(display.picture, outcome.job.index, rgb)
                run.let_go(outcome)
                display.status(run.status(), encoding())
            if finished:
                break
            throw_if_interrupted()
            display.status(run.status(), encoding())
            await asyncio.sleep(POLL_S)
    finally:
        if not run.done.is_set():
            run.cancel()
    if run.broken is not None:
        raise run.broken
    if run.cancelled():  # not by the user, but because the server ends
        raise comfy.model_management.InterruptProcessingException
    display.status(run.status(), done=True)
    return taken
