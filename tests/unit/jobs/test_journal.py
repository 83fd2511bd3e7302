"""Entries: exact, whole or absent, never mixed up, never more than fit."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import buyer
import pytest
from volc_inpaint.nodes.jobs import journal as journal_module
from volc_inpaint.nodes.jobs.claims import Trace
from volc_inpaint.nodes.jobs.job import Receipt, delivered
from volc_inpaint.nodes.jobs.journal import DamagedError, Entry, Journal, journal_key
from volc_inpaint.nodes.pixels import pictures
from volc_inpaint.nodes.volcengine.request import LogoInfo

if TYPE_CHECKING:
    from volc_inpaint.nodes.volcengine.request import Request

KEY = "ab" + "0" * 62
PICTURES = (b"\xff\xd8\xffsome jpeg", b"\x89PNG\r\n\x1a\nsome png", b"something else")
RECEIPT = Receipt(
    request_id="r",
    message="成功 \ud800",  # a lone surrogate, as JSON may hold it
    elapsed_s=1.5,
    seed=3,
    received_at=1.7e9,
)
HOUR_S = 3600
TESTS = Path(__file__).resolve().parents[2]


def key_of(number: int) -> str:
    return f"{number:02x}" + "f" * 62


def age(folder: Path, number: int, seconds: float) -> None:
    """Let the last use of an entry lie so far back."""
    path = folder / key_of(number)[:2] / f"{key_of(number)}.zip"
    then = time.time() - seconds
    os.utime(path, (then, then))


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
@pytest.mark.parametrize("umask", [0, 0o002, 0o022, 0o077])
def test_nobody_else_may_read_what_is_kept_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        journal = Journal(tmp_path / "journal", 10**9)
        claim = journal.try_claim(key_of(1))
        assert claim is not None
        claim.write(Trace("sent"))
        journal.add(KEY, Entry(PICTURES, RECEIPT), 1)
    finally:
        os.umask(before)

    kept = sorted(tmp_path.rglob("*"))
    assert [(path.is_dir(), 0o700 if path.is_dir() else 0o600) for path in kept] == [
        (path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in kept
    ]
    assert {path.suffix for path in kept if path.is_file()} == {".zip", ".inflight", ".id"}
    claim.__exit__()


def test_an_entry_comes_back_exactly_and_opens_anywhere(tmp_path: Path) -> None:
    Journal(tmp_path, 10**9).add(KEY, Entry(PICTURES, RECEIPT), 1)
    found = Journal(tmp_path, 10**9).find(KEY, 1)

    assert found is not None
    assert found.pictures == PICTURES
    assert found.receipt == RECEIPT
    with zipfile.ZipFile(tmp_path / "ab" / f"{KEY}.zip") as file:
        names = ["picture-1.jpg", "picture-2.png", "picture-3.bin"]
        assert file.testzip() is None
        assert sorted(file.namelist()) == [*names, "report.json"]
        assert [file.read(name) for name in names] == list(PICTURES)


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_the_folder_belongs_to_its_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "journal"
    Journal(folder, 10**9).add(KEY, Entry(PICTURES, RECEIPT), 1)

    assert [p.stat().st_mode & 0o777 for p in (folder, folder / "ab")] == [0o700, 0o700]


def test_no_damage_of_a_single_byte_goes_unnoticed(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 10**9)
    journal.add(KEY, Entry(PICTURES[:1]), 1)
    (path,) = tmp_path.glob("*/*.zip")
    whole = path.read_bytes()
    noticed = 0
    for position in range(len(whole)):
        for bit in (0x01, 0x80):
            damaged = bytearray(whole)
            damaged[position] ^= bit
            path.write_bytes(damaged)
            try:
                found = journal.find(KEY, 1)
            except DamagedError:
                noticed += 1
            else:
                # Dates and the like: nothing that we read.
                assert found is not None
                assert found.pictures == PICTURES[:1]

    assert noticed > len(whole)


def test_no_cut_goes_unnoticed(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 10**9)
    journal.add(KEY, Entry(PICTURES, RECEIPT), 1)
    (path,) = tmp_path.glob("*/*.zip")
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedError):
            journal.find(KEY, 1)


@pytest.mark.parametrize("wrong", [None, [], {"a": 1}, "text", [7, None]])
@pytest.mark.parametrize("name", RECEIPT.to_json())
def test_a_report_that_was_changed_by_hand_costs_no_picture(
    tmp_path: Path, name: str, wrong: object
) -> None:
    """Whatever stands in a field, the picture comes back, and the report's fields are of their types."""
    path = tmp_path / "ab" / f"{KEY}.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as file:
        changed = {**RECEIPT.to_json(), name: wrong, "files": ["a", "b", "c"]}
        file.writestr("report.json", json.dumps(changed))
        for file_name, picture in zip("abc", PICTURES, strict=True):
            file.writestr(file_name, picture)
    found = Journal(tmp_path, 10**9).find(KEY, 1)

    assert found is not None
    assert found.pictures == PICTURES
    (job,) = buyer.jobs(1, seed=9)
    outcome = delivered(job, found.receipt, PICTURES, "journal")
    assert outcome.value == PICTURES
    assert isinstance(outcome.request_id, str)
    assert isinstance(outcome.message, str)
    assert isinstance(outcome.code, (int, str))
    assert isinstance(outcome.job.seed, int)
    assert isinstance(outcome.elapsed_s, (float, type(None)))
    assert isinstance(outcome.received_at, (float, type(None)))
    assert isinstance(outcome.data, dict)
    assert outcome.urls == ()


