"""The limit of calls a day, kept by all processes that share the account book."""

from __future__ import annotations

import contextlib
import errno
import json
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from ..volcengine.errors import VolcengineError
from ..words import Text
from .book import new_number
from .book_lines import DAY_S, day, midnight
from .locks import LockedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .book import Book

# A reservation takes milliseconds.
_LONGEST_WAIT_S = 20.0
_POLL_S = 0.01


class LimitReachedError(VolcengineError):
    """The calls that are wanted do not fit into what is left of the day; nothing was sent for them."""

    def __init__(self, wanted: int, left: int, limit: int) -> None:
        text = Text(
            f"This needs {wanted} new calls, but {left} of the {limit} a day are left, so nothing was bought. Ask for fewer "
            "variants, or wait until midnight in Beijing (UTC+8), or raise the limit: VOLC_MAX_CALLS_PER_DAY in the "
            "environment of the ComfyUI server, else Settings › Volcengine.",
            f"需要 {wanted} 次新调用，但每日 {limit} 次中仅剩 {left} 次，因此未购买。请减少变体数量，或等到北京时间零点，"
            "或提高上限：ComfyUI 服务器的环境变量 VOLC_MAX_CALLS_PER_DAY，或“设置 › Volcengine”。",
        )
        super().__init__(text)


class Limit:
    """So many calls a day of Beijing (UTC+8), as on the bill; 0 for no limit.

    What counts: calls that were sent unless they failed for certain, and what living processes have reserved.
    """

    def __init__(self, book: Book, calls: int) -> None:
        self.book = book
        self.calls = calls

    def left(self) -> int:
        """Of today.

        Raises:
            OSError: The book cannot be read.
        """
        return max(0, self.calls - self.used(()))

    def reserve(self, wanted: int, check: Callable[[], None] = lambda: None) -> Reserved:
        """Set `wanted` new calls aside for one run, all of them or none; `check` is called while others are waited for.

        Raises:
            LimitReachedError: They do not all fit.
            OSError: The book cannot be written or read, or its folder knows no locks.
        """
        reserved = Reserved(self)
        if self.calls and wanted:
            reserved.add(wanted, check)
        return reserved

    def used(self, known: Iterable[str]) -> int:
        """Calls of today, and those that are reserved."""
        now = time.time()
        today = midnight(now)
        # Of a run that lasts over midnight the earlier calls have used up what it reserved.
        reading = self.book.read(_months(now), known, today - DAY_S)
        sent = [call for call in reading.calls.values() if call.state != "failed"]
        used_up = Counter(call.reservation for call in sent)
        return sum(call.at >= today for call in sent) + sum(
            max(0, calls - used_up[number]) for number, calls in reading.reservations.items()
        )

    @contextlib.contextmanager
    def alone(self, check: Callable[[], None]) -> Iterator[list[str]]:
        """Keep all others out; yields the files of the book that are in use.

        They are listed in the locked file, for some file systems show a new file to other machines only after seconds.
        """
        path = self.book.directory / "limit.lock"
        deadline = time.monotonic() + _LONGEST_WAIT_S
        while (lock := LockedFile.try_open(path)) is None:
            check()
            if time.monotonic() > deadline:
                raise TimeoutError(errno.ETIMEDOUT, "another process holds its limit.lock")
            time.sleep(_POLL_S)
        try:
            mine, months = self.book.file_name(time.time()), _months(time.time())
            known = [name for name in _names(lock.read()) if name[:7] in months]
            if mine not in known:
                known.append(mine)
                lock.write(json.dumps(known).encode())
            yield known
        finally:
            lock.close(remove=False)


class Reserved:
    """The calls that one run may send. Without a limit it is empty, and every call may be sent."""

    def __init__(self, limit: Limit) -> None:
        self.number = new_number() if limit.calls else ""
        self._limit = limit
        self._lock = threading.Lock()
        self._held = 0
        self._free = 0

    def add(self, calls: int, check: Callable[[], None] = lambda: None) -> None:
        """Set more aside; `check` as for `Limit.reserve`.

        Raises:
            LimitReachedError: They do not all fit.
            OSError: As `Limit.reserve`.
        """
        limit, book = self._limit, self._limit.book
        with limit.alone(check) as known:
            # Written before it is counted: where a lock does not reach another machine, that one sees it all the same,
            # and two that come together are both refused instead of both let in.
            book.reserved(self.number, self._held + calls)
            used = limit.used(known)
            if used > limit.calls:
                if self._held:
                    book.reserved(self.number, self._held)
                else:
                    book.released(self.number)
                raise LimitReachedError(calls, max(0, limit.calls - used + calls), limit.calls)
        self._held += calls
        self._free += calls

    def take(self) -> None:
        """A call is about to be sent.

        Raises:
            LimitReachedError: It is one more than were reserved, and does not fit.
            OSError: As `Limit.reserve`.
        """
        if not self.number:
            return
        with self._lock:
            if not self._free:
                self.add(1)
            self._free -= 1

    def give_back(self) -> None:
        """It failed for certain, or was not sent; another may be sent in its place."""
        with self._lock:
            self._free += 1

    def release(self) -> None:
        """The run sends no more calls."""
        if self._held:
            self._limit.book.released(self.number)


def _months(now: float) -> tuple[str, ...]:
    """Those in which something may stand that counts today: a run may last over midnight."""
    return tuple({day(now)[:7], day(now - DAY_S)[:7]})


def _names(content: bytes) -> list[str]:
    """Of the files that a locked file lists; nothing of what no longer can be read."""
    try:
        names = json.loads(content)
    except ValueError:
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
