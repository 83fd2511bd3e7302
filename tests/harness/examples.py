"""The workflows that people share: the pack's examples, and those that earlier releases saved."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from simulated_service import SimulatedService

from . import launch

if TYPE_CHECKING:
    from pathlib import Path

    from .comfyui import ComfyUIServer

Json = dict[str, Any]

EXAMPLES = launch.ROOT / "example_workflows"
INPUT = EXAMPLES / "input"
SAVED = launch.ROOT / "tests" / "workflows"
"""One folder for each release; `NAME.json` is what its canvas saved, `NAME.prompt.json` what its canvas sent to run it."""


def examples() -> list[Path]:
    """The example files, in the order of the template browser."""
    return sorted(EXAMPLES.glob("*.json"))


def saved() -> list[Path]:
    """The files of earlier releases."""
    return sorted(path for path in SAVED.glob("*/*.json") if ".prompt" not in path.name)


def load(path: Path) -> Json:
    """A workflow file's content."""
    return json.loads(path.read_text("utf-8"))  # type: ignore[no-any-return]


def put_pictures(server: ComfyUIServer) -> None:
    """Copy the examples' pictures into the server's input folder."""
    for file in INPUT.iterdir():
        shutil.copy(file, server.base / "input")


def service() -> SimulatedService:
    """A simulated service that finds the examples' pictures behind the examples' links."""
    running = SimulatedService()
    running.web = INPUT
    return running
