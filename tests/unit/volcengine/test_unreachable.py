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
import trustme
from peer import KEYS, OK, answering, call, http, once, peer, through, tunnel
from volc_inpaint.nodes.volcengine.client import Client
from volc_inpaint.nodes.volcengine.errors import APIConnectionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from peer import Peer

NAMES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def bundle(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of the authority, as a company hands it out."""
    path = tmp_path_factory.mktemp("authority") / "root.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(autouse=True)
def no_bundles(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def tls(authority: trustme.CA, *names: str, **options: datetime.datetime) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **options).configure_cert(context)
    return context


@pytest.fixture
def service(authority: trustme.CA) -> Iterator[Peer]:
    with peer(answering(http(OK)), tls=tls(authority, "service.test")) as running:
        yield running


def failure(name: str = "service.test", connect_timeout_s: float = 20.0) -> APIConnectionError:
    with pytest.raises(APIConnectionError) as caught:
        call(Client(KEYS, f"https://{name}", connect_timeout_s=connect_timeout_s))
    assert not caught.value.doubtful
    assert "nothing was billed" in caught.value.text.english
    assert "未产生费用" in caught.value.text.chinese
    return caught.value


def test_an_authority_of_its_own_is_told_with_the_variable_that_names_it(
    service: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with peer(tunnel(service)) as proxy:
        through(monkeypatch, proxy.url)
        error = failure()

    assert error.permanent
    for text in (error.text.english, error.text.chinese):
        assert "REQUESTS_CA_BUNDLE" in text
        assert "unable to get local issuer certificate" in text
        assert "certifi" in text
    assert "save its root certificate as a PEM file" in error.text.english
    assert "根证书" in error.text.chinese
    assert [] == service.requests


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_an_authority_that_a_variable_names_is_trusted(
    service: Peer, bundle: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(bundle))
    with peer(tunnel(service)) as proxy:
        through(monkeypatch, proxy.url)
        assert "R1" == call(Client(KEYS, "https://service.test")).request_id


def test_the_variable_that_is_followed_is_named_and_requests_own_comes_first(
    service: Peer, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    with peer(tunnel(service)) as proxy:
        through(monkeypatch, proxy.url)
        assert "trusted are the certificates of SSL_CERT_FILE" in failure().text.english
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        call(Client(KEYS, "https://service.test"))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
        assert "当前信任 REQUESTS_CA_BUNDLE 中的证书" in failure().text.chinese


@pytest.mark.parametrize("value", ["", "/nowhere/at/all.pem"])
def test_a_cert_file_that_is_not_there_changes_nothing_as_with_openssl(
    service: Peer, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", value)
    with peer(tunnel(service)) as proxy:
        through(monkeypatch, proxy.url)
        assert "trusted are the certificates of certifi" in failure().text.english


def test_a_bundle_without_a_certificate_is_named(
    service: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.pem").write_text("no certificate")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "empty.pem"))
    with peer(tunnel(service)) as proxy:
        through(monkeypatch, proxy.url)
        error = failure()

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
        error = failure()

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
        error = failure("another.test")

    assert error.permanent
    assert "Somebody else answers under this name" in error.text.english
    assert "应答的是其他服务器" in error.text.chinese


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
        error = failure(connect_timeout_s=0.4 if serve is waits_on else 20.0)

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
        assert "REQUESTS_CA_BUNDLE" in failure().text.english


def test_a_socks_proxy_without_pysocks_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "socks" in sys.modules:
        pytest.skip("PySocks is installed here")
    through(monkeypatch, "socks5h://me:hidden@127.0.0.1:1080")
    error = failure()

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
        error = failure()

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
        error = failure()

    assert permanent == error.permanent
    assert f"refuses to connect: {status[:3]}" in error.text.english
    assert f"拒绝连接：{status[:3]}" in error.text.chinese
    assert "NO_PROXY" in error.text.english


def test_a_proxy_that_is_down_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{closed.getsockname()[1]}"
    through(monkeypatch, f"http://me:hidden@{place}")
    error = failure()

    assert not error.permanent
    assert f"through the proxy {place}: ConnectionRefusedError" in error.text.english
    assert "Start the proxy" in error.text.english
    assert f"经由代理 {place}：ConnectionRefusedError" in error.text.chinese
    assert "请启动该代理" in error.text.chinese
    assert "hidden" not in str(error)


@pytest.mark.parametrize("start", ["http://", ""])
def test_a_proxy_that_hangs_tells_the_true_seconds(
    monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    with peer(waits_on) as proxy:
        through(monkeypatch, proxy.url.replace("http://", start))
        error = failure(connect_timeout_s=0.4)  # and 120 s for the answer

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


def test_a_machine_without_proxies_speaks_of_none() -> None:
    if any(name.lower().endswith("_proxy") and name.lower() != "no_proxy" for name in os.environ):
        pytest.skip("a proxy is set here")
    error = failure("no-such-host.invalid")

    assert "the proxy" not in error.text.english.split(";")[0]
    assert not error.permanent
