"""The account book against the simulated service's ledger, however a run ended."""

from __future__ import annotations

import errno
import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import buyer as here
import pytest
from buyer import ANSWERED, SUBMITTED
from simulated_service.faults import Fault
from volc_inpaint.nodes.jobs import workers
from volc_inpaint.nodes.jobs.book import open_book
from volc_inpaint.nodes.jobs.booking import NOT_SENT, Booking, Origin
from volc_inpaint.nodes.jobs.limit import Limit, LimitReachedError
from volc_inpaint.nodes.jobs.tasks import Task
from volc_inpaint.nodes.volcengine.errors import (
    APIConnectionError,
    APIResponseError,
    APITimeoutError,
    InvalidResponseError,
    NotSentError,
    VolcengineError,
)
from volc_inpaint.nodes.words import Text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from simulated_service import SimulatedService
    from volc_inpaint.nodes.jobs.book_lines import Call
    from volc_inpaint.nodes.volcengine.answers import Answer

    from .conftest import Buyer


def booked(folder: Path) -> list[Call]:
    return list(open_book(folder).read().calls.values())


def check(service: SimulatedService, folder: Path, **expected: int) -> None:
    """The book says what is expected, and that is what the ledger says.

    Each call that the service saw stands in the book, by its seed; what was billed is paid, or unknown; what the book
    calls paid was billed; what it calls failed was not.
    """
    calls = booked(folder)
    assert Counter(expected) == Counter(call.state for call in calls)
    ledger = service.ledger.calls()
    reached = [call.asked.seed for call in calls if call.code != NOT_SENT]
    assert Counter(call.seed for call in ledger if call.state != "received") <= Counter(reached)
    billed = {call.request_id for call in ledger if call.state == "billed"}
    if not any(call.task_id for call in calls):
        paid = {call.request_id for call in calls if call.state == "paid"}
        assert paid <= billed
        assert len(billed - paid) <= expected.get("unknown", 0)
    certain = expected.get("paid", 0) + expected.get("fetched", 0)
    assert certain <= service.billed <= certain + expected.get("unknown", 0)
    failed = service.ledger.count("refused") + service.ledger.count("failed")
    assert expected.get("failed", 0) >= failed - expected.get("unknown", 0)


def leave_tasks(
    service: SimulatedService, folder: Path, buyer: Callable[..., Buyer], count: int
) -> None:
    """Have another process submit them, and kill it once it has written down their numbers."""
    service.configure({"queue_s": 0.5})
    first = buyer(folder)
    first.start(variants=count, model=SUBMITTED)
    here.wait_until(lambda: sum(bool(call.task_id) for call in booked(folder)) >= count)
    first.kill()


def buy(service: SimulatedService, folder: Path, model: str, **jobs: Any) -> list[str]:
    account = here.make_account(service, folder, timeout_s=jobs.pop("timeout_s", 30.0))
    outcomes = here.buy(account, here.jobs(model=model, **jobs))
    return [outcome.status for outcome in outcomes]


def test_after_success_and_a_second_run(
    service: SimulatedService, tmp_path: Path, model: str
) -> None:
    buy(service, tmp_path, model, variants=3)
    buy(service, tmp_path, model, variants=4)

    check(service, tmp_path, paid=4)
    assert 3 == len(open_book(tmp_path).read().served)
    asked = min(booked(tmp_path), key=lambda call: call.asked.seed or 0).asked
    assert (model, 1, 1, "dog") == (asked.model, asked.seed, asked.image, asked.prompt)
    assert (tmp_path / asked.key[:2] / f"{asked.key}.zip").exists()


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (50413, {"failed": 2}),
        (50511, {"failed": 2}),
        (50400, {"failed": 2}),
        ("SignatureDoesNotMatch", {"failed": 2}),
        ("reset_after_body", {"unknown": 2}),
        ("cut_json", {"unknown": 2}),
        ("html_504", {"unknown": 2}),
    ],
)
def test_after_a_failure(
    service: SimulatedService, tmp_path: Path, model: str, fault: Any, expected: dict[str, int]
) -> None:
    service.fail(fault, times=100)
    buy(service, tmp_path, model, variants=2)

    check(service, tmp_path, **expected)
    if isinstance(fault, (int, str)) and "failed" in expected:
        assert {fault} == {call.code for call in booked(tmp_path)}


