"""The right to buy one picture, held by one process at a time, with a note of what is under way."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from .locks import LockedFile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


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
