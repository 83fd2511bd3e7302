"""The routes of the settings page: write-only keys, and a check that buys nothing."""

from __future__ import annotations

import gzip
import json
import os
import stat
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import requests
from aiohttp import web
from harness.routes import serving
from simulated_service import SimulatedService
from volc_inpaint.nodes.host import guard, keys_page
from volc_inpaint.nodes.volcengine import key_sources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCESS = "AKLTTESTTESTTESTTESTTESTTESTTESTTESTTESTTEST9876"
SECRET = "UExBTlRFRC1TRUNSRVQtT0YtVEhFLVNFVFRJTkdTLVBBR0U="
TOKEN = "PLANTEDSESSIONTOKENOFTHESETTINGSPAGE"
KEYS = {"access_key": ACCESS, "secret_key": SECRET, "session_token": TOKEN}


@contextmanager
def page(folder: Path, environ: dict[str, str] | None = None) -> Iterator[str]:
    """The routes on a loopback port, with no other keys around than those given; yields their URL."""
    routes = web.RouteTableDef()
    saved = folder / "private" / "credentials.json"
    keys_page.register(routes, saved, environ or {}, home=folder / "home")
    with serving(routes) as url:
        yield url


def test_saved_keys_are_found_and_shown_only_by_their_tail(tmp_path):
    with page(tmp_path) as url:
        answer = requests.post(f"{url}/credentials", json=KEYS)
        shown = requests.get(f"{url}/credentials")

    expected = {
        "configured": True,
        "tail": "9876",
        "source": "settings",
        "message": None,
        "saved": True,
        "readable": False,
    }
    assert expected == answer.json() == shown.json()
    assert shown.headers["Cache-Control"] == "no-store"
    found = key_sources.load(
        saved=tmp_path / "private" / "credentials.json", environ={}, home=tmp_path
    )
    assert (ACCESS, SECRET, TOKEN) == (found.access_key, found.secret_key, found.session_token)


def test_no_answer_carries_a_secret(tmp_path):
    with page(tmp_path, {"VOLC_ENDPOINT": "http://127.0.0.1:9"}) as url:
        answers = [
            requests.post(f"{url}/credentials", json=KEYS),
            requests.post(f"{url}/credentials", json={**KEYS, "access_key": "with space"}),
            requests.post(f"{url}/credentials", json={**KEYS, "other": 1}),
            requests.get(f"{url}/credentials"),
            requests.post(f"{url}/check", json={}),
            requests.delete(f"{url}/credentials"),
        ]

    told = "".join(answer.text + str(answer.headers) for answer in answers)
    assert [] == [secret for secret in (ACCESS, SECRET, TOKEN) if secret in told]


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_only_the_owner_may_read_the_file_and_its_folder(tmp_path):
    folder = tmp_path / "private"
    folder.mkdir(mode=0o755)
    with page(tmp_path) as url:
        requests.post(f"{url}/credentials", json=KEYS)

    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    assert 0o600 == stat.S_IMODE((folder / "credentials.json").stat().st_mode)


def test_a_folder_that_cannot_be_written_is_explained_and_shows_no_key(tmp_path):
    (tmp_path / "private").write_text("in its place")
    with page(tmp_path) as url:
        before = requests.get(f"{url}/credentials", timeout=10).json()
        answers = [requests.post(f"{url}/credentials", json=KEYS, timeout=10)]
        answers.append(requests.delete(f"{url}/credentials", timeout=10))

    assert (False, False) == (before["configured"], before["saved"])
    for answer in answers:
        assert 400 == answer.status_code
        assert "cannot be changed" in answer.json()["message"]["en"]
        assert "无法更改" in answer.json()["message"]["zh"]
        assert SECRET not in answer.text


