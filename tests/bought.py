"""Paid pictures in a journal with its account book, and the pages' routes over them."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING

import requests
import skimage.data
from aiohttp import web
from harness.routes import serving
from PIL import Image
from volc_inpaint.nodes.host import book_page, daily_limit, gallery
from volc_inpaint.nodes.jobs.book import open_book
from volc_inpaint.nodes.jobs.book_lines import Asked
from volc_inpaint.nodes.jobs.entries import Entry
from volc_inpaint.nodes.jobs.job import Receipt
from volc_inpaint.nodes.jobs.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODEL = "img2img_inpainting_edit_zi2i"
SECRET = "UExBTlRFRC1TRUNSRVQtT0YtVEhFLUdBTExFUlk="
KEYS = ["ab" * 32, "cd" * 32, "ef" * 32]
PICTURES = {"chelsea": "JPEG", "coffee": "PNG"}


def photograph(name: str) -> bytes:
    """A photograph as a file."""
    buffer = io.BytesIO()
    Image.fromarray(getattr(skimage.data, name)()).save(buffer, PICTURES[name])
    return buffer.getvalue()


def get(url: str, **headers: str) -> requests.Response:
    """What a page gets."""
    return requests.get(url, headers=headers, timeout=10)


@contextmanager
def pages(folder: Path, environ: dict[str, str] | None = None) -> Iterator[str]:
    """The routes of a folder's journal, book and limit; yields their URL."""
    routes, journal = web.RouteTableDef(), lambda: folder / "journal"
    gallery.register(routes, journal)
    book_page.register(routes, journal)
    daily_limit.register(routes, folder / "private", journal, environ or {})
    with serving(routes) as url:
        yield url


def buy(folder: Path) -> None:
    """A journal of a bought picture (the first key) and one of before there was a book (the second)."""
    journal = Journal(folder / "journal", 10**9)
    receipt = Receipt(request_id="of the report", seed=5, received_at=1_700_000_000.0)
    journal.make_folder()
    book = open_book(folder / "journal")
    asked = Asked(MODEL, 7, 1, 2, KEYS[0], "一只小狗", "Repaint 5", "flow")
    book.ended(book.sent(asked), "paid", 10000, "of the call")
    journal.add(KEYS[0], Entry((photograph("chelsea"),), receipt), 1)
    journal.add(KEYS[1], Entry((photograph("coffee"),), receipt), 1)
    (folder / "private").mkdir()
    (folder / "private" / "credentials.json").write_text(SECRET)
