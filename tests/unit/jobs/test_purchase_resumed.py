"""What an earlier run left behind, a task above all: fetched without paying by the next one, whatever came between."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import buyer as here
import pytest
from buyer import statuses, traces
from buyer import wait_until as until
from volc_inpaint.nodes.jobs import sending, tasks, workers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from simulated_service import SimulatedService
    from volc_inpaint.nodes.jobs.job import Job

    from .conftest import Buyer


def jobs(variants: int = 4, **options: Any) -> list[Job]:
    return here.jobs(variants, **{"model": here.SUBMITTED, **options})


def submitted(folder: Path) -> int:
    """How many numbers of tasks are on the disk; their notes may be in the making."""
    return sum(b'"submitted"' in path.read_bytes() for path in folder.glob("*/*.inflight"))


def submitting(
    service: SimulatedService, folder: Path, buyer: Callable[..., Buyer], variants: int
) -> Buyer:
    """Another process whose tasks have their numbers on the disk and wait in the service's queue."""
    service.configure({"queue_s": 60.0})
    first = buyer(folder)
    first.start(model=here.SUBMITTED, variants=variants)
    until(lambda: submitted(folder) == variants)
    return first


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def leave_behind(service: SimulatedService, folder: Path, **options: Any) -> None:
    """Have variant 1 submitted by a run that gives up waiting; the task is under way until the service lets go."""
    service.configure({"latency_s": 60.0})
    account = here.make_account(service, folder, timeout_s=0.3)
    (outcome,) = here.buy(account, jobs(1, **options))
    assert outcome.status == "unknown"
    service.configure({"latency_s": 0.0})


def test_a_task_beyond_the_time_limit_is_kept_and_fetched_by_the_next_run_for_free(
    service: SimulatedService, folder: Path
) -> None:
    service.configure({"latency_s": 60.0})
    (outcome,) = here.buy(here.make_account(service, folder, timeout_s=0.3), jobs(1))
    (trace,) = traces(folder)

    assert outcome.status == "unknown"
    assert trace["task_id"] in outcome.receipt.message
    assert "run again within 12 hours" in outcome.receipt.message
    assert "generating" in outcome.receipt.message

    service.hangs.set()
    (again,) = here.buy(here.make_account(service, folder), jobs(1))
    assert again.status == "journal"
    assert trace["task_id"] in again.notes[0].english
    assert "Nothing was paid" in again.notes[0].english
    assert service.billed == len(service.ledger.calls()) == 1
    assert traces(folder) == []


def test_what_is_no_picture_is_fetched_again_by_the_next_run(
    service: SimulatedService, folder: Path
) -> None:
    service.fail("not_a_picture", on="query")
    (outcome,) = here.buy(here.make_account(service, folder), jobs(1))
    assert outcome.status == "unknown"

    (again,) = here.buy(here.make_account(service, folder), jobs(1))
    assert again.status == "journal"
    assert service.billed == len(service.ledger.calls()) == 1
    assert traces(folder) == []


def test_a_note_older_than_twelve_hours_is_not_asked_for(
    service: SimulatedService, folder: Path
) -> None:
    leave_behind(service, folder)
    (path,) = folder.glob("*/*.inflight")
    trace = json.loads(path.read_bytes())
    # https://www.volcengine.com/docs/85621/1976207
    path.write_text(json.dumps({**trace, "at": trace["at"] - 12 * 3600}))
    service.hangs.set()
    assert service.wait_for("billed", 1)
    asked = len(service.ledger.calls("query"))
    service.tasks.lose()
    (again,) = here.buy(here.make_account(service, folder), jobs(1))

    assert again.status == "paid"
    assert "earlier task" in again.notes[0].english
    asked_now = {call.fields["task_id"] for call in service.ledger.calls("query")[asked:]}
    assert trace["task_id"] not in asked_now


def test_a_task_left_behind_that_fails_is_settled_and_bought_anew(
    service: SimulatedService, folder: Path
) -> None:
    leave_behind(service, folder)
    service.fail(50511, on="task")
    service.hangs.set()
    assert service.wait_for("failed", 1)
    (again,) = here.buy(here.make_account(service, folder), jobs(1))

    assert (again.status, again.notes) == ("paid", ())
    assert service.billed == 1
    assert traces(folder) == []


def test_a_task_left_behind_survives_a_run_that_is_cancelled_before_it_asks(
    service: SimulatedService, folder: Path
) -> None:
    leave_behind(service, folder)
    before = traces(folder)
    account = here.make_account(service, folder, cap=1)
    assert account.limiter.acquire(0, lambda: False)  # no place for it
    run = workers.start(account, jobs(1), here.decode)
    until(lambda: run.status().waiting_for == "allowance")
    run.cancel()
    assert run.done.wait(10)

    assert run.results() == []
    assert traces(folder) == before
    account.limiter.ended()
    service.hangs.set()
    assert statuses(here.buy(account, jobs(1))) == ["journal"]
    assert service.billed == 1


