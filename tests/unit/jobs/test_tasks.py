"""Submitted tasks over real HTTP: what was submitted is fetched, whatever happens between, and billed once."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import buyer as here
import pytest
from buyer import statuses, traces
from simulated_service.faults import Fault
from simulated_service.refusals import BUSINESS, GATEWAY
from volc_inpaint.nodes.jobs import tasks, workers
from volc_inpaint.nodes.jobs.claims import Trace

if TYPE_CHECKING:
    from pathlib import Path

    from simulated_service import SimulatedService
    from volc_inpaint.nodes.jobs.job import Job


HIT = 2
# Said of the question alone: it may not be asked, or not now. An internal error is, unless it is repeated.
INTERNAL = (50500, 50501)
OF_THE_QUESTION = (50400, 50402, 50429, 50430, *INTERNAL)
# Any other number is the end of the task: https://www.volcengine.com/docs/85621/1976207
ENDS = tuple(sorted(set(BUSINESS) - set(OF_THE_QUESTION)))
# What a question meets on its way; asking again costs nothing.
ON_THE_WAY = (
    "reset_before_body", "reset_after_body", "hang", "cut_json", "cut_base64", "html_504", "empty",
    "redirect", "wrong_size", "link_only", "loose", "not_found",
    *OF_THE_QUESTION, *sorted(GATEWAY),
)  # fmt: skip


def jobs(variants: int = 4, **options: Any) -> list[Job]:
    return here.jobs(variants, **{"model": here.SUBMITTED, **options})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.mark.parametrize("fault", ON_THE_WAY)
def test_what_happens_to_a_question_costs_neither_money_nor_a_picture(
    service: SimulatedService, folder: Path, fault: int | str
) -> None:
    service.fail(fault, on="query", seed=None if fault == "reset_before_body" else HIT)
    outcomes = here.buy(here.make_account(service, folder, timeout_s=4.0), jobs())

    assert statuses(outcomes) == ["paid"] * 4
    assert service.billed == len(service.ledger.calls()) == 4
    assert len(list(folder.glob("*/*.zip"))) == 4
    assert traces(folder) == []


@pytest.mark.parametrize("code", ENDS)
def test_a_task_that_fails_costs_its_own_variant_and_no_money(
    service: SimulatedService, folder: Path, code: int
) -> None:
    service.fail(code, on="task", seed=HIT)
    outcomes = here.buy(here.make_account(service, folder), jobs())

    assert statuses(outcomes) == ["paid", "failed", "paid", "paid"]
    assert outcomes[1].receipt.code == code
    assert service.billed == 3
    assert traces(folder) == []

    again = here.buy(here.make_account(service, folder), jobs())
    assert statuses(again) == ["journal", "paid", "journal", "journal"]
    assert again[1].notes == ()
    assert service.billed == 4


@pytest.mark.parametrize("code", INTERNAL)
def test_a_task_that_is_answered_with_internal_errors_only_has_failed(
    service: SimulatedService, folder: Path, code: int
) -> None:
    service.fail(code, on="task", seed=HIT)
    started = time.monotonic()
    outcomes = here.buy(here.make_account(service, folder), jobs())

    assert time.monotonic() - started < 10
    assert statuses(outcomes) == ["paid", "failed", "paid", "paid"]
    assert outcomes[1].receipt.code == code
    assert traces(folder) == []
    assert statuses(here.buy(here.make_account(service, folder), jobs())) == [
        "journal", "paid", "journal", "journal",
    ]  # fmt: skip
    assert service.billed == 4


def test_internal_errors_of_questions_that_answers_come_between_do_not_end_a_task(
    service: SimulatedService, folder: Path
) -> None:
    service.configure({"queue_s": 60.0})
    service.fail(50500, on="query", times=2)
    run = workers.start(here.make_account(service, folder), jobs(1), here.decode)
    here.wait_until(lambda: run.status().in_queue == 1)
    service.fail(50501, on="query", times=2)
    here.wait_until(lambda: service.ledger.count("refused", kind="query") == 4)
    service.hangs.set()
    assert run.done.wait(30)

    assert statuses(run.results()) == ["paid"]


def test_a_distorted_face_has_words_of_its_own(service: SimulatedService, folder: Path) -> None:
    service.fail(201304, on="task")
    (outcome,) = here.buy(here.make_account(service, folder), jobs(1))

    english, chinese = outcome.receipt.message.splitlines()
    assert "distorted face" in english
    assert "畸形人脸" in chinese


def test_a_rejected_result_of_a_task_is_drawn_again_only_with_a_drawn_seed(
    service: SimulatedService, folder: Path
) -> None:
    service.fail(50511, on="task", times=2)
    (outcome,) = here.buy(here.make_account(service, folder), jobs(1, seed=-1))

    assert outcome.status == "paid"
    assert len({call.seed for call in service.ledger.calls()}) == 3
    assert service.billed == 1


@pytest.mark.parametrize("loss", ["not_found", "expired"])
@pytest.mark.parametrize("billed", [False, True])
def test_a_lost_task_is_in_doubt_and_the_next_run_asks_anew_with_a_note(
    service: SimulatedService, folder: Path, loss: str, billed: bool
) -> None:
    service.fail(loss, on="task", seed=1, billed=billed)
    outcomes = here.buy(here.make_account(service, folder), jobs(2))

    assert statuses(outcomes) == ["unknown", "paid"]
    assert loss in outcomes[0].receipt.message
    assert "账单" in outcomes[0].receipt.message
    assert service.billed == 1 + billed

    again = here.buy(here.make_account(service, folder), jobs(2))
    assert statuses(again) == ["paid", "journal"]
    assert "earlier task" in again[0].notes[0].english
    assert len(service.ledger.calls()) == 3
    assert traces(folder) == []


def test_a_service_that_answers_nothing_more_leaves_the_task_to_the_next_run(
    service: SimulatedService, folder: Path
) -> None:
    service.fail("html_504", on="query", times=99)
    (outcome,) = here.buy(here.make_account(service, folder, timeout_s=1.0), jobs(1))
    service.faults.set([])

    assert outcome.status == "unknown"
    assert "HTTP 504" in outcome.receipt.message
    assert statuses(here.buy(here.make_account(service, folder), jobs(1))) == ["journal"]
    assert service.billed == 1


def test_keys_that_are_refused_while_a_task_runs_do_not_lose_it(
    service: SimulatedService, folder: Path
) -> None:
    service.fail("InvalidAccessKey", on="query", times=99)
    (outcome,) = here.buy(here.make_account(service, folder), jobs(1))
    asked = len(service.ledger.calls("query"))
    service.faults.set([])

    assert (outcome.status, outcome.receipt.code) == ("unknown", "InvalidAccessKey")
    assert asked == 3
    assert statuses(here.buy(here.make_account(service, folder), jobs(1))) == ["journal"]
    assert service.billed == 1


def test_a_clock_that_goes_wrong_while_a_task_runs_is_set_by_the_answer(
    service: SimulatedService, folder: Path
) -> None:
    service.configure({"queue_s": 60.0})
    run = workers.start(here.make_account(service, folder), jobs(1), here.decode)
    here.wait_until(lambda: run.status().in_queue == 1)
    service.configure({"clock_offset_s": 5000.0})
    service.hangs.set()
    assert run.done.wait(30)

    assert statuses(run.results()) == ["paid"]
    assert service.ledger.count("refused", kind="query") == 1


def test_a_cancelled_run_goes_on_asking_and_keeps_what_comes(
    service: SimulatedService, folder: Path
) -> None:
    service.configure({"queue_s": 60.0})
    account = here.make_account(service, folder)
    run = workers.start(account, jobs(2), here.decode)
    here.wait_until(lambda: run.status().in_queue == 2)
    run.cancel()
    service.hangs.set()
    assert run.done.wait(30)

    assert len(list(folder.glob("*/*.zip"))) == 2
    assert traces(folder) == []
    assert statuses(here.buy(account, jobs(2))) == ["journal"] * 2
    assert service.billed == 2


def test_a_changed_watermark_is_another_picture_and_a_link_is_not(
    service: SimulatedService, folder: Path
) -> None:
    account = here.make_account(service, folder)
    here.buy(account, jobs(1))
    marked = here.buy(account, jobs(1, logo_info={"add_logo": True}))
    linked = here.buy(account, jobs(1, return_url=True))

    assert statuses(marked + linked) == ["paid", "journal"]


def test_questions_grow_rarer_with_the_age_of_the_task_and_with_failures() -> None:
    ages = [0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 3600.0]
    pauses = [tasks.pause_s(age) for age in ages]

    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0.1, 3.0)
    assert max(pauses[:3]) <= 0.125
    failing = [tasks.pause_s(0.0, failures) for failures in range(12)]
    assert failing == sorted(failing)
    assert failing[1] == 0.2
    assert tasks.pause_s(3600.0, 12) == 24.0


def test_a_clock_that_went_back_does_not_hurry() -> None:
    assert tasks.pause_s(-3600.0) == 0.1


@pytest.mark.parametrize(
    "trace",
    [
        {},
        {"state": "unreadable"},
        {"state": "sent", "at": 0.0, "seed": 1},
        {"state": "paid", "at": 1e12, "task_id": "1"},
        {"state": "submitted", "at": "yesterday", "task_id": "1"},
        {"state": "submitted", "at": 0.0, "task_id": "1"},
        {"state": "submitted", "at": 1e12, "task_id": 1},
    ],
)
def test_a_note_that_tells_of_no_living_task_is_none(trace: dict[str, Any]) -> None:
    found = Trace.read(json.dumps(trace).encode())

    assert found is not None
    assert tasks.left_task(found) is None


def test_faults_of_two_kinds_at_once_are_mended_too(
    service: SimulatedService, folder: Path
) -> None:
    service.faults.set(
        [
            Fault(50430, seed=1),
            Fault("html_504", on="query", seed=1, times=2),
            Fault(50429, on="query", seed=1),
        ]
    )
    assert statuses(here.buy(here.make_account(service, folder), jobs(2))) == ["paid"] * 2
    assert service.billed == 2
