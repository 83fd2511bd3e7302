"""The account book as the page and a spreadsheet see it."""

from __future__ import annotations

import csv
import io
import time
from typing import TYPE_CHECKING

import pytest
import requests
from bought import MODEL, get
from volc_inpaint.nodes.jobs.book import open_book
from volc_inpaint.nodes.jobs.book_lines import Asked

if TYPE_CHECKING:
    from pathlib import Path


def test_an_unknown_call_is_listed_and_can_be_ticked_off(url: str, tmp_path: Path) -> None:
    book = open_book(tmp_path / "journal")
    number = book.sent(Asked(MODEL, 9, prompt="hat", node="Repaint 5"))
    book.ended(number, "unknown", request_id="lost")
    paid = next(call.number for call in book.read().calls.values() if call.state == "paid")

    (told,) = get(f"{url}/book").json()["unknown"]
    assert (number, "lost", 9, "hat", False) == (
        told["call"], told["request_id"], told["seed"], told["prompt"], told["ticked"],
    )  # fmt: skip
    for ticked in (True, False, True):
        order = {"call": number, "ticked": ticked}
        answer = requests.post(f"{url}/book/ticks", json=order, timeout=10)
        assert [ticked] == [one["ticked"] for one in answer.json()["unknown"]]
    for call in (paid, "../../x", None, 1):
        order = {"call": call, "ticked": True}
        assert 404 == requests.post(f"{url}/book/ticks", json=order, timeout=10).status_code


@pytest.mark.parametrize(
    ("language", "heading", "outcome"),
    [("en", ["Time (UTC+8)", "Interface", "Request ID"], "paid"),
     ("zh", ["时间（UTC+8）", "接口", "请求 ID"], "已付费")],
)  # fmt: skip
def test_the_export_begins_with_what_the_bill_shows(
    url: str, tmp_path: Path, language: str, heading: list[str], outcome: str
) -> None:
    open_book(tmp_path / "journal").sent(Asked(MODEL, node='=HYPERLINK("https://evil.example")'))
    answer = get(f"{url}/book.csv?lang={language}")

    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.content.startswith(b"\xef\xbb\xbf")  # or a spreadsheet shows no Chinese
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert (heading, 3) == (rows[0][:3], len(rows))
    at, model, request_id, action, told, *_ = rows[2]
    now = time.gmtime(time.time() + 8 * 3600)
    assert time.strftime("%Y-%m-%d", now) == at[:10]
    assert (MODEL, "of the call", "CVProcess", outcome) == (model, request_id, action, told)
    assert "'=HYPERLINK" in ",".join(rows[1])
