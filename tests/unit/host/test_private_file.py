"""A file of secrets: its owner's alone, whole or as it was."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from volc_inpaint.nodes.host import private_file


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_a_file_that_others_could_read_becomes_its_owner_s_alone(tmp_path):
    path = tmp_path / "open" / "keys.json"
    path.parent.mkdir(mode=0o755)
    path.write_bytes(b"old")
    path.chmod(0o644)

    private_file.write(path, b"new")

    assert b"new" == path.read_bytes()
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert 0o700 == stat.S_IMODE(path.parent.stat().st_mode)


def test_a_write_that_fails_leaves_the_old_file_and_no_piece_of_the_new_one(tmp_path, monkeypatch):
    path = tmp_path / "keys.json"
    private_file.write(path, b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    for name, owner in (("fsync", os), ("replace", Path)):
        with monkeypatch.context() as patched:
            patched.setattr(owner, name, full)
            with pytest.raises(OSError, match="No space left"):
                private_file.write(path, b"new")
        assert [path] == list(tmp_path.iterdir())
        assert b"old" == path.read_bytes()
