"""A server whose console cannot show Chinese: every error of ours is told, and the next run runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from harness import graphs

if TYPE_CHECKING:
    from harness.comfyui import ComfyUIServer
    from simulated_service import SimulatedService

PICTURES = {**graphs.small_pictures(), "black.png": np.zeros((128, 144), bool)}
# Windows with its output redirected, in western Europe
ENVIRONMENT = {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}


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


def refused_by_the_service() -> graphs.Graph:
    return graphs.small("refused", variants=1)


@pytest.mark.parametrize(
    ("graph", "status", "english", "chinese"),
    [
        (black_mask, "error", "Nothing is masked", "没有遮罩区域"),
        (unknown_input, "error", "no input called promt", "没有名为 promt 的输入"),
        (seed_below_the_range, "rejected", "seed is -2, but must be", "seed 的值为 -2"),
        (null_prompt, "error", "which is what ComfyUI makes of a script's null", "提示词为 None"),
        (refused_by_the_service, "error", "blocked word", "敏感词"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_an_error_of_ours_ends_its_run_and_no_other(
    server: ComfyUIServer,
    service: SimulatedService,
    graph: Any,
    status: str,
    english: str,
    chinese: str,
) -> None:
    service.fail(50413, times=1)

    result = server.run(graph(), timeout_s=30)

    assert result.status == status
    assert english in result.error_message
    assert chinese in result.error_message
    service.reset()
    again = server.run(graphs.small(f"after {graph.__name__}", variants=1), timeout_s=30)
    assert graphs.report(again)["paid"] == 1


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