def test_a_task_of_a_killed_process_survives_a_run_that_is_cancelled_before_it_asks(
    service: SimulatedService, folder: Path, buyer: Callable[..., Buyer]
) -> None:
    """It had waited for that process, and still says nothing of a doubt."""
    first = submitting(service, folder, buyer, 1)
    account = here.make_account(service, folder, cap=1)
    assert account.limiter.acquire(0, lambda: False)  # no place for it
    run = workers.start(account, jobs(1), here.decode)
    until(lambda: run.status().waiting_for == "another_run")
    first.kill()
    until(lambda: run.status().waiting_for == "allowance")
    run.cancel()
    assert run.done.wait(10)

    assert run.results() == []
    assert submitted(folder) == 1


def test_a_lost_task_left_behind_is_still_a_doubt_after_a_run_that_could_not_ask_anew(
    service: SimulatedService, folder: Path
) -> None:
    leave_behind(service, folder)
    service.hangs.set()
    assert service.wait_for("billed", 1)
    until(lambda: time.time() - traces(folder)[0]["at"] > tasks.SETTLING_S)
    service.tasks.lose()
    service.fail(50413)
    (refused,) = here.buy(here.make_account(service, folder), jobs(1))
    (bought,) = here.buy(here.make_account(service, folder), jobs(1))

    assert (refused.status, bought.status) == ("failed", "paid")
    assert "earlier task" in refused.notes[0].english
    assert "earlier task" in bought.notes[0].english
    assert traces(folder) == []


def test_after_a_kill_between_submission_and_picture_the_next_run_pays_nothing(
    service: SimulatedService, folder: Path, buyer: Callable[..., Buyer]
) -> None:
    first = submitting(service, folder, buyer, 4)
    assert service.wait_for("on_wire", 4)
    first.kill()
    service.hangs.set()
    outcomes = here.buy(here.make_account(service, folder), jobs(4))

    assert statuses(outcomes) == ["journal"] * 4
    assert all("Nothing was paid" in outcome.notes[0].english for outcome in outcomes)
    assert service.billed == len(service.ledger.calls()) == 4
    assert traces(folder) == []


@pytest.mark.skipif(os.name == "nt", reason="SIGINT")
def test_a_process_that_is_ended_with_ctrl_c_leaves_its_tasks_to_the_next_one(
    service: SimulatedService, folder: Path, buyer: Callable[..., Buyer]
) -> None:
    first = submitting(service, folder, buyer, 2)
    first.process.send_signal(signal.SIGINT)
    first.process.wait(10)  # it would wait longer for a call that brings a picture
    service.hangs.set()

    assert statuses(here.buy(here.make_account(service, folder), jobs(2))) == ["journal"] * 2
    assert service.billed == len(service.ledger.calls()) == 2


def test_a_run_that_waits_for_another_process_takes_its_task_over_when_that_is_killed(
    service: SimulatedService, folder: Path, buyer: Callable[..., Buyer]
) -> None:
    first = submitting(service, folder, buyer, 1)
    second = workers.start(here.make_account(service, folder), jobs(1), here.decode)
    until(lambda: second.status().waiting_for == "another_run")
    first.kill()
    service.hangs.set()
    assert second.done.wait(30)

    assert statuses(second.results()) == ["journal"]
    assert service.billed == len(service.ledger.calls()) == 1


class NotFromHere(dict[str, bytes]):
    """Links whose host the network of this machine does not let through."""

    def get(self, *_: Any) -> None:
        return None


def test_a_picture_whose_link_leads_nowhere_from_here_is_asked_of_its_task_without_the_link(
    service: SimulatedService, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_DOWNLOAD_PAUSE_S", 0.0)
    service.pictures = NotFromHere()
    first = here.buy(here.make_account(service, folder), jobs(1, return_url=True))
    again = here.buy(here.make_account(service, folder), jobs(1, return_url=True))
    plain = here.buy(here.make_account(service, folder), jobs(1))
    service.pictures = {}

    assert statuses(first + again + plain) == ["unknown", "unknown", "journal"]
    assert len(service.ledger.calls()) == service.billed == 1
    assert traces(folder) == []


@pytest.mark.parametrize("fault", ["expired", 50511])
def test_whatever_is_said_of_a_task_whose_picture_is_paid_its_link_lives_on(
    service: SimulatedService, folder: Path, monkeypatch: pytest.MonkeyPatch, fault: int | str
) -> None:
    monkeypatch.setattr(sending, "_DOWNLOAD_PAUSE_S", 0.0)
    service.pictures = NotFromHere()
    here.buy(here.make_account(service, folder), jobs(1, return_url=True))
    service.fail(fault, on="query", times=99)
    (outcome,) = here.buy(here.make_account(service, folder), jobs(1))
    (trace,) = traces(folder)

    assert outcome.status == "unknown"
    assert "Run again within 24 hours" in outcome.receipt.message
    assert (trace["state"], len(trace["report"]["urls"])) == ("paid", 1)
    assert len(service.ledger.calls()) == service.billed == 1
    service.pictures = {}