def test_each_refused_try_is_a_call_that_failed(service: SimulatedService, tmp_path: Path) -> None:
    service.configure({"latency_s": 0.1, "allowance": 1})
    assert ["paid"] * 3 == buy(service, tmp_path, ANSWERED, variants=3)

    refused = service.ledger.count("refused")
    assert refused > 0
    check(service, tmp_path, paid=3, failed=refused)
    assert {50430, 10000} == {call.code for call in booked(tmp_path)}


def test_a_request_that_never_left_is_told_from_one_that_was_refused(
    service: SimulatedService, tmp_path: Path
) -> None:
    account = here.make_account(service, tmp_path)
    closed = here.make_account(service, tmp_path)
    closed.client.endpoint = "http://127.0.0.1:9"
    here.buy(closed, here.jobs(1))
    here.buy(account, here.jobs(1))

    calls = booked(tmp_path)
    assert {NOT_SENT, 10000} == {call.code for call in calls}
    assert 1 == sum(call.state == "paid" for call in calls)


def test_a_call_that_was_given_up_while_it_connected_is_no_call(tmp_path: Path) -> None:
    limit = Limit(open_book(tmp_path), 1)
    booking = Booking(limit.book, limit.reserve(1), Origin())
    (job,) = here.jobs(1)
    with pytest.raises(NotSentError), booking.call(job, "ab" * 32):
        raise NotSentError
    assert [] == booked(tmp_path)

    with booking.call(job, "ab" * 32) as number:  # in the place that was given back
        limit.book.ended(number, "paid")
    with pytest.raises(LimitReachedError), booking.call(job, "ab" * 32):
        pass


def test_a_paid_picture_whose_link_cannot_be_fetched_is_paid(
    service: SimulatedService, tmp_path: Path
) -> None:
    service.faults.set([Fault("link_only")])
    account = here.make_account(service, tmp_path)
    wanted = here.jobs(1, return_url=True)
    service.pictures = _Gone()
    assert ["unknown"] == [outcome.status for outcome in here.buy(account, wanted)]
    check(service, tmp_path, paid=1)
    service.pictures = {}


class _Gone(dict[str, bytes]):
    """Links that lead nowhere."""

    def get(self, *_: Any) -> None:
        return None


def test_after_a_cancel_with_calls_on_the_wire(
    service: SimulatedService, tmp_path: Path, model: str
) -> None:
    service.configure({"latency_s": 0.3})
    run = workers.start(
        here.make_account(service, tmp_path), here.jobs(6, model=model), here.decode
    )
    assert service.wait_for(None, 1)
    run.cancel()
    assert run.done.wait(20)

    check(service, tmp_path, paid=service.billed)


def test_after_a_kill_a_call_is_unknown_and_the_next_one_paid(
    service: SimulatedService, tmp_path: Path, buyer: Callable[..., Buyer]
) -> None:
    service.fail("hang", times=2)
    first = buyer(tmp_path)
    first.start(variants=2, model=ANSWERED)
    assert service.wait_for("billed", 2)
    first.kill()
    service.reset()  # which forgets the two
    buy(service, tmp_path, ANSWERED, variants=2)

    states = Counter(call.state for call in booked(tmp_path))
    assert {"unknown": 2, "paid": 2} == states
    assert 2 + service.billed == states["unknown"] + states["paid"]


def test_after_a_kill_a_task_is_fetched_by_another_process_as_one_call(
    service: SimulatedService, tmp_path: Path, buyer: Callable[..., Buyer]
) -> None:
    leave_tasks(service, tmp_path, buyer, 2)
    buy(service, tmp_path, SUBMITTED, variants=2)

    check(service, tmp_path, fetched=2)
    assert 2 == service.billed


def test_two_processes_with_equal_requests(
    service: SimulatedService, tmp_path: Path, buyer: Callable[..., Buyer], model: str
) -> None:
    service.configure({"latency_s": 0.2})
    two = [buyer(tmp_path), buyer(tmp_path)]
    for one in two:
        one.start(variants=3, model=model)
    for one in two:
        one.outcomes()

    check(service, tmp_path, paid=3)
    assert 3 == len(open_book(tmp_path).read().served)


