"""The right to buy one picture, held by one process at a time, with a note of what is under way."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

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


# What a system says of a lock that another holds. Anything else is a folder that knows no locks.
_HELD = frozenset({errno.EACCES, errno.EAGAIN, errno.EDEADLK, getattr(errno, "EDEADLOCK", 0)})
_TRIES = 100


class Claim:
    """A claim that is held. One of `settle`, `withdraw` and `leave` ends it.

    Attributes:
        left_behind: The note of an earlier claim that never got its picture; empty if there is none.
    """

    def __init__(self, file: LockedFile) -> None:
        self._file = file
        self._found = file.read()
        self._written = False
        self.left_behind = _note(self._found)

    @classmethod
    def try_make(cls, path: Path) -> Claim | None:
        """Claim what the file `path` stands for; None while another holds it.

        Raises:
            OSError: The file can be neither made nor locked.
        """
        file = LockedFile.try_open(path)
        return None if file is None else cls(file)

    @staticmethod
    def peek(path: Path) -> dict[str, Any]:
        """The note in what the file `path` stands for, whoever holds it; empty if there is none that can be read."""
        try:
            return _note(path.read_bytes())
        except OSError:
            return {}

    def write(self, note: Mapping[str, Any]) -> None:
        """Note what is about to happen; on the disk when this returns.

        Raises:
            OSError: It cannot be written.
        """
        self._written = True
        self._file.write(json.dumps(dict(note)).encode())

    def clear(self) -> None:
        """What was left behind has come to an end that costs nothing; as if it had never been."""
        self.left_behind, self._found = {}, b""

    def settle(self) -> None:
        """The picture is kept: no note is needed any more."""
        self._file.close(remove=True)

    def withdraw(self) -> None:
        """Nothing was bought: all is as it was found."""
        if self.left_behind and self._written:
            with contextlib.suppress(OSError):
                self._file.write(self._found)
        self._file.close(remove=not self.left_behind)

    def leave(self) -> None:
        """The note stays, for the next claim to read."""
        self._file.close(remove=False)


def _note(content: bytes) -> dict[str, Any]:
    if not content.strip(b"\0"):
        return {}
    try:
        note = json.loads(content)
    except ValueError:
        note = None
    # A note nobody can read is still a trace of a call.
    return note if isinstance(note, dict) and note else {"state": "unreadable"}


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
