"""Which failures are tried again: only those that were not billed for certain, and only for so long."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from ..volcengine.errors import APIConnectionError, APIResponseError, RateLimitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..volcengine.errors import VolcengineError

# Waiting for the account's allowance may take long; a broken network or service is not worth as much.
RATE_BUDGET_S = 600.0
_CONNECTION_TRIES = 4
_SERVER_TRIES = 3
_REDRAWS = 3
_SERVER_CODES = (50500, 50501)
# Rejected results: another seed paints another picture.
_REDRAW_CODES = (50511, 50519)
RATE_CODES = (50429, "FlowLimitExceeded")


class RetryPlan:
    """The tries left to one purchase.

    Args:
        now: Seconds of a monotonic clock.
        jitter: Returns 0..1.
    """

    def __init__(self, now: float, jitter: Callable[[], float] = random.random) -> None:
        self._deadline = now + RATE_BUDGET_S
        self._jitter = jitter
        self._connection = _CONNECTION_TRIES
        self._server = _SERVER_TRIES
        self._redraws = _REDRAWS
        self._clock_set = False

    def may_wait_for_allowance(self, now: float) -> bool:
        """Whether a refusal for the allowance's sake may still be waited out."""
        return now < self._deadline

    def pause_s(self, error: VolcengineError) -> float | None:
        """Seconds to wait before the same request is sent again; None: do not."""
        if error.doubtful or isinstance(error, RateLimitError):
            return None
        if isinstance(error, APIConnectionError):
            self._connection -= 1
            return (
                self._backoff_s(_CONNECTION_TRIES - self._connection) if self._connection else None
            )
        if isinstance(error, APIResponseError) and error.code in _SERVER_CODES:
            self._server -= 1
            return self._backoff_s(_SERVER_TRIES - self._server) if self._server else None
        return None

    def may_redraw(self, error: VolcengineError, *, drawn: bool) -> bool:
        """Whether to try another seed; never for one that the user chose."""
        if not drawn or not isinstance(error, APIResponseError) or error.code not in _REDRAW_CODES:
            return False
        self._redraws -= 1
        return self._redraws >= 0

    def may_set_clock(self, error: VolcengineError) -> bool:
        """Whether to sign once more by the service's clock."""
        if self._clock_set or not isinstance(error, APIResponseError):
            return False
        self._clock_set = error.code == "InvalidTimestamp"
        return self._clock_set

    def _backoff_s(self, attempt: int) -> float:
        return 0.5 * 2.0 ** (attempt - 1) * (0.75 + 0.5 * self._jitter())
