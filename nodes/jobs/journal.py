"""Keeps every paid picture: found again by what was sent, whatever happened since.

An entry is one zip file, stored and not compressed: `report.json` and the pictures exactly as received. A zip carries
checksums, opens anywhere, and one file is replaced in one step.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import threading
import time
import uuid
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .claims import Claim, Watch
from .folders import Identity
from .job import Receipt
from .messages import JournalGoneError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from ..volcengine.request import Request
    from .claims import Trace

_MAGIC = {b"\xff\xd8\xff": "jpg", b"\x89PNG\r\n\x1a\n": "png", b"RIFF": "webp"}
# Says how the answer comes, not what the picture shows.
_NOT_IN_KEY = frozenset({"return_url"})
# How often to try again to write what found no room, and how long a refused rename is waited for.
_WRITE_AGAIN_S = 5.0
_RENAME_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8)
# Used so recently, an entry may belong to a run of another process that shares the folder.
_RECENT_S = 600.0
# A half-written file this old has no writer any more.
_ABANDONED_S = 3600.0
# Share of the limit that is freed at once, and after which the folder is measured anew: other processes add to it too.
_STEP = 0.05


@dataclass(frozen=True)
class Entry:
    """A paid answer.

    Attributes:
        pictures: Encoded files exactly as received.
        receipt: What the service said of them.
    """

    pictures: tuple[bytes, ...]
    receipt: Receipt = field(default_factory=Receipt)


class DamagedError(Exception):
    """An entry is there, but not as it was written."""


def journal_key(endpoint: str, request: Request, pixels_key: str, seed: int | None) -> str:
    """The name of what is bought: 64 hexadecimal digits.

    Args:
        endpoint: Base URL, so that a simulated picture never stands in for a real one.
        request: Its model and parameters count, its encoded pictures do not.
        pixels_key: Stands for the pixels, or the links, that are sent.
        seed: As sent.
    """
    what = {
        "endpoint": endpoint,
        "req_key": request.model.req_key,
        "pixels": pixels_key,
        "seed": seed,
        "parameters": {
            name: value for name, value in request.parameters.items() if name not in _NOT_IN_KEY
        },
    }
    asked = {name: v for name, v in request.on_query.items() if name not in _NOT_IN_KEY}
    if asked:
        what["on_query"] = asked
    text = json.dumps(what, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class Journal:
    """The folder of paid pictures. Safe between threads and between processes that share it.

    Args:
        directory: Of the entries.
        max_bytes: Above it the entries used least recently go, but none that a run under way used.
        make: Whether to make the folder, with mode 0700. One that somebody named is there, or its share is not mounted.
    """

    def __init__(self, directory: Path, max_bytes: int, *, make: bool = True) -> None:
        self.directory = directory
        self._make = make
        self._identity = Identity(directory)
        self._shelf = _Shelf(directory, max_bytes)
        self._lock = threading.Lock()
        self._in_use: dict[int, set[str]] = {}
        self._unwritten: dict[str, Entry] = {}
        self._writer: threading.Thread | None = None

    def find(self, key: str, run: int) -> Entry | None:
        """The entry of `key`, its use noted; None if there is none.

        Args:
            key: From `journal_key`.
            run: Number of the run that uses it.

        Raises:
            DamagedError: It is not as it was written.
            OSError: It is there, but cannot be read.
        """
        self._use(key, run)
        path = self._path(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return self._from_memory(key)
        with contextlib.suppress(OSError):
            os.utime(path)
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as file:
                report = json.loads(file.read("report.json"))
                pictures = tuple(file.read(name) for name in report["files"])
        except MemoryError:
            raise
        except Exception as error:  # zipfile raises anything on damaged bytes
            raise DamagedError(key) from error
        self._tidy(path.with_suffix(".inflight"))
        return Entry(pictures, Receipt.read(report))

    def holds(self, key: str) -> bool:
        """Whether there is an entry of `key`, whole or not."""
        return key in self._unwritten or self._path(key).exists()

    def left_behind(self, key: str) -> Trace | None:
        """The note of a purchase of `key`, under way or left behind; None if there is none."""
        return Claim.peek(self._path(key).with_suffix(".inflight"))

    def set_aside(self, key: str) -> None:
        """Keep an entry that holds no picture as evidence, never to be found again. For the holder of the claim."""
        path = self._path(key)
        with contextlib.suppress(OSError):
            path.replace(path.with_suffix(".damaged"))

    def was_set_aside(self, key: str) -> bool:
        """Whether an entry of `key` was set aside and not bought again since."""
        return self._path(key).with_suffix(".damaged").exists()

    def add(self, key: str, entry: Entry, run: int) -> None:
        """Keep a paid answer; on the disk, whole, when this returns.

        Args:
            key: From `journal_key`.
            entry: The answer.
            run: Number of the run that bought it.

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
        path = self._path(key).with_suffix(".inflight")
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
        return Watch(self._path(key).with_suffix(".inflight"))

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
                    claim.keep()

    def _from_memory(self, key: str) -> Entry | None:
        with self._lock:
            entry = self._unwritten.get(key)
        if entry is not None:
            with contextlib.suppress(OSError):
                self._keep(key, entry)
        return entry

    def _keep(self, key: str, entry: Entry) -> None:
        try:
            self._check_share()
            size = self._write(self._path(key), entry)
        except OSError:
            with self._lock:
                self._unwritten[key] = entry
                if self._writer is None or not self._writer.is_alive():
                    name = "volc-inpaint-journal"
                    self._writer = threading.Thread(
                        target=self._write_later, name=name, daemon=True
                    )
                    # Python 3.12 starts none any more while it ends; its end tries once more by itself.
                    with contextlib.suppress(RuntimeError):
                        self._writer.start()
            raise
        with self._lock:
            self._unwritten.pop(key, None)
            in_use = set().union(*self._in_use.values())
        self._shelf.added(size, in_use)

    def _check_share(self) -> None:
        """Whether a folder that somebody named still is the one that it was when the picture was bought.

        Raises:
            OSError: It is not; what would be written into it is gone when the share is there again.
        """
        if not self._make:
            try:
                self._identity.check()
            except JournalGoneError as error:
                raise OSError(errno.ESTALE, "its folder is another one now") from error

    def _write(self, path: Path, entry: Entry) -> int:
        """Write an entry in one step; its size."""
        names = [f"picture-{i}.{_suffix(data)}" for i, data in enumerate(entry.pictures, 1)]
        report = {**entry.receipt.to_json(), "files": names}
        self._make_folder(path.parent)
        partial = path.with_name(f"{path.stem}.{uuid.uuid4().hex[:8]}.partial")
        try:
            with open(partial, "xb", opener=_private) as raw:
                with zipfile.ZipFile(raw, "w", zipfile.ZIP_STORED) as file:
                    file.writestr("report.json", json.dumps(report, indent=1))
                    for name, data in zip(names, entry.pictures, strict=True):
                        file.writestr(name, data)
                raw.flush()
                os.fsync(raw.fileno())
                size = raw.tell()
            _rename(partial, path)
            _sync(path.parent)
        except BaseException:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise
        with contextlib.suppress(OSError):
            path.with_suffix(".damaged").unlink(missing_ok=True)
        return size

    def _path(self, key: str) -> Path:
        return self.directory / key[:2] / f"{key}.zip"

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            self.make_folder()
            # `exist_ok` would ask again what it is, and be told that it is not there: a file system between machines
            # may not know yet of a folder that another has just made
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=0o700)


class _Shelf:
    """The files of a journal by age and size.

    Args:
        directory: The journal's folder.
        max_bytes: Its limit.
    """

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._room = 0

    def added(self, size: int, in_use: Collection[str]) -> None:
        """Make room after a file was added, if need be.

        Args:
            size: Of the file, in bytes.
            in_use: Keys of the entries that may not go.
        """
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


def _private(path: str, flags: int) -> int:
    """For the owner alone, whatever the process gives to the files that it makes."""
    return os.open(path, flags, 0o600)


def _rename(partial: Path, path: Path) -> None:
    """Have the name `path`; on Windows a virus scanner may refuse it for a moment."""
    for pause_s in _RENAME_PAUSES_S:
        try:
            partial.replace(path)
            return
        except PermissionError:  # noqa: PERF203 - one try a pause
            time.sleep(pause_s)
    partial.replace(path)


def _sync(folder: Path) -> None:
    """Have a new name in `folder` survive a power cut, where the system can."""
    with contextlib.suppress(OSError, AttributeError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _suffix(data: bytes) -> str:
    return next((suffix for magic, suffix in _MAGIC.items() if data.startswith(magic)), "bin")
