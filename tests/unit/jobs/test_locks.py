"""A file that one process alone may read and write, also where a file system between machines is slow to know."""

from __future__ import annotations

import errno
import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from volc_inpaint.nodes.jobs import locks
from volc_inpaint.nodes.jobs.locks import LockedFile

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ab" / "note"


def opened(path: Path) -> LockedFile:
    file = LockedFile.try_open(path)
    assert file is not None
    return file


def open_descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def test_who_has_it_is_alone_until_it_closes_it(path):
    first = opened(path)
    assert LockedFile.try_open(path) is None
    first.close(remove=False)

    second = opened(path)
    assert LockedFile.try_open(path) is None
    second.close(remove=True)
    assert not path.exists()


def test_what_was_written_is_there_for_the_next(path):
    first = opened(path)
    first.write(b"a long note")
    first.write(b"a note")
    assert b"a note" == first.read()
    first.close(remove=False)

    assert b"a note" == opened(path).read()


@pytest.mark.parametrize("code", [errno.ENOENT, errno.EEXIST, errno.EPERM, errno.ESTALE])
def test_what_another_machine_has_just_removed_or_made_is_asked_for_again(path, monkeypatch, code):
    """As JuiceFS, GlusterFS and MooseFS say it for up to a second."""
    left = itertools.chain([code, code], itertools.repeat(0))
    real = os.utime

    def utime(*arguments: object) -> None:
        if failed := next(left):
            raise OSError(failed, os.strerror(failed))
        real(*arguments)

    monkeypatch.setattr(locks.os, "utime", utime)
    before = open_descriptors()
    file = opened(path)
    file.close(remove=False)

    assert before == open_descriptors()


def test_a_folder_that_two_made_and_neither_has_is_made_again(path, monkeypatch):
    """As on GlusterFS."""
    real = os.open
    left = iter([True])

    def open_(name: object, *arguments: int) -> int:
        if name == path and next(left, False):
            path.parent.rmdir()
        return real(name, *arguments)

    path.parent.mkdir()
    monkeypatch.setattr(locks.os, "open", open_)

    opened(path).close(remove=True)


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_any_other_error_is_one_at_once_and_leaves_nothing_open(path, monkeypatch, code):
    def utime(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    path.parent.mkdir()
    monkeypatch.setattr(locks.os, "utime", utime)
    before = open_descriptors()
    with pytest.raises(OSError, match=os.strerror(code)) as caught:
        LockedFile.try_open(path)

    assert code == caught.value.errno
    assert before == open_descriptors()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """The time passes only while the lock waits."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(locks.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(locks.time, "sleep", sleep)
    return lambda: now[0]


def test_what_never_settles_is_an_error_after_some_seconds(path, monkeypatch, clock):
    def utime(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(locks.os, "utime", utime)
    with pytest.raises(OSError, match=os.strerror(errno.EPERM)):
        LockedFile.try_open(path)

    assert 5 <= clock() < 6


def test_a_folder_whose_files_change_their_number_at_every_look_is_an_error(
    path, monkeypatch, clock
):
    """As VirtualBox shares and some WebDAV and SMB drives do."""
    real = os.fstat
    numbers = itertools.count(1)

    class Status:
        def __init__(self) -> None:
            self.st_ino = -next(numbers)

    monkeypatch.setattr(locks.os, "fstat", lambda descriptor: real(descriptor) and Status())
    with pytest.raises(OSError, match="removed between"):
        LockedFile.try_open(path)

    assert 5 <= clock() < 6
