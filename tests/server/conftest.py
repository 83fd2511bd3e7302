"""A real ComfyUI server and a simulated service for each module of this folder.

A module says in `PICTURES` what its server's input folder holds, {file name: uint8 or bool pixels}, and in `ENVIRONMENT`
what its server has in its environment beside the service and the journal, in `ARGUMENTS` and `PACKS` with what further
arguments and custom nodes it starts. One that wants more than that has fixtures of
its own in place of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness import graphs, launch
from harness.missing import missing
from simulated_service import SimulatedService

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

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


@pytest.fixture(scope="module")
def service() -> Iterator[SimulatedService]:
    with SimulatedService() as running:
        yield running


@pytest.fixture(autouse=True)
def fresh_service(service: SimulatedService) -> None:
    """Each test finds an empty ledger and no faults, latency or limits."""
    service.reset()
    service.configure(
        {
            "latency_s": 0.0,
            "queue_s": 0.0,
            "allowance": None,
            "rate_per_s": None,
            "clock_offset_s": 0.0,
            "answer_size": None,
            "works_at": None,
            "drift": {},
            "activated": None,
            "retired": {},
            "pair_only": None,
        }
    )


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journal")


@pytest.fixture(scope="module")
def server(
    comfyui: Callable[..., ComfyUIServer],
    service: SimulatedService,
    journal: Path,
    request: pytest.FixtureRequest,
) -> ComfyUIServer:
    more = getattr(request.module, "ENVIRONMENT", {})
    started = comfyui(
        env={**service.environment, "VOLC_JOURNAL_DIR": str(journal), **more},
        arguments=getattr(request.module, "ARGUMENTS", ()),
        packs=getattr(request.module, "PACKS", ()),
    )
    for name, pixels in getattr(request.module, "PICTURES", {}).items():
        graphs.upload(started, name, pixels)
    return started