def test_the_limit_refuses_a_run_whole_and_lets_the_journal_serve(
    service: SimulatedService, tmp_path: Path
) -> None:
    account = here.make_account(service, tmp_path)

    def run(variants: int, seed: int = 1) -> list[str]:
        started = workers.start(
            account, here.jobs(variants, seed), here.decode, calls_per_day=4,
            origin=Origin("Repaint 5", "flow"),
        )  # fmt: skip
        assert started.done.wait(20)
        return [outcome.status for outcome in started.results()]

    assert ["paid"] * 3 == run(3)
    with pytest.raises(LimitReachedError, match="needs 2 new calls, but 1 of the 4"):
        run(2, seed=50)
    assert 3 == len(service.ledger.calls())
    assert ["journal", "journal", "journal", "paid"] == run(4)
    with pytest.raises(LimitReachedError, match="needs 1 new calls, but 0 of the 4"):
        run(5)
    assert ["journal"] * 4 == run(4)
    check(service, tmp_path, paid=4)
    assert {("Repaint 5", "flow")} == {(c.asked.node, c.asked.workflow) for c in booked(tmp_path)}


def test_a_refused_try_does_not_use_the_limit_up(service: SimulatedService, tmp_path: Path) -> None:
    service.configure({"latency_s": 0.1, "allowance": 1})
    account = here.make_account(service, tmp_path)
    started = workers.start(account, here.jobs(3), here.decode, calls_per_day=3)
    assert started.done.wait(30)

    assert service.ledger.count("refused") > 0
    assert ["paid"] * 3 == [outcome.status for outcome in started.results()]


def test_a_task_that_was_left_behind_is_fetched_when_the_limit_is_reached(
    service: SimulatedService, tmp_path: Path, buyer: Callable[..., Buyer]
) -> None:
    leave_tasks(service, tmp_path, buyer, 1)
    account = here.make_account(service, tmp_path)
    started = workers.start(account, here.jobs(1, model=SUBMITTED), here.decode, calls_per_day=1)
    assert started.done.wait(30)

    assert ["journal"] == [outcome.status for outcome in started.results()]
    check(service, tmp_path, fetched=1)


@pytest.fixture
def booking(tmp_path: Path) -> Booking:
    """Of a run that may send one call."""
    limit = Limit(open_book(tmp_path), 1)
    return Booking(limit.book, limit.reserve(1), Origin())


def test_a_call_that_cannot_be_written_down_is_not_sent_and_leaves_its_place(
    tmp_path: Path, booking: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    (job,) = here.jobs(1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"), booking.call(job, "ab" * 32):
            pytest.fail("sent")

    with booking.call(job, "ab" * 32):
        pass
    assert 1 == len(booked(tmp_path))


def test_a_call_whose_process_is_ended_meanwhile_may_be_paid(
    tmp_path: Path, booking: Booking
) -> None:
    (job,) = here.jobs(1)
    with pytest.raises(KeyboardInterrupt), booking.call(job, "ab" * 32):
        raise KeyboardInterrupt
    assert ["unknown"] == [call.state for call in booked(tmp_path)]

    with pytest.raises(LimitReachedError), booking.call(job, "ab" * 32):
        pytest.fail("sent")


REFUSED = APIResponseError(status_code=400, code=50413, message="refused", request_id="r")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (REFUSED, ("failed", 50413, "r")),
        (APIConnectionError(Text("refused", "拒绝"), sent=False), ("failed", NOT_SENT, "")),
        (APIConnectionError(Text("reset", "断开"), sent=True), ("unknown", 0, "")),
        (APITimeoutError(1.0), ("unknown", 0, "")),
        (InvalidResponseError(Text("no picture", "没有图片"), request_id="r"), ("unknown", 0, "r")),
    ],
)
def test_a_failure_stands_in_the_book_as_the_service_told_it(
    tmp_path: Path, booking: Booking, error: VolcengineError, expected: tuple[object, ...]
) -> None:
    (job,) = here.jobs(1)
    with pytest.raises(VolcengineError), booking.call(job, "ab" * 32):
        raise error

    (call,) = booked(tmp_path)
    assert expected == (call.state, call.code, call.request_id)


@pytest.mark.parametrize(
    ("error", "expected"), [(REFUSED, [("failed", 50413, "r")]), (APITimeoutError(1.0), [])]
)
def test_a_task_of_an_earlier_run_is_at_its_end_when_the_service_says_so(
    tmp_path: Path, booking: Booking, error: VolcengineError, expected: list[tuple[object, ...]]
) -> None:
    (job,) = here.jobs(1, model=SUBMITTED)

    def fetch() -> Answer:
        raise error

    with pytest.raises(VolcengineError):
        booking.task(job, "ab" * 32, Task("t", 5.0), fetch)

    assert expected == [(call.state, call.code, call.request_id) for call in booked(tmp_path)]