def test_two_pairs_saved_at_once_never_mix(tmp_path):
    other = {"access_key": ACCESS[::-1], "secret_key": SECRET[::-1], "session_token": ""}
    with page(tmp_path) as url:
        threads = [
            threading.Thread(target=requests.post, args=(f"{url}/credentials",), kwargs={"json": k})
            for k in [KEYS, other] * 8
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    files = list((tmp_path / "private").iterdir())
    assert ["credentials.json"] == [file.name for file in files]
    assert json.loads(files[0].read_bytes()) in (KEYS, other)


def test_spaces_and_quotes_around_a_pasted_key_are_dropped(tmp_path):
    with page(tmp_path) as url:
        requests.post(
            f"{url}/credentials", json={"access_key": f" {ACCESS}\n", "secret_key": f'"{SECRET}" '}
        )

    saved = json.loads((tmp_path / "private" / "credentials.json").read_bytes())
    assert {"access_key": ACCESS, "secret_key": SECRET, "session_token": ""} == saved


def test_removing_falls_back_to_the_vendors_file(tmp_path):
    vendor = tmp_path / "home" / ".volc"
    vendor.mkdir(parents=True)
    (vendor / "config").write_text('{"ak": "AKLTVENDORVENDORVENDOR5432", "sk": "c2VjcmV0"}')
    with page(tmp_path) as url:
        requests.post(f"{url}/credentials", json=KEYS)
        answer = requests.delete(f"{url}/credentials").json()

    expected = ("5432", "~/.volc/config", False)
    assert expected == (answer["tail"], answer["source"], answer["saved"])


def test_the_environment_wins_and_is_named(tmp_path):
    environ = {"VOLC_ACCESSKEY": "AKLTENVIRONMENT1111", "VOLC_SECRETKEY": "c2VjcmV0"}
    with page(tmp_path, environ) as url:
        answer = requests.post(f"{url}/credentials", json=KEYS).json()

    expected = ("1111", "environment", True)
    assert expected == (answer["tail"], answer["source"], answer["saved"])


def test_no_keys_at_all_are_no_error(tmp_path):
    with page(tmp_path) as url:
        answer = requests.get(f"{url}/credentials").json()

    expected = {
        "configured": False,
        "tail": "",
        "source": "",
        "message": None,
        "saved": False,
        "readable": False,
    }
    assert expected == answer


def test_half_a_pair_in_the_environment_is_named(tmp_path):
    with page(tmp_path, {"VOLC_ACCESSKEY": ACCESS}) as url:
        answer = requests.get(f"{url}/credentials").json()

    assert not answer["configured"]
    assert "VOLC_SECRETKEY" in answer["message"]["en"]


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (403, {"Origin": "https://evil.example"}),
        (403, {"Origin": "http://127.0.0.1:1"}),
        (403, {"Origin": "null"}),
        (403, {"Sec-Fetch-Site": "cross-site"}),
        (403, {"Sec-Fetch-Site": "same-site"}),
        (415, {"Content-Type": "text/plain"}),
        (415, {"Content-Type": "application/x-www-form-urlencoded"}),
        (415, {"Content-Type": "multipart/form-data; boundary=x"}),
    ],
)
def test_requests_of_another_site_are_refused(tmp_path, status, headers):
    with page(tmp_path) as url:
        requests.post(f"{url}/credentials", json=KEYS)
        before = (tmp_path / "private" / "credentials.json").read_bytes()
        body = json.dumps({"access_key": "AKLTEVILEVILEVIL", "secret_key": "ZXZpbA=="})
        headers = {"Content-Type": "application/json", **headers}
        saving = requests.post(f"{url}/credentials", data=body, headers=headers)
        checking = requests.post(f"{url}/check", data="{}", headers=headers)
        removing = requests.delete(f"{url}/credentials", headers=headers)
        reading = requests.get(f"{url}/credentials", headers=headers)

    assert (status, status) == (saving.status_code, checking.status_code)
    if status == 403:
        assert (403, 403) == (removing.status_code, reading.status_code)
        assert before == (tmp_path / "private" / "credentials.json").read_bytes()


def test_the_page_itself_is_let_in(tmp_path):
    with page(tmp_path) as url:
        origin = url.removesuffix("/volc_inpaint")
        headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
        answer = requests.post(f"{url}/credentials", json=KEYS, headers=headers)

    assert 200 == answer.status_code


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (413, json.dumps({**KEYS, "session_token": "x" * 9000})),
        (411, iter([b"{}"])),
        (400, "not json"),
        (400, "[" * 4000),
        (400, "[]"),
        (400, '"text"'),
        (400, "{}"),
        (400, json.dumps({**KEYS, "secret_key": 1})),
        (400, json.dumps({**KEYS, "secret_key": None})),
        (400, json.dumps({**KEYS, "secret_key": ""})),
        (400, json.dumps({**KEYS, "secret_key": "with a space"})),
        (400, json.dumps({**KEYS, "secret_key": "密钥"})),
        (400, json.dumps({**KEYS, "path": "/etc/passwd"})),
    ],
)
def test_a_wrong_body_saves_nothing(tmp_path, status, body):
    with page(tmp_path) as url:
        headers = {"Content-Type": "application/json"}
        answer = requests.post(f"{url}/credentials", data=body, headers=headers)

    assert status == answer.status_code
    assert not (tmp_path / "private" / "credentials.json").exists()


