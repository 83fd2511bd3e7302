"""The shelf life of entries: never more than fit, and what was used longest ago goes first."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from volc_inpaint.nodes.jobs.entries import Entry
from volc_inpaint.nodes.jobs.journal import Journal
from volc_inpaint.nodes.jobs.shelf import Shelf

if TYPE_CHECKING:
    import pytest

HOUR_S = 3600


def key_of(number: int) -> str:
    return f"{number:02x}" + "f" * 62


def age(folder: Path, number: int, seconds: float) -> None:
    """Let the last use of an entry lie so far back."""
    path = folder / key_of(number)[:2] / f"{key_of(number)}.zip"
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_the_oldest_use_goes_first_when_the_folder_is_full(tmp_path: Path) -> None:
    size = 10_000
    journal = Journal(tmp_path, 10 * size)
    for number in range(8):
        journal.add(key_of(number), Entry((bytes(size),)), number)
        journal.forget(number)
        age(tmp_path, number, 24 * HOUR_S - number)
    journal.find(key_of(0), 100)
    journal.forget(100)
    for number in range(8, 12):
        journal.add(key_of(number), Entry((bytes(size),)), number)

    left = {path.stem for path in tmp_path.glob("*/*.zip")}
    assert {key_of(number) for number in (0, 8, 9, 10, 11)} <= left
    assert key_of(1) not in left
    assert key_of(7) in left
    assert sum(path.stat().st_size for path in tmp_path.glob("??/*")) <= 10 * size


def test_what_a_run_under_way_used_never_goes(tmp_path: Path) -> None:
    size = 10_000
    journal = Journal(tmp_path, 2 * size)
    for number in range(6):
        journal.add(key_of(number), Entry((bytes(size),)), 1)
        age(tmp_path, number, 24 * HOUR_S)
    assert len(list(tmp_path.glob("*/*.zip"))) == 6

    journal.forget(1)
    journal.add(key_of(6), Entry((bytes(size),)), 2)
    assert [path.stem for path in tmp_path.glob("*/*.zip")] == [key_of(6)]


def test_what_another_process_used_just_now_never_goes(tmp_path: Path) -> None:
    size = 10_000
    other, journal = Journal(tmp_path, 10**9), Journal(tmp_path, 2 * size)
    for number in range(4):
        other.add(key_of(number), Entry((bytes(size),)), 1)
    journal.add(key_of(4), Entry((bytes(size),)), 1)

    assert len(list(tmp_path.glob("*/*.zip"))) == 5


def file(folder: Path, name: str, size: int, hours: float) -> Path:
    """Of so many bytes, last used so long ago."""
    path = folder / name[:2] / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bytes(size))
    then = time.time() - hours * HOUR_S
    os.utime(path, (then, then))
    return path


def test_nothing_goes_as_long_as_all_of_it_fits(tmp_path: Path) -> None:
    for number in range(5):
        file(tmp_path, f"{key_of(number)}.zip", 196, 24)
    Shelf(tmp_path, 1000).added(980, ())

    assert len(list(tmp_path.glob("??/*.zip"))) == 5


def test_what_a_dead_writer_or_a_damaged_picture_left_goes_with_the_rest_and_a_note_never(
    tmp_path: Path,
) -> None:
    """A note is what keeps a picture from being paid twice; a half-written file of half an hour ago may be going on."""
    goes = [
        file(tmp_path, f"{key_of(0)}.zip", 100, 5),
        file(tmp_path, f"{key_of(1)}.damaged", 100, 4),
        file(tmp_path, f"{key_of(2)}.1234abcd.partial", 100, 3),
    ]
    stays = [
        file(tmp_path, f"{key_of(3)}.1234abcd.partial", 100, 0.5),
        file(tmp_path, f"{key_of(4)}.inflight", 100, 24),
    ]
    Shelf(tmp_path, 10).added(100, ())

    assert not any(path.exists() for path in goes)
    assert all(path.exists() for path in stays)


def test_a_full_folder_is_cleared_by_a_twentieth_so_that_the_next_picture_finds_room(
    tmp_path: Path,
) -> None:
    for number in range(101):
        file(tmp_path, f"{key_of(number)}.zip", 10, 200 - number)
    Shelf(tmp_path, 1000).added(10, ())

    assert sorted(path.stem for path in tmp_path.glob("??/*")) == [
        key_of(number) for number in range(6, 101)
    ]


def test_a_folder_of_many_entries_is_not_measured_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured, glob = [], Path.glob

    def count(path: Path, pattern: str) -> object:
        measured.append(path)
        return glob(path, pattern)

    monkeypatch.setattr(Path, "glob", count)
    file(tmp_path, f"{key_of(0)}.zip", 100, 24)
    shelf = Shelf(tmp_path, 10_000)
    for _ in range(13):
        shelf.added(100, ())

    # at first, then whenever a twentieth of the limit has come
    assert measured == [tmp_path] * 3
