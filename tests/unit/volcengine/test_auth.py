"""The auth class: what it signs, and that it does so afresh at every attempt."""

from __future__ import annotations

import hashlib
import io
import itertools
import re

import pytest
import requests
from simulated_service import signature
from volc_inpaint.nodes.volcengine.auth import VolcengineAuth
from volc_inpaint.nodes.volcengine.credentials import Credentials

ACCESS, SECRET, TOKEN = "AKLTACCESSACCESSACCESS0001", "c2VjcmV0LW9mLXRoZS10ZXN0cw==", "STSTOKEN"
NOON = 1_755_508_798.0  # 2025-08-18 09:19:58 UTC


def prepared(body: object = b"{}", token: str = "", **more: object) -> requests.PreparedRequest:
    more = {"headers": {"Content-Type": "application/json"}, **more}
    return requests.Request(
        "POST",
        "https://visual.volcengineapi.com/?Action=CVProcess&Version=2022-08-31",
        data=body,
        auth=VolcengineAuth(Credentials(ACCESS, SECRET, token), clock=lambda: NOON),
        **more,
    ).prepare()


def signed_names(request: requests.PreparedRequest) -> str:
    found = re.search("SignedHeaders=([^,]+),", request.headers["Authorization"])
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("", "content-type;host;x-content-sha256;x-date"),
        (TOKEN, "content-type;host;x-content-sha256;x-date;x-security-token"),
    ],
)
def test_nothing_but_the_needed_headers_is_signed(token, expected):
    headers = {"Content-Type": "application/json", "X-Trace": "1", "Via": "proxy", "Accept": "*/*"}

    assert expected == signed_names(prepared(token=token, headers=headers))


def test_date_digest_and_token_stand_in_the_headers():
    headers = prepared("提示词".encode(), TOKEN).headers

    expected = ("20250818T091958Z", hashlib.sha256("提示词".encode()).hexdigest(), TOKEN)
    actual = (headers["X-Date"], headers["X-Content-Sha256"], headers["X-Security-Token"])
    assert expected == actual


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, b""),
        (b"bytes", b"bytes"),
        ("text 文字", "text 文字".encode()),
        (io.BytesIO(b"a file"), b"a file"),
    ],
)
def test_the_digest_is_that_of_the_bytes_that_leave(body, expected):
    headers = prepared(body).headers

    assert hashlib.sha256(expected).hexdigest() == headers["X-Content-Sha256"]


def test_a_second_signing_moves_the_date_and_replaces_the_signature():
    clock = itertools.count(NOON, 5)
    auth = VolcengineAuth(Credentials(ACCESS, SECRET), clock=lambda: next(clock))
    request = requests.Request("POST", "https://x.example/", data=b"{}", auth=auth).prepare()
    first = dict(request.headers)
    second = auth(request).headers

    assert ("20250818T091958Z", "20250818T092003Z") == (first["X-Date"], second["X-Date"])
    assert first["Authorization"] != second["Authorization"]
    assert sorted(first) == sorted(second)


@pytest.mark.parametrize(
    "added",
    [
        {},
        {"via": "1.1 proxy"},
        {"x-forwarded-for": "10.0.0.1", "x-date-seen": "x", "forwarded": "y"},
    ],
)
def test_headers_that_a_proxy_adds_do_not_break_the_signature(added):
    request = prepared(b"{}", TOKEN)
    headers = {name.lower(): str(value) for name, value in request.headers.items()}

    actual = signature.check(
        method="POST",
        target=request.path_url,
        headers={**headers, **added},
        body=b"{}",
        keys={ACCESS: (SECRET, TOKEN)},
        now_s=NOON,
    )
    assert ACCESS == actual


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://visual.volcengineapi.com/", "visual.volcengineapi.com"),
        ("https://visual.volcengineapi.com:443/", "visual.volcengineapi.com"),
        ("https://visual.volcengineapi.com:8443/", "visual.volcengineapi.com:8443"),
        ("http://localhost:80/", "localhost"),
        ("http://127.0.0.1:8000/", "127.0.0.1:8000"),
        ("http://[::1]:8000/", "[::1]:8000"),
    ],
)
def test_the_host_is_sent_as_it_is_signed(url, host):
    auth = VolcengineAuth(Credentials(ACCESS, SECRET))

    assert host == requests.Request("POST", url, auth=auth).prepare().headers["Host"]


def test_a_name_without_a_value_is_signed_as_it_is_sent():
    auth = VolcengineAuth(Credentials(ACCESS, SECRET), clock=lambda: NOON)
    request = requests.Request(
        "POST",
        "https://visual.volcengineapi.com/?Action=CVProcess&Empty=&Version=2022-08-31",
        data=b"{}",
        headers={"Content-Type": "application/json"},
        auth=auth,
    ).prepare()

    assert request.path_url == "/?Action=CVProcess&Empty=&Version=2022-08-31"
    assert ACCESS == signature.check(
        method="POST",
        target=request.path_url,
        headers={name.lower(): str(value) for name, value in request.headers.items()},
        body=b"{}",
        keys={ACCESS: (SECRET, "")},
        now_s=NOON,
    )


def test_no_header_carries_the_secret():
    assert SECRET not in str(prepared().headers)
