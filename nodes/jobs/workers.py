"""The threads of a run: they get its pictures side by side, from the journal or by paying."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from . import ending, messages
from .book import open_book
from .booking import Booking, Origin
from .limit import Limit
from .purchase import Purchase, to_buy
from .run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .account import Account
    from .job import Job

_MAX_THREADS = 16
_NOBODY = Origin()
_numbers = itertools.count(1)


def start(
    account: Account,
    jobs: Sequence[Job],
    decode: Callable[[tuple[bytes, ...]], Any],
    *,
    calls_per_day: int = 0,
    origin: Origin = _NOBODY,
    check: Callable[[], None] = lambda: None,
) -> Run:
    """Begin at once, on daemon threads that outlive the prompt.

    Args:
        account: Who pays.
        jobs: What is wanted.
        decode: Makes the value of an outcome of the pictures' bytes; a ValueError means they are no pictures.
            Called on a thread of the run, after the bytes are in the journal.
        calls_per_day: The limit; 0 for none.
        origin: Who asks.
        check: Called while other runs reserve their calls; may raise.

    Raises:
        LimitReachedError: The calls that are needed do not all fit into what is left of the day.
        VolcengineError: There is a limit, and the account book cannot be written or read.
    """
    book = open_book(account.journal.directory)
    try:
        limit = Limit(book, calls_per_day)
        reserved = limit.reserve(to_buy(account, jobs) if calls_per_day else 0, check)
    except OSError as error:
        raise messages.unwritable(error) from error
    run = Run(next(_numbers), len(jobs), Booking(book, reserved, origin))
    if not jobs:
        run.done.set()
        return run
    ending.watch(run)
    left = deque(jobs)

    def close() -> None:
        account.limiter.forget(run.number)
        account.journal.forget(run.number)
        run.booking.close()
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
