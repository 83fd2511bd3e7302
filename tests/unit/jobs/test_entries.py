"""Entries as files: exact, whole or absent."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import buyer
import numpy as np
import pytest
from kept import KEY, PICTURES, RECEIPT
from PIL import Image
from volc_inpaint.nodes.jobs import entries
from volc_inpaint.nodes.jobs.entries import DamagedError, Entry
from volc_inpaint.nodes.jobs.job import delivered

TESTS = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / f"{KEY}.zip"


def test_an_entry_comes_back_exactly_and_opens_anywhere(path: Path) -> None:
    size = entries.write(path, Entry(PICTURES, RECEIPT))
    found = entries.read(path)

    assert size == path.stat().st_size
    assert found.pictures == PICTURES
    assert found.receipt == RECEIPT
    with zipfile.ZipFile(path) as file:
        names = ["picture-1.jpg", "picture-2.png", "picture-3.bin"]
        assert file.testzip() is None
        assert sorted(file.namelist()) == [*names, "report.json"]
        assert [file.read(name) for name in names] == list(PICTURES)


@pytest.mark.parametrize(("kind", "suffix"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")])
def test_a_picture_is_kept_under_a_name_that_programs_open(
    path: Path, kind: str, suffix: str
) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(buffer, kind)
    entries.write(path, Entry((buffer.getvalue(),)))

    with zipfile.ZipFile(path) as file:
        assert file.namelist() == ["report.json", f"picture-1.{suffix}"]


def test_no_damage_of_a_single_byte_goes_unnoticed(path: Path) -> None:
    entries.write(path, Entry(PICTURES[:1]))
    whole = path.read_bytes()
    noticed = 0
    for position in range(len(whole)):
        for bit in (0x01, 0x80):
            damaged = bytearray(whole)
            damaged[position] ^= bit
            path.write_bytes(damaged)
            try:
                found = entries.read(path)
            except DamagedError:
                noticed += 1
            else:
                # Dates and the like: nothing that we read.
                assert found.pictures == PICTURES[:1]

    assert noticed > len(whole)


def test_no_cut_goes_unnoticed(path: Path) -> None:
    entries.write(path, Entry(PICTURES, RECEIPT))
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedError):
            entries.read(path)


@pytest.mark.parametrize("wrong", [None, [], {"a": 1}, "text", [7, None]])
@pytest.mark.parametrize("name", RECEIPT.to_json())
def test_a_report_that_was_changed_by_hand_costs_no_picture(
    path: Path, name: str, wrong: object
) -> None:
    """Whatever stands in a field, the picture comes back, and the report's fields are of their types."""
    with zipfile.ZipFile(path, "w") as file:
        changed = {**RECEIPT.to_json(), name: wrong, "files": ["a", "b", "c"]}
        file.writestr("report.json", json.dumps(changed))
        for file_name, picture in zip("abc", PICTURES, strict=True):
            file.writestr(file_name, picture)
    found = entries.read(path)

    assert found.pictures == PICTURES
    (job,) = buyer.jobs(1, seed=9)
    outcome = delivered(job, found.receipt, PICTURES, "journal")
    assert outcome.value == PICTURES
    assert isinstance(outcome.receipt.request_id, str)
    assert isinstance(outcome.receipt.message, str)
    assert isinstance(outcome.receipt.code, (int, str))
    assert isinstance(outcome.job.seed, int)
    assert isinstance(outcome.receipt.elapsed_s, (float, type(None)))
    assert isinstance(outcome.receipt.received_at, (float, type(None)))
    assert isinstance(outcome.receipt.data, dict)
    assert outcome.receipt.urls == ()


