"""How a run stands."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import buyer
import pytest
from volc_inpaint.nodes.jobs.job import Outcome
from volc_inpaint.nodes.jobs.run import Run
from volc_inpaint.nodes.volcengine.errors import VolcengineError
from volc_inpaint.nodes.words import Text

ERROR = VolcengineError(Text("refused", "拒绝"))


@pytest.fixture
def run() -> Run:
    return Run(1, 4, SimpleNamespace())  # type: ignore[arg-type]


def outcomes() -> list[Outcome]:
    statuses: list[Any] = ["paid", "journal", "failed", "unknown"]
    return [Outcome(job, status) for job, status in zip(buyer.jobs(4), statuses, strict=True)]


def test_each_status_is_counted_and_results_keep_the_jobs_order(run: Run) -> None:
    for outcome in reversed(outcomes()):
        run.add(outcome)
    status = run.status()

    assert (status.total, status.delivered, status.from_journal) == (4, 2, 1)
    assert (status.failed, status.unknown) == (1, 1)
    assert [outcome.job.index for outcome in run.results()] == [1, 2, 3, 4]
    assert [run.outcomes.get_nowait().job.index for _ in range(4)] == [4, 3, 2, 1]


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
