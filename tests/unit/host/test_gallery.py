"""The routes of paid pictures, of the account book and of the limit, without ComfyUI around them."""

from __future__ import annotations

import asyncio
import csv
import io
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import requests
import skimage.data
from aiohttp import web
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
HOSTILE = [
    {"Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


def photograph(name: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(getattr(skimage.data, name)()).save(buffer, PICTURES[name])
    return buffer.getvalue()


@contextmanager
def serving(folder: Path, environ: dict[str, str] | None = None) -> Iterator[str]:
    """The routes on a loopback port; yields their URL."""
    routes, journal = web.RouteTableDef(), lambda: folder / "journal"
    gallery.register(routes, journal)
    book_page.register(routes, journal)
    daily_limit.register(routes, folder / "private", journal, environ or {})
    ready, loop = threading.Event(), asyncio.new_event_loop()
    ports: list[int] = []

    async def start() -> web.AppRunner:
        app = web.Application()
        app.add_routes(routes)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ports.append(runner.addresses[0][1])
        ready.set()
        return runner

    def serve() -> None:
        runner = loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())

    thread = threading.Thread(target=serve)
    thread.start()
    ready.wait()
    try:
        yield f"http://127.0.0.1:{ports[0]}/volc_inpaint"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A journal of a bought picture (the first key) and one of before there was a book (the second)."""
    journal = Journal(tmp_path / "journal", 10**9)
    receipt = Receipt(request_id="of the report", seed=5, received_at=1_700_000_000.0)
    journal.make_folder()
    book = open_book(tmp_path / "journal")
    asked = Asked(MODEL, 7, 1, 2, KEYS[0], "一只小狗", "Repaint 5", "flow")
    book.ended(book.sent(asked), "paid", 10000, "of the call")
    journal.add(KEYS[0], Entry((photograph("chelsea"),), receipt), 1)
    journal.add(KEYS[1], Entry((photograph("coffee"),), receipt), 1)
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "credentials.json").write_text(SECRET)
    with serving(tmp_path) as address:
        yield address


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, headers=headers, timeout=10)


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


@pytest.mark.parametrize("headers", HOSTILE, ids=str)
def test_another_sites_page_can_neither_read_nor_change_anything(
    url: str, tmp_path: Path, headers: dict[str, str]
) -> None:
    number = open_book(tmp_path / "journal").sent(Asked(MODEL))
    open_book(tmp_path / "journal").ended(number, "unknown")
    json_ = {"timeout": 10, "headers": headers}
    answers = [
        *(
            get(f"{url}/{path}", **headers)
            for path in ("pictures", f"pictures/{KEYS[0]}", f"pictures/{KEYS[0]}/thumbnail",
                         "book", "book.csv", "limit")
        ),
        requests.delete(f"{url}/pictures/{KEYS[0]}", **json_),
        requests.post(f"{url}/book/ticks", json={"call": number, "ticked": True}, **json_),
        requests.post(f"{url}/limit", json={"calls": 0}, **json_),
    ]  # fmt: skip

    assert {403} == {answer.status_code for answer in answers}
    assert 200 == get(f"{url}/pictures/{KEYS[0]}").status_code
    assert not open_book(tmp_path / "journal").read().calls[number].ticked


def test_a_form_of_another_site_is_no_order(url: str) -> None:
    for path in ("book/ticks", "limit"):
        answer = requests.post(f"{url}/{path}", data='{"calls": 1}', timeout=10)
        assert 415 == answer.status_code


def test_no_answer_tells_a_path_or_a_secret(url: str, tmp_path: Path) -> None:
    answers = [
        get(f"{url}/{path}")
        for path in ("pictures", "book", "book.csv", "limit", f"pictures/{KEYS[2]}",
                     "pictures/..%2Fprivate%2Fcredentials.json")
    ]  # fmt: skip
    (tmp_path / "journal" / "book").rename(tmp_path / "journal" / "aside")
    (tmp_path / "journal" / "book").write_text("a file in place of the folder")
    failed = get(f"{url}/book")
    assert 400 == failed.status_code
    for answer in [*answers, failed]:
        assert str(tmp_path) not in answer.text
        assert SECRET not in answer.text


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


def test_the_limit_is_kept_on_the_server_and_its_change_is_logged(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert {"calls": 0, "left": None, "source": ""} == get(f"{url}/limit").json()
    with caplog.at_level("INFO"):
        answer = requests.post(f"{url}/limit", json={"calls": 50}, timeout=10)

    assert {"calls": 50, "left": 49, "source": "settings"} == answer.json()
    assert "50 calls a day" in caplog.text
    assert 50 == daily_limit.load(tmp_path / "private", {}).calls
    for wrong in (-1, 1.5, True, "5", None, 10**9):
        answer = requests.post(f"{url}/limit", json={"calls": wrong}, timeout=10)
        assert 400 == answer.status_code
        assert 2 == len(answer.json()["message"].splitlines())
    assert 50 == get(f"{url}/limit").json()["calls"]


def test_the_environments_limit_comes_first(tmp_path: Path) -> None:
    with serving(tmp_path, {"VOLC_MAX_CALLS_PER_DAY": "3"}) as url:
        answer = requests.post(f"{url}/limit", json={"calls": 50}, timeout=10)
        assert {"calls": 3, "left": 3, "source": "environment"} == answer.json()
    assert (0, "environment") == daily_limit.load(
        tmp_path / "private", {"VOLC_MAX_CALLS_PER_DAY": "0"}
    )


def test_a_limit_that_cannot_be_read_lets_nothing_be_bought(tmp_path: Path) -> None:
    for content in ("", "{}", '{"calls_per_day": "many"}', "[]", '{"calls_per_day": -1}'):
        (tmp_path / "limit.json").write_text(content)
        with pytest.raises(ValueError, match="nothing is bought"):
            daily_limit.load(tmp_path, {})
