"""How a file in the journal's folder is opened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def open_private(path: str | Path, flags: int) -> int:
    """As `os.open`, for bytes and, if the file is made, for the owner alone, whatever the process gives to the files it makes.

    Raises:
        OSError: It can be neither made nor opened.
    """
    # Windows would turn line ends into two characters.
    return os.open(path, flags | getattr(os, "O_BINARY", 0), 0o600)
