"""Lets calls go one by one as the account's allowance permits, taking turns between runs."""

from __future__ import annotations

import itertools
import threading
import time
from typing import TYPE_CHECKING

from .allowance import Allowance

if TYPE_CHECKING:
    from collections.abc import Callable

# How soon a run that was given up notices, at the latest.
_LONGEST_NAP_S = 0.2


class Limiter:
    """One per account and process; shared by all nodes.

    Attributes:
        cap: Calls at once, at most.
    """

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self._allowance = Allowance(cap)
        self._changed = threading.Condition()
        self._turns = itertools.count(1)
        self._last_turn: dict[int, int] = {}
        self._waiting: list[int] = []

    def acquire(self, run: int, given_up: Callable[[], bool]) -> bool:
        """Wait for a place; runs that wait take turns.

        Args:
            run: Number of the run, for fairness.
            given_up: Whether the run wants no place any more; looked at at least every 0.2 s.

        Returns:
            False if it was given up meanwhile; then no place was taken.
        """
        with self._changed:
            self._waiting.append(run)
            try:
                while not given_up():
                    now = time.monotonic()
                    delay_s = self._allowance.delay_s(now)
                    if delay_s == 0.0 and self._is_next(run):
                        self._allowance.start(now)
                        self._last_turn[run] = next(self._turns)
                        return True
                    self._changed.wait(min(delay_s or _LONGEST_NAP_S, _LONGEST_NAP_S))
                return False
            finally:
                self._waiting.remove(run)
                self._changed.notify_all()

    def departs(self) -> None:
        """The call of a place that was taken is about to be sent."""
        with self._changed:
            self._allowance.depart(time.monotonic())

    def succeeded(self, elapsed_s: float) -> None:
        """A call was let in; gives its place back."""
        with self._changed:
            self._allowance.succeed(time.monotonic(), elapsed_s)
            self._changed.notify_all()

    def ended(self) -> None:
        """A call ended in a way that tells nothing about the allowance; gives its place back."""
        with self._changed:
            self._allowance.end()
            self._changed.notify_all()

    def refused(self, *, rate: bool, retry_after_s: float | None) -> None:
        """A call was refused for its rate, or else for the calls at once; gives its place back."""
        with self._changed:
            now = time.monotonic()
            if rate:
                self._allowance.refuse_rate(now, retry_after_s)
            else:
                self._allowance.refuse_concurrency(now, retry_after_s)
            self._changed.notify_all()

    def forget(self, run: int) -> None:
        """A run is over."""
        with self._changed:
            self._last_turn.pop(run, None)

    def _is_next(self, run: int) -> bool:
        return run == min(self._waiting, key=lambda other: self._last_turn.get(other, 0))
