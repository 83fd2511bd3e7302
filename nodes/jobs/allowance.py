"""What is known of an account's allowance, learned from its answers; pure, the time is passed in.

The service tells nobody how many calls an account may run at once (50430) or start per second (50429), and other
processes may share the account. So: begin with a few, one shortly after the other, so that a refusal stops the rest;
after a refusal keep to what was running then; ask for more only after a long quiet time. Who is refused while it has
nothing running, or less than it had, knows that others are there, and that they may leave: it begins anew with two, and
asks for more sooner.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

from .retry import backoff_s

if TYPE_CHECKING:
    from collections.abc import Callable

START = 4
# Between the first calls, so that a refusal of one comes before the next leaves: most accounts run one or two.
STAGGER_S = (0.025, 0.04)
# How long a call takes, until one has succeeded.
TYPICAL_S = 2.2
PROBE_AFTER_S = 60.0
# Where others are known to be: a try for more after so many calls that were let in, so that few of all are refused.
SHARED_PROBE_CALLS = 8
MOST_PROBE_CALLS = 128
LONGEST_PROBE_S = 3600.0
LONGEST_BACKOFF_S = 30.0
LONGEST_INTERVAL_S = 5.0
# Whatever `Retry-After` says: then one call goes and asks again.
LONGEST_WAIT_S = 600.0


class Allowance:
    """Decides when the next call may start: never more than `cap` at once.

    `jitter` returns 0..1 and spreads processes that were refused together.
    """

    def __init__(self, cap: int, jitter: Callable[[], float] = random.random) -> None:
        self._cap = cap
        self._jitter = jitter
        self.limit = min(START, cap)
        self.running = 0
        self._proven = 0
        self._anew = False
        self._refused_at: float | None = None
        self._typical_s = TYPICAL_S
        self._next_at = 0.0
        self._backoffs = 0
        self._interval_s = 0.0
        self._probing = False
        # After so long, or so many calls that were let in, one more is tried; calls count where others are known to be.
        self._probe_wait_s = PROBE_AFTER_S
        self._probe_at = math.inf
        self._probe_calls = math.inf
        self._probe_in = math.inf

    def delay_s(self, now: float) -> float | None:
        """Seconds until the next call may start; None: not before a running one ends."""
        if self.running >= self.limit:
            return None
        return max(0.0, self._next_at - now)

    def start(self, now: float) -> None:
        """A call takes its place."""
        self.running += 1
        self._next_at = max(self._next_at, now + self._interval_s)
        self.depart(now)

    def depart(self, now: float) -> None:
        """A call leaves; what came before, such as a slow disk, must not eat up the distance to the next."""
        if self.running > self._proven:
            # An answer from far away needs longer, and one try among others should cost one refusal.
            apart_s = self._typical_s / 8 if self._anew else STAGGER_S[self.running > 1]
            self._next_at = max(self._next_at, now + apart_s)

    def succeed(self, now: float, elapsed_s: float) -> None:
        """A call was let in and ended."""
        self._proven = max(self._proven, min(self.running, self.limit))
        self.running -= 1
        self._typical_s += 0.3 * (elapsed_s - self._typical_s)
        self._backoffs, self._anew = 0, False
        self._interval_s *= 0.9
        self._probe_in -= 1
        if self._refused_at is None:
            self.limit = min(self._cap, self.limit + 1)
        elif self.limit < self._cap and (now >= self._probe_at or self._probe_in <= 0):
            self.limit += 1
            self._probing = True
            self._wait_to_probe(now)

    def end(self) -> None:
        """A call ended and says nothing about the allowance."""
        self.running -= 1

    def refuse_concurrency(self, now: float, retry_after_s: float | None = None) -> None:
        """50430: too many at once, of this process and of all others together."""
        self.running -= 1
        if self._probing:
            self._probe_wait_s = min(LONGEST_PROBE_S, self._probe_wait_s * 2)
            if self._probe_calls < MOST_PROBE_CALLS:
                self._probe_calls *= 2
        # Of several that left too much together, the later ones are refused with less running; that tells nothing.
        alone = self._refused_at is None or now < self._refused_at + self._typical_s / 2
        if self.running == 0 or (self.running < self._proven and not alone):
            self._probe_calls = SHARED_PROBE_CALLS
        self.limit = max(1, self.running)
        self._proven = min(self._proven, self.running)
        self._refused_at, self._probing = now, False
        self._wait_to_probe(now)
        wait_s = retry_after_s or 0.0
        if self.running == 0:
            # Others hold all of it: come back when about one of their calls has ended, and see then how many have.
            self._anew, self.limit = True, min(2, self._cap)
            wait_s = max(wait_s, self._backoff_s(self._typical_s, self._backoffs - 1))
        self._wait(now, wait_s)

    def refuse_rate(self, now: float, retry_after_s: float | None = None) -> None:
        """50429: too many starts per second."""
        self.running -= 1
        self._interval_s = min(LONGEST_INTERVAL_S, max(0.25, self._interval_s * 2))
        wait_s = max(retry_after_s or 0.0, self._backoff_s(1.0, self._backoffs))
        self._wait(now, wait_s)

    def _wait_to_probe(self, now: float) -> None:
        self._probe_at, self._probe_in = now + self._probe_wait_s, self._probe_calls

    def _wait(self, now: float, wait_s: float) -> None:
        self._next_at = max(self._next_at, now + min(wait_s, LONGEST_WAIT_S))

    def _backoff_s(self, base_s: float, failures: int) -> float:
        self._backoffs += 1
        return backoff_s(max(0.25, base_s), max(0, failures), LONGEST_BACKOFF_S, self._jitter())
