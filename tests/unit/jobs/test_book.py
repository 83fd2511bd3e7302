"""The account book: what its lines say, whoever wrote them and however they ended."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from another import others
from volc_inpaint.nodes.jobs import book as module
from volc_inpaint.nodes.jobs.book import Book, open_book
from volc_inpaint.nodes.jobs.book_lines import Asked, day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from another import Another

ASKED = Asked(
    "img2img_inpainting_edit_zi2i", 7, 1, 2, "ab" * 32, "一只小狗", "VolcInpaint 5", "flow"
)
OTHER = "2026-11-00c0ffee-0123456789ab"  # a process of another machine, long dead

WRITER = """
import sys
import conftest
from pathlib import Path
from volc_inpaint.nodes.jobs.book import Book
from volc_inpaint.nodes.jobs.book_lines import Asked
book = Book(Path(sys.argv[1]))
for line in sys.stdin:
    words = line.split()
    if words[0] == "many":
        for seed in range(int(words[1])):
            book.ended(book.sent(Asked("model", seed)), "paid", 10000, str(seed))
        print("done", flush=True)
    else:
        print(getattr(book, words[0])(*([Asked("model", 1)] if words[0] == "sent" else words[1:])), flush=True)
"""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Callable[[], Another]]:
    """Another process that writes into a book."""
    with others(WRITER, tmp_path) as start:
        yield start


def write(folder: Path, *lines: dict[str, Any], name: str = OTHER, end: str = "") -> Path:
    """A book as its format says, by hand."""
    path = folder / "book" / f"{name}.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + end, "utf-8")
    return path


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


def states(book: Book) -> list[str]:
    return [call.state for call in book.read().calls.values()]


def test_the_lines_of_a_call_say_what_became_of_it_and_nothing_else(tmp_path: Path) -> None:
    book = Book(tmp_path)
    number = book.sent(ASKED)
    book.ended(number, "paid", 10000, "request")

    (file,) = (tmp_path / "book").glob("*.jsonl")
    sent, paid = map(json.loads, file.read_text("utf-8").splitlines())
    assert sent.pop("at") <= paid.pop("at")
    assert sent == {
        "state": "sent",
        "id": number,
        "model": "img2img_inpainting_edit_zi2i",
        "seed": 7,
        "image": 1,
        "variant": 2,
        "key": "ab" * 32,
        "prompt": "一只小狗",
        "node": "VolcInpaint 5",
        "workflow": "flow",
    }
    assert paid == {"state": "paid", "id": number, "code": 10000, "request_id": "request"}
    (call,) = book.read().calls.values()
    assert ("paid", ASKED, 10000, "request") == (
        call.state,
        call.asked,
        call.code,
        call.request_id,
    )
    if os.name != "nt":
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700


def test_what_a_full_disk_kept_out_is_written_with_the_next_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book(tmp_path)
    number = book.sent(ASKED)
    writes = iter([5, OSError(errno.ENOSPC, "full")])

    def full(descriptor: int, content: bytes) -> int:
        result = next(writes)
        if isinstance(result, OSError):
            raise result
        return real(descriptor, bytes(content)[:result])

    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "write", full)
        book.ended(number, "paid", 10000, "request")
    with monkeypatch.context() as patch:
        writes = iter([OSError(errno.ENOSPC, "full")])
        patch.setattr(module.os, "write", full)
        with pytest.raises(OSError, match="full"):
            book.sent(ASKED)  # and nothing may be sent then
    assert ["sent"] == states(book)

    second = book.sent(ASKED)
    assert {number: "paid", second: "sent"} == {
        call.number: call.state for call in Book(tmp_path).read().calls.values()
    }


def test_no_line_of_what_has_happened_costs_anything_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    book = Book(tmp_path)
    number = book.sent(ASKED)
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "write", full)
        book.submitted(number, "a task", "request")
        book.withdrawn(number)
        book.task_ended("a task", 1.0, ASKED, "fetched")
        book.served(ASKED)
        book.deleted("ab" * 32)
        book.released("2026-11-0123456789abcdef")
        for said in (lambda: book.tick(number, ticked=True), lambda: book.reserved(number, 1)):
            with pytest.raises(OSError, match="full"):
                said()
    book.ended(number, "unknown")

    (written,) = (tmp_path / "book").glob("*.jsonl")
    lines = [json.loads(line) for line in written.read_text("utf-8").splitlines() if line]
    expected = [
        "sent",
        "submitted",
        "withdrawn",
        "fetched",
        "journal",
        "deleted",
        "released",
        "unknown",
    ]
    assert expected == [line["state"] for line in lines]


def test_a_book_that_was_deleted_under_a_running_server_begins_anew(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.sent(ASKED)
    shutil.rmtree(tmp_path / "book")
    number = book.sent(ASKED._replace(node="half a character: \ud83d"))

    (call,) = Book(tmp_path).read().calls.values()
    assert (number, "half a character: ?") == (call.number, call.asked.node)
    assert 1 == len(list((tmp_path / "book").glob("*.lock")))


def test_a_folder_whose_locks_are_always_held_ends_in_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LONGEST_LOOK_S", 0.02)
    monkeypatch.setattr(module.LockedFile, "try_open", lambda _: None)
    with pytest.raises(OSError, match="lock"):
        Book(tmp_path).sent(ASKED)

    assert [] == list((tmp_path / "book").iterdir())


def test_a_call_of_a_process_that_died_is_unknown(
    tmp_path: Path, writer: Callable[[], Another]
) -> None:
    other, book = writer(), Book(tmp_path)
    other.order("sent")
    assert other.answer().startswith("20")
    assert ["sent"] == states(book)

    other.kill()
    assert ["unknown"] == states(book)
    assert not list((tmp_path / "book").glob("*.lock"))


def test_processes_and_threads_write_side_by_side(
    tmp_path: Path, writer: Callable[[], Another]
) -> None:
    two, book = [writer(), writer()], Book(tmp_path)
    for one in two:
        one.order("many", 200)

    def many() -> None:
        for seed in range(100):
            book.ended(book.sent(Asked("model", seed)), "failed", 50413)

    threads = [threading.Thread(target=many) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        book.read()  # while others write
    assert ["done", "done"] == [one.answer() for one in two]

    found = states(book)
    assert (400, 300, 700) == (found.count("paid"), found.count("failed"), len(found))
    assert 3 == len(list((tmp_path / "book").glob("*.jsonl")))


def test_a_task_that_a_later_process_ends_is_one_call(
    tmp_path: Path, writer: Callable[[], Another]
) -> None:
    first, book = writer(), Book(tmp_path)
    for task in ("painted", "refused", "lost"):
        first.order("sent")
        first.order("submitted", first.answer(), task, "submission")
        first.answer()
    first.kill()
    book.task_ended("painted", 5.0, ASKED, "fetched", 10000, "of the question")
    book.task_ended("refused", 5.0, ASKED, "failed", 50511)

    calls = {call.task_id: call for call in book.read().calls.values()}
    assert {"painted": "fetched", "refused": "failed", "lost": "unknown"} == {
        task: call.state for task, call in calls.items()
    }
    assert calls["painted"].request_id == "of the question"
    assert calls["lost"].request_id == "submission"


def test_a_task_of_before_there_was_a_book_counts_on_the_day_it_was_submitted(
    tmp_path: Path,
) -> None:
    book = Book(tmp_path)
    book.task_ended("old", at("2026-11-24T15:00:00"), ASKED, "fetched", 10000, "r")

    (call,) = book.read().calls.values()
    assert ("fetched", "2026-11-24", ASKED) == (call.state, day(call.at), call.asked)


def test_a_call_that_lasts_over_the_end_of_a_month_belongs_to_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book(tmp_path)
    monkeypatch.setattr(module.time, "time", lambda: at("2026-11-30T15:59:59"))
    number = book.sent(ASKED)
    monkeypatch.setattr(module.time, "time", lambda: at("2026-11-30T16:00:01"))
    book.ended(number, "paid")
    book.served(ASKED)

    assert ["paid"] == [call.state for call in book.read(["2026-11"]).calls.values()]
    december = book.read(["2026-12"])
    assert ({}, 1) == (december.calls, len(december.served))


def test_a_tick_can_be_taken_back_by_another_process(tmp_path: Path) -> None:
    number = "2026-11-a"
    write(tmp_path, {"state": "sent", "id": number, "at": 1.0})
    tick = {"state": "ticked", "id": number, "at": 2.0}
    write(tmp_path, tick, name=OTHER[:-1] + "c")
    assert Book(tmp_path).read().calls[number].ticked

    Book(tmp_path).tick(number, ticked=False)
    assert not Book(tmp_path).read().calls[number].ticked
    Book(tmp_path).tick(number, ticked=True)
    assert Book(tmp_path).read().calls[number].ticked


def test_only_files_of_the_book_are_read(tmp_path: Path) -> None:
    sent = {"state": "sent", "id": "2026-11-a", "at": 1.0}
    for name in ("notes", "2026-11-copy", OTHER + " (conflicted copy)"):
        write(tmp_path, sent, name=name)

    assert {} == Book(tmp_path).read(also=["../secret.jsonl", f"../{OTHER}.jsonl"]).calls


def test_a_lock_that_somebody_looks_at_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, looked_at = module.LockedFile.try_open, iter([True, True, False])

    def look(path: Path) -> module.LockedFile | None:
        return None if next(looked_at) else real(path)

    with monkeypatch.context() as patch:
        patch.setattr(module.LockedFile, "try_open", look)
        Book(tmp_path).sent(ASKED)

    assert [] == list(looked_at)
    assert ["sent"] == states(Book(tmp_path))


def test_the_file_of_a_month_is_known_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit of calls a day names it to other machines."""
    now = at("2026-11-30T16:00:00")  # December has begun in Beijing
    monkeypatch.setattr(module.time, "time", lambda: now)
    expected = Book.file_name(now)
    Book(tmp_path).sent(ASKED)

    assert "2026-12-" == expected[:8]
    assert [expected] == [path.name for path in (tmp_path / "book").glob("*.jsonl")]


