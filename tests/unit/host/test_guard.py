"""What other sites' pages, forms and failures get of any route."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests
from bought import KEYS, MODEL, SECRET, get
from volc_inpaint.nodes.jobs.book import open_book
from volc_inpaint.nodes.jobs.book_lines import Asked

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = [
    {"Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "{own}"},
]


@pytest.mark.parametrize("headers", HOSTILE, ids=str)
def test_another_sites_page_can_neither_read_nor_change_anything(
    url: str, tmp_path: Path, headers: dict[str, str]
) -> None:
    number = open_book(tmp_path / "journal").sent(Asked(MODEL))
    open_book(tmp_path / "journal").ended(number, "unknown")
    headers = {
        name: value.format(own=url.removesuffix("/volc_inpaint")) for name, value in headers.items()
    }
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


def test_behind_a_proxy_that_names_another_host_the_browser_s_word_counts_and_without_it_the_remedy_is_told(
    url: str,
) -> None:
    page = {"Origin": "https://comfy.example"}
    answers = [
        requests.post(f"{url}/limit", json={"calls": 7}, headers={**page, **word}, timeout=10)
        for word in ({"Sec-Fetch-Site": "same-origin"}, {})
    ]

    assert [200, 403] == [answer.status_code for answer in answers]
    message = answers[1].json()["message"]
    for text in (message["en"], message["zh"]):
        assert "proxy_set_header Host $http_host" in text


@pytest.mark.parametrize(
    ("status", "origin", "host"),
    [
        (200, "http://comfy.example", "comfy.example"),
        (200, "http://Comfy.example", "comfy.example:80"),
        (200, "https://comfy.example", "comfy.example:443"),
        (403, "http://comfy.example", "comfy.example:443"),
        (403, "http://comfy.example:3000", "comfy.example"),
        (403, "http://comfy.example", "comfy.example:8080"),
        (403, "null", "comfy.example"),
    ],
)
def test_over_plain_http_a_page_is_ours_by_its_host_and_port(
    url: str, status: int, origin: str, host: str
) -> None:
    headers = {"Origin": origin, "Host": host}

    assert (
        status
        == requests.post(f"{url}/limit", json={"calls": 7}, headers=headers, timeout=10).status_code
    )


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
