"""Jobs that are made when they are needed: the first call leaves before the last is made, and no more is held than that."""

from __future__ import annotations

import gc
import threading
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING

import buyer
import pytest
from volc_inpaint.nodes.jobs import workers
from volc_inpaint.nodes.jobs.job import MadeWhenNeeded
from volc_inpaint.nodes.jobs.limit import LimitReachedError
from volc_inpaint.nodes.jobs.limiter import Limiter
from volc_inpaint.nodes.volcengine.errors import VolcengineError
from volc_inpaint.nodes.words import Text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from simulated_service import SimulatedService
    from volc_inpaint.nodes.jobs.job import Job


def picture(number: int) -> Job:
    """The job of picture `number`, from 1, which has one variant."""
    (job,) = buyer.jobs(1, number=number)
    return replace(job, index=number, image=number)


def made(total: int, jobs: Iterator[Job]) -> MadeWhenNeeded:
    """With drafts that nobody asks for without a limit a day."""
    return MadeWhenNeeded(total, jobs, iter(()))


def test_the_first_call_leaves_before_the_second_picture_is_made(
    service: SimulatedService, tmp_path: Path
) -> None:
    sent = []

    def pictures() -> Iterator[Job]:
        yield picture(1)
        sent.append(service.wait_for("billed", 1))
        yield picture(2)

    run = workers.start(buyer.make_account(service, tmp_path), made(2, pictures()), buyer.decode)

    assert run.done.wait(30)
    assert [True] == sent
    assert ["paid", "paid"] == [outcome.status for outcome in run.results()]


def test_no_more_pictures_are_made_than_the_account_has_places_for_and_a_few(
    service: SimulatedService, tmp_path: Path
) -> None:
    service.fail("hang")
    numbers = []

    def pictures() -> Iterator[Job]:
        for number in range(1, 17):
            numbers.append(number)
            yield picture(number)

    account = buyer.make_account(service, tmp_path, cap=1)
    run = workers.start(account, made(16, pictures()), buyer.decode)
    try:
        assert service.wait_for("billed", 1)
        buyer.wait_until(lambda: len(numbers) == 3)
        buyer.wait_until(lambda: run.status().waiting_for == "allowance")

        # one on the wire, two that wait
        assert [1, 2, 3] == numbers
    finally:
        run.cancel()
        service.hangs.set()
    assert run.done.wait(30)
    assert [1, 2, 3] == numbers


def test_what_was_sent_is_let_go_with_its_answer(service: SimulatedService, tmp_path: Path) -> None:
    requests = []

    def pictures() -> Iterator[Job]:
        for number in range(1, 7):
            job = picture(number)
            requests.append(weakref.ref(job.request))
            yield job
            del job

    account = buyer.make_account(service, tmp_path)
    run = workers.start(account, made(6, pictures()), buyer.decode)
    assert run.done.wait(30)

    gc.collect()
    assert [None] * 6 == [request() for request in requests]
    assert [1, 2, 3, 4, 5, 6] == [outcome.job.image for outcome in run.results()]


def test_a_picture_that_cannot_be_sent_fails_alone(
    service: SimulatedService, tmp_path: Path
) -> None:
    reason = VolcengineError(Text("Too large.", "过大。"))

    def pictures() -> Iterator[Job]:
        yield picture(1)
        yield replace(picture(2), refused=reason)
        yield picture(3)

    run = workers.start(buyer.make_account(service, tmp_path), made(3, pictures()), buyer.decode)

    assert run.done.wait(30)
    assert ["paid", "failed", "paid"] == [outcome.status for outcome in run.results()]
    assert reason is run.results()[1].error
    assert 2 == len(service.ledger.calls())


def test_a_bug_in_the_making_ends_the_run_and_is_told(
    service: SimulatedService, tmp_path: Path
) -> None:
    def pictures() -> Iterator[Job]:
        yield picture(1)
        service.wait_for("billed", 1)
        raise ZeroDivisionError

    run = workers.start(buyer.make_account(service, tmp_path), made(2, pictures()), buyer.decode)

    assert run.done.wait(30)
    assert isinstance(run.broken, ZeroDivisionError)
    assert run.cancelled()
    # what was paid is there all the same
    assert ["journal"] == [
        outcome.status for outcome in buyer.buy(buyer.make_account(service, tmp_path), [picture(1)])
    ]


def test_cancelled_while_a_picture_is_made_nothing_is_sent(
    service: SimulatedService, tmp_path: Path
) -> None:
    making, go_on = threading.Event(), threading.Event()

    def pictures() -> Iterator[Job]:
        making.set()
        go_on.wait(30)
        yield picture(1)

    run = workers.start(buyer.make_account(service, tmp_path), made(1, pictures()), buyer.decode)
    assert making.wait(30)
    run.cancel()
    go_on.set()

    assert run.done.wait(30)
    assert [] == service.ledger.calls()
    assert [] == run.results()


