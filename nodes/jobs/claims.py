"""Who is buying what, within a process and between processes: the right to buy one picture, and a note of what is under way."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .job import Receipt

if TYPE_CHECKING:
    from pathlib import Path

# What is known of the money for one picture: none was spent, perhaps it was, or it was and the picture is kept.
Money = Literal["unspent", "in doubt", "kept"]
_STATES = ("sent", "submitted", "paid", "no_picture")


@dataclass(frozen=True)
class Trace:
    """What a later run finds of a call if its process dies; holds no secret.

    Attributes:
        state: `sent`: perhaps billed. `submitted`: as the task `task_id`. `paid`: its picture is behind the links of
            `receipt`. `no_picture`: what came was none. `unreadable`: a note that nobody can read is still a trace.
        at: When, in seconds since 1970 UTC; None if nobody knows.
        host: Name of the machine.
        process: Number of the process.
        seed: As sent.
        task_id: The service's name for the task.
        receipt: Of the paid picture.
    """

    state: Literal["sent", "submitted", "paid", "no_picture", "unreadable"]
    at: float | None = None
    host: str = ""
    process: int = 0
    seed: int | None = None
    task_id: str = ""
    receipt: Receipt | None = None

    @classmethod
    def now(
        cls,
        state: Literal["sent", "submitted", "paid", "no_picture"],
        seed: int | None,
        *,
        task_id: str = "",
        receipt: Receipt | None = None,
    ) -> Trace:
        """Of this moment and this process."""
        return cls(state, time.time(), platform.node(), os.getpid(), seed, task_id, receipt)

    @classmethod
    def read(cls, content: bytes) -> Trace | None:
        """From a file; None if it is empty, or of zeros as a power cut leaves them."""
        if not content.strip(b"\0"):
            return None
        try:
            fields = json.loads(content)
        except ValueError:
            fields = None
        if not isinstance(fields, dict) or fields.get("state") not in _STATES:
            return cls("unreadable")

        def field(name: str, *kinds: type) -> Any:
            value = fields.get(name)
            return value if isinstance(value, kinds) else None

        report = field("report", dict)
        return cls(
            state=fields["state"],
            at=field("at", int, float),
            host=field("host", str) or "",
            process=field("process", int) or 0,
            seed=field("seed", int),
            task_id=field("task_id", str) or "",
            receipt=None if report is None else Receipt.read(report),
        )

    def to_json(self) -> bytes:
        """As it is written down."""
        fields: dict[str, Any] = {
            "state": self.state,
            "at": self.at,
            "host": self.host,
            "process": self.process,
            "seed": self.seed,
        }
        if self.task_id:
            fields["task_id"] = self.task_id
        if self.receipt is not None:
            fields["report"] = self.receipt.to_json()
        return json.dumps(fields).encode()

    def is_ours(self) -> bool:
        """Whether this process left it."""
        return (self.host, self.process) == (platform.node(), os.getpid())


class Claim:
    """A claim that is held, for a `with` block. What is known of the money at its end says what becomes of the note.

    Attributes:
        left_behind: The note of an earlier claim that never got its picture.
        money: `unspent`: all is as it was found. `in doubt`: the note stays, for the next claim to read. `kept`: the
            picture is in the journal, and no note is needed any more.
    """

    def __init__(self, file: LockedFile) -> None:
        self._file = file
        self._found = file.read()
        self._written = False
        self.left_behind = Trace.read(self._found)
        self.money: Money = "in doubt" if self.left_behind else "unspent"

    @classmethod
    def try_make(cls, path: Path) -> Claim | None:
        """Claim what the file `path` stands for; None while another holds it.

        Raises:
            OSError: The file can be neither made nor locked.
        """
        file = LockedFile.try_open(path)
        return None if file is None else cls(file)

    @staticmethod
    def peek(path: Path) -> Trace | None:
        """The note in what the file `path` stands for, whoever holds it; None if there is none that can be read."""
        try:
            return Trace.read(path.read_bytes())
        except OSError:
            return None

    def __enter__(self) -> Claim:
        return self

    def __exit__(self, *_: object) -> None:
        if self.money == "unspent" and self.left_behind and self._written:
            with contextlib.suppress(OSError):
                self._file.write(self._found)
        self._file.close(
            remove=self.money == "kept" or (self.money == "unspent" and not self.left_behind)
        )

    def write(self, trace: Trace) -> None:
        """Note what is about to happen: from now on the money is in doubt. On the disk when this returns.

        Raises:
            OSError: It cannot be written, so it must not happen.
        """
        self._written = True
        self._file.write(trace.to_json())
        self.money = "in doubt"

    def unspent(self) -> None:
        """What was noted came to an end that costs nothing."""
        self.money = "unspent"

    def clear(self) -> None:
        """What was left behind came to an end that costs nothing; as if it had never been."""
        self.left_behind, self._found = None, b""
        self.money = "unspent"

    def doubt(self) -> None:
        """The picture was paid, but what came is none."""
        self.money = "in doubt"

    def keep(self) -> None:
        """The picture is in the journal."""
        self.money = "kept"


# What a system says of a lock that another holds. Anything else is a folder that knows no locks.
_HELD = frozenset({errno.EACCES, errno.EAGAIN, errno.EDEADLK, getattr(errno, "EDEADLOCK", 0)})
_TRIES = 100


class LockedFile:
    """A small file that this process alone may read and write until it closes it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def try_open(cls, path: Path) -> LockedFile | None:
        """Create or open `path` and lock it; None if somebody else has it locked.

        Raises:
            OSError: The file can be neither made nor opened, or its folder knows no locks.
        """
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        for _ in range(_TRIES):
            try:
                descriptor = os.open(path, flags, 0o600)
            except PermissionError:
                if sys.platform == "win32":
                    return None  # being removed by its owner right now
                raise
            try:
                _lock(descriptor)
            except OSError as error:
                os.close(descriptor)
                if error.errno in _HELD:
                    return None
                raise
            # Its last owner may have removed it between our open and our lock.
            with contextlib.suppress(FileNotFoundError):
                if os.fstat(descriptor).st_ino == path.stat().st_ino:
                    return cls(path, descriptor)
            os.close(descriptor)
        return None

    def read(self) -> bytes:
        """The whole content."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        parts = []
        while part := os.read(self._descriptor, 1 << 16):
            parts.append(part)
        return b"".join(parts)

    def write(self, content: bytes) -> None:
        """Replace the content; on the disk when this returns."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        left = memoryview(content)
        while left:
            left = left[os.write(self._descriptor, left) :]
        os.ftruncate(self._descriptor, len(content))
        os.fsync(self._descriptor)

    def close(self, *, remove: bool) -> None:
        """Unlock; with `remove` the file is gone, or at least empty if that can be done."""
        with contextlib.suppress(OSError):
            if remove:
                os.ftruncate(self._descriptor, 0)
                if sys.platform != "win32":
                    self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            # Not by closing alone: a process forked off meanwhile would go on holding it.
            _unlock(self._descriptor)
        os.close(self._descriptor)
        if remove and sys.platform == "win32":
            with contextlib.suppress(OSError):
                self._path.unlink()


if sys.platform == "win32":
    import msvcrt

    # Far behind the content, which stays readable for others.
    _OFFSET = 1 << 30

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _OFFSET, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, _OFFSET, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
