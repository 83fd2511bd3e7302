"""An entry of the journal as a file: written in one step, read whole or not at all.

It is a zip, stored and not compressed: `report.json` and the pictures exactly as received. A zip carries checksums, opens
anywhere, and one file is replaced in one step.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import struct
import time
import uuid
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple

from .files import open_private
from .job import Receipt

if TYPE_CHECKING:
    from pathlib import Path

_MAGIC = {b"\xff\xd8\xff": "jpg", b"\x89PNG\r\n\x1a\n": "png", b"RIFF": "webp"}
# The zip's first file, stored, is the report: its header, its name, its text.
_HEADER = struct.Struct("<4s5H3I2H")
_HEAD_BYTES = 16_384
# How long a refused rename is waited for.
_RENAME_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8)


class Entry(NamedTuple):
    """A paid answer: the encoded files exactly as received, and what the service said of them."""

    pictures: tuple[bytes, ...]
    receipt: Receipt = Receipt()


class DamagedError(Exception):
    """An entry is there, but not as it was written."""


def read(path: Path) -> Entry:
    """The entry in a file.

    Raises:
        DamagedError: It is not as it was written.
        FileNotFoundError: There is none.
        OSError: It cannot be read.
    """
    content = path.read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            report = json.loads(file.read("report.json"))
            pictures = tuple(file.read(name) for name in report["files"])
    except MemoryError:
        raise
    except Exception as error:  # zipfile raises anything on damaged bytes
        raise DamagedError(path.stem) from error
    return Entry(pictures, Receipt.read(report))


def read_report(path: Path) -> dict[str, Any]:
    """The report in a file, without the pictures behind it; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        magic, _, _, method, _, _, _, size, _, name, extra = _HEADER.unpack_from(head)
        start = _HEADER.size + name + extra
        plain = magic == b"PK\3\4" and method == 0 and size <= len(head) - start
        if plain and head[_HEADER.size : start - extra] == b"report.json":
            report = json.loads(head[start : start + size])
        else:
            with zipfile.ZipFile(path) as whole:
                report = json.loads(whole.read("report.json"))
    except (OSError, struct.error, zipfile.BadZipFile, KeyError, ValueError):
        return {}
    return report if isinstance(report, dict) else {}


def write(path: Path, entry: Entry) -> int:
    """Write an entry in one step, for its owner alone; on the disk, whole, when this returns.

    Returns:
        Its size in bytes.

    Raises:
        OSError: It cannot be written; what stood there before still does.
    """
    names = [f"picture-{i}.{_suffix(data)}" for i, data in enumerate(entry.pictures, 1)]
    report = {**entry.receipt.to_json(), "files": names}
    partial = path.with_name(f"{path.stem}.{uuid.uuid4().hex[:8]}.partial")
    try:
        with open(partial, "xb", opener=open_private) as raw:
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
            partial.unlink()
        raise
    return size


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