@pytest.mark.parametrize(
    ("reach", "silent_s", "state"),
    [(False, 3590.0, "sent"), (False, 3610.0, "unknown"), (True, 0.0, "unknown")],
)
def test_where_locks_end_at_one_machine_a_process_of_another_lives_until_it_was_silent_for_an_hour(
    tmp_path: Path, reach: bool, silent_s: float, state: str
) -> None:
    write(tmp_path, {"state": "sent", "id": "2026-11-a", "at": 1.0})
    lock = tmp_path / "book" / f"{OTHER[8:]}.lock"
    lock.touch()
    os.utime(lock, (time.time() - silent_s,) * 2)

    assert [state] == states(Book(tmp_path, reach=reach))


def test_where_locks_end_at_one_machine_its_own_dead_are_known_at_once(
    tmp_path: Path, writer: Callable[[], Another]
) -> None:
    other, book = writer(), Book(tmp_path, reach=False)
    other.order("sent")
    assert other.answer().startswith("20")
    assert ["sent"] == states(book)

    other.kill()
    assert ["unknown"] == states(book)


def test_where_locks_end_at_one_machine_each_line_is_a_sign_of_life(tmp_path: Path) -> None:
    book = Book(tmp_path, reach=False)
    book.sent(ASKED)
    (lock,) = (tmp_path / "book").glob("*.lock")
    os.utime(lock, (1.0, 1.0))
    book.sent(ASKED)

    assert time.time() - lock.stat().st_mtime < 60


