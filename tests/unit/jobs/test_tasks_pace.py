"""When a task is asked for, and when it is given up: the clock is the test's, and so are the answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import buyer
import pytest
from volc_inpaint.nodes.jobs import tasks
from volc_inpaint.nodes.jobs.claims import Trace
from volc_inpaint.nodes.jobs.job import Receipt
from volc_inpaint.nodes.jobs.messages import TaskLostError, TaskPendingError
from volc_inpaint.nodes.jobs.tasks import Task
from volc_inpaint.nodes.volcengine import answers
from volc_inpaint.nodes.volcengine.answers import Answer
from volc_inpaint.nodes.volcengine.errors import (
    APIResponseError,
    APITimeoutError,
    VolcengineError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

NOW = 1_764_072_000.0
HOUR_S = 3600.0


def answer(status: str) -> Answer:
    return Answer(f"R {status}", data={"status": status})


def refusal(code: int, **headers: str) -> VolcengineError:
    body = {"code": code, "data": None, "message": "no", "request_id": "R0"}
    try:
        answers.parse(429, headers, json.dumps(body).encode())
    except VolcengineError as error:
        return error
    raise AssertionError


@dataclass
class World:
    """The clock, and a client whose questions get what the test says, one after the other, the last for ever.

    Attributes:
        replies: Answers and errors.
        now: Seconds since 1970 UTC; the monotonic clock tells the same.
        asked: When each question was asked, in seconds since the first.
        statuses: As they were told.
    """

    replies: list[Answer | VolcengineError] = field(default_factory=list)
    read_timeout_s: float = 300.0
    now: float = NOW
    asked: list[float] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    def call(self, *_: object, **__: object) -> Answer:
        self.asked.append(round(self.now - NOW, 6))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, VolcengineError):
            raise reply
        return reply

    def fetch(self, replies: Iterable[Answer | VolcengineError], age_s: float = 0.0) -> Answer:
        """Ask for a task that was submitted so long ago."""
        self.replies = list(replies)
        request, _ = buyer.request(buyer.pixels(), buyer.SUBMITTED)
        here: Any = self
        return tasks.fetch(here, request, Task("77", NOW - age_s), self.statuses.append, here)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(tasks, "time", world)
    return world


@pytest.mark.parametrize(
    ("age_s", "first_s"),
    [(0.0, 0.1), (0.06, 0.04), (0.1, 0.0), (60.0, 0.0), (-HOUR_S, 0.1)],
)
def test_a_task_is_asked_for_a_moment_after_its_submission_and_an_old_one_at_once(
    world: World, age_s: float, first_s: float
) -> None:
    assert world.fetch([answer("done")], age_s) == answer("done")
    assert world.asked == [first_s]


def test_a_young_task_is_asked_for_often_and_an_old_one_every_three_seconds(world: World) -> None:
    world.fetch([answer("in_queue"), *[answer("generating")] * 3, answer("done")])
    assert world.asked == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert world.statuses == ["in_queue", "generating"]

    world.now, world.asked = NOW, []
    world.fetch([*[answer("generating")] * 3, answer("done")], age_s=HOUR_S)
    assert world.asked == [0, 3, 6, 9]


def test_questions_that_get_no_answer_grow_rarer_and_are_frequent_again_after_one(
    world: World,
) -> None:
    lost = APITimeoutError(1.0)
    replies = [*[lost] * 5, answer("generating"), lost, answer("done")]
    world.fetch(replies, age_s=HOUR_S)

    assert world.asked == [0, 6, 18, 42, 66, 90, 93, 99]


def test_internal_errors_are_asked_again_soon_and_the_fourth_in_a_row_ends_the_task(
    world: World,
) -> None:
    internal = refusal(50500)
    with pytest.raises(APIResponseError) as caught:
        world.fetch(
            [internal, internal, answer("generating"), *[internal] * 4, answer("done")],
            age_s=HOUR_S,
        )

    assert world.asked == [0, 3, 6, 9, 12, 15, 18]
    assert caught.value is internal
    assert internal.elapsed_s == HOUR_S + 18  # type: ignore[attr-defined]


def test_a_service_that_asks_to_wait_is_not_asked_before(world: World) -> None:
    world.fetch([refusal(50429, **{"Retry-After": "7"}), refusal(50429), answer("done")])

    assert world.asked == [0.1, 7.1, pytest.approx(7.1 + 2.84)]

    world.now, world.asked = NOW, []
    world.fetch([refusal(50429), answer("done")])
    assert world.asked == [0.1, 0.3]  # nobody asks to wait longer


def test_a_task_whose_keys_are_refused_three_times_is_left_to_a_later_run(world: World) -> None:
    with pytest.raises(TaskPendingError):
        world.fetch([refusal(50400)])

    assert len(world.asked) == 3


def test_a_status_that_lasts_too_long_leaves_the_task_to_a_later_run(world: World) -> None:
    world.read_timeout_s = 30.0
    with pytest.raises(TaskPendingError, match="Last known status: generating"):
        world.fetch([answer("generating")], age_s=HOUR_S)

    assert world.asked[-1] == 30


def test_each_new_status_has_the_whole_time(world: World) -> None:
    world.read_timeout_s = 30.0
    world.fetch([*[answer("in_queue")] * 9, *[answer("generating")] * 9, answer("done")], HOUR_S)

    assert world.asked[-1] == 54
    assert world.statuses == ["in_queue", "generating"]


def test_a_task_that_was_just_submitted_may_not_be_known_yet(world: World) -> None:
    not_found = answer("not_found")
    world.fetch([*[not_found] * 9, answer("done")])
    assert world.asked[-1] < 3

    world.now = NOW
    with pytest.raises(TaskLostError, match="not_found for task 77"):
        world.fetch([not_found])
    assert 3 <= world.now - NOW < 4


def test_a_task_that_expired_is_lost_whatever_its_age(world: World) -> None:
    with pytest.raises(TaskLostError, match="expired for task 77") as caught:
        world.fetch([answer("expired")])

    assert (len(world.asked), caught.value.request_id) == (1, "R expired")


RECEIPT = Receipt("R1", urls=("https://pictures.example/a",))
HALF_A_DAY_S = 12 * HOUR_S  # https://www.volcengine.com/docs/85621/1976207


@pytest.mark.parametrize(
    ("trace", "living"),
    [
        (Trace("submitted", NOW, task_id="77"), True),
        (Trace("submitted", NOW - HALF_A_DAY_S + 10, task_id="77"), True),
        (Trace("submitted", NOW - HALF_A_DAY_S, task_id="77"), False),
        (Trace("submitted", None, task_id="77"), False),
        (Trace("submitted", NOW), False),
        (Trace("paid", NOW, task_id="77", receipt=RECEIPT), True),
        (Trace("paid", NOW, receipt=RECEIPT), False),
        (Trace("paid", NOW, task_id="77"), False),
        (Trace("no_picture", NOW, task_id="77", receipt=RECEIPT), False),
        (Trace("sent", NOW, task_id="77"), False),
    ],
)
def test_the_task_of_a_note_lives_for_twelve_hours(
    world: World, trace: Trace, living: bool
) -> None:
    assert tasks.left_task(trace) == (Task("77", trace.at or 0.0) if living else None)
