"""The routes of paid pictures, without ComfyUI around them."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

import pytest
import requests
from bought import KEYS, MODEL, get, photograph
from PIL import Image
from volc_inpaint.nodes.jobs.entries import Entry
from volc_inpaint.nodes.jobs.job import Receipt
from volc_inpaint.nodes.jobs.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path


def test_pictures_are_listed_newest_first_those_of_before_the_book_with_what_their_reports_know(
    url: str,
) -> None:
    first, second = get(f"{url}/pictures").json()["pictures"]

    assert time.time() - first.pop("at") < 60
    assert first == {
        "key": KEYS[0],
        "request_id": "of the call",
        "model": MODEL,
        "seed": 7,
        "prompt": "一只小狗",
        "node": "Repaint 5",
    }
    assert second == {
        "key": KEYS[1],
        "at": 1_700_000_000.0,
        "request_id": "of the report",
        "model": "",
        "seed": 5,
        "prompt": "",
        "node": "",
    }


@pytest.mark.parametrize(
    ("key", "name", "kind"),
    [(KEYS[0], "chelsea", "image/jpeg"), (KEYS[1], "coffee", "image/png")],
)
def test_a_picture_comes_as_it_was_received_and_small(
    url: str, tmp_path: Path, key: str, name: str, kind: str
) -> None:
    whole = get(f"{url}/pictures/{key}")
    assert (photograph(name), kind) == (whole.content, whole.headers["Content-Type"])
    width, height = Image.open(io.BytesIO(whole.content)).size
    for _ in range(2):  # made, then read
        small = get(f"{url}/pictures/{key}/thumbnail")
        assert "image/jpeg" == small.headers["Content-Type"]
        shown = Image.open(io.BytesIO(small.content))
        assert 256 == max(shown.size)
        assert abs(shown.width / shown.height - width / height) < 0.01
        assert len(small.content) < 40_000
    for answer in (whole, small):
        assert "nosniff" == answer.headers["X-Content-Type-Options"]
        assert "same-origin" == answer.headers["Cross-Origin-Resource-Policy"]
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    (kept,) = (tmp_path / "journal").glob("thumbnails/??/*.jpg")
    assert (key, small.content) == (kept.stem, kept.read_bytes())


def test_a_map_of_entities_is_seen_in_its_thumbnail(url: str, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    index_map = Image.new("L", (300, 200), 0)
    index_map.paste(3, (0, 0, 150, 200))
    index_map.save(buffer, "PNG")
    Journal(tmp_path / "journal", 10**9).add(KEYS[2], Entry((buffer.getvalue(),), Receipt()), 1)

    small = Image.open(io.BytesIO(get(f"{url}/pictures/{KEYS[2]}/thumbnail").content))
    assert small.getpixel((10, 10)) > (250, 250, 250)
    assert small.getpixel((250, 10)) < (5, 5, 5)


@pytest.mark.parametrize(
    "key",
    [
        KEYS[2],  # none such
        "ab" * 31,
        ("ab" * 32).upper(),
        "ab" * 33,
        "..%2F..%2Fprivate%2Fcredentials.json",
        "%2e%2e/private/credentials.json",
        "book",
        "ab" * 31 + "%00a",
    ],
)
def test_a_key_that_is_none_gets_a_404(url: str, key: str) -> None:
    for path in (f"{url}/pictures/{key}", f"{url}/pictures/{key}/thumbnail"):
        assert 404 == get(path).status_code
    assert 404 == requests.delete(f"{url}/pictures/{key}", timeout=10).status_code


@pytest.mark.parametrize("content", [b"<script>alert(1)</script>", b"GIF89a", b""])
def test_what_is_no_picture_is_not_served(url: str, tmp_path: Path, content: bytes) -> None:
    Journal(tmp_path / "journal", 10**9).add(KEYS[2], Entry((content,), Receipt()), 1)

    assert 404 == get(f"{url}/pictures/{KEYS[2]}").status_code
    assert 404 == get(f"{url}/pictures/{KEYS[2]}/thumbnail").status_code


def test_a_deleted_picture_is_gone_and_its_call_stays_in_the_book(url: str, tmp_path: Path) -> None:
    get(f"{url}/pictures/{KEYS[0]}/thumbnail")
    assert 200 == requests.delete(f"{url}/pictures/{KEYS[0]}", timeout=10).status_code

    assert [KEYS[1]] == [one["key"] for one in get(f"{url}/pictures").json()["pictures"]]
    for path in ("", "/thumbnail"):
        assert 404 == get(f"{url}/pictures/{KEYS[0]}{path}").status_code
    assert [] == list((tmp_path / "journal").glob("thumbnails/??/*"))
    assert 1 == get(f"{url}/book").json()["sums"]["today"]["paid"]
