"""Keeps every paid picture: found again by what was sent, whatever happened since.

An entry is one zip file, stored and not compressed: `report.json` and the pictures exactly as received. A zip carries
checksums, opens anywhere, and one file is replaced in one step.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
import time
import uuid
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .locks import LockedFile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..volcengine.models import Request

_MAGIC = {b"\xff\xd8\xff": "jpg", b"\x89PNG\r\n\x1a\n": "png", b"RIFF": "webp"}
# Says how the answer comes, not what the picture shows.
_NOT_IN_KEY = frozenset({"return_url"})


@dataclass(frozen=True)
class Entry:
    """A paid answer.

    Attributes:
        pictures: Encoded files exactly as received.
        report: `request_id`, `code`, `message`, `elapsed_s`, `seed`, `urls`, `data`, `received_at` (seconds since 1970 UTC).
    """

    pictures: tuple[bytes, ...]
    report: Mapping[str, Any] = field(default_factory=dict)


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
    text = json.dumps(what, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class Claim:
    """The right to buy one picture, held by one process, with a note of what is under way.

    Attributes:
        left_behind: The note of an earlier claim that never got its picture; empty if there is none.
    """

    def __init__(self, file: LockedFile) -> None:
        self._file = file
        try:
            note = json.loads(file.read() or b"{}")
        except ValueError:
            note = {}
        self.left_behind: dict[str, Any] = note if isinstance(note, dict) else {}

    def write(self, note: Mapping[str, Any]) -> None:
        """Note what is about to happen; on the disk when this returns."""
        self._file.write(json.dumps(dict(note), ensure_ascii=False).encode())

    def close(self, *, settled: bool) -> None:
        """Give the claim up. Unless `settled`, the note stays for the next run."""
        self._file.close(remove=settled)


class Journal:
    """The folder of paid pictures. Safe between threads and between processes that share it.

    Args:
        directory: Made with mode 0700 when first needed.
        max_bytes: Above it the entries used least recently go, but none that this process used.
    """

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self.directory = directory
        self._max_bytes = max_bytes
        self._used: set[str] = set()
        self._lock = threading.Lock()
        self._size: int | None = None

    def find(self, key: str) -> Entry | None:
        """The entry of `key`, its use noted; None if there is none or it is damaged.

        A damaged entry is renamed to `.damaged`, so that `is_damaged` can tell.
        """
        path = self._path(key)
        try:
            with zipfile.ZipFile(path) as file:
                report = json.loads(file.read("report.json"))
                pictures = tuple(file.read(name) for name in report["files"])
        except FileNotFoundError:
            return None
        except (zipfile.BadZipFile, KeyError, ValueError, EOFError, OSError, NotImplementedError):
            with contextlib.suppress(OSError):
                path.replace(path.with_suffix(".damaged"))
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        self._used.add(key)
        return Entry(pictures, report)

    def is_damaged(self, key: str) -> bool:
        """Whether an entry of `key` was found damaged and not bought again since."""
        return self._path(key).with_suffix(".damaged").exists()

    def add(self, key: str, entry: Entry) -> None:
        """Keep a paid answer; on the disk, whole, when this returns.

        Raises:
            OSError: The folder cannot be written.
        """
        names = [f"picture-{i}.{_suffix(data)}" for i, data in enumerate(entry.pictures, 1)]
        report = {**entry.report, "files": names}
        path = self._path(key)
        self._make_folder(path.parent)
        partial = path.with_name(f"{path.stem}.{uuid.uuid4().hex[:8]}.partial")
        try:
            with partial.open("xb") as raw:
                with zipfile.ZipFile(raw, "w", zipfile.ZIP_STORED) as file:
                    file.writestr("report.json", json.dumps(report, ensure_ascii=False, indent=1))
                    for name, data in zip(names, entry.pictures, strict=True):
                        file.writestr(name, data)
                raw.flush()
                os.fsync(raw.fileno())
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        path.with_suffix(".damaged").unlink(missing_ok=True)
        self._used.add(key)
        self._shrink(path.stat().st_size)

    def reject(self, key: str) -> None:
        """Set an entry aside that turned out to hold no picture; kept as evidence, never found again."""
        path = self._path(key)
        with contextlib.suppress(OSError):
            path.replace(path.with_suffix(".damaged"))

    def try_claim(self, key: str) -> Claim | None:
        """Claim the purchase of `key`; None while another holds it.

        Raises:
            OSError: The folder cannot be written.
        """
        path = self._path(key).with_suffix(".inflight")
        self._make_folder(path.parent)
        file = LockedFile.try_open(path)
        return None if file is None else Claim(file)

    def _path(self, key: str) -> Path:
        return self.directory / key[:2] / f"{key}.zip"

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)

    def _shrink(self, added: int) -> None:
        """Keep the folder below its limit; measured once, then counted."""
        with self._lock:
            if self._size is None:
                self._size = sum(size for _, size, _ in self._entries())
            else:
                self._size += added
            if self._size <= self._max_bytes:
                return
            self._size = sum(size for _, size, _ in self._entries())
            for _, size, path in sorted(self._entries()):
                if self._size <= self._max_bytes:
                    break
                if path.stem not in self._used:
                    path.unlink(missing_ok=True)
                    self._size -= size

    def _entries(self) -> list[tuple[float, int, Path]]:
        """(last use, bytes, path) of each entry and each leftover of one."""
        found = []
        for path in self.directory.glob("??/*"):
            old_partial = path.suffix == ".partial" and time.time() - _mtime(path) > 3600
            if path.suffix in (".zip", ".damaged") or old_partial:
                with contextlib.suppress(FileNotFoundError):
                    status = path.stat()
                    found.append((status.st_mtime, status.st_size, path))
        return found


def _mtime(path: Path) -> float:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_mtime
    return time.time()


def _suffix(data: bytes) -> str:
    return next((suffix for magic, suffix in _MAGIC.items() if data.startswith(magic)), "bin")
