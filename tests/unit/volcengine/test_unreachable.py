"""Why the service could not be reached: each reason provoked with a real proxy or certificate, in both languages."""

from __future__ import annotations

import datetime
import os
import socket
import ssl
import sys
import threading
from typing import TYPE_CHECKING

import pytest
import requests
import urllib3
from peer import (
    KEYS,
    OK,
    answering,
    call,
    check,
    failure,
    http,
    once,
    peer,
    through,
    tls,
    tunnel,
    unreached,
)
from volc_inpaint.nodes.volcengine.client import Client
from volc_inpaint.nodes.volcengine.errors import APIConnectionError
from volc_inpaint.nodes.volcengine.unreachable import Surroundings, reason

if TYPE_CHECKING:
    from pathlib import Path

    import trustme
    from peer import Peer


def test_an_authority_of_its_own_is_told_with_the_variable_that_names_it(
    service: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with peer(tunnel(service)) as proxy:
        through(monkeypatch, proxy.url)
        error = unreached()

    assert error.permanent
    for text in (error.text.english, error.text.chinese):
        assert "REQUESTS_CA_BUNDLE" in text
        assert "unable to get local issuer certificate" in text
        assert "certifi" in text
    assert "save its root certificate as a PEM file" in error.text.english
    assert "根证书" in error.text.chinese
    assert [] == service.requests


def test_a_bundle_without_a_certificate_is_named(
    service: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.pem").write_text("no certificate")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "empty.pem"))
    with peer(tunnel(service)) as proxy:
        through(monkeypatch, proxy.url)
        error = unreached()

    assert error.permanent
    assert "Correct REQUESTS_CA_BUNDLE" in error.text.english
    assert "请更正或删除 REQUESTS_CA_BUNDLE" in error.text.chinese


def test_a_certificate_that_expired_speaks_of_the_clock(
    authority: trustme.CA, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    over = tls(authority, "service.test", not_after=datetime.datetime(2020, 1, 1))  # noqa: DTZ001 - as trustme takes it
    with peer(answering(http(OK)), tls=over) as service, peer(tunnel(service)) as proxy:
        through(monkeypatch, proxy.url)
        error = unreached()

    assert error.permanent
    assert "certificate has expired" in error.text.english
    assert "the clock of the machine" in error.text.english
    assert "日期和时钟" in error.text.chinese


def test_a_certificate_of_another_host_says_that_somebody_else_answers(
    service: Peer, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    with peer(tunnel(service)) as proxy:
        through(monkeypatch, proxy.url)
        error = unreached("another.test")

    assert error.permanent
    assert "Somebody else answers under this name" in error.text.english
    assert "应答的是其他服务器" in error.text.chinese


@pytest.mark.parametrize(
    ("code", "english", "chinese"),
    [
        (9, "the clock of the machine", "日期和时钟"),
        (10, "the clock of the machine", "日期和时钟"),
        (62, "Somebody else answers under this name", "应答的是其他服务器"),
        (64, "Somebody else answers under this name", "应答的是其他服务器"),
        (19, "save its root certificate as a PEM file", "根证书"),
    ],
)
def test_each_reason_of_openssl_has_its_remedy(code: int, english: str, chinese: str) -> None:
    # https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, "said"
    _, remedy, permanent = reason(error, Surroundings("", "certifi", False, 0.1))

    assert remedy is not None
    assert english in remedy.english
    assert chinese in remedy.chinese
    assert permanent


def refuses_tls(connection: socket.socket, seen: Peer) -> None:
    """As squid does: whatever is not HTTP is a bad request."""
    seen.requests.append(connection.recv(1000))
    connection.sendall(http(b"", "400 Bad Request"))


def closes_on_tls(connection: socket.socket, seen: Peer) -> None:
    seen.requests.append(connection.recv(1000))


def waits_on(connection: socket.socket, seen: Peer) -> None:
    seen.requests.append(connection.recv(1000))
    connection.recv(1000)  # until the client goes


@pytest.mark.parametrize("serve", [refuses_tls, closes_on_tls, waits_on])
def test_https_in_front_of_a_plain_proxy_is_recognised(
    monkeypatch: pytest.MonkeyPatch, serve: object
) -> None:
    with peer(serve) as proxy:  # type: ignore[arg-type]
        through(monkeypatch, proxy.url.replace("http:", "https:"))
        error = unreached(connect_timeout_s=0.4 if serve is waits_on else 20.0)

    assert error.permanent
    place = proxy.url.removeprefix("http://")
    assert f"the proxy {place} begins with https://" in error.text.english
    assert "write http:// in front of it in HTTPS_PROXY" in error.text.english
    assert f"代理 {place} 的地址以 https:// 开头" in error.text.chinese
    assert "改为 http:// 开头" in error.text.chinese


def test_a_proxy_in_tls_whose_certificate_is_unknown_is_a_matter_of_certificates(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    with peer(answering(http(OK)), tls=tls(authority, "127.0.0.1")) as proxy:
        through(monkeypatch, proxy.url.replace("http:", "https:"))
        assert "REQUESTS_CA_BUNDLE" in unreached().text.english


def test_a_socks_proxy_without_pysocks_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "socks" in sys.modules:
        pytest.skip("PySocks is installed here")
    through(monkeypatch, "socks5h://me:hidden@127.0.0.1:1080")
    error = unreached()

    assert error.permanent
    for text in (error.text.english, error.text.chinese):
        assert "python -m pip install PySocks" in text
        assert "127.0.0.1:1080" in text
        assert "hidden" not in text


@pytest.mark.parametrize(
    ("login", "english", "chinese"),
    [
        ("", "wants a user name and a password", "需要用户名和密码"),
        ("me:hidden@", "does not accept the user name and password", "不接受所提供的用户名和密码"),
    ],
)
def test_a_proxy_that_wants_a_password_says_where_to_write_it(
    monkeypatch: pytest.MonkeyPatch, login: str, english: str, chinese: str
) -> None:
    with peer(once(http(b"", "407 Proxy Authentication Required"))) as proxy:
        through(monkeypatch, proxy.url.replace("//", f"//{login}"))
        error = unreached()

    assert error.permanent
    assert english in error.text.english
    assert "HTTPS_PROXY, as in http://name:password@host:port" in error.text.english
    assert chinese in error.text.chinese
    assert "http://用户名:密码@主机:端口" in error.text.chinese
    assert "hidden" not in str(error)


@pytest.mark.parametrize(("status", "permanent"), [("403 Forbidden", True), ("503 Busy", False)])
def test_a_proxy_that_refuses_is_told_with_its_number(
    monkeypatch: pytest.MonkeyPatch, status: str, permanent: bool
) -> None:
    with peer(once(http(b"", status))) as proxy:
        through(monkeypatch, proxy.url)
        error = unreached()

    assert permanent == error.permanent
    assert f"refuses to connect: {status[:3]}" in error.text.english
    assert f"拒绝连接：{status[:3]}" in error.text.chinese
    assert "NO_PROXY" in error.text.english


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_down_is_named(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{closed.getsockname()[1]}"
    through(monkeypatch, f"{scheme}://me:hidden@{place}")
    error = unreached()

    assert not error.permanent
    assert f"through the proxy {place}: ConnectionRefusedError" in error.text.english
    assert "Start the proxy" in error.text.english
    assert f"经由代理 {place}：ConnectionRefusedError" in error.text.chinese
    assert "请启动该代理" in error.text.chinese
    assert "hidden" not in str(error)


def test_a_proxy_of_no_known_kind_stays_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    through(monkeypatch, "odd://127.0.0.1:9")
    error = unreached()

    assert error.permanent
    assert "through the proxy 127.0.0.1:9: ProxySchemeUnknown" in error.text.english


@pytest.mark.parametrize("proxy", ["http://me:hidden@127.0.0.1:99999", "me:hidden@127.0.0.1:port"])
def test_an_address_of_a_proxy_that_cannot_be_read_is_to_be_corrected_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    through(monkeypatch, proxy)
    error = unreached()

    assert error.permanent
    assert "through the proxy -: " in error.text.english
    assert "correct its address in HTTPS_PROXY" in error.text.english
    assert "经由代理 -：" in error.text.chinese
    assert "hidden" not in str(error)


def test_a_service_that_hangs_in_its_greeting_behind_a_plain_proxy_is_no_proxy_in_tls() -> None:
    """As urllib3 1.26 tells it, which lays every failure before the request at the proxy's door."""
    slow = TimeoutError("_ssl.c:1011: The handshake operation timed out")
    error = requests.exceptions.ProxyError(
        urllib3.exceptions.ProxyError("Cannot connect to proxy.", slow)
    )
    why, _, permanent = reason(error, Surroundings("http://127.0.0.1:3128", "certifi", False, 10.0))

    assert not permanent
    assert why.english == "the proxy 127.0.0.1:3128 did not connect within 10 s"
    assert why.chinese == "代理 127.0.0.1:3128 在 10 秒内未建立连接"


@pytest.mark.parametrize("start", ["http://", ""])
def test_a_proxy_that_hangs_tells_the_true_seconds(
    monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    with peer(waits_on) as proxy:
        through(monkeypatch, proxy.url.replace("http://", start))
        error = unreached(connect_timeout_s=0.4)  # and 120 s for the answer

    assert not error.permanent
    place = proxy.url.removeprefix("http://")
    seconds = float(error.text.english.split(" within ")[1].split(" s")[0])
    assert 0.4 <= seconds < 60
    assert f"the proxy {place} did not connect within {seconds:g} s" in error.text.english
    assert f"代理 {place} 在 {seconds:g} 秒内未建立连接" in error.text.chinese


def test_a_service_that_hangs_in_its_greeting_tells_the_true_seconds() -> None:
    released = threading.Event()
    with peer(lambda connection, _: connection.recv(1000) and released.wait(30)) as seen:
        with pytest.raises(APIConnectionError) as caught:
            call(Client(KEYS, seen.url.replace("http:", "https:"), connect_timeout_s=0.4))
        released.set()

    assert not caught.value.doubtful
    assert "no connection within " in caught.value.text.english
    assert "秒内未能建立连接" in caught.value.text.chinese


@pytest.mark.parametrize("error", [TimeoutError(), requests.exceptions.ConnectTimeout("slow")])
@pytest.mark.parametrize(
    ("stands", "english", "chinese"),
    [
        (True, "could not send within 5 s", "5 秒内未能发送完毕"),
        (False, "no connection within 5 s", "5 秒内未能建立连接"),
    ],
)
def test_whoever_says_that_the_time_is_over_the_seconds_are_told(
    error: Exception, stands: bool, english: str, chinese: str
) -> None:
    found = reason(error, Surroundings("", "certifi", stands, 5.0))

    assert (english, chinese) == (found.why.english, found.why.chinese)
    assert not found.permanent


def test_an_error_of_tls_that_was_made_in_python_is_told_as_any_other() -> None:
    found = reason(ssl.SSLError("bad handshake"), Surroundings("", "certifi", False, 5.0))

    assert "SSLError" == found.why.english
    assert not found.permanent


def test_a_machine_without_proxies_speaks_of_none() -> None:
    if any(name.lower().endswith("_proxy") and name.lower() != "no_proxy" for name in os.environ):
        pytest.skip("a proxy is set here")
    error = unreached("no-such-host.invalid")

    assert "(gaierror: " in error.text.english
    assert "the proxy" not in error.text.english.split(";")[0]
    assert not error.permanent


@pytest.mark.parametrize(
    "proxy",
    [
        "http://me:hidden@127.0.0.1:9",
        "socks5://me:hidden@127.0.0.1:9",
        "odd://me:hidden@x",
        "http://me:hidden@",
    ],
)
def test_the_password_of_a_proxy_is_not_shown(monkeypatch, proxy):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.setenv("https_proxy", proxy)
    error = failure("https://x.example", connect_timeout_s=5)

    check(error, sent=False)
    assert "hidden" not in str(error)


def test_certificates_that_are_not_there_are_named(monkeypatch, tmp_path):
    missing = tmp_path / "certificates.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(missing))
    error = failure("https://visual.volcengineapi.com")

    check(error, sent=False)
    assert str(missing) in error.text.english
    assert str(missing) in error.text.chinese
