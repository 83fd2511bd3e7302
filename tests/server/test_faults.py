"""Every failure at variant 2 of 4, in a real ComfyUI: what is billed is delivered, kept, or said to be in doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from harness import graphs
from simulated_service.faults import OF_PICTURES, Fault
from simulated_service.refusals import BUSINESS, GATEWAY

if TYPE_CHECKING:
    from pathlib import Path

    from harness.comfyui import ComfyUIServer, Result
    from simulated_service import SimulatedService

ENVIRONMENT = {"VOLC_TIMEOUT_S": "3"}
PICTURES = {
    **graphs.small_pictures(),
    # Too large for the buffers of a connection, so that a reset before the body is one in the middle of it.
    "large.png": np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), dtype=np.uint8),
    "large_mask.png": graphs.ellipse(1000, 1000),
}
HIT = 2
CLASSIC = "img2img_inpainting_edit_zi2i"
SUCCESSOR = "jimeng_image2image_dream_inpaint"
TRANSIENT = {50429, 50430, 50500, 50501, "FlowLimitExceeded", "InvalidTimestamp"}
# Of the gateway: the service behind it may have painted.
DOUBTS = ("InternalError", "InternalServiceTimeout")
LOST = ("hang", "reset_after_body", "cut_json", "cut_base64", "not_a_picture", "html_504", "empty")
MENDED = ("wrong_size", "link_only", "loose", "reset_before_body")


def entries(journal: Path) -> int:
    return len(list(journal.glob("*/*.zip")))


def statuses(result: Result) -> list[str]:
    return [variant["status"] for variant in graphs.report(result)["variants"]]


CODES = sorted({*BUSINESS, *GATEWAY}, key=str)
# The gateway judges a submission as any other call: of its words, one for each way they are taken.
GATEWAY_WAYS = {"SignatureDoesNotMatch", "InvalidTimestamp", "FlowLimitExceeded", "InternalError"}
CASES = [
    *((CLASSIC, fault) for fault in (*CODES, *LOST, *MENDED)),
    *((SUCCESSOR, fault) for fault in sorted({*BUSINESS, *GATEWAY_WAYS}, key=str)),
    *((SUCCESSOR, fault) for fault in (*LOST, *MENDED) if fault not in OF_PICTURES),
]


@pytest.mark.parametrize(("model", "fault"), CASES)
def test_the_other_three_arrive_and_the_next_run_pays_for_the_missing_one_alone(
    server: ComfyUIServer, service: SimulatedService, journal: Path, model: str, fault: int | str
) -> None:
    before = entries(journal)
    graph = graphs.small(fault, model=model)
    if fault == "reset_before_body":
        graph = graphs.repaint("large.png", "large_mask.png", prompt=str(fault), model=model)
        service.fail(fault, nth=HIT)
    else:
        service.fail(fault, seed=HIT)
    first = server.run(graph)
    service.hangs.set()

    missing = "unknown" if fault in (*LOST, *DOUBTS) else "failed"
    whole = fault in TRANSIENT or fault in MENDED
    assert statuses(first) == ["paid", "paid" if whole else missing, "paid", "paid"]
    assert len(first.outputs["save"]["images"]) == (4 if whole else 3)
    kept, told = entries(journal) - before, graphs.report(first)
    assert service.billed == kept + (told["unknown"] if fault in LOST else 0)
    assert told["paid"] == kept == (4 if whole else 3)
    if not whole:
        assert told["variants"][HIT - 1]["message"].count("\n") == 1
    calls = len(service.ledger.calls())

    again = server.run(graph)
    assert len(service.ledger.calls()) - calls == (0 if whole else 1)
    assert entries(journal) - before == 4
    if not whole:
        assert statuses(again) == ["journal", "paid", "journal", "journal"]
        noted = "earlier call" in " ".join(graphs.report(again)["notes"])
        assert noted == (fault in (*LOST, *DOUBTS))


def test_questions_for_tasks_fail_in_every_way_and_cost_nothing(
    server: ComfyUIServer, service: SimulatedService, journal: Path
) -> None:
    """All at once: at each variant another one, and at one of them something that is no picture."""
    ways = ["hang", "reset_after_body", "cut_json", "cut_base64", "html_504", "empty", 50429]
    faults = [Fault(way, on="query", seed=seed) for seed, way in enumerate(ways, 1)]
    service.faults.set([*faults, Fault("not_a_picture", on="query", seed=8)])
    before = entries(journal)
    graph = graphs.small("questions", variants=8, model=SUCCESSOR)
    first = server.run(graph)
    again = server.run(graph)

    assert statuses(first) == ["paid"] * 7 + ["unknown"]
    assert statuses(again) == ["journal"] * 8
    assert service.billed == len(service.ledger.calls()) == 8
    assert entries(journal) - before == 8


def test_tasks_fail_and_are_lost_each_for_itself(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    ends = [50411, 50511, 50413, 50519, 201304, "expired", "not_found"]
    service.faults.set([Fault(end, on="task", seed=seed) for seed, end in enumerate(ends, 1)])
    graph = graphs.small("tasks", variants=8, model=SUCCESSOR)
    first = server.run(graph)
    billed = service.billed
    again = server.run(graph)

    assert statuses(first) == ["failed"] * 5 + ["unknown"] * 2 + ["paid"]
    assert [variant["code"] for variant in graphs.report(first)["variants"]][:5] == ends[:5]
    assert billed == 3
    assert statuses(again) == ["paid"] * 7 + ["journal"]
    named = [note for note in graphs.report(again)["notes"] if "earlier task" in note]
    assert [note.split(":")[0] for note in named] == ["Variant 6", "Variant 7"]


def test_a_complete_run_is_not_run_again_by_itself(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    service.fail("html_504", seed=HIT)
    runs = [server.run(graphs.small("complete")) for _ in range(3)]

    # The second gets what the first missed; the third is ComfyUI's own copy of it.
    assert service.billed == 5
    ran = [{m.data.get("node") for m in run.messages if m.type == "executing"} for run in runs]
    assert ["inpaint" in nodes for nodes in ran] == [True, True, False]


def test_what_was_queued_before_a_doubt_was_told_does_not_pay_into_it(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    service.faults.set([Fault("html_504", seed=HIT, times=9)])
    service.configure({"latency_s": 0.5})
    since = len(server.messages)
    # a batch count of 3 on the canvas
    queued = [server.queue(graphs.small("queued")) for _ in range(3)]
    results = [server.result(prompt_id, since=since) for prompt_id in queued]

    assert service.billed == len(service.ledger.calls()) == 4
    wanted = [
        ["paid", "unknown", "paid", "paid"],
        *[["journal", "unknown", "journal", "journal"]] * 2,
    ]
    assert wanted == [statuses(result) for result in results]
    service.faults.set([])
    assert statuses(server.run(graphs.small("queued"))).count("paid") == 1


def test_a_wrong_clock_costs_nothing_nor_does_setting_it_right(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    for offset_s, seed in ((-4000.0, 1), (0.0, 101)):
        service.reset()
        service.configure({"clock_offset_s": offset_s})
        first = server.run(graphs.small("clock", seed=seed))
        refused = service.ledger.count("refused")
        server.run(graphs.small("clock", seed=seed + 50))

        assert statuses(first) == ["paid"] * 4
        assert 1 <= refused <= 4
        assert service.ledger.count("refused") == refused
        assert service.billed == 8


def test_a_rejected_result_is_drawn_again_only_for_drawn_seeds(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    service.fail(50511, times=2)
    drawn = server.run(graphs.small("drawn", seed=-1))
    seeds = [call.seed for call in service.ledger.calls()]
    assert statuses(drawn) == ["paid"] * 4
    assert len(set(seeds)) == 6

    service.reset()
    service.fail(50511, times=2)
    chosen = server.run(graphs.small("chosen", seed=1))
    assert sorted(statuses(chosen)) == ["failed", "failed", "paid", "paid"]
    assert len(service.ledger.calls()) == 4


def test_a_drawn_seed_is_drawn_anew_at_each_run_and_a_fixed_one_never_runs_again(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    for _ in range(2):
        server.run(graphs.small("anew", seed=-1))
    assert service.billed == 8
    assert len({call.seed for call in service.ledger.calls()}) == 8

    for _ in range(3):
        server.run(graphs.small("fixed", seed=5))
    assert service.billed == 12


def test_what_changes_nothing_on_the_wire_is_not_paid_again(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    base = graphs.small("changes")
    server.run(base)
    assert service.billed == 4
    for change in (
        {"feather": 20},
        {"paste_back": False},
        {"return_url": True},
        {"require_all": True},
        {"fit": "downscale"},
        {"variants": 3},
    ):
        assert set(statuses(server.run(graphs.small("changes", **change)))) == {"journal"}
    assert service.billed == 4

    assert (
        statuses(server.run(graphs.small("changes", variants=6))) == ["journal"] * 4 + ["paid"] * 2
    )
    assert service.billed == 6


def test_seed_a_b_a_pays_a_once(server: ComfyUIServer, service: SimulatedService) -> None:
    for seed in (10, 20, 10):
        last = server.run(graphs.small("a b a", seed=seed))
    assert statuses(last) == ["journal"] * 4
    assert service.billed == 8


def test_all_are_required_but_what_arrived_is_kept(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    service.fail(50413, seed=HIT)
    first = server.run(graphs.small("all", require_all=True))
    again = server.run(graphs.small("all", require_all=True))

    assert first.status == "error"
    assert "50413" in first.error_message
    assert "3 of 4" in first.error_message
    assert statuses(again) == ["journal", "paid", "journal", "journal"]
    assert service.billed == 4


def test_when_all_fail_a_possible_cost_is_told_before_all_else(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    service.faults.set([Fault(50413, seed=1), Fault("html_504", seed=2)])
    result = server.run(graphs.small("both", variants=2))

    assert result.status == "error"
    assert "may have been billed" in result.error_message
    assert "1 of 2" in result.error_message
    assert service.billed == 1


def test_a_waiting_node_shows_why(server: ComfyUIServer, service: SimulatedService) -> None:
    service.configure({"latency_s": 0.3, "allowance": 1})
    service.fail(50500, seed=1)
    result = server.run(graphs.small("waiting", variants=3))
    service.configure({"allowance": None, "latency_s": 0.0})

    shown = [m.data for m in result.messages if m.type == "volc_inpaint.status"]
    assert {event["node"] for event in shown} == {"inpaint"}
    assert "allowance" in {event["waiting_for"] for event in shown}
    last = {name: shown[-1][name] for name in ("done", "total", "delivered", "failed", "on_wire")}
    assert last == {"done": True, "total": 3, "delivered": 3, "failed": 0, "on_wire": 0}
