"""Real ComfyUI servers for the tests of this folder.

@pytest.fixture(scope="module")
def server(comfyui):
    return comfyui(env={"VOLC_ENDPOINT": ...})
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness import launch
from harness.missing import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.comfyui import ComfyUIServer


@pytest.fixture(scope="module")
def comfyui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., ComfyUIServer]]:
    """Starts servers (`env=`, `arguments=`), each in folders of its own; ends them after the module."""
    if launch.comfyui_directory() is None:
        missing("no ComfyUI: set COMFYUI_DIR, or run `python3 dev.py test`")
    from harness.comfyui import ComfyUIServer

    servers: list[ComfyUIServer] = []

    def start(**options: object) -> ComfyUIServer:
        server = ComfyUIServer(tmp_path_factory.mktemp("comfyui"), **options)  # type: ignore[arg-type]
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()
