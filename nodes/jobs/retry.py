"""What comes after a failure: only what was not billed for certain is tried again, and only for so long.

Who decides (the code's row, the kind of failure), how long to wait and what is left are apart; asking spends nothing.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from ..volcengine.codes import QUICK_S, Again
from ..volcengine.errors import APIConnectionError, APIResponseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..volcengine.errors import VolcengineError

# All waiting of one purchase together, counted from its first failure.
BUDGET_S = 600.0
_FIRST_PAUSE_S = 0.5


class Reason(Enum):
    """Why something is tried again, and how often at most."""

    ALLOWANCE = "the account's allowance"
    CONNECTION = "the connection"
    SERVICE = "the service"
    SEED = "another seed"
    CLOCK = "the service's clock"


_REASONS = {
    Again.WHEN_ALLOWED: Reason.ALLOWANCE,  # the limiter knows how long
    Again.IF_QUICK: Reason.SERVICE,
    Again.ANOTHER_SEED: Reason.SEED,
    Again.ANOTHER_CLOCK: Reason.CLOCK,
}
_TRIES = {Reason.CONNECTION: 3, Reason.SERVICE: 1, Reason.SEED: 3, Reason.CLOCK: 1}


class Step(NamedTuple):
    """What comes next: what is tried again, or None to give up, and after how many seconds."""

    reason: Reason | None = None
    pause_s: float = 0.0


class RetryPlan:
    """The tries left to one purchase; `jitter` returns 0..1."""

    def __init__(self, jitter: Callable[[], float] = random.random) -> None:
        self._jitter = jitter
        self._first_failure: float | None = None
        self._taken: Counter[Reason] = Counter()

    def after(self, error: VolcengineError, now: float, *, drawn: bool = False) -> Step:
        """What to do after a failure; may be asked as often as one likes.

        Args:
            error: What the last try came to.
            now: Seconds of a monotonic clock.
            drawn: Whether the seed was drawn, and may be drawn again; one that the user chose stays.
        """
        reason = _reason(error)
        if reason is None or (reason is Reason.SEED and not drawn):
            return Step()
        if self._taken[reason] >= _TRIES.get(reason, math.inf):
            return Step()
        pause_s = 0.0
        if reason in (Reason.CONNECTION, Reason.SERVICE):
            pause_s = backoff_s(_FIRST_PAUSE_S, self._taken[reason], jitter=self._jitter())
        asked_s = error.retry_after_s or 0.0 if isinstance(error, APIResponseError) else 0.0
        began = now if self._first_failure is None else self._first_failure
        if now + max(pause_s, asked_s) >= began + BUDGET_S:
            return Step()
        return Step(reason, pause_s)

    def take(self, step: Step, now: float) -> None:
        """Spend a try on `step`, which was the answer at `now`."""
        if self._first_failure is None:
            self._first_failure = now
        if step.reason is not None:
            self._taken[step.reason] += 1


def backoff_s(
    first_s: float, failures: int, longest_s: float = math.inf, jitter: float = 0.5
) -> float:
    """Seconds to wait: twice as long each time, up to a limit, and spread by a quarter each way.

    Args:
        first_s: After the first failure.
        failures: That came before it.
        longest_s: The limit, before it is spread.
        jitter: 0..1; 0.5 spreads nothing.
    """
    return min(longest_s, first_s * 2.0 ** min(failures, 16)) * (0.75 + 0.5 * jitter)


def _reason(error: VolcengineError) -> Reason | None:
    """What may be tried again after `error`; None for what would fail again, or may have been billed."""
    if error.doubtful:
        return None
    if isinstance(error, APIConnectionError):
        return None if error.permanent else Reason.CONNECTION
    if not isinstance(error, APIResponseError):
        return None
    if error.row.again is Again.IF_QUICK and error.elapsed_s > QUICK_S:
        return None
    return _REASONS.get(error.row.again)
