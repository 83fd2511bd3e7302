"""The shelf life of entries: never more than fit, and what was used longest ago goes first."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from volc_inpaint.nodes.jobs.entries import Entry
from volc_inpaint.nodes.jobs.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

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
