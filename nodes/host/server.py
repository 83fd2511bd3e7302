"""What the nodes need of ComfyUI: its folders, its routes, cancel, and a thread beside the graph."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import comfy.model_management
import folder_paths
from comfy_execution.utils import get_executing_context
from server import PromptServer

from ..jobs import folders
from ..jobs.booking import Origin
from ..jobs.messages import JournalGoneError
from ..words import InputError
from .settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

POLL_S = 0.025


def private_directory() -> Path:
    """The pack's folder that the server never serves, `user/__volc_inpaint`, mode 0700.

    Where it cannot be made, keys of the environment and a journal elsewhere work all the same.
    """
    folder = folders.reachable(Path(folder_paths.get_system_user_directory("volc_inpaint")))
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def credentials_file() -> Path:
    """Where the settings page keeps the keys."""
    return private_directory() / "credentials.json"


def journal_directory() -> Path:
    """Where paid pictures are kept unless `VOLC_JOURNAL_DIR` says otherwise."""
    return private_directory() / "journal"


def journal_of(settings: Settings) -> Path:
    """Where paid pictures are kept."""
    named = settings.journal_dir
    return folders.reachable(named) if named else journal_directory()


def configured_journal() -> Path:
    """The same, by the environment as it is now.

    Raises:
        InputError: An environment variable of this server is not what it must be.
    """
    return journal_of(Settings.from_environment())


def log_journal() -> None:
    """Tell the operator where paid pictures are kept, or why that is not known, before anybody pays."""
    try:
        folder = configured_journal()
    except InputError as error:
        _LOG.warning("Volc Inpaint will buy nothing: %s", error.text.english)
    else:
        _LOG.info("Volc Inpaint keeps paid pictures in %s", folder)
        if folder != journal_directory() and not folder.is_dir():
            _LOG.warning("Volc Inpaint: %s", JournalGoneError(folder, there=False).text.english)
        if warning := folders.warning(folder):
            _LOG.warning("Volc Inpaint: %s", warning.english)


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


def origin(node_id: str) -> Origin:
    """Who asks for pictures, and since when: a node by its title and number, in a workflow by its name, else its number."""
    context = get_executing_context()
    # What a page or a script sent along; it need not be there.
    with contextlib.suppress(AttributeError, TypeError, ValueError):
        running = PromptServer.instance.prompt_queue.currently_running
        for _, prompt_id, prompt, extra, *_ in running.values():
            if context is not None and prompt_id == context.prompt_id:
                node = prompt.get(node_id) or {}
                title = (node.get("_meta") or {}).get("title") or node.get("class_type", "")
                workflow = (extra.get("extra_pnginfo") or {}).get("workflow") or {}
                name = workflow.get("name") or workflow.get("id") or ""
                return Origin(
                    f"{title} {node_id}".strip()[:200],
                    str(name)[:200],
                    # in milliseconds since 1970
                    max(0.0, time.time() - extra.get("create_time", math.inf) / 1000),
                )
    return Origin(node_id)


def as_core_does(images: torch.Tensor) -> torch.Tensor:
    """Pictures where ComfyUI keeps what goes from node to node: in main memory, or with `--gpu-only` on the card."""
    return images.to(comfy.model_management.intermediate_device())


async def in_background(function: Callable[..., T], *arguments: Any) -> T:
    """Run `function` on a daemon thread: the graph goes on meanwhile, and Cancel need not wait for it.

    (`asyncio.to_thread` would make a cancelled prompt wait for its thread.)

    Raises:
        InterruptProcessingException: The user cancelled; the thread's result is dropped.
    """
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(function(*arguments))
        except BaseException as error:  # noqa: BLE001 - handed to the waiting node as it is
            future.set_exception(error)

    threading.Thread(target=work, name="volc-inpaint-work", daemon=True).start()
    pause = 0.001
    while not future.done():
        throw_if_interrupted()
        await asyncio.sleep(pause)
        pause = min(pause * 2, POLL_S)
    return future.result()
