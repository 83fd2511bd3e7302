"""Which failures are tried again: only those that were not billed for certain, and only for so long."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from ..volcengine.codes import Again
from ..volcengine.errors import APIConnectionError, APIResponseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..volcengine.errors import VolcengineError

# All waiting of one purchase together, counted from its first failure.
BUDGET_S = 600.0
_CONNECTION_TRIES = 4
_SERVER_TRIES = 2
# An internal error that took longer would take as long again: synchronous calls are cut off after about 20 s.
QUICK_S = 5.0
_REDRAWS = 3


class RetryPlan:
    """The tries left to one purchase.

    Args:
        jitter: Returns 0..1.
    """

    def __init__(self, jitter: Callable[[], float] = random.random) -> None:
        self._jitter = jitter
        self._deadline: float | None = None
        self._connection = _CONNECTION_TRIES
        self._server = _SERVER_TRIES
        self._redraws = _REDRAWS
        self._clock_set = False

    def pause_s(self, error: VolcengineError, now: float) -> float | None:
        """Seconds to wait before the same request is sent again; None: do not.

        Args:
            error: What the last try came to.
            now: Seconds of a monotonic clock.
        """
        if error.doubtful:
            return None
        if self._deadline is None:
            self._deadline = now + BUDGET_S
        pause_s, asked_s = self._next_pause_s(error), 0.0
        if isinstance(error, APIResponseError):
            asked_s = error.retry_after_s or 0.0
        if pause_s is None or now + max(pause_s, asked_s) >= self._deadline:
            return None
        return pause_s

    def may_redraw(self, error: VolcengineError, *, drawn: bool) -> bool:
        """Whether to try another seed; never for one that the user chose."""
        if not drawn or _again(error) is not Again.ANOTHER_SEED:
            return False
        self._redraws -= 1
        return self._redraws >= 0

    def may_set_clock(self, error: VolcengineError) -> bool:
        """Whether to sign once more by the service's clock."""
        if self._clock_set:
            return False
        self._clock_set = _again(error) is Again.ANOTHER_CLOCK
        return self._clock_set

    def _next_pause_s(self, error: VolcengineError) -> float | None:
        if _again(error) is Again.WHEN_ALLOWED:
            return 0.0  # the limiter knows how long
        if isinstance(error, APIConnectionError):
            if error.permanent:
                return None
            self._connection -= 1
            return self._backoff_s(_CONNECTION_TRIES - self._connection, self._connection)
        if _again(error) is Again.IF_QUICK:
            if isinstance(error, APIResponseError) and error.elapsed_s > QUICK_S:
                return None
            self._server -= 1
            return self._backoff_s(_SERVER_TRIES - self._server, self._server)
        return None

    def _backoff_s(self, attempt: int, left: int) -> float | None:
        return 0.5 * 2.0 ** (attempt - 1) * (0.75 + 0.5 * self._jitter()) if left else None


def _again(error: VolcengineError) -> Again:
    return error.row.again if isinstance(error, APIResponseError) else Again.NEVER
