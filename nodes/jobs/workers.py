"""The threads of a run: they get its pictures side by side, from the journal or by paying."""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
from typing import TYPE_CHECKING, Any

from . import ending, messages
from .book import open_book
from .booking import Booking, Origin
from .job import drafts
from .limit import Limit
from .purchase import Purchase, to_buy
from .run import Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from .account import Account
    from .job import Job, Wanted

_LOG = logging.getLogger(__name__)
# A few more than calls at once by default: what the journal holds needs no place.
_THREADS = 16
# Jobs that are made although no place is free for them, so that a place that comes free finds one.
_AHEAD = 2
_NOBODY = Origin()
_numbers = itertools.count(1)


def start(
    account: Account,
    jobs: Wanted,
    decode: Callable[[tuple[bytes, ...]], Any],
    *,
    calls_per_day: int = 0,
    origin: Origin = _NOBODY,
    check: Callable[[], None] = lambda: None,
) -> Run:
    """Begin at once, on daemon threads that outlive the prompt.

    Args:
        account: Who pays.
        jobs: What is wanted. They are asked for one after the other, on a thread of the run, each when the one before it
            has found a place among the account's calls or nearly so: what they hold need not all be in memory.
        decode: Makes the value of an outcome of the pictures' bytes; a ValueError means they are no pictures.
            Called on a thread of the run, after the bytes are in the journal.
        calls_per_day: The limit; 0 for none.
        origin: Who asks.
        check: Called while other runs reserve their calls; may raise.

    Raises:
        LimitReachedError: The calls that are needed do not all fit into what is left of the day.
        VolcengineError: There is a limit, and the account book cannot be written or read.
    """
    with contextlib.suppress(OSError):  # said when something is to be bought
        account.journal.make_folder()
    book = open_book(account.journal.directory)
    try:
        limit = Limit(book, calls_per_day)
        reserved = limit.reserve(to_buy(account, drafts(jobs)) if calls_per_day else 0, check)
    except OSError as error:
        raise messages.unwritable(error) from error
    run = Run(next(_numbers), len(jobs), Booking(book, reserved, origin), origin.waited_s)
    if not len(jobs):
        run.done.set()
        return run
    ending.watch(run, account.journal)
    source, taking = iter(jobs), threading.Lock()

    def take() -> Job | None:
        with taking:
            run.wait_until_fewer_are_to_send(_AHEAD)
            try:
                job = None if run.cancelled() else next(source, None)
            except Exception as error:  # noqa: BLE001 - a bug must not hang the node that waits
                _LOG.exception("a job cannot be made")
                run.broken = error
                run.cancel()
                return None
            if job is not None:
                run.taken()
            return job

    wanted = min(len(jobs), max(_THREADS, account.limiter.cap))
    left, leaving = wanted, threading.Lock()

    def leave(threads: int = 1) -> None:
        nonlocal left
        with leaving:
            left -= threads
            if left:
                return
        account.limiter.forget(run.number)
        account.journal.forget(run.number)
        run.booking.close()
        run.done.set()

    def work() -> None:
        try:
            while (job := take()) is not None:
                with run.working():
                    outcome = Purchase(account, run, job, decode).obtain()
                if outcome is not None:
                    run.add(outcome)
                del job, outcome  # and what they hold, while the next one is awaited
        finally:
            leave()

    for number in range(wanted):
        name = f"volc-inpaint-run-{run.number}-{number}"
        try:
            threading.Thread(target=work, name=name, daemon=True).start()
        except RuntimeError as error:  # a container's limit, say; fewer threads do the same
            _LOG.warning("only %d of %d threads for a run: %s", number, wanted, error)
            if not number:
                run.broken = messages.no_threads()
            leave(wanted - number)
            break
    return run