def test_an_answer_tells_how_long_the_rest_takes(service: SimulatedService, tmp_path: Path) -> None:
    service.configure({"latency_s": 0.2})
    account = buyer.make_account(service, tmp_path, cap=1)
    run = workers.start(account, buyer.jobs(3), buyer.decode)
    assert run.status().left_s is None
    assert service.wait_for("billed", 1)
    buyer.wait_until(lambda: run.status().left_s is not None)

    assert run.status().left_s in (0, 1)
    assert run.done.wait(30)
    assert run.status().left_s is None


def test_a_limit_a_day_is_judged_by_drafts_before_any_picture_is_made(
    service: SimulatedService, tmp_path: Path
) -> None:
    account = buyer.make_account(service, tmp_path)
    buyer.buy(account, [picture(1)])

    def drafts() -> Iterator[Job]:
        for number in (1, 2, 3):
            job = picture(number)
            yield replace(job, request=replace(job.request, pictures=()))

    def pictures() -> Iterator[Job]:
        yield from map(picture, (1, 2, 3))

    # the first is in the journal and counts against today, too
    with pytest.raises(LimitReachedError, match="2 new calls, but 1 of the 2"):
        workers.start(
            account,
            MadeWhenNeeded(3, iter([]), drafts()),
            buyer.decode,
            calls_per_day=2,
        )
    run = workers.start(
        account, MadeWhenNeeded(3, pictures(), drafts()), buyer.decode, calls_per_day=3
    )

    assert run.done.wait(30)
    assert ["journal", "paid", "paid"] == [outcome.status for outcome in run.results()]


def test_as_many_calls_run_at_once_as_the_operator_allows(
    service: SimulatedService, tmp_path: Path
) -> None:
    """Also more than a run has threads by default."""
    limiter = Limiter(24)
    for _ in range(24):  # what it learns of a large account
        assert limiter.acquire(0, lambda: False)
        limiter.succeeded(0.01)
    service.configure({"latency_s": 60.0})
    account = buyer.make_account(service, tmp_path, limiter=limiter)
    run = workers.start(account, buyer.jobs(30), buyer.decode)

    assert service.wait_for("on_wire", 24)
    service.hangs.set()
    assert run.done.wait(30)
    assert 24 == service.ledger.peak


def test_the_threads_of_a_run_keep_no_process_from_ending(
    service: SimulatedService, tmp_path: Path
) -> None:
    """What is on the wire at the end is waited for elsewhere, and not for ever."""
    service.configure({"latency_s": 60.0})
    before = set(threading.enumerate())
    run = workers.start(buyer.make_account(service, tmp_path), buyer.jobs(2), buyer.decode)
    assert service.wait_for("on_wire", 2)
    of_run = [
        thread
        for thread in set(threading.enumerate()) - before
        if thread.name.startswith("volc-inpaint")
    ]
    service.hangs.set()

    assert run.done.wait(30)
    assert len(of_run) >= 2
    assert all(thread.daemon for thread in of_run)


def test_a_limit_that_cannot_be_counted_buys_nothing(
    service: SimulatedService, tmp_path: Path
) -> None:
    blocked = tmp_path / "journal"
    blocked.write_bytes(b"not a folder")
    with pytest.raises(VolcengineError, match="so nothing was bought"):
        workers.start(
            buyer.make_account(service, blocked), buyer.jobs(1), buyer.decode, calls_per_day=5
        )

    assert service.ledger.calls() == []


def test_a_run_of_no_jobs_is_done_at_once(service: SimulatedService, tmp_path: Path) -> None:
    run = workers.start(buyer.make_account(service, tmp_path), [], buyer.decode)

    assert run.done.is_set()
    assert run.results() == []


@pytest.mark.parametrize("given", [0, 2])
def test_a_run_ends_also_where_the_system_gives_no_more_threads(
    service: SimulatedService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: int
) -> None:
    """As at the limit of a container's processes."""
    start, started = threading.Thread.start, []

    def limited(thread: threading.Thread) -> None:
        if thread.name.startswith("volc-inpaint"):
            if len(started) == given:
                raise RuntimeError("can't start new thread")
            started.append(thread)
        start(thread)

    account = buyer.make_account(service, tmp_path)
    monkeypatch.setattr(threading.Thread, "start", limited)
    run = workers.start(account, buyer.jobs(4), buyer.decode)

    assert run.done.wait(30)
    assert (4 if given else 0) == service.billed == len(run.results())
    if given:
        assert run.broken is None
    else:
        assert "no further thread, so nothing was bought" in str(run.broken)
