"""Which addresses may be called, and that a password in one is never shown."""

from __future__ import annotations

import pytest
from peer import KEYS
from volc_inpaint.nodes.volcengine.addresses import check_url
from volc_inpaint.nodes.volcengine.client import Client


@pytest.mark.parametrize(
    "url",
    ["https://visual.volcengineapi.com", "https://visual.volcengineapi.com:8443/", "HTTPS://X.example",
     "http://127.0.0.1:8000", "http://127.9.9.9", "http://localhost", "http://LOCALHOST:1", "http://[::1]:9",
     "https://[2001:db8::1]/"],
)  # fmt: skip
def test_https_and_loopback_http_are_accepted(url):
    check_url(url, "VOLC_ENDPOINT")


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "visual.volcengineapi.com", "http://visual.volcengineapi.com", "http://10.0.0.1",
     "http://0.0.0.0", "http://169.254.169.254", "http://127.0.0.1.example.com", "http://localhost.example.com",
     "http://127.0.0.1@example.com", "http://127.0.0.1:80@example.com", r"http://127.0.0.1\@example.com",
     r"http://example.com\.127.0.0.1", "http://2130706433", "http://127.1", "ftp://127.0.0.1", "ws://127.0.0.1", "file:///etc/passwd",
     "https://", "https:///path", "https://user@x.example", "https://user:word@x.example", "https://:word@x.example",
     "https://x.example:99999", "https://x.example:port", "https://[::1", "javascript:alert(1)", "//x.example"],
)  # fmt: skip
def test_anything_else_is_refused_and_named(url):
    with pytest.raises(ValueError, match="VOLC_ENDPOINT") as caught:
        check_url(url, "VOLC_ENDPOINT")

    english, chinese = str(caught.value).split("\n")
    assert "must be an https:// address" in english
    assert "应为 https:// 地址" in chinese
    with pytest.raises(ValueError, match="VOLC_ENDPOINT"):
        Client(KEYS, url)


@pytest.mark.parametrize(
    "url", ["https://me:hidden@x.example", "http://hidden@127.0.0.1", "ftp://a:hidden@b@c/", "https://me:hidden/0@x.example",
     "https:/me:hidden@x.example", "me:hidden@x.example", "https://me:hidden\n0@x.example"],
)  # fmt: skip
def test_a_password_in_an_address_is_not_shown(url):
    with pytest.raises(ValueError, match="VOLC_ENDPOINT") as caught:
        Client(KEYS, url)

    assert "hidden" not in str(caught.value)
