"""A server that has just started, without any key: what it logs, what it offers, what a run without keys says.

Its pack is the registry's archive, unpacked, and what it writes lies elsewhere, below a name with blanks and Chinese.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

import pytest
from harness import archive, examples, graphs, launch
from harness.missing import missing
from harness.workflow import to_prompt

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.comfyui import ComfyUIServer
    from simulated_service import SimulatedService

PACK = "comfyui-volc-inpaint"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("else") / "where 别处"


@pytest.fixture(scope="module")
def server(
    comfyui: Callable[..., ComfyUIServer],
    service: SimulatedService,
    elsewhere: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> ComfyUIServer:
    if not archive.files():
        missing("not a git checkout")
    pack = archive.unpack(tmp_path_factory.mktemp("archive") / PACK)
    arguments = []
    for name in ("user", "temp", "output"):
        (elsewhere / name).mkdir(parents=True)
        arguments += [f"--{name}-directory", f"{elsewhere / name}{os.sep}"]
    started = comfyui(env={"VOLC_ENDPOINT": service.endpoint}, pack=pack, arguments=arguments)
    graphs.upload(started, "cat.png", graphs.photograph("chelsea"))
    graphs.upload(started, "mask.png", graphs.ellipse(300, 451))
    return started


def test_the_log_shows_the_pack_imported_and_no_complaint_about_it(server: ComfyUIServer) -> None:
    # a checkout may be called like the pack, and ComfyUI's own files may lie in it
    others = str(launch.comfyui_directory())
    lines = [line.replace(others, "") for line in server.log.splitlines()]
    ours = [line for line in lines if re.search(r"volc", line, re.IGNORECASE)]

    (imported,) = (line for line in ours if "seconds" in line)
    assert "IMPORT FAILED" not in imported
    # ComfyUI prints tenths; benchmarks/startup.py measures
    assert float(re.findall(r"([\d.]+) seconds", imported)[0]) <= 1.0
    assert not [
        line for line in ours if re.search(r"warn|error|failed|traceback", line, re.IGNORECASE)
    ]
    assert "entrypoint" not in server.log.lower()


def test_the_log_says_where_paid_pictures_are_kept(server: ComfyUIServer, elsewhere: Path) -> None:
    folder = elsewhere / "user" / "__volc_inpaint" / "journal"

    assert f"keeps paid pictures in {folder}\n" in server.log


def test_the_nodes_are_there_under_their_frozen_names(server: ComfyUIServer) -> None:
    info = server.object_info()

    assert {
        name: info[name]["output_name"]
        for name in ("VolcInpaint", "MaskNormalize", "LogoInfo", "VolcPickVariant")
    } == {
        "VolcInpaint": ["images", "urls", "report"],
        "MaskNormalize": ["mask", "preview", "coverage", "report"],
        "LogoInfo": ["logo_info"],
        "VolcPickVariant": ["images", "index"],
    }
    assert {info[name]["category"] for name in ("VolcInpaint", "MaskNormalize", "LogoInfo")} == {
        "Volcengine"
    }
    assert not info["VolcInpaint"]["api_node"]


def test_the_scripts_are_offered_to_the_page_once(server: ComfyUIServer) -> None:
    scripts = [path for path in server.get("/extensions") if PACK in path]

    assert scripts
    assert len(scripts) == len(set(scripts))


def test_a_run_without_keys_says_where_to_put_them_and_calls_nobody(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    result = server.run(graphs.repaint())

    assert result.status == "error"
    assert result.error_type.endswith("CredentialsError")
    english, chinese = result.error_message.splitlines()
    for place in (
        "Settings › Volcengine",
        "VOLC_ACCESSKEY",
        "VOLC_SECRETKEY",
        "~/.volc/credentials",
    ):
        assert place in english
    for place in ("设置 › Volcengine", "VOLC_ACCESSKEY", "VOLC_SECRETKEY", "~/.volc/credentials"):
        assert place in chinese
    assert service.ledger.calls() == []


def test_half_a_pair_of_keys_names_the_missing_half(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    folder = server.home / ".volc"
    folder.mkdir()
    (folder / "credentials").write_text("[default]\naccess_key_id = AKLTHALFAPAIR\n")
    try:
        result = server.run(graphs.repaint())
    finally:
        (folder / "credentials").unlink()

    assert "secret key (~/.volc/credentials) is empty" in result.error_message
    assert "AKLTHALFAPAIR" not in result.error_message
    assert service.ledger.calls() == []


def test_a_template_of_the_archive_runs_and_shows_its_pictures(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    keys = {"access_key": service.access_key, "secret_key": service.secret_key}
    assert server.post("/volc_inpaint/credentials", keys)[0] == 200
    try:
        examples.put_pictures(server)
        status, body = server.request(f"/api/workflow_templates/{PACK}/repaint_by_brush.json")
        assert status == 200
        result = server.run(to_prompt(json.loads(body), server.object_info()))
    finally:
        server.request("/volc_inpaint/credentials", method="DELETE")

    assert result.status == "success", result.error_message
    assert service.billed > 0
    shown = [files for node in result.outputs.values() for files in node.get("images", [])]
    assert {"temp", "output"} <= {file["type"] for file in shown}
    for file in shown:
        assert server.image(**file)
