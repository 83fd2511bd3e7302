"""The entries of a journal as somebody looks through them: listed, opened and deleted, those of before the book too."""

from __future__ import annotations

import contextlib
import re
import threading
from typing import TYPE_CHECKING, NamedTuple

from . import entries
from .book_lines import Asked
from .job import Receipt

if TYPE_CHECKING:
    from pathlib import Path

    from .book import Book
    from .book_lines import Reading

KEY = re.compile(r"[0-9a-f]{64}")


class Picture(NamedTuple):
    """What is known of an entry.

    Attributes:
        key: Its name.
        at: When it was paid, in seconds since 1970 UTC; 0 if nothing says so.
        asked: Of the call; of an entry of before the book the seed only.
        request_id: Of the call.
    """

    key: str
    at: float
    asked: Asked
    request_id: str


class Gallery:
    """The pictures of a journal's folder."""

    def __init__(self, journal: Path, book: Book) -> None:
        self._journal = journal
        self._book = book
        self._lock = threading.Lock()
        self._receipts: dict[str, Receipt] = {}

    def pictures(self) -> list[Picture]:
        """All of them, newest first.

        Raises:
            OSError: The folder cannot be read.
        """
        with self._lock:
            paths = self._journal.glob("??/*.zip")
            keys = {path.stem for path in paths if KEY.fullmatch(path.stem)}
            known = _known(self._book.read())
            found = []
            for key in keys:
                picture = known.get(key)
                if picture is None or not picture.at:
                    picture = self._of_receipt(key, picture.asked if picture else None)
                found.append(picture)
            for key in self._receipts.keys() - keys:
                del self._receipts[key]
            return sorted(found, key=lambda picture: (-picture.at, picture.key))

    def open(self, key: str) -> bytes | None:
        """The picture's file as it was received; None if there is none.

        Raises:
            OSError: It is there, but cannot be read.
        """
        try:
            return entries.read(self._path(key)).pictures[0]
        except (FileNotFoundError, entries.DamagedError, IndexError):
            return None

    def delete(self, key: str) -> bool:
        """Delete an entry and its thumbnail; False if there is none.

        Raises:
            OSError: It cannot be deleted.
        """
        try:
            self._path(key).unlink()
        except FileNotFoundError:
            return False
        with contextlib.suppress(OSError):
            self.thumbnail(key).unlink()
        self._book.deleted(key)
        return True

    def thumbnail(self, key: str) -> Path:
        """Where the thumbnail of an entry is kept."""
        return self._journal / "thumbnails" / key[:2] / f"{key}.jpg"

    def drop_thumbnails(self) -> None:
        """Remove those whose entries the journal's size limit has removed."""
        for path in self._journal.glob("thumbnails/??/*.jpg"):
            if not self._path(path.stem).exists():
                with contextlib.suppress(OSError):
                    path.unlink()

    def _path(self, key: str) -> Path:
        if not KEY.fullmatch(key):
            raise ValueError(key)
        return self._journal / key[:2] / f"{key}.zip"

    def _of_receipt(self, key: str, asked: Asked | None) -> Picture:
        if key not in self._receipts:
            self._receipts[key] = Receipt.read(entries.read_report(self._path(key)))
        receipt = self._receipts[key]
        asked = asked or Asked(seed=receipt.seed, key=key)
        return Picture(key, receipt.received_at or 0.0, asked, receipt.request_id)


def _known(reading: Reading) -> dict[str, Picture]:
    """What the book says of each entry: the last call that paid it, else what was asked for when it was served."""
    found: dict[str, Picture] = {}
    for _, asked in reading.served:
        found.setdefault(asked.key, Picture(asked.key, 0.0, asked, ""))
    for call in reading.calls.values():
        before = found.get(call.asked.key)
        if call.state in ("paid", "fetched") and (before is None or before.at < call.at):
            found[call.asked.key] = Picture(call.asked.key, call.at, call.asked, call.request_id)
    return found
