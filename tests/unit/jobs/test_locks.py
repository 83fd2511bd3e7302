"""A file that one process alone may read and write, also where a file system between machines is slow to know."""

from __future__ import annotations

import errno
import importlib.util
import itertools
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from volc_inpaint.nodes.jobs import locks
from volc_inpaint.nodes.jobs.locks import LockedFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


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


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_the_file_and_the_folder_made_for_it_are_for_their_owner_alone(path):
    opened(path).close(remove=False)

    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert 0o700 == stat.S_IMODE(path.parent.stat().st_mode)


def test_who_makes_it_anew_while_its_last_owner_closes_it_keeps_it(path, monkeypatch):
    file, real, next_owner = opened(path), os.close, []

    def close(descriptor: int) -> None:
        monkeypatch.setattr(locks.os, "close", real)
        next_owner.append(opened(path))
        real(descriptor)

    monkeypatch.setattr(locks.os, "close", close)
    file.close(remove=True)

    assert path.exists()
    assert LockedFile.try_open(path) is None


class Msvcrt:
    """The locks of Windows: of bytes, and even the same process is refused one that it holds."""

    LK_UNLCK, LK_NBLCK = 0, 2

    def __init__(self) -> None:
        self.held: set[tuple[int, int, int]] = set()

    def locking(self, descriptor: int, mode: int, count: int) -> None:
        place = (os.fstat(descriptor).st_ino, os.lseek(descriptor, 0, os.SEEK_CUR), count)
        if (mode == self.LK_NBLCK) == (place in self.held):
            raise PermissionError(errno.EACCES, "Permission denied")
        self.held ^= {place}


@pytest.fixture
def on_windows(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as Windows has it."""
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "msvcrt", Msvcrt())
    specification = importlib.util.spec_from_file_location(
        f"{locks.__name__}_of_windows", locks.__file__
    )
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_on_windows_who_has_it_is_alone_until_it_closes_it(path, on_windows):
    first = on_windows.LockedFile.try_open(path)
    first.write(b"a note")
    assert on_windows.LockedFile.try_open(path) is None
    assert b"a note" == path.read_bytes()
    first.close(remove=False)

    second = on_windows.LockedFile.try_open(path)
    assert b"a note" == second.read()
    assert on_windows.LockedFile.try_open(path) is None
    second.close(remove=True)
    assert not path.exists()


def test_on_windows_a_file_that_is_being_removed_is_asked_for_again(path, on_windows, monkeypatch):
    real, left = os.open, iter([True, True])

    def open_(*arguments: object) -> int:
        if next(left, False):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(*arguments)

    monkeypatch.setattr(locks.os, "open", open_)
    path.parent.mkdir()

    on_windows.LockedFile.try_open(path).close(remove=True)
