"""Gets the pictures of a run side by side: from the journal, from an equal run, or by paying."""

from __future__ import annotations

import atexit
import itertools
import logging
import queue
import threading
import time
import weakref
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from .flights import Flights
from .job import Status
from .purchase import Purchase

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..volcengine.client import Client
    from ..volcengine.errors import VolcengineError
    from .job import Job, Outcome, Waiting
    from .journal import Journal
    from .limiter import Limiter

_LOG = logging.getLogger(__name__)
_MAX_THREADS = 16
# How long the end of the process waits for calls on the wire.
_LANDING_S = 15.0


class Runner:
    """Everything that the runs of one account share.

    Args:
        client: Speaks to the service.
        limiter: The account's.
        journal: The folder of paid pictures.
    """

    def __init__(self, client: Client, limiter: Limiter, journal: Journal) -> None:
        self.client = client
        self.limiter = limiter
        self.journal = journal
        self.flights: Flights[Outcome] = Flights()
        self._numbers = itertools.count(1)

    def start(self, jobs: Sequence[Job], decode: Callable[[tuple[bytes, ...]], Any]) -> Run:
        """Begin at once, on daemon threads that outlive the prompt.

        Args:
            jobs: What is wanted.
            decode: Makes the value of an outcome of the pictures' bytes; a ValueError means they are no pictures.
                Called on a thread of the run, after the bytes are in the journal.
        """
        run = Run(self, next(self._numbers), list(jobs), decode)
        run.start()
        return run


class Run:
    """The jobs of one node at one time.

    Attributes:
        number: Tells runs apart.
        outcomes: Filled as the jobs end, in any order.
        done: Set when all have ended, or were given up after a cancel.
    """

    def __init__(
        self,
        runner: Runner,
        number: int,
        jobs: list[Job],
        decode: Callable[[tuple[bytes, ...]], Any],
    ) -> None:
        self.number = number
        self.decode = decode
        self.outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self.done = threading.Event()
        self._runner = runner
        self._total = len(jobs)
        self._jobs = deque(jobs)
        self._lock = threading.Lock()
        self._results: dict[int, Outcome] = {}
        self._cancelled = threading.Event()
        self._turned_away = False
        self._stopped_by: VolcengineError | None = None
        self._states: Counter[Waiting | str] = Counter()
        self._threads = min(len(jobs), _MAX_THREADS)
        if not jobs:
            self.done.set()

    def start(self) -> None:
        """Start the threads."""
        _under_way.add(self)
        for number in range(self._threads):
            name = f"volc-inpaint-run-{self.number}-{number}"
            threading.Thread(target=self._work, name=name, daemon=True).start()

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

    def state(self, name: Waiting | str, change: int) -> None:
        """Count a job into or out of a state: a reason to wait, `on_wire`, `in_queue` or `kept_task`."""
        with self._lock:
            self._states[name] += change

    def to_land(self) -> tuple[int, int]:
        """What the end of the process would cut off, beside tasks, whose numbers are on the disk.

        Returns:
            Calls on the wire, and threads at work.
        """
        with self._lock:
            kept = self._states["kept_task"]
            return self._states["on_wire"] - kept, self._threads - kept

    def status(self) -> Status:
        """How the run stands now."""
        with self._lock:
            statuses = Counter(outcome.status for outcome in self._results.values())
            waiting: Waiting = ""
            for reason in ("retry", "another_run", "allowance"):
                if self._states[reason] > 0:
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

    def results(self) -> list[Outcome]:
        """The outcomes so far, in the jobs' order."""
        with self._lock:
            return [self._results[index] for index in sorted(self._results)]

    def _work(self) -> None:
        try:
            while not self.cancelled():
                try:
                    job = self._jobs.popleft()
                except IndexError:
                    break
                outcome = Purchase(self._runner, self, job).obtain()
                if outcome is None:
                    break
                with self._lock:
                    self._results[outcome.index] = outcome
                self.outcomes.put(outcome)
        finally:
            with self._lock:
                self._threads -= 1
                last = self._threads == 0
            if last:
                self._runner.limiter.forget(self.number)
                self._runner.journal.forget(self.number)
                self.done.set()


_under_way: weakref.WeakSet[Run] = weakref.WeakSet()


@atexit.register
def _let_calls_land() -> None:
    """The process ends: send nothing new, but let what is on the wire reach the journal, for it may be paid."""
    runs = [run for run in _under_way if not run.done.is_set()]
    for run in runs:
        run.cancel()
    calls = sum(run.to_land()[0] for run in runs)
    if calls:
        _LOG.warning(
            "Waiting up to %g s for %d paid pictures; Ctrl-C gives them up.", _LANDING_S, calls
        )
    deadline = time.monotonic() + _LANDING_S
    while any(run.to_land()[1] for run in runs) and time.monotonic() < deadline:
        time.sleep(0.05)
