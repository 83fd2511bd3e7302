"""How a run stands."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import buyer
import pytest
from volc_inpaint.nodes.jobs import run as module
from volc_inpaint.nodes.jobs.job import Outcome
from volc_inpaint.nodes.jobs.run import Run, left_s
from volc_inpaint.nodes.volcengine.errors import VolcengineError
from volc_inpaint.nodes.words import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

ERROR = VolcengineError(Text("refused", "拒绝"))


@pytest.fixture
def run() -> Run:
    return Run(1, 5, SimpleNamespace())  # type: ignore[arg-type]


def outcomes() -> list[Outcome]:
    statuses: list[Any] = ["paid", "journal", "failed", "unknown", "paid"]
    return [Outcome(job, status) for job, status in zip(buyer.jobs(5), statuses, strict=True)]


def test_each_status_is_counted_and_results_keep_the_jobs_order(run: Run) -> None:
    for outcome in reversed(outcomes()):
        run.add(outcome)
    status = run.status()

    assert (status.total, status.delivered, status.from_journal) == (5, 3, 1)
    assert (status.failed, status.unknown) == (1, 1)
    assert [outcome.job.index for outcome in run.results()] == [1, 2, 3, 4, 5]
    assert [run.outcomes.get_nowait().job.index for _ in range(5)] == [5, 4, 3, 2, 1]


def test_a_state_counts_for_as_long_as_its_block_lasts_also_when_that_fails(run: Run) -> None:
    counted = []

    def fail() -> None:
        with run.counted("on_wire"), run.counted("in_queue"):
            counted.append((run.status().on_wire, run.status().in_queue))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert counted == [(1, 1)]
    assert (run.status().on_wire, run.status().in_queue) == (0, 0)


def test_of_several_reasons_to_wait_the_one_that_most_can_be_done_about_is_told(run: Run) -> None:
    told = [run.status().waiting_for]
    with run.counted("retry"):
        told.append(run.status().waiting_for)
        with run.counted("another_run"):
            told.append(run.status().waiting_for)
            with run.counted("allowance"):
                told.append(run.status().waiting_for)

    assert told == ["", "retry", "another_run", "allowance"]


def test_a_task_whose_number_is_on_the_disk_need_not_be_waited_for_at_the_end(run: Run) -> None:
    with run.working(), run.counted("on_wire"):
        assert run.to_land() == (1, 1)
        with run.counted("kept_task"):
            assert run.to_land() == (0, 0)


def test_refused_keys_stop_the_run_the_second_time(run: Run) -> None:
    run.turned_away(ERROR)
    assert not run.given_up()
    run.turned_away(ERROR)

    assert run.given_up()
    assert run.stopped_by is ERROR
    assert not run.cancelled()


def test_a_pause_ends_with_a_cancel(run: Run) -> None:
    assert run.pause(0.0)
    run.cancel()

    assert not run.pause(60.0)
    assert run.given_up()


@pytest.mark.parametrize(
    ("left", "ages_s", "took_s", "places", "expected"),
    [
        (4, [0.5, 0.5], [], 1, None),  # nothing has come yet
        (0, [], [2.0], 2, None),  # nothing is left
        (1, [1.5], [2.0], 2, 1),  # half a second, rounded up
        (3, [3.0, 3.0, 3.0], [2.0], 4, 0),  # due
        # those on the wire have 2 s to go, and 13 are 6.5 rounds of 2 places
        (15, [0.0, 0.0], [1.0, 3.0], 2, 15),
        (15, [], [1.0, 3.0], 3, 10),
        (4, [], [2.0], 3, 3),  # 2.7 s
        (3, [], [1.0, 2.0], 1, 5),  # 4.5 s
    ],
)
def test_the_time_left_is_that_of_the_calls_on_the_wire_and_of_the_rounds_behind_them(
    left: int, ages_s: list[float], took_s: list[float], places: int, expected: int | None
) -> None:
    assert expected == left_s(left, ages_s, took_s, places)


def test_the_time_left_is_reckoned_from_the_calls_that_succeeded_and_those_under_way(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now))

    def fail() -> None:
        with run.on_wire():
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert run.status().left_s is None  # a failure does not tell how long a picture takes
    now = 105.0
    with run.on_wire():
        now = 115.0
    run.add(outcomes()[0])
    with run.on_wire():
        now = 119.0
        # a call takes 10 s: the one under way 6 more, and three behind it
        assert run.status().left_s == 36


def test_with_two_calls_at_once_the_rest_takes_half_the_time(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now))
    with run.on_wire():
        with run.on_wire():
            now = 110.0
        run.add(outcomes()[0])

        # the one under way is due, and the three behind it go two at once
        assert run.status().left_s == 15


class Waiting:
    """A thread of the run that waits for fewer jobs to be sent than two."""

    def __init__(self, run: Run) -> None:
        self.ended = threading.Event()
        self._run = run
        self.thread = threading.Thread(target=self._wait, daemon=True)
        self.thread.start()

    def _wait(self) -> None:
        self._run.wait_until_fewer_are_to_send(2)
        self.ended.set()


@pytest.fixture
def taken(run: Run) -> Iterator[list[threading.Event]]:
    """Two jobs in the hands of threads that send theirs when their event is set."""
    sends = [threading.Event(), threading.Event()]
    took = threading.Barrier(3)

    def work(send: threading.Event) -> None:
        run.taken()
        took.wait(10)
        send.wait(10)
        with run.on_wire():
            pass

    threads = [threading.Thread(target=work, args=(send,)) for send in sends]
    for thread in threads:
        thread.start()
    took.wait(10)
    yield sends
    for send, thread in zip(sends, threads, strict=True):
        send.set()
        thread.join(10)


def test_no_further_job_is_made_until_one_of_those_that_wait_is_on_the_wire(
    run: Run, taken: list[threading.Event]
) -> None:
    waiting = Waiting(run)
    assert not waiting.ended.wait(0.05)
    taken[0].set()

    assert waiting.ended.wait(10)


def test_a_cancel_ends_the_wait_for_a_job_on_the_wire(
    run: Run, taken: list[threading.Event]
) -> None:
    waiting = Waiting(run)
    assert not waiting.ended.wait(0.05)
    run.cancel()

    assert waiting.ended.wait(10)
