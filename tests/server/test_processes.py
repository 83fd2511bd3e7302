"""Two ComfyUI servers with one account, and one that dies with calls on the wire."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from harness import graphs
from simulated_service.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.comfyui import ComfyUIServer
    from simulated_service import SimulatedService


@pytest.fixture(scope="module")
def servers(
    comfyui: Callable[..., ComfyUIServer], service: SimulatedService, journal: Path
) -> list[ComfyUIServer]:
    """Two workers that share the account and the journal's folder."""
    started = []
    for _ in range(2):
        server = comfyui(env={**service.environment, "VOLC_JOURNAL_DIR": str(journal)})
        for name, pixels in graphs.small_pictures().items():
            graphs.upload(server, name, pixels)
        started.append(server)
    return started


def run_both(servers: list[ComfyUIServer], *two: graphs.Graph) -> list[dict[str, Any]]:
    """Queue a graph on each server at the same moment; their reports."""
    ids = [server.queue(graph) for server, graph in zip(servers, two, strict=True)]
    return [
        graphs.report(server.result(prompt_id))
        for server, prompt_id in zip(servers, ids, strict=True)
    ]


def sums(server: ComfyUIServer) -> dict[str, int]:
    """What the account book says of today."""
    return server.get("/volc_inpaint/book")["sums"]["today"]  # type: ignore[no-any-return]


def test_an_account_of_two_places_serves_two_cold_servers(
    servers: list[ComfyUIServer], service: SimulatedService
) -> None:
    """The first of this file: neither process has made a call before."""
    service.configure({"latency_s": 1.0, "allowance": 2})
    started = time.monotonic()
    told = run_both(servers, graphs.small("left", variants=8), graphs.small("right", variants=8))
    took_s = time.monotonic() - started
    calls, refused = len(service.ledger.calls()), service.ledger.count("refused")
    print(f"two servers, 8 variants each at allowance 2: {took_s:.1f} s, {refused}/{calls} refused")

    assert [one["paid"] for one in told] == [8, 8]
    assert service.billed == 16
    assert service.ledger.peak == 2
    assert refused < calls / 4


def test_equal_requests_to_both_at_once_pay_once(
    servers: list[ComfyUIServer], service: SimulatedService
) -> None:
    service.configure({"latency_s": 0.3})
    told = run_both(servers, graphs.small("equal"), graphs.small("equal"))

    assert service.billed == 4
    assert sum(one["paid"] for one in told) == 4
    assert sum(one["from_journal"] for one in told) == 4


def test_what_one_has_paid_the_other_takes_from_the_journal(
    servers: list[ComfyUIServer], service: SimulatedService
) -> None:
    graphs.report(servers[0].run(graphs.small("shared")))
    told = graphs.report(servers[1].run(graphs.small("shared", feather=3)))

    assert (told["paid"], told["from_journal"]) == (0, 4)
    assert service.billed == 4


def test_after_a_kill_only_what_had_not_reached_the_disk_is_paid_again_and_named(
    servers: list[ComfyUIServer], service: SimulatedService, journal: Path
) -> None:
    server = servers[0]
    server.run(graphs.small("seed a", seed=10))
    server.run(graphs.small("seed a", seed=20))
    server.kill()
    server.start()  # a cold process: all four leave at once
    assert graphs.report(server.run(graphs.small("seed a", seed=10)))["from_journal"] == 4
    service.reset()
    counted = sums(server)
    before = len(list(journal.glob("*/*.zip")))
    service.faults.set([Fault("hang", seed=seed) for seed in (2, 4)])
    server.queue(graphs.small("killed"))
    assert service.wait_for("billed", 4)
    deadline = time.monotonic() + 10
    while len(list(journal.glob("*/*.zip"))) < before + 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    server.kill()
    service.faults.set([])
    service.hangs.set()
    server.start()
    told = graphs.report(server.run(graphs.small("killed")))

    assert [variant["status"] for variant in told["variants"]] == [
        "journal",
        "paid",
        "journal",
        "paid",
    ]
    assert service.billed == 6
    now = sums(server)
    # what was billed before the kill and after it is paid for certain, or unknown and can be compared with the bill
    assert (4, 2) == (now["paid"] - counted["paid"], now["unknown"] - counted["unknown"])
    named = [note for note in told["notes"] if "earlier call" in note]
    assert [note.split(":")[0] for note in named] == ["Variant 2", "Variant 4"]
    assert not list(journal.glob("*/*.inflight"))


def test_both_keep_one_limit_together_and_the_journal_serves_beyond_it(
    servers: list[ComfyUIServer], service: SimulatedService
) -> None:
    """Both start eight calls at the same moment with ten left."""
    today = sums(servers[0])
    used = today["paid"] + today["fetched"] + today["unknown"]
    for server in servers:
        status, told = server.post("/volc_inpaint/limit", {"calls": used + 10})
        assert (200, 10) == (status, told["left"])
    service.configure({"latency_s": 0.3})
    try:
        graph = [graphs.small("limit a", variants=8), graphs.small("limit b", variants=8)]
        ids = [server.queue(one) for server, one in zip(servers, graph, strict=True)]
        results = [server.result(prompt_id) for server, prompt_id in zip(servers, ids, strict=True)]
        refused = [result for result in results if result.status == "error"]
        bought = next(
            one for one, result in zip(graph, results, strict=True) if result.status == "success"
        )

        assert 1 == len(refused)
        assert f"needs 8 new calls, but 2 of the {used + 10} a day" in refused[0].error_message
        assert "仅剩 2 次" in refused[0].error_message
        assert 8 == service.billed == len(service.ledger.calls())
        assert 8 == sums(servers[1])["paid"] - today["paid"]
        for server in servers:
            bought["inpaint"]["inputs"]["feather"] += 1  # or ComfyUI's own cache answers
            assert 8 == graphs.report(server.run(bought))["from_journal"]
        assert 2 == graphs.report(servers[0].run(graphs.small("limit c", variants=2)))["paid"]
        assert 10 == service.billed
    finally:
        for server in servers:
            server.post("/volc_inpaint/limit", {"calls": 0})


def test_the_book_names_the_node_and_the_workflow_and_is_the_same_for_both(
    servers: list[ComfyUIServer], service: SimulatedService
) -> None:
    graph = graphs.small("named", variants=1)
    graph["inpaint"]["_meta"] = {"title": "Repaint the cat"}
    workflow = {"extra_pnginfo": {"workflow": {"id": "a-workflow", "nodes": []}}}
    graphs.report(servers[0].run(graph, extra_data=workflow))

    (request_id,) = [call.request_id for call in service.ledger.calls()]
    for server in servers:
        newest = server.get("/volc_inpaint/pictures")["pictures"][0]
        assert ("Repaint the cat inpaint", "named", request_id) == (
            newest["node"],
            newest["prompt"],
            newest["request_id"],
        )
    assert sums(servers[0]) == sums(servers[1])
