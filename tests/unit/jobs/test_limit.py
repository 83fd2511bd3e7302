"""The limit of calls a day: what counts, what is given back, and that processes side by side do not pass it together."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from another import others
from volc_inpaint.nodes.jobs import book as book_module
from volc_inpaint.nodes.jobs import limit as module
from volc_inpaint.nodes.jobs.book import Book
from volc_inpaint.nodes.jobs.book_lines import Asked
from volc_inpaint.nodes.jobs.limit import Limit, LimitReachedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from another import Another

ASKED = Asked("model", 1)
RUN = """
import sys
import conftest
from pathlib import Path
from volc_inpaint.nodes.jobs.book import Book
from volc_inpaint.nodes.jobs.book_lines import Asked
from volc_inpaint.nodes.jobs.limit import Limit, LimitReachedError
print("ready", flush=True)
for line in sys.stdin:
    folder, calls, wanted, sends = line.split()
    book = Book(Path(folder))
    try:
        reserved = Limit(book, int(calls)).reserve(int(wanted))
    except LimitReachedError as error:
        print(str(error).replace("\\n", " "), flush=True)
        continue
    for _ in range(int(sends)):
        reserved.take()
        book.ended(book.sent(Asked("model", 1), reserved.number), "paid")
    print("sent", flush=True)
"""


@pytest.fixture
def process() -> Iterator[Callable[[], Another]]:
    """Another process that reserves calls, and sends some of them."""
    with others(RUN) as start:

        def ready() -> Another:
            started = start()
            assert started.answer() == "ready"
            return started

        yield ready


def send(limit: Limit, count: int, state: str) -> None:
    """A run that sends calls which all end alike."""
    reserved = limit.reserve(count)
    for _ in range(count):
        reserved.take()
        limit.book.ended(limit.book.sent(ASKED, reserved.number), state)
    reserved.release()


def test_paid_and_unknown_calls_count_and_failed_ones_do_not(tmp_path: Path) -> None:
    limit = Limit(Book(tmp_path), 10)
    send(limit, 3, "paid")
    send(limit, 4, "failed")
    send(limit, 2, "unknown")
    limit.book.served(ASKED)

    assert 5 == limit.left()


def test_a_run_that_does_not_fit_is_refused_whole_and_told_what_is_left(tmp_path: Path) -> None:
    limit = Limit(Book(tmp_path), 10)
    send(limit, 8, "paid")
    with pytest.raises(LimitReachedError) as told:
        limit.reserve(3)

    english, chinese = str(told.value).splitlines()
    assert "needs 3 new calls, but 2 of the 10 a day are left" in english
    assert "仅剩 2 次" in chinese
    for line in (english, chinese):
        assert "VOLC_MAX_CALLS_PER_DAY" in line
    assert 2 == limit.left()
    limit.reserve(2)
    assert 0 == limit.left()


def test_what_a_run_reserved_and_did_not_send_is_given_back_at_its_end(tmp_path: Path) -> None:
    limit = Limit(Book(tmp_path), 10)
    reserved = limit.reserve(8)
    reserved.take()
    number = limit.book.sent(ASKED, reserved.number)
    assert 2 == limit.left()
    limit.book.ended(number, "paid")
    assert 2 == limit.left()
    reserved.release()
    assert 9 == limit.left()


def test_a_call_that_failed_leaves_its_place_to_the_next_try(tmp_path: Path) -> None:
    limit = Limit(Book(tmp_path), 1)
    reserved = limit.reserve(1)
    for state in ("failed", "failed", "paid"):
        reserved.take()
        limit.book.ended(limit.book.sent(ASKED, reserved.number), state)
        if state == "failed":
            reserved.give_back()

    assert 0 == limit.left()
    with pytest.raises(LimitReachedError, match="0 of the 1"):
        reserved.take()


def test_a_call_more_than_was_reserved_is_let_go_if_it_fits(tmp_path: Path) -> None:
    limit = Limit(Book(tmp_path), 2)
    reserved = limit.reserve(1)
    for _ in range(2):
        reserved.take()
        limit.book.sent(ASKED, reserved.number)
    with pytest.raises(LimitReachedError):
        reserved.take()

    assert 0 == limit.left()
    reserved.release()
    assert 0 == limit.left()


def test_without_a_limit_nothing_is_written(tmp_path: Path) -> None:
    reserved = Limit(Book(tmp_path), 0).reserve(1000)
    reserved.take()
    reserved.give_back()
    reserved.release()

    assert [] == list(tmp_path.iterdir())


def test_two_processes_at_once_do_not_pass_it_together(
    tmp_path: Path, process: Callable[[], Another]
) -> None:
    two = [process(), process()]
    for round_ in range(5):
        folder = tmp_path / str(round_)
        folder.mkdir()
        for one in two:
            one.order(folder, 10, 8, 8)
        told = sorted(one.answer() for one in two)

        assert "needs 8 new calls, but 2 of the 10 a day are left" in told[0]
        assert "sent" == told[1]
        assert 8 == len(Book(folder).read().calls)


def test_what_a_dead_process_reserved_and_did_not_send_is_given_back(
    tmp_path: Path, process: Callable[[], Another]
) -> None:
    other, limit = process(), Limit(Book(tmp_path), 10)
    other.order(tmp_path, 10, 8, 3)
    assert "sent" == other.answer()
    assert 2 == limit.left()

    other.kill()
    assert 7 == limit.left()


def test_a_day_ends_at_midnight_in_beijing_and_what_is_reserved_over_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1_796_054_399.0]  # 2026-11-30 15:59:59 UTC, which is 23:59:59 in Beijing
    monkeypatch.setattr(book_module.time, "time", lambda: clock[0])
    limit = Limit(Book(tmp_path), 10)
    send(limit, 4, "paid")
    reserved = limit.reserve(2)
    assert 4 == limit.left()

    clock[0] += 2
    assert 8 == limit.left()
    reserved.take()
    limit.book.sent(ASKED, reserved.number)
    assert 8 == limit.left()
    reserved.release()
    assert 9 == limit.left()


def test_where_locks_end_at_one_machine_another_one_that_wrote_lately_counts_as_living(
    tmp_path: Path,
) -> None:
    name = f"{time.strftime('%Y-%m', time.gmtime(time.time() + 8 * 3600))}-00c0ffee-0123456789ab"
    (tmp_path / "book").mkdir()
    lock = tmp_path / "book" / f"{name[8:]}.lock"
    line = {"state": "reserved", "id": "2026-11-a", "at": 1.0, "calls": 8}
    (tmp_path / "book" / f"{name}.jsonl").write_text(json.dumps(line) + "\n")
    lock.touch()

    assert 2 == Limit(Book(tmp_path, reach=False), 10).left()
    os.utime(lock, (time.time() - 4000,) * 2)
    assert 10 == Limit(Book(tmp_path, reach=False), 10).left()
    lock.touch()
    assert 10 == Limit(Book(tmp_path), 10).left()


def test_where_locks_do_not_exclude_two_that_come_together_are_both_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What each writes is seen by the other before either counts; so the limit holds even then."""
    limit = Limit(Book(tmp_path), 10)
    other = Book(tmp_path)
    real = limit.book.read

    def read(*_: object, **__: object) -> object:
        other.reserved("2026-11-other", 8)
        return real()

    monkeypatch.setattr(limit.book, "read", read)
    with pytest.raises(LimitReachedError, match="needs 8 new calls, but 2 of"):
        limit.reserve(8)