def test_a_process_that_left_no_sign_of_life_is_dead(tmp_path: Path) -> None:
    reserved = {"state": "reserved", "id": "2026-11-r", "at": 1.0, "calls": 8}
    write(tmp_path, {"state": "sent", "id": "2026-11-a", "at": 1.0}, reserved)

    for reach in (True, False):
        reading = Book(tmp_path, reach=reach).read()
        assert ["unknown"] == [call.state for call in reading.calls.values()]
        assert {} == reading.reservations


def test_the_sign_of_life_is_held_from_the_first_line_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever found it free for a moment would take the process for dead."""
    book = Book(tmp_path)
    book.sent(ASKED)
    monkeypatch.setattr(module.LockedFile, "close", lambda *_, **__: pytest.fail("let go"))
    book.sent(ASKED)


def test_what_was_kept_out_by_a_full_disk_is_known_to_all_runs_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    number = open_book(tmp_path).sent(ASKED)
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "write", full)
        open_book(tmp_path).ended(number, "paid")
    open_book(tmp_path).served(ASKED)

    assert ["paid"] == states(Book(tmp_path))


def test_what_a_full_disk_keeps_out_is_told_while_others_can_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A console that stands still, as one of Windows does when somebody marks a text, must not hold the book."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    book, free = Book(tmp_path), []
    number = book.sent(ASKED)
    monkeypatch.setattr(module.os, "write", full)
    monkeypatch.setattr(caplog.handler, "emit", lambda _: free.append(not module._writing.locked()))
    book.ended(number, "paid")

    assert [True] == free


def test_a_process_whose_sign_of_life_cannot_be_looked_at_counts_as_living(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    reserved = {"state": "reserved", "id": "2026-11-r", "at": 1.0, "calls": 8}
    write(tmp_path, {"state": "sent", "id": "2026-11-a", "at": 1.0}, reserved)
    (tmp_path / "book" / f"{OTHER[8:]}.lock").touch()
    monkeypatch.setattr(module.LockedFile, "try_open", refuse)

    reading = Book(tmp_path).read()
    assert ["sent"] == [call.state for call in reading.calls.values()]
    assert {"2026-11-r": 8} == reading.reservations
