"""Cancel at every phase of a run in a real ComfyUI that keeps no results itself, then run again: each picture is paid once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from harness import graphs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.comfyui import ComfyUIServer, Message, Result
    from simulated_service import SimulatedService

# The promise is one second, which the benchmark measures; this is for a machine with much else to do.
PATIENCE_S = 10.0
MODELS = ("img2img_inpainting_edit_zi2i", "jimeng_image2image_dream_inpaint")
ARGUMENTS = ("--cache-none",)
SIDE = 2400
PICTURES = {
    **graphs.small_pictures(),
    "large.png": np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8),
    "large_mask.png": graphs.ellipse(SIDE, SIDE),
}


def large(prompt: str) -> graphs.Graph:
    return graphs.repaint("large.png", "large_mask.png", prompt=prompt, variants=2)


def begins(node: str) -> Callable[[Message], bool]:
    return lambda message: message.type == "executing" and message.data.get("node") == node


def cancel(server: ComfyUIServer, prompt_id: str, since: int) -> Result:
    """Press Cancel and wait for the end."""
    server.interrupt()
    result = server.result(prompt_id, PATIENCE_S, since=since)
    assert result.status == "interrupted"
    return result


def finish(server: ComfyUIServer, service: SimulatedService, graph: graphs.Graph) -> dict[str, Any]:
    """Let what is on the wire come in, run again, return the report."""
    assert service.ledger.wait(lambda: service.ledger.count("on_wire") == 0, 30)
    service.configure({"latency_s": 0.0, "allowance": None})
    before = service.billed
    result = server.run(graph)
    assert result.error_message == ""
    report: dict[str, Any] = graphs.report(result)
    assert report["from_journal"] == before
    assert [note for note in report["notes"] if note.startswith("Variant")] == []
    return report


def test_while_encoding(server: ComfyUIServer, service: SimulatedService) -> None:
    since = len(server.messages)
    prompt_id = server.queue(large("encoding"))
    server.wait_for(begins("inpaint"), since=since)
    cancel(server, prompt_id, since)

    assert service.ledger.calls() == []
    assert finish(server, service, large("encoding"))["paid"] == 2
    assert service.billed == 2


@pytest.mark.parametrize("model", MODELS)
def test_with_calls_on_the_wire(
    server: ComfyUIServer, service: SimulatedService, journal: Path, model: str
) -> None:
    service.configure({"latency_s": 2.0})
    before = len(list(journal.glob("*/*.zip")))
    since = len(server.messages)
    prompt_id = server.queue(graphs.small("wire", variants=2, model=model))
    assert service.wait_for("on_wire", 2)
    cancel(server, prompt_id, since)

    # It did not wait for them, and they are not lost.
    assert service.ledger.count("on_wire") == 2
    assert service.wait_for("billed", 2)
    deadline = time.monotonic() + 10
    while len(list(journal.glob("*/*.zip"))) < before + 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert finish(server, service, graphs.small("wire", model=model))["paid"] == 2
    assert service.billed == 4


@pytest.mark.parametrize("model", MODELS)
def test_run_again_at_once(server: ComfyUIServer, service: SimulatedService, model: str) -> None:
    service.configure({"latency_s": 1.5})
    since = len(server.messages)
    prompt_id = server.queue(graphs.small("at once", model=model))
    assert service.wait_for("on_wire", 4)
    cancel(server, prompt_id, since)
    result = server.run(graphs.small("at once", model=model))

    assert graphs.report(result)["from_journal"] == 4
    assert service.billed == 4


def test_while_the_answers_are_pasted(server: ComfyUIServer, service: SimulatedService) -> None:
    since = len(server.messages)
    prompt_id = server.queue(large("pasting"))
    assert service.wait_for("billed", 2)
    cancel(server, prompt_id, since)

    assert finish(server, service, large("pasting"))["paid"] == 0
    assert service.billed == 2


def test_two_nodes_of_one_graph_are_cancelled_together(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    service.configure({"latency_s": 1.5})
    graph = graphs.small("first", variants=2)
    other = graphs.small("second", variants=2)
    graph["other"] = other["inpaint"]
    graph["kept"] = {**other["save"], "inputs": {**other["save"]["inputs"], "images": ["other", 0]}}
    since = len(server.messages)
    prompt_id = server.queue(graph)
    assert service.wait_for("on_wire", 4)
    cancel(server, prompt_id, since)
    assert service.wait_for("billed", 4)
    server.run(graph)

    assert service.billed == 4


def test_while_waiting_for_the_allowance(server: ComfyUIServer, service: SimulatedService) -> None:
    """The last of this file: from here on the process keeps to one call at once."""
    service.configure({"latency_s": 2.0, "allowance": 1})
    since = len(server.messages)
    prompt_id = server.queue(graphs.small("allowance"))
    assert service.wait_for("refused", 1)
    server.wait_for(lambda m: m.data.get("waiting_for") == "allowance", since=since)
    cancel(server, prompt_id, since)
    assert service.ledger.wait(lambda: service.ledger.count("on_wire") == 0, 30)
    calls, billed = len(service.ledger.calls()), service.billed

    assert finish(server, service, graphs.small("allowance"))["paid"] == 4 - billed
    assert service.billed == 4
    assert len(service.ledger.calls()) == calls + 4 - billed
