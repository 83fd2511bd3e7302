"""Two processes with one account and one journal, over real HTTP."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import buyer as here
import pytest
from simulated_service.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from simulated_service import SimulatedService
    from volc_inpaint.nodes.jobs.job import Job

    Jobs = Callable[..., list[Job]]

    from .conftest import Buyer


def statuses(outcomes: list[dict[str, Any]]) -> list[str]:
    return [outcome["status"] for outcome in outcomes]


def test_equal_requests_at_once_pay_once(
    service: SimulatedService, tmp_path: Path, buyer: Callable[..., Buyer], model: str
) -> None:
    service.configure({"latency_s": 0.4})
    two = [buyer(tmp_path), buyer(tmp_path)]
    for round_ in range(2):
        for one in two:
            one.start(model=model, variants=4, number=round_)
        found = [one.outcomes() for one in two]

        assert sorted(statuses(found[0]) + statuses(found[1])) == ["journal"] * 4 + ["paid"] * 4
        assert service.billed == 4 * (round_ + 1)
    assert not list(tmp_path.glob("*/*.inflight"))


def test_an_equal_request_that_waits_shares_the_doubt_and_sends_nothing(
    service: SimulatedService, tmp_path: Path, buyer: Callable[..., Buyer], model: str
) -> None:
    service.fail("hang")
    first, second = buyer(tmp_path), buyer(tmp_path)
    first.start(model=model, variants=1)
    assert service.wait_for("billed", 1)
    second.start(model=model, variants=1)
    second.wait_until_it_waits()
    service.hangs.set()

    assert statuses(first.outcomes()) == ["unknown"]
    (outcome,) = second.outcomes()
    assert outcome["status"] == "unknown"
    assert "Another ComfyUI server" in outcome["message"]
    assert len(service.ledger.calls()) == 1

    second.start(model=model, variants=1)
    (outcome,) = second.outcomes()
    assert outcome["status"] == "paid"
    assert "earlier call" in outcome["notes"][0]
    assert len(service.ledger.calls()) == 2


def test_after_a_kill_only_what_had_not_reached_the_disk_is_paid_again_and_named(
    service: SimulatedService, tmp_path: Path, buyer: Callable[..., Buyer]
) -> None:
    service.faults.set([Fault("hang", seed=seed) for seed in (2, 4)])
    first = buyer(tmp_path)
    first.start(variants=4)
    assert service.wait_for("billed", 4)
    wait_for_entries(tmp_path, 2)
    first.kill()
    traces = [json.loads(path.read_bytes()) for path in tmp_path.glob("*/*.inflight")]
    assert {2, 4} <= {trace["seed"] for trace in traces}
    service.faults.set([])

    outcomes = here.buy(here.make_account(service, tmp_path), here.jobs(4))
    assert [outcome.status for outcome in outcomes] == ["journal", "paid", "journal", "paid"]
    assert service.billed == 6
    assert [
        "earlier call" in " ".join(note.english for note in outcome.notes) for outcome in outcomes
    ] == [
        False,
        True,
        False,
        True,
    ]
    assert not list(tmp_path.glob("*/*.inflight"))


@pytest.mark.skipif(os.name == "nt", reason="SIGINT")
def test_a_process_that_is_ended_with_ctrl_c_lets_its_calls_land(
    service: SimulatedService, tmp_path: Path, buyer: Callable[..., Buyer]
) -> None:
    service.configure({"latency_s": 1.2})
    one = buyer(tmp_path, cap=2)
    one.start(variants=4)
    assert service.wait_for("on_wire", 2)
    one.process.send_signal(signal.SIGINT)
    one.process.wait(10)

    assert service.billed == len(service.ledger.calls()) == 2
    wait_for_entries(tmp_path, 2)
    assert not list(tmp_path.glob("*/*.inflight"))


def wait_for_entries(folder: Path, count: int) -> None:
    deadline = time.monotonic() + 10
    while len(list(folder.glob("*/*.zip"))) < count and time.monotonic() < deadline:
        time.sleep(0.005)
    assert len(list(folder.glob("*/*.zip"))) == count


def test_an_account_of_two_places_serves_both(
    service: SimulatedService, tmp_path: Path, buyer: Callable[..., Buyer], model: str
) -> None:
    """They share the account, but no journal: neither knows of the other. How often it refuses: `benchmarks/shared_account.py`."""
    service.configure({"latency_s": 0.4, "allowance": 2})
    two = [buyer(tmp_path / name) for name in ("a", "b")]
    for number, one in enumerate(two):
        one.start(model=model, variants=8, number=number)
    found = [one.outcomes() for one in two]

    assert [statuses(outcomes) for outcomes in found] == [["paid"] * 8] * 2
    assert service.billed == 16
    assert service.ledger.peak == 2


def test_a_cold_process_is_refused_three_times_at_most_and_its_next_run_never(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    service.configure({"latency_s": 0.2, "allowance": 2})
    account = here.make_account(service, tmp_path)
    first = here.buy(account, jobs(8))
    refused = service.ledger.count("refused")
    second = here.buy(account, jobs(8, seed=100))

    assert {outcome.status for outcome in first + second} == {"paid"}
    assert refused <= 3
    assert service.ledger.count("refused") == refused
    assert service.billed == 16


def test_a_refused_rate_is_waited_out(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    service.configure({"rate_per_s": 5})
    outcomes = here.buy(here.make_account(service, tmp_path), jobs(6))

    assert {outcome.status for outcome in outcomes} == {"paid"}
    assert service.billed == 6
