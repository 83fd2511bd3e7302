"""The threads of a run: they get its pictures side by side, from the journal or by paying."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from . import ending
from .purchase import Purchase
from .run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .account import Account
    from .job import Job

_MAX_THREADS = 16
_numbers = itertools.count(1)


def start(account: Account, jobs: Sequence[Job], decode: Callable[[tuple[bytes, ...]], Any]) -> Run:
    """Begin at once, on daemon threads that outlive the prompt.

    Args:
        account: Who pays.
        jobs: What is wanted.
        decode: Makes the value of an outcome of the pictures' bytes; a ValueError means they are no pictures.
            Called on a thread of the run, after the bytes are in the journal.
    """
    run = Run(next(_numbers), len(jobs))
    if not jobs:
        run.done.set()
        return run
    ending.watch(run)
    left = deque(jobs)

    def close() -> None:
        account.limiter.forget(run.number)
        account.journal.forget(run.number)
        run.done.set()

    threads = min(len(jobs), _MAX_THREADS)
    all_ended = threading.Barrier(threads, close)

    def work() -> None:
        try:
            while not run.cancelled():
                try:
                    job = left.popleft()
                except IndexError:
                    break
                with run.counted("at_work"):
                    outcome = Purchase(account, run, job, decode).obtain()
                if outcome is None:
                    break
                run.add(outcome)
        finally:
            all_ended.wait()

    for number in range(threads):
        name = f"volc-inpaint-run-{run.number}-{number}"
        threading.Thread(target=work, name=name, daemon=True).start()
    return run
