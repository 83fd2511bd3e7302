"""A small file that one process alone may read and write; its lock dies with the process, on every system."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from typing import TYPE_CHECKING

from .files import open_private

if TYPE_CHECKING:
    from pathlib import Path

# What a system says of a lock that another holds. Anything else is a folder that knows no locks.
_HELD = frozenset({errno.EACCES, errno.EAGAIN, errno.EDEADLK, getattr(errno, "EDEADLOCK", 0)})
# What file systems say of a file that another machine, or its last owner, has just removed or made. On Windows one that is
# being removed cannot be opened.
_CHANGED_ELSEWHERE = frozenset(
    {errno.ENOENT, errno.EEXIST, errno.EPERM, errno.ESTALE}
    | ({errno.EACCES} if sys.platform == "win32" else set())
)
# For how long they go on saying so, at most, and how often to ask.
_SETTLING_S = 5.0
_SETTLING_PAUSE_S = 0.02


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
        deadline = time.monotonic() + _SETTLING_S
        while True:
            try:
                return cls._open(path)
            except OSError as error:
                if error.errno not in _CHANGED_ELSEWHERE or time.monotonic() > deadline:
                    raise
            time.sleep(_SETTLING_PAUSE_S)
            # Two machines that make a folder at once may both be told that it is there, and neither has made it.
            with contextlib.suppress(OSError):
                path.parent.mkdir(mode=0o700)

    @classmethod
    def _open(cls, path: Path) -> LockedFile | None:
        with contextlib.ExitStack() as undo:
            descriptor = open_private(path, os.O_RDWR | os.O_CREAT)
            undo.callback(os.close, descriptor)
            try:
                _lock(descriptor)
            except OSError as error:
                if error.errno in _HELD:
                    return None
                raise
            # A file system between machines goes on showing a name or a length for a second; changing something of the
            # file has it ask.
            os.utime(path)
            if os.fstat(descriptor).st_ino != path.stat().st_ino:
                raise OSError(errno.ESTALE, "removed between opening and locking")
            undo.pop_all()
            return cls(path, descriptor)

    def read(self) -> bytes:
        """The whole content."""
        with open(self._descriptor, "rb", buffering=0, closefd=False) as file:
            file.seek(0)
            return file.read()

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
                    self._path.unlink()
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
