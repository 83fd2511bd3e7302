"""Keeps every paid picture: found again by what was sent, whatever happened since."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import threading
import time
from typing import TYPE_CHECKING

from . import entries
from .claims import Claim
from .folders import Identity
from .heartbeat import Watch
from .messages import JournalGoneError
from .shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..volcengine.request import Request
    from .claims import Trace
    from .entries import Entry

# Says how the answer comes, not what the picture shows.
_NOT_IN_KEY = frozenset({"return_url"})
# How often to try again to write what found no room.
_WRITE_AGAIN_S = 5.0


def journal_key(endpoint: str, request: Request, pixels_key: str, seed: int | None) -> str:
    """The name of what is bought: 64 hexadecimal digits.

    Args:
        endpoint: Base URL, so that a simulated picture never stands in for a real one.
        request: Its model and parameters count, its encoded pictures do not.
        pixels_key: Stands for the pixels, or the links, that are sent.
        seed: As sent.
    """

    def shown(fields: Mapping[str, object]) -> dict[str, object]:
        return {name: value for name, value in fields.items() if name not in _NOT_IN_KEY}

    what = {
        "endpoint": endpoint,
        "req_key": request.model.req_key,
        "pixels": pixels_key,
        "seed": seed,
        "parameters": shown(request.parameters),
    }
    if on_query := shown(request.on_query):
        what["on_query"] = on_query
    text = json.dumps(what, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class Journal:
    """The folder of paid pictures, each by its `journal_key`. Safe between threads and between processes that share it.

    Args:
        directory: Of the entries.
        max_bytes: Above it the entries used least recently go, but none that a run under way used.
        make: Whether to make the folder, with mode 0700. One that somebody named is there, or its share is not mounted.
    """

    def __init__(self, directory: Path, max_bytes: int, *, make: bool = True) -> None:
        self.directory = directory
        self._make = make
        self._identity = Identity(directory)
        self._shelf = Shelf(directory, max_bytes)
        self._lock = threading.Lock()
        self._in_use: dict[int, set[str]] = {}
        self._unwritten: dict[str, Entry] = {}
        self._writer: threading.Thread | None = None

    def find(self, key: str, run: int) -> Entry | None:
        """The entry of `key`, of which a run's use is noted; None if there is none.

        Raises:
            DamagedError: It is not as it was written.
            OSError: It is there, but cannot be read.
        """
        self._use(key, run)
        path = self._path(key)
        try:
            entry = entries.read(path)
        except FileNotFoundError:
            waiting = self._unwritten.get(key)
            if waiting is not None:
                with contextlib.suppress(OSError):
                    self._keep(key, waiting)
            return waiting
        with contextlib.suppress(OSError):
            os.utime(path)
        self._tidy(self._note(key))
        return entry

    def holds(self, key: str) -> bool:
        """Whether there is an entry of `key`, whole or not."""
        return key in self._unwritten or self._path(key).exists()

    def left_behind(self, key: str) -> Trace | None:
        """The note of a purchase of `key`, under way or left behind; None if there is none."""
        return Claim.peek(self._note(key))

    def set_aside(self, key: str) -> None:
        """Keep an entry that holds no picture as evidence, never to be found again. For the holder of the claim."""
        path = self._path(key)
        with contextlib.suppress(OSError):
            path.replace(path.with_suffix(".damaged"))

    def was_set_aside(self, key: str) -> bool:
        """Whether an entry of `key` was set aside and not bought again since."""
        return self._path(key).with_suffix(".damaged").exists()

    def add(self, key: str, entry: Entry, run: int) -> None:
        """Keep a paid answer that a run bought; on the disk, whole, when this returns.

        Raises:
            OSError: It cannot be written. It is kept in memory then, found there, and nothing else can be claimed
                until it is written.
        """
        self._use(key, run)
        self._keep(key, entry)

    def forget(self, run: int) -> None:
        """A run is over: what it used may go when its time has come."""
        with self._lock:
            self._in_use.pop(run, None)

    def try_claim(self, key: str) -> Claim | None:
        """Claim the purchase of `key`; None while another holds it.

        Raises:
            OSError: The folder cannot be written, or an earlier picture is still waiting for room in it.
            VolcengineError: It is not there, or not the one that it was.
        """
        path = self._note(key)
        self.make_folder()
        self._identity.check()
        with self._lock:
            waiting = list(self._unwritten.items())
        for earlier, entry in waiting:
            self._keep(earlier, entry)
        self._make_folder(path.parent)
        return Claim.try_make(path)

    def make_folder(self) -> None:
        """Make the journal's folder, if it is for us to make.

        Raises:
            OSError: It cannot be made.
        """
        if self._make:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write_waiting(self) -> bool:
        """Try once more to write what found no room; whether nothing is left."""
        with self._lock:
            waiting = list(self._unwritten.items())
        for key, entry in waiting:
            with contextlib.suppress(OSError):
                self._keep(key, entry)
        return not self._unwritten

    def watch(self, key: str) -> Watch:
        """Whether somebody holds the claim of `key`, for those who wait."""
        return Watch(self._note(key))

    def _write_later(self) -> None:
        while True:
            time.sleep(_WRITE_AGAIN_S)
            if self.write_waiting():
                return

    def _use(self, key: str, run: int) -> None:
        with self._lock:
            self._in_use.setdefault(run, set()).add(key)

    @staticmethod
    def _tidy(note: Path) -> None:
        """Remove the note of a process that died after the picture was kept, unless somebody holds it."""
        with contextlib.suppress(OSError):
            if note.exists() and (claim := Claim.try_make(note)) is not None:
                with claim:
                    claim.money = "kept"

    def _keep(self, key: str, entry: Entry) -> None:
        try:
            self._check_share()
            size = self._write(self._path(key), entry)
        except OSError:
            with self._lock:
                self._unwritten[key] = entry
                if self._writer is None or not self._writer.is_alive():
                    self._writer = threading.Thread(target=self._write_later, daemon=True)
                    self._writer.name = "volc-inpaint-journal"
                    # Python 3.12 starts none any more while it ends; its end tries once more by itself.
                    with contextlib.suppress(RuntimeError):
                        self._writer.start()
            raise
        with self._lock:
            self._unwritten.pop(key, None)
            in_use = set().union(*self._in_use.values())
        self._shelf.added(size, in_use)

    def _check_share(self) -> None:
        """Refuse another folder than the one that somebody named: what it takes is gone when the share is there again."""
        if not self._make:
            try:
                self._identity.check()
            except JournalGoneError as error:
                raise OSError(errno.ESTALE, "its folder is another one now") from error

    def _write(self, path: Path, entry: Entry) -> int:
        """Write an entry, which makes what was set aside good; its size."""
        self._make_folder(path.parent)
        size = entries.write(path, entry)
        with contextlib.suppress(OSError):
            path.with_suffix(".damaged").unlink()
        return size

    def _path(self, key: str) -> Path:
        return self.directory / key[:2] / f"{key}.zip"

    def _note(self, key: str) -> Path:
        return self._path(key).with_suffix(".inflight")

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            self.make_folder()
            # `exist_ok` would ask again what it is, and be told that it is not there: a file system between machines
            # may not know yet of a folder that another has just made
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=0o700)
