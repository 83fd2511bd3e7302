"""A lock on a file that dies with its process, on every system."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    # Far behind the content, which stays readable for others.
    _OFFSET = 1 << 30

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, _OFFSET, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


class LockedFile:
    """A small file that this process alone may read and write until it closes it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def try_open(cls, path: Path) -> LockedFile | None:
        """Create or open `path` and lock it; None if somebody else has it locked.

        Raises:
            OSError: The file can be neither made nor opened.
        """
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        while True:
            try:
                descriptor = os.open(path, flags, 0o600)
            except PermissionError:
                if sys.platform == "win32":
                    return None  # being removed by its owner right now
                raise
            if not _try_lock(descriptor):
                os.close(descriptor)
                return None
            # Its last owner may have removed it between our open and our lock.
            with contextlib.suppress(FileNotFoundError):
                if os.fstat(descriptor).st_ino == path.stat().st_ino:
                    return cls(path, descriptor)
            os.close(descriptor)

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
        os.write(self._descriptor, content)
        os.ftruncate(self._descriptor, len(content))
        os.fsync(self._descriptor)

    def close(self, *, remove: bool) -> None:
        """Unlock; with `remove` the file is gone, or at least empty."""
        if remove:
            os.ftruncate(self._descriptor, 0)
            if sys.platform != "win32":
                self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        if remove and sys.platform == "win32":
            with contextlib.suppress(OSError):
                self._path.unlink()
