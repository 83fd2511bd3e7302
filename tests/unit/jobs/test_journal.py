"""The journal: found again by what was sent, kept from everybody else, never lost for want of room."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import buyer
import pytest
from kept import KEY, PICTURES, RECEIPT
from volc_inpaint.nodes.jobs import journal as journal_module
from volc_inpaint.nodes.jobs.claims import Trace
from volc_inpaint.nodes.jobs.entries import Entry
from volc_inpaint.nodes.jobs.journal import Journal, journal_key
from volc_inpaint.nodes.pixels import pictures
from volc_inpaint.nodes.volcengine.request import LogoInfo

if TYPE_CHECKING:
    from volc_inpaint.nodes.volcengine.request import Request

TESTS = Path(__file__).resolve().parents[2]


def key_of(number: int) -> str:
    return f"{number:02x}" + "f" * 62


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


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_the_folder_belongs_to_its_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "journal"
    Journal(folder, 10**9).add(KEY, Entry(PICTURES, RECEIPT), 1)

    assert [p.stat().st_mode & 0o777 for p in (folder, folder / "ab")] == [0o700, 0o700]


def test_what_was_set_aside_is_kept_until_it_is_bought_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 10**9)
    journal.add(KEY, Entry(PICTURES, RECEIPT), 1)
    journal.set_aside(KEY)

    assert journal.find(KEY, 1) is None
    assert Journal(tmp_path, 10**9).was_set_aside(KEY)
    assert len(list(tmp_path.glob("*/*.damaged"))) == 1

    journal.add(KEY, Entry(PICTURES, RECEIPT), 1)
    assert not journal.was_set_aside(KEY)


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
        key(replace(request, model=request.model._replace(req_key="another"))),
    ]
    assert set(same) == {key()}
    assert len({key(), *others}) == 1 + len(others)


def test_the_key_of_a_picture_stays_what_it_was() -> None:
    """Another would have every picture of before bought again; computed by hand of what is sent."""
    request, _ = buyer.request(buyer.pixels())
    request = replace(
        request, parameters={"steps": 25, "custom_prompt": "小狗", "return_url": True}
    )
    later = replace(request, on_query={"return_url": True, "logo_info": {"opacity": 0.5}})
    body = (
        '{"endpoint":"https://e",%s"parameters":{"custom_prompt":"\\u5c0f\\u72d7","steps":25},'
        '"pixels":"abc","req_key":"img2img_inpainting_edit_zi2i","seed":7}'
    )
    plain, with_wishes = body % "", body % '"on_query":{"logo_info":{"opacity":0.5}},'

    assert journal_key("https://e", request, "abc", 7) == hashlib.sha256(plain.encode()).hexdigest()
    assert (
        journal_key("https://e", later, "abc", 7)
        == hashlib.sha256(with_wishes.encode()).hexdigest()
    )


def test_the_journal_holds_what_is_on_its_disk_and_what_waits_for_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, 10**9)
    journal.add(KEY, Entry(PICTURES), 1)

    def refuse(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Journal, "_write", refuse)
    with pytest.raises(OSError, match="No space"):
        journal.add(key_of(1), Entry(PICTURES), 1)

    assert [True, True, False] == [journal.holds(key) for key in (KEY, key_of(1), key_of(2))]


def test_the_note_of_a_process_that_died_after_the_picture_was_kept_goes_when_it_is_found(
    tmp_path: Path,
) -> None:
    journal = Journal(tmp_path, 10**9)
    journal.add(KEY, Entry(PICTURES), 1)
    assert journal.left_behind(KEY) is None
    note = tmp_path / "ab" / f"{KEY}.inflight"
    note.write_bytes(Trace("sent").to_json())
    assert journal.left_behind(KEY) == Trace("sent")

    assert journal.find(KEY, 1) == Entry(PICTURES)
    assert not note.exists()


def test_a_note_that_somebody_holds_stays_when_the_picture_is_found(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 10**9)
    journal.add(KEY, Entry(PICTURES), 1)
    claim = journal.try_claim(KEY)
    assert claim is not None
    claim.write(Trace("sent"))

    assert journal.find(KEY, 1) == Entry(PICTURES)
    assert journal.left_behind(KEY) == Trace("sent")
    claim.__exit__()


def test_a_picture_for_a_share_that_is_away_waits_in_memory_until_it_is_back(
    tmp_path: Path,
) -> None:
    folder, away = tmp_path / "journal", tmp_path / "away"
    folder.mkdir()
    journal = Journal(folder, 10**9, make=False)
    claim = journal.try_claim(KEY)
    assert claim is not None
    folder.rename(away)
    folder.mkdir()
    with pytest.raises(OSError, match="another one now") as caught:
        journal.add(KEY, Entry(PICTURES), 1)
    assert caught.value.errno == errno.ESTALE
    assert list(folder.iterdir()) == []
    assert journal.find(KEY, 1) == Entry(PICTURES)

    folder.rmdir()
    away.rename(folder)
    assert journal.write_waiting()
    claim.__exit__()
    assert Journal(folder, 10**9).find(KEY, 1) == Entry(PICTURES)


@pytest.mark.skipif(os.name == "nt", reason="setrlimit")
def test_a_picture_that_found_no_room_waits_in_memory_and_stops_the_next_purchase(
    tmp_path: Path,
) -> None:
    """A file size limit stands in for a full disk: small notes fit, the picture does not."""
    script = (
        "import sys, resource; sys.path.insert(0, '.'); import buyer, json\n"
        "from volc_inpaint.nodes.jobs.entries import Entry\n"
        "from volc_inpaint.nodes.jobs.journal import Journal\n"
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


def test_what_found_no_room_is_written_in_the_background_as_soon_as_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "_WRITE_AGAIN_S", 0.01)
    journal, write = Journal(tmp_path, 10**9), Journal._write
    refused, before = threading.Event(), set(threading.enumerate())

    def refuse(*_: Any) -> int:
        refused.set()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Journal, "_write", refuse)
    with pytest.raises(OSError, match="No space"):
        journal.add(KEY, Entry(PICTURES, RECEIPT), 1)
    for _ in range(3):
        refused.clear()
        assert refused.wait(10)
    assert not list(tmp_path.glob("*/*.zip"))
    (writer,) = set(threading.enumerate()) - before
    assert writer.daemon  # else a full disk would keep the process from ending

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
