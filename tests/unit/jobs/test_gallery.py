"""The pictures of a journal: what is known of each, from the book or from its report, opened and deleted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from volc_inpaint.nodes.jobs import entries
from volc_inpaint.nodes.jobs.book import open_book
from volc_inpaint.nodes.jobs.book_lines import Asked, Call, Reading
from volc_inpaint.nodes.jobs.entries import Entry
from volc_inpaint.nodes.jobs.gallery import Gallery, Picture
from volc_inpaint.nodes.jobs.job import Receipt

if TYPE_CHECKING:
    from pathlib import Path

KEYS = ["ab" * 32, "cd" * 32, "ef" * 32]


class Book:
    """Says what a test has it say, and hears what is deleted."""

    def __init__(self, *calls: Call, served: tuple[Asked, ...] = ()) -> None:
        numbered = {call.number: call for call in calls}
        self.reading = Reading(numbered, [(1.0, asked) for asked in served], {})
        self.gone: list[str] = []

    def read(self) -> Reading:
        return self.reading

    def deleted(self, key: str) -> None:
        self.gone.append(key)


def gallery(folder: Path, book: Book | None = None) -> Gallery:
    return Gallery(folder, book or Book())  # type: ignore[arg-type]


def keep(folder: Path, key: str, *pictures: bytes, **receipt: object) -> Path:
    """An entry as the journal keeps it."""
    path = folder / key[:2] / f"{key}.zip"
    path.parent.mkdir(exist_ok=True)
    entries.write(path, Entry(pictures or (b"picture",), Receipt(**receipt)))  # type: ignore[arg-type]
    return path


def asked(key: str, prompt: str = "dog") -> Asked:
    return Asked("model", 7, 1, 2, key, prompt, "Repaint 5", "flow")


def test_pictures_come_newest_first_and_those_of_one_moment_by_name(tmp_path: Path) -> None:
    keep(tmp_path, KEYS[0], received_at=1000.0)
    keep(tmp_path, KEYS[1], received_at=2000.0)
    keep(tmp_path, KEYS[2], received_at=1000.0)

    assert [KEYS[1], KEYS[0], KEYS[2]] == [one.key for one in gallery(tmp_path).pictures()]


def test_the_book_tells_of_a_picture_what_was_asked_for_when_it_was_paid(tmp_path: Path) -> None:
    keep(tmp_path, KEYS[0], request_id="of the report", seed=5, received_at=1000.0)
    keep(tmp_path, KEYS[1], request_id="of the report", seed=5, received_at=1000.0)
    book = Book(
        Call("1", 2000.0, "paid", asked(KEYS[0]), request_id="R1"),
        Call("2", 3000.0, "fetched", asked(KEYS[1]), request_id="R2"),
    )

    assert gallery(tmp_path, book).pictures() == [
        Picture(KEYS[1], 3000.0, asked(KEYS[1]), "R2"),
        Picture(KEYS[0], 2000.0, asked(KEYS[0]), "R1"),
    ]


def test_of_several_calls_for_a_picture_the_last_that_paid_it_counts(tmp_path: Path) -> None:
    keep(tmp_path, KEYS[0])
    book = Book(
        Call("1", 2000.0, "paid", asked(KEYS[0], "second"), request_id="R2"),
        Call("2", 1000.0, "paid", asked(KEYS[0], "first"), request_id="R1"),
        Call("3", 4000.0, "failed", asked(KEYS[0], "failed"), request_id="R3"),
        Call("4", 5000.0, "unknown", asked(KEYS[0], "lost"), request_id="R4"),
    )

    (picture,) = gallery(tmp_path, book).pictures()
    assert (picture.at, picture.request_id, picture.asked.prompt) == (2000.0, "R2", "second")


def test_a_picture_of_before_the_book_has_what_its_report_knows(tmp_path: Path) -> None:
    keep(tmp_path, KEYS[0], request_id="R1", seed=5, received_at=1000.5)

    assert gallery(tmp_path).pictures() == [
        Picture(KEYS[0], 1000.5, Asked(seed=5, key=KEYS[0]), "R1")
    ]


def test_a_picture_of_before_the_book_that_was_served_since_has_its_wish_and_the_time_of_its_report(
    tmp_path: Path,
) -> None:
    keep(tmp_path, KEYS[0], request_id="R1", seed=5, received_at=1000.5)
    book = Book(served=(asked(KEYS[0], "when it was served"), asked(KEYS[0], "later")))

    assert gallery(tmp_path, book).pictures() == [
        Picture(KEYS[0], 1000.5, asked(KEYS[0], "when it was served"), "R1")
    ]


@pytest.mark.parametrize("report", [{}, {"seed": "five", "received_at": "noon"}])
def test_a_picture_that_nothing_is_known_of_is_listed_all_the_same(
    tmp_path: Path, report: dict[str, object]
) -> None:
    path = keep(tmp_path, KEYS[0], **report)
    if not report:
        path.write_bytes(b"damaged")

    assert gallery(tmp_path).pictures() == [Picture(KEYS[0], 0.0, Asked(key=KEYS[0]), "")]


def test_what_is_no_entry_is_not_listed(tmp_path: Path) -> None:
    for name in ("ab/notes.zip", f"ab/{KEYS[0]}.damaged", f"ab/{KEYS[0]}.inflight", "book/a.zip"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert gallery(tmp_path).pictures() == []
    assert gallery(tmp_path / "not there").pictures() == []


def test_a_picture_that_is_bought_again_is_not_told_of_as_the_one_before(tmp_path: Path) -> None:
    shown = gallery(tmp_path, Book(Call("1", 9000.0, "paid", asked(KEYS[1]))))
    keep(tmp_path, KEYS[1])
    path = keep(tmp_path, KEYS[0], seed=1, received_at=1000.0)
    assert 1000.0 == shown.pictures()[1].at
    path.unlink()
    assert [KEYS[1]] == [one.key for one in shown.pictures()]

    keep(tmp_path, KEYS[0], seed=2, received_at=2000.0)
    again = shown.pictures()[1]
    assert (again.at, again.asked.seed) == (2000.0, 2)


def test_an_entry_opens_as_its_first_picture(tmp_path: Path) -> None:
    keep(tmp_path, KEYS[0], b"first", b"second")

    assert gallery(tmp_path).open(KEYS[0]) == b"first"


def test_what_holds_no_picture_does_not_open(tmp_path: Path) -> None:
    path = keep(tmp_path, KEYS[0])
    path.write_bytes(path.read_bytes()[:-40])
    entries.write(tmp_path / "cd.zip", Entry(()))
    (tmp_path / "cd").mkdir()
    (tmp_path / "cd.zip").rename(tmp_path / "cd" / f"{KEYS[1]}.zip")

    assert [None] * 3 == [gallery(tmp_path).open(key) for key in KEYS]


@pytest.mark.parametrize("key", ["", "ab", "../../" + "ab" * 29, KEYS[0].upper(), KEYS[0] + "\n"])
def test_nothing_but_a_key_reaches_a_file(tmp_path: Path, key: str) -> None:
    shown = gallery(tmp_path)
    for ask in (shown.open, shown.delete):
        with pytest.raises(ValueError, match=f"^{re.escape(key)}$"):
            ask(key)


def test_a_deleted_picture_is_gone_with_its_thumbnail_and_the_book_hears_of_it(
    tmp_path: Path,
) -> None:
    book = Book()
    shown = gallery(tmp_path, book)
    for key in KEYS[:2]:
        keep(tmp_path, key)
        shown.thumbnail(key).parent.mkdir(parents=True)
        shown.thumbnail(key).write_bytes(b"small")

    assert shown.delete(KEYS[0])
    assert not shown.delete(KEYS[0])
    assert [KEYS[0]] == book.gone
    assert [KEYS[1]] == [one.key for one in shown.pictures()]
    assert [shown.thumbnail(KEYS[1])] == list(tmp_path.rglob("*.jpg"))


def test_a_deleted_picture_is_left_in_the_account_book(tmp_path: Path) -> None:
    book = open_book(tmp_path)
    book.ended(book.sent(asked(KEYS[0])), "paid", 10000, "R1")
    keep(tmp_path, KEYS[0])
    shown = Gallery(tmp_path, book)
    assert ["R1"] == [one.request_id for one in shown.pictures()]

    assert shown.delete(KEYS[0])
    assert ["paid"] == [call.state for call in book.read().calls.values()]


def test_thumbnails_go_with_the_entries_that_the_size_limit_removed(tmp_path: Path) -> None:
    shown = gallery(tmp_path)
    keep(tmp_path, KEYS[0])
    for key in KEYS:
        shown.thumbnail(key).parent.mkdir(parents=True)
        shown.thumbnail(key).write_bytes(b"small")
    shown.drop_thumbnails()

    left = tmp_path / "thumbnails" / "ab" / f"{KEYS[0]}.jpg"
    assert [left] == list(tmp_path.rglob("*.jpg"))