def test_a_packed_body_which_may_be_a_thousand_times_larger_saves_nothing(tmp_path):
    body = gzip.compress(json.dumps({**KEYS, "session_token": ""}).encode() + b" " * 500_000)
    assert len(body) < guard.MAX_BODY_BYTES
    with page(tmp_path) as url:
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        answer = requests.post(f"{url}/credentials", data=body, headers=headers)

    assert 415 == answer.status_code
    assert not (tmp_path / "private" / "credentials.json").exists()


def test_an_unusable_key_is_explained_in_both_languages(tmp_path):
    with page(tmp_path) as url:
        answer = requests.post(f"{url}/credentials", json={**KEYS, "secret_key": "a b"})

    message = answer.json()["message"]
    assert "secret key" in message["en"]
    assert "含有空格" in message["zh"]


def test_swapped_keys_are_not_saved_and_neither_is_shown(tmp_path):
    with page(tmp_path) as url:
        swapped = {"access_key": SECRET, "secret_key": ACCESS}
        answer = requests.post(f"{url}/credentials", json=swapped)
        shown = requests.get(f"{url}/credentials")

    message = answer.json()["message"]
    assert 400 == answer.status_code
    assert "swapped" in message["en"]
    assert "填反了" in message["zh"]
    assert not shown.json()["saved"]
    told = answer.text + shown.text
    assert [] == [part for part in (ACCESS, SECRET, ACCESS[-4:], SECRET[-4:]) if part in told]


def test_swapped_keys_of_the_environment_are_named_and_no_end_of_either_is_shown(tmp_path):
    with page(tmp_path, {"VOLC_ACCESSKEY": SECRET, "VOLC_SECRETKEY": ACCESS}) as url:
        answer = requests.get(f"{url}/credentials")

    assert (False, "") == (answer.json()["configured"], answer.json()["tail"])
    assert "keys (environment) are swapped" in answer.json()["message"]["en"]
    assert [] == [part for part in (ACCESS[-4:], SECRET[-4:]) if part in answer.text]


def test_a_near_miss_is_told_where_there_are_no_keys(tmp_path):
    with page(tmp_path, {"VOLC_ACCESS_KEY": ACCESS}) as url:
        answer = requests.get(f"{url}/credentials")

    assert "VOLC_ACCESS_KEY; the names that are read" in answer.json()["message"]["en"]
    assert ACCESS not in answer.text


def test_a_check_tells_what_each_interface_answers(tmp_path):
    with SimulatedService(ACCESS, SECRET, TOKEN) as service:
        with page(tmp_path, {"VOLC_ENDPOINT": service.endpoint}) as url:
            requests.post(f"{url}/credentials", json=KEYS)
            answer = requests.post(f"{url}/check", json={}).json()

        assert (True, "ok", None) == (answer["ok"], answer["code"], answer["message"])
        assert {"activated"} == {row["verdict"] for row in answer["rows"]}
        assert 0 == service.billed


def test_a_check_without_keys_sends_nothing(tmp_path):
    with SimulatedService(ACCESS, SECRET) as service:
        with page(tmp_path, {"VOLC_ENDPOINT": service.endpoint}) as url:
            answer = requests.post(f"{url}/check", json={}).json()

        assert (False, "no_keys") == (answer["ok"], answer["code"])
        assert 0 == service.ledger.count(None)


def test_the_page_says_where_the_file_s_mode_protects_nothing(tmp_path):
    with page(tmp_path) as url:
        requests.post(f"{url}/credentials", json=KEYS)
        (tmp_path / "private" / "credentials.json").chmod(0o666)  # as every file of Windows is
        shown = requests.get(f"{url}/credentials")

    assert shown.json()["readable"]
