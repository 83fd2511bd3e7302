"""How one run stands: cancelled, stopped, what its jobs wait for, what came of them. It starts nothing itself."""

from __future__ import annotations

import contextlib
import math
import queue
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..volcengine.errors import VolcengineError
    from .booking import Booking
    from .job import Outcome

Reason = Literal["allowance", "another_run", "retry"]
# What a job may be in: a reason to wait, on the wire, in the service's queue, waiting for a task whose number is on the
# disk, or being worked on at all.
State = Literal[Reason, "on_wire", "in_queue", "kept_task", "at_work"]
# Of several reasons at once the one that most can be done about is told.
_REASONS: tuple[Reason, ...] = ("allowance", "another_run", "retry")


class Status(NamedTuple):
    """How a run stands; the canvas makes a line of it.

    Attributes:
        on_wire: Calls and tasks under way.
        in_queue: Those of them that the service has not begun yet.
        waiting_for: Why others are not under way.
        left_s: Seconds until the last has come, about; None while nothing tells.
    """

    total: int
    delivered: int
    from_journal: int
    failed: int
    unknown: int
    on_wire: int
    in_queue: int
    waiting_for: Reason | Literal[""]
    left_s: int | None


def left_s(left: int, ages_s: list[float], took_s: list[float], places: int) -> int | None:
    """Whole seconds until the last of a run has come, about; None while nothing tells.

    Args:
        left: Jobs that have not ended.
        ages_s: How long those of them that are on the wire have been there.
        took_s: How long each call took that succeeded.
        places: How many calls go at once.
    """
    if not took_s or not left:
        return None
    call_s = sum(took_s) / len(took_s)
    behind = left - len(ages_s)
    started = max(0.0, call_s - sum(ages_s) / len(ages_s)) if ages_s else 0.0
    return math.ceil(started + behind * call_s / places)


class Run:
    """The jobs, `total` of them, of one node at one time.

    Attributes:
        number: Tells runs apart.
        booking: Writes down what becomes of its calls.
        asked_at: When somebody asked for it, in seconds of the monotonic clock.
        outcomes: Filled as the jobs end, in any order.
        done: Set when all have ended, or were given up after a cancel.
        broken: What kept the run from beginning, or a job from being made; the run is then over, or cancelled.
        stopped_by: Why no other call of it can succeed.
    """

    def __init__(self, number: int, total: int, booking: Booking, waited_s: float = 0.0) -> None:
        self.number = number
        self.booking = booking
        self.asked_at = time.monotonic() - waited_s
        self.outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self.done = threading.Event()
        self.broken: Exception | None = None
        self.stopped_by: VolcengineError | None = None
        self._total = total
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._to_send: set[int] = set()
        self._results: dict[int, Outcome] = {}
        self._cancelled = threading.Event()
        self._turned_away = False
        self._states: Counter[State] = Counter()
        self._on_wire_since: list[float] = []
        self._took_s: list[float] = []
        self._places = 1

    def cancel(self) -> None:
        """Send nothing new. What is on the wire ends in the background and goes into the journal."""
        self._cancelled.set()
        with self._changed:
            self._changed.notify_all()

    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled.is_set()

    def given_up(self) -> bool:
        """Whether nothing more may be sent: the run was cancelled, or no call of it can succeed."""
        return self._cancelled.is_set() or self.stopped_by is not None

    def pause(self, seconds: float) -> bool:
        """Wait, unless cancelled; whether the whole time passed."""
        return not self._cancelled.wait(seconds)

    def stop(self, error: VolcengineError) -> None:
        """No other call of this run can succeed: let the jobs that wait fail with `error` too."""
        self.stopped_by = error

    def turned_away(self, error: VolcengineError) -> None:
        """The keys or rights of the account were refused. Once may be the service's mistake; twice stops the run."""
        with self._lock:
            if self._turned_away:
                self.stop(error)
            self._turned_away = True

    @contextlib.contextmanager
    def counted(self, state: State) -> Iterator[None]:
        """Count a job into a state for as long as the block lasts."""
        if state in ("on_wire", "another_run", "retry"):
            self._sent()
        with self._lock:
            self._states[state] += 1
        try:
            yield
        finally:
            with self._lock:
                self._states[state] -= 1

    @contextlib.contextmanager
    def on_wire(self) -> Iterator[None]:
        """Count a call as long as it lasts, and learn from one that succeeds how long that is."""
        since = time.monotonic()
        with self._lock:
            self._on_wire_since.append(since)
        try:
            with self.counted("on_wire"):
                yield
            with self._lock:
                self._took_s.append(time.monotonic() - since)
                self._places = len(self._on_wire_since)
        finally:
            with self._lock:
                self._on_wire_since.remove(since)

    def taken(self) -> None:
        """A job is in the hands of this thread, to be sent until it is on the wire, waits for something else, or ends."""
        with self._changed:
            self._to_send.add(threading.get_ident())

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Count the job that was taken as being worked on."""
        try:
            with self.counted("at_work"):
                yield
        finally:
            self._sent()

    def wait_until_fewer_are_to_send(self, than: int) -> None:
        """Or until the run is cancelled."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._to_send) < than or self.cancelled())

    def to_land(self) -> tuple[int, int]:
        """Calls on the wire and jobs at work that the end would cut off: all but tasks, whose numbers are on the disk."""
        with self._lock:
            kept = self._states["kept_task"]
            return self._states["on_wire"] - kept, self._states["at_work"] - kept

    def status(self) -> Status:
        """How the run stands now."""
        with self._lock:
            statuses = Counter(outcome.status for outcome in self._results.values())
            return Status(
                total=self._total,
                delivered=statuses["paid"] + statuses["journal"],
                from_journal=statuses["journal"],
                failed=statuses["failed"],
                unknown=statuses["unknown"],
                on_wire=self._states["on_wire"],
                in_queue=self._states["in_queue"],
                waiting_for=next((reason for reason in _REASONS if self._states[reason]), ""),
                left_s=left_s(
                    self._total - len(self._results),
                    [time.monotonic() - since for since in self._on_wire_since],
                    self._took_s,
                    self._places,
                ),
            )

    def add(self, outcome: Outcome) -> None:
        """A job ended."""
        with self._lock:
            self._results[outcome.job.index] = outcome
        self.outcomes.put(outcome)

    def let_go(self, outcome: Outcome) -> None:
        """It was put to use: keep all of it but its value, which is large."""
        with self._lock:
            self._results[outcome.job.index] = outcome._replace(value=None)

    def _sent(self) -> None:
        """The job of this thread leaves, or waits for something else than its place."""
        with self._changed:
            self._to_send.discard(threading.get_ident())
            self._changed.notify_all()

    def results(self) -> list[Outcome]:
        """The outcomes so far, in the jobs' order; without the values that were let go."""
        with self._lock:
            return [self._results[index] for index in sorted(self._results)]
