"""Which failures are tried again, how often, and for how long; the time is passed in."""

from __future__ import annotations

import pytest
from volc_inpaint.nodes.jobs.retry import BUDGET_S, Reason, RetryPlan, Step, backoff_s
from volc_inpaint.nodes.volcengine import answers
from volc_inpaint.nodes.volcengine.errors import (
    APIConnectionError,
    APITimeoutError,
    InvalidResponseError,
    VolcengineError,
)
from volc_inpaint.nodes.words import Text


def refusal(code: int | str, status: int = 400, **headers: str) -> VolcengineError:
    """The error of an answer with that code."""
    if isinstance(code, int):
        body = f'{{"code":{code},"data":null,"message":"m","request_id":"r"}}'
    else:
        body = f'{{"ResponseMetadata":{{"RequestId":"r","Error":{{"Code":"{code}"}}}}}}'
    with pytest.raises(VolcengineError) as caught:
        answers.parse(status, headers, body.encode())
    return caught.value


def never_made() -> VolcengineError:
    """The error of a connection that was refused."""
    return APIConnectionError(Text("refused", "refused"), sent=False)


def pauses(
    plan: RetryPlan, error: VolcengineError, tries: int = 10, *, drawn: bool = False
) -> list[float]:
    """The pauses before each further try."""
    found = []
    for _ in range(tries):
        step = plan.after(error, 0.0, drawn=drawn)
        if step.reason is None:
            break
        plan.take(step, 0.0)
        found.append(step.pause_s)
    return found


@pytest.mark.parametrize(
    "code",
    [50411, 50511, 50412, 50512, 50413, 50518, 50519, 50520, 50400, 50215, 201304, "LackPolicy"],
)
def test_a_definite_refusal_is_final(code: int | str) -> None:
    assert pauses(RetryPlan(), refusal(code)) == []


@pytest.mark.parametrize(
    "error",
    [
        APITimeoutError(1.0),
        APIConnectionError(Text("reset", "reset"), sent=True),
        InvalidResponseError(Text("e", "c")),
    ],
)
def test_a_doubt_is_never_sent_again(error: VolcengineError) -> None:
    assert error.doubtful
    assert pauses(RetryPlan(), error) == []


def test_an_allowance_is_waited_for_until_the_budget_is_spent() -> None:
    plan, error = RetryPlan(), refusal(50430, 429)
    for now in (1000.0, 1000.0 + BUDGET_S - 1):
        step = plan.after(error, now)
        plan.take(step, now)
        assert step == Step(Reason.ALLOWANCE, 0.0)

    assert plan.after(error, 1000.0 + BUDGET_S) == Step()


def test_the_budget_begins_with_the_first_failure() -> None:
    assert RetryPlan().after(refusal(50429, 429), 1e6) == Step(Reason.ALLOWANCE)


def test_a_wait_longer_than_the_budget_is_not_begun() -> None:
    error = refusal(50429, 429, **{"Retry-After": str(BUDGET_S + 1)})

    assert RetryPlan().after(error, 0.0) == Step()


@pytest.mark.parametrize("code", [50500, 50501])
@pytest.mark.parametrize(
    ("elapsed_s", "further"), [(0.0, [0.5]), (5.0, [0.5]), (5.1, []), (20.0, [])]
)
def test_a_service_that_fails_quickly_is_asked_once_more_and_after_a_long_call_not_at_all(
    code: int, elapsed_s: float, further: list[float]
) -> None:
    error = refusal(code, 500)
    error.elapsed_s = elapsed_s

    assert pauses(RetryPlan(lambda: 0.5), error) == further


def test_a_connection_never_made_is_tried_four_times() -> None:
    found = pauses(RetryPlan(lambda: 0.5), never_made())

    assert found == [0.5, 1.0, 2.0]


def test_pauses_are_spread_by_a_quarter_each_way() -> None:
    error = refusal(50500, 500)

    assert RetryPlan(lambda: 0.0).after(error, 0.0).pause_s == 0.375
    assert RetryPlan(lambda: 1.0).after(error, 0.0).pause_s == 0.625


def test_only_drawn_seeds_are_drawn_again_and_three_times() -> None:
    for code in (50511, 50519):
        assert pauses(RetryPlan(), refusal(code), drawn=False) == []
        assert pauses(RetryPlan(), refusal(code), drawn=True) == [0.0] * 3
    assert pauses(RetryPlan(), refusal(50413), drawn=True) == []
    assert pauses(RetryPlan(), APITimeoutError(1.0), drawn=True) == []


def test_the_clock_is_set_once() -> None:
    assert RetryPlan().after(refusal("AccessDenied", 403), 0.0) == Step()
    assert pauses(RetryPlan(), refusal("InvalidTimestamp")) == [0.0]


def test_asking_spends_nothing() -> None:
    plan = RetryPlan(lambda: 0.5)
    for error in (refusal(50500, 500), never_made(), refusal("InvalidTimestamp")):
        assert [plan.after(error, 0.0)] * 9 == [plan.after(error, now) for now in range(9)]


def test_each_reason_has_tries_of_its_own() -> None:
    plan = RetryPlan(lambda: 0.5)
    assert pauses(plan, never_made()) == [0.5, 1.0, 2.0]

    assert pauses(plan, refusal(50500, 500)) == [0.5]


def test_a_wait_doubles_up_to_its_limit() -> None:
    assert [backoff_s(1.0, failures, 5.0) for failures in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert backoff_s(1.0, 10**6, 30.0) == 30.0
