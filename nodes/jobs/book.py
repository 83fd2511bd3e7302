"""The account book: every call leaves a line, whatever became of it, so that its sums are those of the bill.

It lies in a folder beside the journal's entries: one file for each process and month, only ever appended to, so that
nobody writes where another does. A line is a JSON object; what the lines say of a call is put together by its number, in
whatever order the files are read. It holds no secret and no picture, and outlives the entries that the journal's size
limit removes.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import os
import platform
import re
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any, Literal

from .book_lines import BookFile, day, put_together
from .files import open_private
from .folders import this_machine_only
from .locks import LockedFile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from .book_lines import Asked, Reading

_LOG = logging.getLogger(__name__)

FOLDER = "book"
_LONGEST_PROMPT = 1000
# Who looks whether a process lives holds its lock for a moment; more is a folder whose locks do not work.
_LONGEST_LOOK_S = 5.0
# Where locks end at their own machine, a process of another one that is silent for so long counts as dead.
_SILENT_S = 3600.0

# Of this process: its machine, so that nobody takes the dead of another for its own, and a number no other has.
_MACHINE = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
_PROCESS = f"{_MACHINE}-{uuid.uuid4().hex[:12]}"
_MONTH = re.compile(r"\d{4}-\d\d")
_NAME = re.compile(_MONTH.pattern + r"-[0-9a-f]{8}-[0-9a-f]{12}\.jsonl")
_writing = threading.Lock()
_alive: dict[Path, LockedFile] = {}
_books: dict[Path, Book] = {}


class Book:
    """The book of a journal. Safe between threads and between processes that share the folder.

    Args:
        journal: The journal's folder.
        reach: Whether a lock in it holds for other machines, too.
    """

    def __init__(self, journal: Path, *, reach: bool = True) -> None:
        self.directory = journal / FOLDER
        self._reach = reach
        self._unwritten: dict[str, list[bytes]] = {}
        self._torn: set[str] = set()
        self._files: dict[str, BookFile] = {}
        self._reading = threading.Lock()

    def sent(self, asked: Asked, reservation: str = "") -> str:
        """A call is about to be sent; its number.

        Raises:
            OSError: The line cannot be written, so nothing may be sent.
        """
        number = new_number()
        shortened = asked._replace(prompt=asked.prompt[:_LONGEST_PROMPT])
        more: dict[str, Any] = {"of": reservation} if reservation else {}
        self._write("sent", id=number, **more, **shortened._asdict())
        return number

    def withdrawn(self, number: str) -> None:
        """It was not sent after all."""
        self._write("withdrawn", late=True, id=number)

    def submitted(self, number: str, task_id: str, request_id: str) -> None:
        """Its task was accepted."""
        self._write("submitted", late=True, id=number, task_id=task_id, request_id=request_id)

    def ended(
        self,
        number: str,
        state: Literal["paid", "failed", "unknown"],
        code: int | str = 0,
        request_id: str = "",
    ) -> None:
        """What became of it."""
        self._write(state, late=True, id=number, code=code, request_id=request_id)

    def task_ended(
        self,
        task_id: str,
        submitted_at: float,
        asked: Asked,
        state: Literal["fetched", "failed"],
        code: int | str = 0,
        request_id: str = "",
    ) -> None:
        """What became of a task that an earlier run had submitted: fetched, or not billed.

        When it was submitted is in seconds since 1970 UTC.
        """
        self._write(
            state,
            late=True,
            task_id=task_id,
            submitted_at=submitted_at,
            code=code,
            request_id=request_id,
            **asked._asdict(),
        )

    def served(self, asked: Asked) -> None:
        """The journal served a picture, which is no call."""
        self._write("journal", late=True, **asked._asdict())

    def deleted(self, key: str) -> None:
        """Somebody deleted an entry of the journal."""
        self._write("deleted", late=True, key=key)

    def tick(self, number: str, *, ticked: bool) -> None:
        """Somebody compared a call with the bill, or takes that back.

        Raises:
            OSError: It cannot be written.
        """
        self._write("ticked" if ticked else "unticked", id=number)

    def reserved(self, number: str, calls: int) -> None:
        """A run may send `calls` calls in all; replaces what was said of this reservation before.

        Raises:
            OSError: It cannot be written.
        """
        self._write("reserved", id=number, calls=calls)

    def released(self, number: str) -> None:
        """A run sends no more calls."""
        self._write("released", late=True, id=number)

    def read(
        self, months: Iterable[str] = (), also: Iterable[str] = (), since: float = 0.0
    ) -> Reading:
        """What the book says now.

        Args:
            months: As in `2026-11`; all of them if none is given.
            also: Names of files that may be too new for the folder's list to show them.
            since: Calls sent earlier are left out, in seconds since 1970 UTC.

        Raises:
            OSError: The folder or one of its files cannot be read.
        """
        months = tuple(months)
        with self._reading:
            names = set(also)
            with contextlib.suppress(FileNotFoundError):
                names |= {path.name for path in self.directory.iterdir()}
            chosen = [
                name
                for name in sorted(names)
                if _NAME.fullmatch(name) and (not months or name[:7] in months)
            ]
            living = {process for process in map(_process_of, chosen) if self._lives(process)}
            for name in chosen:
                file = self._files.setdefault(name, BookFile(_process_of(name)))
                if not file.complete:
                    file.read(self.directory / name)
                    # A dead process adds nothing: its file need not be opened again.
                    file.complete = file.process not in living
            return put_together([self._files[name] for name in chosen], living, since)

    @staticmethod
    def file_name(at: float) -> str:
        """Of the file that this process writes at a time."""
        return f"{day(at)[:7]}-{_PROCESS}.jsonl"

    def _lives(self, process: str) -> bool:
        """Whether a process may still write; known by its lock, which dies with it."""
        if process == _PROCESS:
            return True
        path = self.directory / f"{process}.lock"
        try:
            last_sign = path.stat().st_mtime
            lock = LockedFile.try_open(path)
        except FileNotFoundError:
            return False
        except OSError:
            return True  # not known, so what it reserved counts
        if lock is None:
            return True
        foreign = not self._reach and not process.startswith(_MACHINE)
        lives = foreign and time.time() - last_sign < _SILENT_S
        lock.close(remove=not lives)
        return lives

    def _write(self, state: str, *, late: bool = False, **fields: Any) -> None:
        """What is said `late` has happened already: a full disk must not cost the picture that came with it."""
        at = round(time.time(), 3)
        text = json.dumps({"state": state, "at": at, **fields}, ensure_ascii=False)
        # half a character in a node's title is no error
        line = text.encode(errors="replace") + b"\n"
        # What is said of a call stands in the file in which it began, even when the month has changed since.
        of_call = _MONTH.match(str(fields.get("id", "")))
        month = of_call[0] if of_call else day(at)[:7]
        failure: OSError | None = None
        with _writing:
            try:
                try:
                    self._show_life()
                    self._append(month, line)
                except FileNotFoundError:  # somebody deleted the folder meanwhile
                    self._show_life(anew=True)
                    self._append(month, line)
            except OSError as error:
                if not late:
                    raise
                self._unwritten.setdefault(month, []).append(line)
                failure = error
        if failure is not None:  # a console that stands still must not keep the book from others
            _LOG.error("account book", exc_info=failure)

    def _append(self, month: str, line: bytes) -> None:
        """Add what could not be added before, then `line`, in one piece."""
        lines = [*self._unwritten.get(month, ()), line]
        # After a line that a full disk tore, begin anew.
        content = memoryview((b"\n" if month in self._torn else b"") + b"".join(lines))
        path = self.directory / f"{month}-{_PROCESS}.jsonl"
        descriptor = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            self._torn.add(month)
            while content:
                content = content[os.write(descriptor, content) :]
            self._torn.discard(month)
            self._unwritten.pop(month, None)
        finally:
            os.close(descriptor)

    def _show_life(self, *, anew: bool = False) -> None:
        """Hold a lock as long as this process lives."""
        path = self.directory / f"{_PROCESS}.lock"
        if anew and path in _alive:
            _alive.pop(path).close(remove=False)
        if path not in _alive:
            self.directory.mkdir(mode=0o700, exist_ok=True)
            deadline = time.monotonic() + _LONGEST_LOOK_S
            while (lock := LockedFile.try_open(path)) is None:
                if time.monotonic() > deadline:
                    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
                time.sleep(0.001)
            _alive[path] = lock
        if not self._reach:
            os.utime(path)


def open_book(journal: Path) -> Book:
    """The book of a journal; one for all that write or read it in this process."""
    with _writing:
        if journal not in _books:
            _books[journal] = Book(journal, reach=not this_machine_only(journal))
        return _books[journal]


def new_number() -> str:
    """Of a call or a reservation; begins with the month of the file that tells of it, `2026-11`."""
    return f"{day(time.time())[:7]}-{uuid.uuid4().hex[:16]}"


def _process_of(name: str) -> str:
    """Of a file's name, `2026-11-<process>.jsonl`."""
    return name[8:].removesuffix(".jsonl")
