"""Files for the owner alone, and for bytes."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from volc_inpaint.nodes.jobs import files

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_what_is_made_is_for_the_owner_alone_and_no_other_program_inherits_it(
    tmp_path: Path,
) -> None:
    before = os.umask(0)
    try:
        descriptor = files.open_private(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    finally:
        os.umask(before)

    assert not os.get_inheritable(descriptor)
    os.write(descriptor, b"line\n")
    os.lseek(descriptor, 0, os.SEEK_SET)
    assert os.read(descriptor, 10) == b"line\n"
    os.close(descriptor)
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


def test_on_windows_it_is_opened_for_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(files.os, "O_BINARY", 0x8000, raising=False)
    monkeypatch.setattr(files.os, "open", lambda _, flags, mode: asked.append(flags) or mode)

    assert files.open_private("file", os.O_RDONLY) == 0o600
    assert asked == [0x8000 | os.O_RDONLY]
