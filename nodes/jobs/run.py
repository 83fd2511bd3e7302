"""How one run stands: cancelled, stopped, what its jobs wait for, what came of them. It starts nothing itself."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..volcengine.errors import VolcengineError
    from .booking import Booking
    from .job import Outcome

Waiting = Literal["", "allowance", "retry", "another_run"]
# What a job may be in: a reason to wait, on the wire, in the service's queue, waiting for a task whose number is on the
# disk, or being worked on at all.
State = Literal["allowance", "retry", "another_run", "on_wire", "in_queue", "kept_task", "at_work"]


@dataclass(frozen=True)
class Status:
    """How a run stands; the canvas makes a line of it.

    Attributes:
        on_wire: Calls and tasks under way.
        in_queue: Those of them that the service has not begun yet.
        waiting_for: Why others are not under way.
    """

    total: int
    delivered: int
    from_journal: int
    failed: int
    unknown: int
    on_wire: int
    in_queue: int
    waiting_for: Waiting


class Run:
    """The jobs of one node at one time.

    Args:
        number: Tells runs apart.
        total: How many jobs it has.
        booking: Writes down what becomes of its calls.

    Attributes:
        number: As given.
        booking: As given.
        outcomes: Filled as the jobs end, in any order.
        done: Set when all have ended, or were given up after a cancel.
    """

    def __init__(self, number: int, total: int, booking: Booking) -> None:
        self.number = number
        self.booking = booking
        self.outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self.done = threading.Event()
        self._total = total
        self._lock = threading.Lock()
        self._results: dict[int, Outcome] = {}
        self._cancelled = threading.Event()
        self._turned_away = False
        self._stopped_by: VolcengineError | None = None
        self._states: Counter[State] = Counter()

    def cancel(self) -> None:
        """Send nothing new. What is on the wire ends in the background and goes into the journal."""
        self._cancelled.set()

    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled.is_set()

    def given_up(self) -> bool:
        """Whether nothing more may be sent: the run was cancelled, or no call of it can succeed."""
        return self._cancelled.is_set() or self._stopped_by is not None

    def pause(self, seconds: float) -> bool:
        """Wait, unless cancelled; whether the whole time passed."""
        return not self._cancelled.wait(seconds)

    def stop(self, error: VolcengineError) -> None:
        """No other call of this run can succeed: let the jobs that wait fail with `error` too."""
        self._stopped_by = error

    def turned_away(self, error: VolcengineError) -> None:
        """The keys or rights of the account were refused. Once may be the service's mistake; twice stops the run."""
        with self._lock:
            if self._turned_away:
                self.stop(error)
            self._turned_away = True

    @property
    def stopped_by(self) -> VolcengineError | None:
        """Why no further call makes sense."""
        return self._stopped_by

    @contextlib.contextmanager
    def counted(self, state: State) -> Iterator[None]:
        """Count a job into a state for as long as the block lasts."""
        with self._lock:
            self._states[state] += 1
        try:
            yield
        finally:
            with self._lock:
                self._states[state] -= 1

    def to_land(self) -> tuple[int, int]:
        """What the end of the process would cut off, beside tasks, whose numbers are on the disk.

        Returns:
            Calls on the wire, and jobs at work.
        """
        with self._lock:
            kept = self._states["kept_task"]
            return self._states["on_wire"] - kept, self._states["at_work"] - kept

    def status(self) -> Status:
        """How the run stands now."""
        with self._lock:
            statuses = Counter(outcome.status for outcome in self._results.values())
            waiting: Waiting = ""
            reasons: tuple[Waiting, ...] = ("retry", "another_run", "allowance")
            for reason in reasons:
                if reason and self._states[reason] > 0:
                    waiting = reason
            return Status(
                total=self._total,
                delivered=statuses["paid"] + statuses["journal"],
                from_journal=statuses["journal"],
                failed=statuses["failed"],
                unknown=statuses["unknown"],
                on_wire=self._states["on_wire"],
                in_queue=self._states["in_queue"],
                waiting_for=waiting,
            )

    def add(self, outcome: Outcome) -> None:
        """A job ended."""
        with self._lock:
            self._results[outcome.job.index] = outcome
        self.outcomes.put(outcome)

    def results(self) -> list[Outcome]:
        """The outcomes so far, in the jobs' order."""
        with self._lock:
            return [self._results[index] for index in sorted(self._results)]