def test_a_computer_without_memory_does_not_make_a_whole_entry_a_damaged_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is damaged is set aside and bought again."""
    entries.write(path, Entry(PICTURES, RECEIPT))

    def full(*_: Any) -> bytes:
        raise MemoryError

    monkeypatch.setattr(zipfile.ZipFile, "read", full)
    with pytest.raises(MemoryError):
        entries.read(path)


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_an_entry_belongs_to_its_user_alone(path: Path) -> None:
    entries.write(path, Entry(PICTURES, RECEIPT))

    assert path.stat().st_mode & 0o777 == 0o600


def test_a_half_written_entry_is_none(path: Path) -> None:
    """A writer that is killed leaves no entry, whatever it got done."""
    script = (
        "import sys, os; sys.path.insert(0, '.'); import buyer\n"
        "from volc_inpaint.nodes.jobs import entries\n"
        "from pathlib import Path\n"
        "entries.os.fsync = lambda _: os.kill(os.getpid(), 9)\n"
        f"entries.write(Path({str(path)!r}), entries.Entry((b'x' * 99999,)))\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], cwd=TESTS, check=False)

    assert ended.returncode == -9
    assert [left.suffix for left in path.parent.iterdir()] == [".partial"]
    with pytest.raises(FileNotFoundError):
        entries.read(path)


def test_what_cannot_be_written_leaves_what_was_there_and_nothing_else(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries.write(path, Entry(PICTURES, RECEIPT))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        entries.write(path, Entry((b"another",)))

    assert list(path.parent.iterdir()) == [path]
    assert entries.read(path) == Entry(PICTURES, RECEIPT)


def test_readers_see_whole_entries_while_another_process_replaces_them(path: Path) -> None:
    script = (
        "import sys; sys.path.insert(0, '.'); import buyer\n"
        "from volc_inpaint.nodes.jobs import entries\n"
        "from pathlib import Path\n"
        "for number in range(150):\n"
        f"    entries.write(Path({str(path)!r}), entries.Entry((bytes([number]) * 200000,)))\n"
    )
    seen = set()
    with subprocess.Popen([sys.executable, "-c", script], cwd=TESTS) as writer:
        while writer.poll() is None:
            try:
                found = entries.read(path)
            except FileNotFoundError:
                continue
            (picture,) = found.pictures
            assert picture == picture[:1] * 200000
            seen.add(picture[0])
    assert writer.returncode == 0
    assert len(seen) > 3


@pytest.mark.parametrize("times", [1, 3, 5, 6])
def test_a_rename_that_is_refused_for_a_moment_is_tried_again(
    path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """As by a virus scanner on Windows; who refuses it for longer than that has his reasons."""
    refusals = iter([PermissionError(13, "Access is denied")] * times)
    replace_, waits = Path.replace, list[float]()

    def refuse(path: Path, target: Path) -> Path:
        for error in refusals:
            raise error
        return replace_(path, target)

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr(time, "sleep", waits.append)
    if times < 6:
        entries.write(path, Entry(PICTURES, RECEIPT))
        assert entries.read(path) == Entry(PICTURES, RECEIPT)
    else:
        with pytest.raises(PermissionError):
            entries.write(path, Entry(PICTURES, RECEIPT))
        assert list(path.parent.iterdir()) == []
        assert 1.0 < sum(waits) < 3.0
    assert all(wait > 0 for wait in waits)


def test_a_power_cut_finds_the_content_on_the_disk_before_the_name_and_the_name_after(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[Any] = []
    fsync, replace_ = os.fsync, Path.replace

    def sync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        steps.append(("synced", status.st_ino, status.st_size))
        fsync(descriptor)

    def rename(partial: Path, target: Path) -> Path:
        steps.append("renamed")
        return replace_(partial, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", rename)
    entries.write(path, Entry(PICTURES, RECEIPT))

    file, folder = path.stat(), path.parent.stat()
    assert steps[:2] == [("synced", file.st_ino, file.st_size), "renamed"]
    if os.name == "posix":
        assert [step[1] for step in steps[2:]] == [folder.st_ino]


REPORT = {"request_id": "R", "seed": 7, "files": ["picture-1.bin"]}


def zipped(path: Path, method: int = zipfile.ZIP_STORED, **files: object) -> None:
    """As another tool writes it; the names' `_` stands for a dot."""
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in files.items():
            file.writestr(name.replace("_", "."), json.dumps(content))


def test_a_report_is_read_without_the_pictures_behind_it(path: Path) -> None:
    data = {"labels": list(range(500))}  # as of entities
    entries.write(path, Entry((b"x" * 100_000,), RECEIPT._replace(data=data)))
    report = entries.read_report(path)

    assert report == {
        "request_id": "r",
        "code": 0,
        "message": "成功 \ud800",
        "elapsed_s": 1.5,
        "seed": 3,
        "urls": [],
        "data": data,
        "received_at": 1.7e9,
        "files": ["picture-1.bin"],
    }
    # as after a cut, which leaves the report at the beginning
    path.write_bytes(path.read_bytes()[:50_000])
    assert entries.read_report(path) == report


@pytest.mark.parametrize(
    "files",
    [
        {"report_json": REPORT, "method": zipfile.ZIP_DEFLATED},
        {"picture_bin": [0] * 10, "report_json": REPORT},
        {"report_jso2": {"seed": 8}, "report_json": REPORT},
        {"report_json": {**REPORT, "data": "long " * 10_000}},
    ],
    ids=["compressed", "not the first", "behind another", "longer than a look"],
)
def test_the_report_of_an_entry_that_another_tool_packed_is_read(
    path: Path, files: dict[str, Any]
) -> None:
    zipped(path, **files)

    found = entries.read_report(path)
    assert (found["request_id"], found["seed"]) == ("R", 7)


@pytest.mark.parametrize("length", [0, 4, 29, 30, 41, 60])
def test_a_report_that_was_cut_is_none(path: Path, length: int) -> None:
    zipped(path, report_json=REPORT)
    path.write_bytes(path.read_bytes()[:length])

    assert entries.read_report(path) == {}


def test_what_holds_no_report_has_none(path: Path) -> None:
    assert entries.read_report(path) == {}
    path.write_bytes(b"no zip, however long it is: " * 10)
    assert entries.read_report(path) == {}
    zipped(path, other_json=REPORT)
    assert entries.read_report(path) == {}
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("report.json", "no JSON")
    assert entries.read_report(path) == {}
    zipped(path, report_json=[REPORT])
    assert entries.read_report(path) == {}
