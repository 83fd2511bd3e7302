"""The sign of life of who holds a claim: its file changes every few seconds, and who waits for it looks whether it does."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PULSE_S = 5.0
_LOOK_S = 1.0
_UNCHANGED_S = 60.0


class Pulse:
    """Sets the time of the claims that this process holds, every few seconds, for those who wait for them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._paths: set[Path] = set()
        self._thread: threading.Thread | None = None

    def add(self, path: Path) -> None:
        """A claim is held from now on."""
        with self._lock:
            self._paths.add(path)
            # In a forked child there is no such thread, although its parent had started one.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._beat, daemon=True)
                self._thread.name = "volc-inpaint-claims"
                # Where the system gives none, who waits for this claim gives up after a minute, having paid nothing.
                with contextlib.suppress(RuntimeError):
                    self._thread.start()

    def remove(self, path: Path) -> None:
        """It is held no more."""
        with self._lock:
            self._paths.discard(path)

    def _beat(self) -> None:
        while True:
            time.sleep(_PULSE_S)
            with self._lock:
                paths = list(self._paths)
                if not paths:
                    self._thread = None
                    return
            for path in paths:
                with contextlib.suppress(OSError):
                    os.utime(path)


# Of this process.
pulse = Pulse()


class Watch:
    """Whether somebody holds a claim: its file changes every few seconds then.

    Where locks always fail, or a file is another one at each look, everybody would wait for ever for a holder that is not.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: object = None
        self._changed_at = self._looked_at = time.monotonic()

    def is_held(self) -> bool:
        """False if nothing has changed for a minute; looks at most once a second."""
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_S:
            self._looked_at = now
            seen = self._look()
            if seen != self._seen:
                self._seen, self._changed_at = seen, now
        return now - self._changed_at < _UNCHANGED_S

    def _look(self) -> object:
        # Opened, for a shared folder may tell by the name alone what it knew a while ago.
        with contextlib.suppress(OSError), self._path.open("rb", buffering=0) as file:
            found = os.fstat(file.fileno())
            return (found.st_mtime_ns, found.st_size)
        return None