def test_a_lock_that_nobody_gives_back_ends_in_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LONGEST_WAIT_S", 0.05)
    limit = Limit(Book(tmp_path), 10)
    limit.reserve(1)
    held = module.LockedFile.try_open(tmp_path / "book" / "limit.lock")
    assert held is not None
    with pytest.raises(TimeoutError):
        limit.reserve(1)
    held.close(remove=False)
    limit.reserve(1)


def test_after_the_limit_was_lowered_nothing_is_left_and_what_needs_no_call_is_let_go(
    tmp_path: Path,
) -> None:
    send(Limit(Book(tmp_path), 10), 5, "paid")
    lowered = Limit(Book(tmp_path), 3)

    assert 0 == lowered.left()
    lowered.reserve(0).release()
    with pytest.raises(LimitReachedError, match="needs 1 new calls, but 0 of the 3 a day are left"):
        lowered.reserve(1)


def test_what_another_process_holds_counts_also_where_its_new_file_is_not_listed_yet(
    tmp_path: Path, process: Callable[[], Another], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems between machines show it after seconds."""
    other = process()
    other.order(tmp_path, 10, 8, 3)
    assert "sent" == other.answer()
    monkeypatch.setattr(Path, "iterdir", lambda _: iter(()))

    with pytest.raises(LimitReachedError, match="but 2 of the 10"):
        Limit(Book(tmp_path), 10).reserve(3)


@pytest.mark.parametrize("content", [b"", b'["2026-1', b"7", b'[7, "2020-01-old.jsonl"]'])
def test_a_list_of_files_that_tells_nothing_is_written_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "limit.lock").write_bytes(content)
    limit = Limit(Book(tmp_path), 10)
    limit.reserve(8)

    (file,) = (tmp_path / "book").glob("*.jsonl")
    assert [file.name] == json.loads((tmp_path / "book" / "limit.lock").read_bytes())
    assert 2 == limit.left()


def test_a_try_more_than_fits_leaves_what_the_run_holds(tmp_path: Path) -> None:
    limit = Limit(Book(tmp_path), 5)
    reserved = limit.reserve(3)
    with pytest.raises(LimitReachedError, match="needs 3 new calls, but 2 of the 5"):
        reserved.add(3)
    assert 2 == limit.left()

    reserved.add(2)
    assert 0 == limit.left()
    for _ in range(5):
        reserved.take()
    with pytest.raises(LimitReachedError, match="needs 1 new calls, but 0 of the 5"):
        reserved.take()


def test_who_waits_for_others_can_be_cancelled(tmp_path: Path) -> None:
    limit = Limit(Book(tmp_path), 10)
    limit.reserve(1)
    held = module.LockedFile.try_open(tmp_path / "book" / "limit.lock")
    assert held is not None

    def cancelled() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        limit.reserve(1, cancelled)
    held.close(remove=False)
    assert 9 == limit.left()