def test_what_was_set_aside_is_kept_until_it_is_bought_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 10**9)
    journal.add(KEY, Entry(PICTURES, RECEIPT), 1)
    journal.set_aside(KEY)

    assert journal.find(KEY, 1) is None
    assert Journal(tmp_path, 10**9).was_set_aside(KEY)
    assert len(list(tmp_path.glob("*/*.damaged"))) == 1

    journal.add(KEY, Entry(PICTURES, RECEIPT), 1)
    assert not journal.was_set_aside(KEY)


def test_a_half_written_entry_is_none(tmp_path: Path) -> None:
    """A writer that is killed leaves no entry, whatever it got done."""
    script = (
        "import sys, os; sys.path.insert(0, '.'); import buyer\n"
        "from volc_inpaint.nodes.jobs import journal\n"
        "from pathlib import Path\n"
        "journal.os.fsync = lambda _: os.kill(os.getpid(), 9)\n"
        f"journal.Journal(Path({str(tmp_path)!r}), 10**9).add({KEY!r}, journal.Entry((b'x' * 99999,)), 1)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], cwd=TESTS, check=False)

    assert ended.returncode == -9
    assert [path.suffix for path in tmp_path.glob("??/*")] == [".partial"]
    assert Journal(tmp_path, 10**9).find(KEY, 1) is None


def test_readers_see_whole_entries_while_another_process_replaces_them(tmp_path: Path) -> None:
    script = (
        "import sys; sys.path.insert(0, '.'); import buyer\n"
        "from volc_inpaint.nodes.jobs.journal import Journal, Entry\n"
        "from pathlib import Path\n"
        f"journal = Journal(Path({str(tmp_path)!r}), 10**9)\n"
        "for number in range(150):\n"
        f"    journal.add({KEY!r}, Entry((bytes([number]) * 200000,)), 1)\n"
    )
    journal = Journal(tmp_path, 10**9)
    seen = set()
    with subprocess.Popen([sys.executable, "-c", script], cwd=TESTS) as writer:
        while writer.poll() is None:
            found = journal.find(KEY, 1)
            if found is not None:
                (picture,) = found.pictures
                assert picture == picture[:1] * 200000
                seen.add(picture[0])
    assert writer.returncode == 0
    assert len(seen) > 3


def test_the_key_is_of_what_the_picture_shows_and_of_nothing_else() -> None:
    rgb = buyer.pixels()
    request, pixels_key = buyer.request(rgb)

    def key(changed: Request = request, **other: Any) -> str:
        values = {"endpoint": "https://e", "pixels_key": pixels_key, "seed": 1, **other}
        return journal_key(values["endpoint"], changed, values["pixels_key"], values["seed"])

    def with_parameters(**parameters: object) -> Request:
        return replace(request, parameters={**request.parameters, **parameters})

    same = [
        key(replace(request, pictures=(b"another encoding", b"of the same pixels"))),
        key(with_parameters(return_url=True)),
        key(replace(request, parameters=dict(reversed(request.parameters.items())))),
    ]
    white = rgb[..., 0] > 128
    others = [
        key(endpoint="https://f"),
        key(seed=2),
        key(seed=None),
        key(pixels_key=pictures.pixels_key(buyer.pixels(1), white)),
        key(with_parameters(custom_prompt="cat")),
        key(with_parameters(steps=26)),
        key(with_parameters(scale=5.1)),
        key(with_parameters(logo_info=LogoInfo().wire())),
        key(with_parameters(logo_info=LogoInfo(opacity=0.5).wire())),
        key(replace(request, model=replace(request.model, req_key="another"))),
    ]
    assert set(same) == {key()}
    assert len({key(), *others}) == 1 + len(others)


def test_pixels_are_named_by_value_shape_and_place() -> None:
    rgb = buyer.pixels()
    mask = rgb[..., 0] > 128
    changed = rgb.copy()
    changed[0, 0, 0] ^= 1
    names = [
        pictures.pixels_key(rgb, mask),
        pictures.pixels_key(changed, mask),
        pictures.pixels_key(rgb, ~mask),
        pictures.pixels_key(rgb.reshape(32, 128, 3), mask),
        pictures.pixels_key(rgb[..., ::-1], mask),
    ]

    assert len(set(names)) == len(names)
    assert pictures.pixels_key(rgb.copy(order="F"), mask) == names[0]


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


@pytest.mark.skipif(os.name == "nt", reason="setrlimit")
def test_a_picture_that_found_no_room_waits_in_memory_and_stops_the_next_purchase(
    tmp_path: Path,
) -> None:
    """A file size limit stands in for a full disk: small notes fit, the picture does not."""
    script = (
        "import sys, resource; sys.path.insert(0, '.'); import buyer, json\n"
        "from volc_inpaint.nodes.jobs.journal import Journal, Entry\n"
        "from pathlib import Path\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "journal, facts = Journal(folder, 10**9), {}\n"
        "hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50000, hard))\n"
        "def attempt(action):\n"
        "    try:\n"
        "        return bool(action())\n"
        "    except OSError:\n"
        "        return 'OSError'\n"
        f"key, other = {KEY!r}, {key_of(1)!r}\n"
        "facts['add'] = attempt(lambda: journal.add(key, Entry((bytes(200000),)), 1))\n"
        "facts['found'] = attempt(lambda: journal.find(key, 1))\n"
        "facts['claim'] = attempt(lambda: journal.try_claim(other))\n"
        "facts['left'] = len(list(folder.glob('*/*.partial')))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))\n"
        "facts['later'] = attempt(lambda: journal.try_claim(other))\n"
        "facts['kept'] = attempt(lambda: Journal(folder, 10**9).find(key, 1))\n"
        "print(json.dumps(facts))\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=TESTS, check=True, capture_output=True, text=True
    )

    assert json.loads(told.stdout) == {
        "add": "OSError",
        "found": True,
        "claim": "OSError",
        "left": 0,
        "later": True,
        "kept": True,
    }


def test_a_rename_that_is_refused_for_a_moment_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a virus scanner on Windows."""
    refusals = iter([PermissionError(13, "Access is denied")] * 3)
    replace_ = Path.replace

    def refuse(path: Path, target: Path) -> Path:
        for error in refusals:
            raise error
        return replace_(path, target)

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr(journal_module, "_RENAME_PAUSES_S", (0.001,) * 3)
    Journal(tmp_path, 10**9).add(KEY, Entry(PICTURES, RECEIPT), 1)

    assert Journal(tmp_path, 10**9).find(KEY, 1) == Entry(PICTURES, RECEIPT)


def test_what_found_no_room_is_written_in_the_background_as_soon_as_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "_WRITE_AGAIN_S", 0.01)
    journal, write = Journal(tmp_path, 10**9), Journal._write
    refused = threading.Event()

    def refuse(*_: Any) -> int:
        refused.set()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Journal, "_write", refuse)
    with pytest.raises(OSError, match="No space"):
        journal.add(KEY, Entry(PICTURES, RECEIPT), 1)
    refused.clear()
    assert refused.wait(10)
    assert not list(tmp_path.glob("*/*.zip"))

    monkeypatch.setattr(Journal, "_write", write)
    buyer.wait_until(lambda: Journal(tmp_path, 10**9).find(KEY, 1) is not None)
    assert journal.write_waiting()


def test_what_finds_no_room_at_the_end_of_the_process_keeps_nothing_else_from_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.12 starts no thread any more then."""
    journal, write = Journal(tmp_path, 10**9), Journal._write

    def refuse_large(journal: Journal, path: Path, entry: Entry) -> int:
        if path.stem == KEY:
            raise OSError(28, "No space left on device")
        return write(journal, path, entry)

    def refuse(_: object) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr(Journal, "_write", refuse_large)
    journal._unwritten = {KEY: Entry(PICTURES), key_of(1): Entry(PICTURES)}

    assert not journal.write_waiting()
    assert Journal(tmp_path, 10**9).find(key_of(1), 1) == Entry(PICTURES)
