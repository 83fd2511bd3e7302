"""A server whose console cannot show Chinese: every error of ours is told, and the next run runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
from harness import graphs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness.comfyui import ComfyUIServer
    from simulated_service import SimulatedService

PICTURES = {**graphs.small_pictures(), "black.png": np.zeros((128, 144), bool)}
# Windows with its output redirected, in western Europe; a container without a locale. A server each: to try others, too,
# CONSOLES="latin-1 gbk".
CONSOLES = os.environ.get("CONSOLES", "cp1252 ascii").split()


@pytest.fixture(scope="module", params=CONSOLES)
def console(request: pytest.FixtureRequest) -> str:
    """The encoding of the server's console."""
    return str(request.param)


@pytest.fixture(scope="module")
def journal(console: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journal")


@pytest.fixture(scope="module")
def server(
    console: str, comfyui: Callable[..., ComfyUIServer], service: SimulatedService, journal: Path
) -> Iterator[ComfyUIServer]:
    env = {"PYTHONIOENCODING": console, "PYTHONUTF8": "0", "VOLC_JOURNAL_DIR": str(journal)}
    started = comfyui(env={**service.environment, **env})
    for name, pixels in PICTURES.items():
        graphs.upload(started, name, pixels)
    yield started
    started.stop()


def black_mask() -> graphs.Graph:
    return graphs.repaint("small.png", "black.png")


def unknown_input() -> graphs.Graph:
    return graphs.small("unknown", promt=["image", 0])


def seed_below_the_range() -> graphs.Graph:
    return graphs.small("seed", seed=-2)


def null_prompt() -> graphs.Graph:
    graph = graphs.small("")
    graph["inpaint"]["inputs"]["prompt"] = None
    return graph


def pick_beyond() -> graphs.Graph:
    pick = {"class_type": "VolcPickVariant", "inputs": {"images": ["image", 0], "pick": 5}}
    save = {"class_type": "PreviewImage", "inputs": {"images": ["pick", 0]}}
    return {"image": graphs.small("")["image"], "pick": pick, "save": save}


def refused_prompt() -> graphs.Graph:
    return graphs.small("refused", variants=1)


def refused_keys() -> graphs.Graph:
    return graphs.small("keys", variants=1)


def doubtful_answer() -> graphs.Graph:
    return graphs.small("doubtful", variants=1)


FAULTS = {
    refused_prompt: 50413,
    refused_keys: "SignatureDoesNotMatch",
    doubtful_answer: "InternalError",
}


@pytest.mark.parametrize(
    ("graph", "status", "english", "chinese"),
    [
        (black_mask, "error", "Nothing is masked", "没有遮罩区域"),
        (unknown_input, "error", "no input called promt", "没有名为 promt 的输入"),
        (seed_below_the_range, "rejected", "seed is -2, but must be", "seed 的值为 -2"),
        (null_prompt, "error", "which is what ComfyUI makes of a script's null", "提示词为 None"),
        (pick_beyond, "error", "Picture 5 was picked", "选择了第 5 张"),
        (refused_prompt, "error", "blocked word", "敏感词"),
        (refused_keys, "error", "secret key", "重新填写"),
        (doubtful_answer, "error", "may have been billed", "可能已计费"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_an_error_of_ours_ends_its_run_and_no_other(
    server: ComfyUIServer,
    service: SimulatedService,
    console: str,
    graph: Callable[[], graphs.Graph],
    status: str,
    english: str,
    chinese: str,
) -> None:
    if graph in FAULTS:
        service.fail(FAULTS[graph])
    told = len(server.log)

    result = server.run(graph(), timeout_s=30)

    assert result.status == status
    assert english in result.error_message
    assert chinese in result.error_message
    # what the console cannot show stands there by its number
    shown = chinese.encode(console, "backslashreplace").decode(console)
    assert shown in server.log[told:]
    service.reset()
    again = server.run(graphs.small(f"after {graph.__name__}", variants=1), timeout_s=30)
    assert graphs.report(again)["paid"] == 1


def test_without_its_journal_a_run_says_so_and_the_next_one_runs(
    server: ComfyUIServer, console: str, journal: Path
) -> None:
    away = journal.rename(journal.with_name(f"{journal.name} away"))
    try:
        result = server.run(graphs.small("journal", variants=1), timeout_s=30)
    finally:
        away.rename(journal)

    chinese = f"本地记录文件夹 {journal} 不存在"
    assert chinese in result.error_message
    assert chinese.encode(console, "backslashreplace").decode(console) in server.log
    assert graphs.report(server.run(graphs.small("journal", variants=1)))["paid"] == 1


def test_a_script_s_seed_beyond_the_range_is_folded_into_it(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    result = server.run(graphs.small("folded", variants=2, seed=2**50 + 7))

    assert {call.seed for call in service.ledger.calls()} == {7, 8}
    assert any("beyond the interface's range" in note for note in graphs.report(result)["notes"])
    # a node that hands out such seeds
    graph = graphs.small("folded by a link", variants=1, seed=["number", 0])
    graph["number"] = {"class_type": "PrimitiveInt", "inputs": {"value": 2**50 + 7}}
    assert graphs.report(server.run(graph))["variants"][0]["seed"] == 7
