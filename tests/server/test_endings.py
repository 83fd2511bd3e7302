"""A real ComfyUI ends with calls of both kinds on the wire, and starts again: nothing is paid twice.

The pack is installed twice there, as by ComfyUI Manager and by git.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from typing import TYPE_CHECKING

import pytest
from harness import graphs, launch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.comfyui import ComfyUIServer
    from simulated_service import SimulatedService

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")

PICTURES = graphs.small_pictures()
ANSWERED, SUBMITTED = "img2img_inpainting_edit_zi2i", "jimeng_image2image_dream_inpaint"
# What the Restart button of ComfyUI Manager does: https://github.com/Comfy-Org/ComfyUI-Manager, `restart`
RESTART = """
import os, sys
from server import PromptServer

@PromptServer.instance.routes.get("/restart")
async def restart(request):
    os.execv(sys.executable, [sys.executable] + sys.argv)

NODE_CLASS_MAPPINGS = {}
"""


@pytest.fixture(scope="module")
def server(
    comfyui: Callable[..., ComfyUIServer],
    service: SimulatedService,
    journal: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> ComfyUIServer:
    button = tmp_path_factory.mktemp("restart_button")
    (button / "__init__.py").write_text(RESTART, "utf-8")
    again = tmp_path_factory.mktemp("again") / "another-copy"
    again.symlink_to(launch.ROOT, target_is_directory=True)
    started = comfyui(
        env={**service.environment, "VOLC_JOURNAL_DIR": str(journal)},
        packs=[button, again],
    )
    for name, pixels in PICTURES.items():
        graphs.upload(started, name, pixels)
    return started


def both(prompt: str) -> graphs.Graph:
    """A picture of each kind of interface: the call brings it, or a task that is asked for."""
    graph = graphs.small(prompt, variants=2)
    other = graphs.small(prompt, variants=2, model=SUBMITTED)
    graph["other"] = other["inpaint"]
    graph["other report"] = {"class_type": "PreviewAny", "inputs": {"source": ["other", 2]}}
    return graph


def by_signal(number: signal.Signals) -> Callable[[ComfyUIServer], None]:
    def end(server: ComfyUIServer) -> None:
        assert server.process is not None
        server.process.send_signal(number)

    return end


def by_another_program(server: ComfyUIServer) -> None:
    with contextlib.suppress(OSError):  # the connection ends with the program
        server.request("/restart")


def test_of_two_copies_of_the_pack_one_is_loaded_and_both_are_named(server: ComfyUIServer) -> None:
    folders = [server.base / "custom_nodes" / name for name in (launch.PACK, "another-copy")]

    (told,) = (line for line in server.log.splitlines() if "is installed twice" in line)
    assert all(f"{folder} " in told for folder in folders)
    assert "安装了两份" in server.log
    assert 1 == server.log.count("Volc Inpaint keeps paid pictures in")
    taken = server.object_info()["VolcInpaint"]["python_module"]
    assert [folder for folder in folders if f"The copy in {folder} is used" in told] == [
        folder for folder in folders if taken == f"custom_nodes.{folder.name}"
    ]


@pytest.mark.parametrize(
    ("end", "code"),
    [
        pytest.param(by_signal(signal.SIGTERM), -signal.SIGTERM, id="SIGTERM"),
        pytest.param(by_signal(signal.SIGHUP), -signal.SIGHUP, id="SIGHUP"),
        pytest.param(by_signal(signal.SIGINT), 0, id="Ctrl-C"),
        pytest.param(by_another_program, None, id="another program"),
    ],
)
def test_the_run_after_an_end_pays_nothing(
    server: ComfyUIServer,
    service: SimulatedService,
    journal: Path,
    end: Callable[[ComfyUIServer], None],
    code: int | None,
    request: pytest.FixtureRequest,
) -> None:
    graph = both(request.node.name)
    service.configure({"latency_s": 1.5})
    server.queue(graph)
    assert service.wait_for("on_wire", 4)
    end(server)
    if code is None:
        assert service.ledger.wait(lambda: service.ledger.count("on_wire") == 0, 30)
        server.follow_restart()
    else:
        assert server.process is not None
        assert server.process.wait(20) == code
        server.restart()

    billed = service.billed
    service.configure({"latency_s": 0.0})
    result = server.run(graph)
    assert result.error_message == ""
    told = [json.loads(result.text(node)) for node in ("report", "other report")]

    assert [(0, 2), (0, 2)] == [(one["paid"], one["from_journal"]) for one in told]
    assert service.billed == billed == 4
    assert not list(journal.glob("*/*.inflight"))
