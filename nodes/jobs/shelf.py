"""What goes when the journal is full: the entries by age and size."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

# Used so recently, an entry may belong to a run of another process that shares the folder.
_RECENT_S = 600.0
# A half-written file this old has no writer any more.
_ABANDONED_S = 3600.0
# Share of the limit that is freed at once, and after which the folder is measured anew: other processes add to it too.
_STEP = 0.05


class Shelf:
    """The files of a journal's folder by age and size."""

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._room = 0

    def added(self, size: int, in_use: Collection[str]) -> None:
        """Make room after a file of `size` bytes was added, if need be; the entries of the keys `in_use` may not go."""
        with self._lock:
            self._room -= size
            if self._room >= 0:
                return
            files = self._files()
            total = sum(size for _, size, _ in files)
            recent = time.time() - _RECENT_S
            step = int(self._max_bytes * _STEP)
            if total > self._max_bytes:
                for used_at, freed, path in sorted(files):
                    if total <= self._max_bytes - step:
                        break
                    if used_at < recent and path.stem not in in_use:
                        with contextlib.suppress(OSError):
                            path.unlink()
                            total -= freed
            self._room = min(self._max_bytes - total, step)

    def _files(self) -> list[tuple[float, int, Path]]:
        """(last use, bytes, path) of each entry and each leftover of one."""
        found = []
        abandoned = time.time() - _ABANDONED_S
        for path in self._directory.glob("??/*"):
            with contextlib.suppress(OSError):
                status = path.stat()
                if path.suffix in (".zip", ".damaged") or (
                    path.suffix == ".partial" and status.st_mtime < abandoned
                ):
                    found.append((status.st_mtime, status.st_size, path))
        return found
