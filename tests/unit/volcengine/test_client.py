"""The client over real sockets: connections, timeouts, proxies, links, and whether a failure may have been billed."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
import requests
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from simulated_service import SimulatedService
from volc_inpaint.nodes.volcengine import client as client_module
from volc_inpaint.nodes.volcengine.answers import Answer
from volc_inpaint.nodes.volcengine.client import Client, check_url
from volc_inpaint.nodes.volcengine.credentials import Credentials
from volc_inpaint.nodes.volcengine.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    InvalidResponseError,
    VolcengineError,
)
from volc_inpaint.nodes.volcengine.models import INPAINTING_EDIT, VERSION
from volc_inpaint.nodes.volcengine.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEYS = Credentials("AKLTCLIENTCLIENTCLIENT0001", "c2VjcmV0LW9mLXRoZS1jbGllbnQ=")
OK = b'{"code":10000,"request_id":"R1","data":{"binary_data_base64":["AAAA"]}}'


@dataclass
class Peer:
    """A server of raw sockets.

    Attributes:
        url: Where it listens.
        requests: Head and body of each request, as received.
        connections: How many were accepted.
        closed: Set when a connection was ended by it.
    """

    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    closed: threading.Event = field(default_factory=threading.Event)


def reset(connection: socket.socket) -> None:
    linger = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    connection.close()


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def read_request(connection: socket.socket) -> bytes:
    """One request whole; empty if the client closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextlib.contextmanager
def peer(serve: Callable[[socket.socket, Peer], None], buffer: int = 0) -> Iterator[Peer]:
    """A loopback server that hands every connection to `serve` on a thread of its own."""
    listener = socket.socket()
    if buffer:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    listener.bind(("127.0.0.1", 0))
    listener.listen(16)
    seen = Peer(f"http://127.0.0.1:{listener.getsockname()[1]}")
    threads: list[threading.Thread] = []

    def one(connection: socket.socket) -> None:
        with connection:
            with contextlib.suppress(OSError):  # the client went away
                serve(connection, seen)
            seen.closed.set()

    stopping = threading.Event()

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            if stopping.is_set():
                connection.close()
                return
            seen.connections += 1
            threads.append(threading.Thread(target=one, args=(connection,), daemon=True))
            threads[-1].start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stopping.set()
        socket.create_connection(listener.getsockname()).close()
        thread.join()
        listener.close()


def answering(reply: bytes) -> Callable[[socket.socket, Peer], None]:
    """Gives every request the same answer, on connections that stay open."""

    def serve(connection: socket.socket, seen: Peer) -> None:
        while request := read_request(connection):
            seen.requests.append(request)
            connection.sendall(reply)

    return serve


def once(reply: bytes) -> Callable[[socket.socket, Peer], None]:
    """Reads one request, gives its answer, and ends the connection."""

    def serve(connection: socket.socket, seen: Peer) -> None:
        seen.requests.append(read_request(connection))
        connection.sendall(reply)

    return serve


def call(client: Client, body: bytes = b"{}") -> Answer:
    return client.call("CVProcess", VERSION, body)


def failure(url: str, body: bytes = b"{}", **options: float) -> VolcengineError:
    with pytest.raises(VolcengineError) as caught:
        call(Client(KEYS, url, **options), body)
    return caught.value


def test_the_bytes_given_are_the_bytes_sent():
    body = '{"custom_prompt":"一只小狗","x":"'.encode() + b"x" * 300_000 + b'"}'
    with peer(answering(http(OK))) as seen:
        assert "R1" == call(Client(KEYS, seen.url), body).request_id

    head, _, sent = seen.requests[0].partition(b"\r\n\r\n")
    assert body == sent
    assert head.startswith(b"POST /?Action=CVProcess&Version=2022-08-31 HTTP/1.1\r\n")
    assert b"\r\nContent-Type: application/json\r\n" in head
    assert f"\r\nContent-Length: {len(body)}\r\n".encode() in head
    assert b"Transfer-Encoding" not in head


def test_the_simulated_service_accepts_and_paints():
    image, mask = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (80, 64), "green").save(image, "PNG")
    Image.new("L", (80, 64), 255).save(mask, "PNG")
    files = (image.getvalue(), mask.getvalue())
    request = Request(INPAINTING_EDIT, {"custom_prompt": "一只小狗"}, pictures=files)
    with SimulatedService(KEYS.access_key, KEYS.secret_key) as service:
        answer = call(Client(KEYS, service.endpoint), request.body(3))

        assert (1, 3, "一只小狗") == (
            service.billed, service.ledger.calls()[0].seed,
            service.ledger.calls()[0].fields["custom_prompt"],
        )  # fmt: skip
    assert (80, 64) == Image.open(io.BytesIO(answer.pictures[0])).size


def test_one_connection_serves_calls_one_after_another():
    with peer(answering(http(OK))) as seen:
        client = Client(KEYS, seen.url)
        for _ in range(3):
            call(client)

    assert (1, 3) == (seen.connections, len(seen.requests))


def test_calls_at_once_get_a_connection_each_and_keep_them():
    together = threading.Barrier(4)

    def serve(connection: socket.socket, seen: Peer) -> None:
        while read_request(connection):
            together.wait(10)
            connection.sendall(http(OK))

    def burst() -> None:
        threads = [threading.Thread(target=call, args=(client,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with peer(serve) as seen:
        client = Client(KEYS, seen.url, pool_size=4)
        burst()
        burst()

    assert 4 == seen.connections


def test_a_connection_that_idled_too_long_is_not_used_again(monkeypatch):
    with peer(answering(http(OK))) as seen:
        client = Client(KEYS, seen.url)
        call(client)
        monkeypatch.setattr(client_module, "_MAX_IDLE_S", -1.0)
        call(client)
        assert seen.closed.wait(5)  # the first one was ended, not forgotten
        monkeypatch.undo()
        call(client)

    assert 2 == seen.connections


def test_each_connection_idles_on_its_own():
    now = [100.0]
    client = Client(KEYS, "http://127.0.0.1:9")
    first, second = client._take(), client._take()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client_module.time, "monotonic", lambda: now[0])
        client._give_back(first)
        client._give_back(second)
        now[0] = 115.0
        assert second is client._take()
        client._give_back(second)
        now[0] = 130.0
        assert second is client._take()
        assert first is not client._take()


def test_an_idle_connection_that_the_server_closed_costs_no_doubt():
    with peer(once(http(OK))) as seen:
        client = Client(KEYS, seen.url)
        for count in range(1, 4):
            seen.closed.clear()
            call(client)
            seen.closed.wait(5)
            assert count == seen.connections


def test_a_closed_client_can_be_used_again():
    with peer(answering(http(OK))) as seen:
        client = Client(KEYS, seen.url)
        call(client)
        client.close()
        call(client)

    assert 2 == seen.connections


def test_every_call_is_signed_afresh(monkeypatch):
    now = [1_755_508_798.0]
    monkeypatch.setattr(client_module.time, "time", lambda: now[0])
    with peer(answering(http(OK))) as seen:
        client = Client(KEYS, seen.url)
        call(client)
        now[0] += 61
        call(client)

    dates = [request.split(b"X-Date: ")[1][:16] for request in seen.requests]
    assert [b"20250818T091958Z", b"20250818T092059Z"] == dates


def test_the_clock_of_the_service_is_taken_over():
    with SimulatedService(KEYS.access_key, KEYS.secret_key) as service:
        service.clock_offset_s = -7200.0
        client = Client(KEYS, service.endpoint)
        with pytest.raises(AuthenticationError) as caught:
            call(client)
        assert "InvalidTimestamp" == caught.value.code
        assert client.set_clock_from(caught.value.server_date)
        with pytest.raises(VolcengineError) as caught:
            call(client)
        assert 50215 == caught.value.code


def test_an_answer_that_quotes_the_keys_does_not_show_them():
    keys = Credentials(KEYS.access_key, KEYS.secret_key, "STS/token+token/token==")
    quoted = f"{keys.access_key} {keys.secret_key} {keys.session_token}"
    body = {"ResponseMetadata": {"Error": {"Code": "SignatureDoesNotMatch", "Message": quoted}}}
    with (
        peer(once(http(json.dumps(body).encode(), "401 Unauthorized"))) as seen,
        pytest.raises(AuthenticationError) as caught,
    ):
        call(Client(keys, seen.url))

    assert keys.session_token.encode() in seen.requests[0]
    assert "…0001 *** ***" == caught.value.message
    assert not any(text in str(caught.value) for text in quoted.split())


@pytest.mark.parametrize("date", ["", "soon", "Mon, 99 Foo 2025 00:00:00 GMT", "\ud800", "1" * 999])
def test_a_clock_that_cannot_be_read_changes_nothing(date):
    client = Client(KEYS)

    assert not client.set_clock_from(date)
    assert 0.0 == client._clock_offset_s


# What may have been billed. `sent` must be False only if the service cannot have the whole request.

LARGE = b'{"x":"' + b"x" * 30_000_000 + b'"}'


def check(error: VolcengineError, *, sent: bool) -> None:
    assert isinstance(error, APIConnectionError)
    assert (sent, sent) == (error.sent, error.doubtful)
    assert ("nothing was billed" in error.text.english) == (not sent)
    assert ("may have been billed" in error.text.english) == sent


def test_nobody_there_is_not_sent():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        check(failure(url), sent=False)


def test_a_name_that_does_not_exist_is_not_sent():
    error = failure("https://no-such-host.invalid", connect_timeout_s=5)

    check(error, sent=False)
    assert "(gaierror: " in error.text.english


@pytest.mark.parametrize(
    "url", ["https://a..example", "https://-", "https://x" + "y" * 70 + ".example"]
)
def test_a_name_that_no_host_can_have_is_not_sent(url):
    check(failure(url, connect_timeout_s=5), sent=False)


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


def test_a_connection_that_is_not_accepted_in_time_is_not_sent():
    # A listener whose queue is full neither accepts nor refuses.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(8)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(address)
            url = f"http://127.0.0.1:{address[1]}"
            started = time.monotonic()
            error = failure(url, connect_timeout_s=0.3, read_timeout_s=60)
        finally:
            for one in waiting:
                one.close()

    check(error, sent=False)
    assert time.monotonic() - started < 30  # the connect timeout, not the read timeout


def test_a_server_that_speaks_no_tls_is_not_sent():
    def serve(connection: socket.socket, seen: Peer) -> None:
        connection.recv(1000)
        connection.sendall(http(b"", "400 Bad Request"))

    with peer(serve) as seen:
        error = failure(seen.url.replace("http:", "https:"))

    check(error, sent=False)


def test_a_reset_before_the_body_was_read_is_not_sent():
    def serve(connection: socket.socket, seen: Peer) -> None:
        connection.recv(1000)
        reset(connection)

    with peer(serve, buffer=1 << 16) as seen:
        error = failure(seen.url, LARGE)

    check(error, sent=False)


@pytest.mark.parametrize("size", [1, 16_383, 16_384, 16_385, 32_768, 65_537, 1_000_000])
def test_a_whole_request_is_never_taken_for_one_that_was_not_sent(size):
    def serve(connection: socket.socket, seen: Peer) -> None:
        seen.requests.append(read_request(connection))
        reset(connection)

    with peer(serve) as seen:
        error = failure(seen.url, b"x" * size)

    assert seen.requests[0].endswith(b"\r\n\r\n" + b"x" * size)
    check(error, sent=True)


def test_a_connection_closed_without_an_answer_is_a_doubt():
    with peer(once(b"")) as seen:
        check(failure(seen.url), sent=True)


def test_no_answer_in_time_is_a_doubt_of_its_own_class():
    released = threading.Event()

    def serve(connection: socket.socket, seen: Peer) -> None:
        read_request(connection)
        released.wait(30)

    with peer(serve) as seen:
        error = failure(seen.url, connect_timeout_s=30, read_timeout_s=0.2)
        released.set()

    check(error, sent=True)
    assert isinstance(error, APITimeoutError)
    assert "0.2 s" in error.text.english
    assert "0.2 秒" in error.text.chinese


def test_a_body_that_stops_in_the_middle_is_a_doubt():
    released = threading.Event()

    def serve(connection: socket.socket, seen: Peer) -> None:
        read_request(connection)
        connection.sendall(http(OK)[:-5])
        released.wait(30)

    with peer(serve) as seen:
        check(failure(seen.url, read_timeout_s=0.2), sent=True)
        released.set()


def dripping(head: bytes, drop: bytes) -> Callable[[socket.socket, Peer], None]:
    """Answers with `head`, then for ever with `drop`, one shortly after the other."""

    def serve(connection: socket.socket, seen: Peer) -> None:
        seen.requests.append(read_request(connection))
        connection.sendall(head)
        while not seen.closed.wait(0.02):
            connection.sendall(drop)

    return serve


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = [
    pytest.param(b"HTTP/1.1 200 OK\r\nX: ", b"x", id="a header without end"),
    pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", id="continue and continue"),
    pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n", b" ", id="a body"),
    pytest.param(CHUNKED, b"1\r\n \r\n", id="chunks"),
    pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", b" ", id="a body until the connection ends"),
]


@pytest.mark.parametrize(("head", "drop"), ENDLESS)
def test_an_answer_that_never_ends_is_given_up_as_a_doubt(head, drop):
    with peer(dripping(head, drop)) as seen:
        error = failure(seen.url, read_timeout_s=0.1)
        assert seen.closed.wait(5)

    check(error, sent=True)
    assert isinstance(error, APITimeoutError)
    assert "no whole answer within 0.5 s" in error.text.english
    assert "0.5 秒内未收到完整响应" in error.text.chinese


def test_an_answer_that_comes_byte_by_byte_but_in_time_is_whole():
    reply = http(OK)

    def serve(connection: socket.socket, seen: Peer) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        read_request(connection)
        for start in range(len(reply)):
            seen.closed.wait(0.005)
            connection.sendall(reply[start : start + 1])

    with peer(serve) as seen:  # longer than the read timeout, shorter than five times that
        assert "R1" == call(Client(KEYS, seen.url, read_timeout_s=0.5)).request_id


def test_a_connection_is_not_cut_after_its_call():
    with peer(answering(http(OK))) as seen:
        client = Client(KEYS, seen.url, read_timeout_s=0.02)
        for _ in range(3):
            call(client)
            threads = [t for t in threading.enumerate() if t.name == "volc-inpaint-deadline"]
            for thread in threads:
                thread.join(5)
                assert not thread.is_alive()

    assert (1, 3) == (seen.connections, len(seen.requests))


@pytest.mark.parametrize(("head", "drop"), ENDLESS)
def test_a_link_that_never_ends_is_given_up_and_costs_nothing(head, drop):
    with peer(dripping(head, drop)) as seen:
        with pytest.raises(APIConnectionError) as caught:
            Client(KEYS, read_timeout_s=0.1).download(f"{seen.url}/a.jpg")
        assert seen.closed.wait(5)

    check(caught.value, sent=False)


@pytest.mark.parametrize(
    "reply",
    [
        http(OK)[:-5],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n",
        http(b"not gzip", "200 OK", "Content-Encoding: gzip"),
        b"garbage\r\n\r\n",
    ],
    ids=["short", "cut chunk", "no chunk", "no gzip", "garbage"],
)
def test_a_cut_or_garbled_answer_is_a_doubt(reply):
    with peer(once(reply)) as seen:
        check(failure(seen.url), sent=True)


@pytest.mark.parametrize(
    "reply",
    [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + OK[:-9], b"HTTP/1.1 200 OK\r\nContent-Le"],
    ids=["body", "head"],
)
def test_an_answer_cut_where_no_length_was_announced_is_a_doubt(reply):
    with peer(once(reply)) as seen:
        error = failure(seen.url)

    assert (InvalidResponseError, True) == (type(error), error.doubtful)


def test_an_answer_without_end_is_given_up_as_a_doubt(monkeypatch):
    monkeypatch.setattr(client_module, "_MAX_ANSWER_BYTES", 100_000)

    def serve(connection: socket.socket, seen: Peer) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            connection.sendall(b" " * 65_536)

    with peer(serve) as seen:
        error = failure(seen.url)

    assert (InvalidResponseError, True) == (type(error), error.doubtful)
    assert "larger than 100000 bytes" in error.text.english


def test_an_answer_that_comes_before_the_whole_request_left_is_read():
    refusal = http(b'{"code":50215,"message":"too large","request_id":"R1"}', "400 Bad Request")

    def serve(connection: socket.socket, seen: Peer) -> None:
        connection.recv(1000)
        connection.sendall(refusal)
        while connection.recv(1 << 20):
            pass

    with peer(serve) as seen:
        error = failure(seen.url, LARGE)

    assert 50215 == error.code


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/elsewhere", "https://example.com/", "http://[", "\x80", ""])
def test_no_redirect_is_followed_whatever_it_says(status, location):
    reply = http(b"moved", f"{status} Moved", f"Location: {location}")
    with peer(answering(reply)) as seen:
        error = failure(seen.url)

    assert (InvalidResponseError, False, status) == (type(error), error.doubtful, error.status_code)
    assert 1 == len(seen.requests)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    st.binary(max_size=80)
    | st.builds(
        lambda status, headers, body: b"HTTP/1.1 %d x\r\n" % status
        + b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        + b"\r\n" + body,
        st.integers(100, 999),
        st.lists(
            st.tuples(
                st.sampled_from(
                    [b"Content-Length", b"Transfer-Encoding", b"Content-Encoding", b"Location",
                     b"Retry-After", b"Set-Cookie", b"Date", b"Connection", b"Content-Type"]
                ),
                st.sampled_from([b"5", b"-1", b"x", b"chunked", b"gzip", b"deflate", b"http://[",
                                 b"99999999999999999999", b"\xff", b"", b"a=b; expires=x"]),
            ),
            max_size=4,
        ),
        st.sampled_from([b"", OK, b"\x1f\x8b", b"5\r\nabcde\r\n0\r\n\r\n"]),
    )
)  # fmt: skip
@example(b"HTTP/1.1 302 x\r\nLocation: http://[\r\nContent-Length: 9\r\n\r\nab")
@example(b"HTTP/1.1 200 x\r\n" + b"X: y\r\n" * 300 + b"\r\n")
@example(b"HTTP/1.1 200 x\r\nX: " + b"y" * 70_000 + b"\r\n\r\n")
def test_no_answer_at_all_makes_a_call_raise_anything_else(reply):
    with peer(once(reply)) as seen:
        try:
            answer = call(Client(KEYS, seen.url, read_timeout_s=5))
        except VolcengineError:
            return
    assert isinstance(answer, Answer)


# Where a request may go.


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
     r"http://example.com\.127.0.0.1", "http://2130706433", "http://127.1", "ftp://127.0.0.1", "file:///etc/passwd",
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


@pytest.fixture
def surroundings(tmp_path, monkeypatch):
    """A machine with a password file and a proxy for everything."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login leaked password leaked\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with peer(answering(http(b"", "403 Forbidden"))) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv(name.lower(), proxy.url)
        yield proxy


def test_plain_http_on_this_machine_passes_by_every_proxy_and_password(surroundings):
    with peer(answering(http(OK))) as seen:
        call(Client(KEYS, seen.url))
        Client(KEYS).download(f"{seen.url}/a.jpg")

    assert (0, 2) == (surroundings.connections, len(seen.requests))
    assert b"Basic" not in b"".join(seen.requests)
    assert seen.requests[0].count(b"\r\nAuthorization: HMAC-SHA256 ") == 1
    assert b"authorization" not in seen.requests[1].lower()


def test_https_goes_through_the_proxy_as_a_tunnel_without_a_key(surroundings):
    error = failure("https://visual.volcengineapi.com")

    # it refuses to build a tunnel
    check(error, sent=False)
    heads = b"".join(surroundings.requests)
    assert heads.startswith(b"CONNECT visual.volcengineapi.com:443 HTTP/1.")
    assert b"X-Date" not in heads
    assert b"Basic" not in heads


def test_a_password_file_has_no_say_over_https_either(surroundings, monkeypatch):
    left: list[requests.PreparedRequest] = []

    def keep(_: object, request: requests.PreparedRequest, **options: object) -> None:
        left.append(request)
        raise requests.exceptions.ConnectionError("kept here")

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", keep)
    failure("https://visual.volcengineapi.com")
    with pytest.raises(APIConnectionError):
        Client(KEYS).download("https://pictures.example/a.jpg")

    assert left[0].headers["Authorization"].startswith("HMAC-SHA256 ")
    assert "Authorization" not in left[1].headers


# Links to painted pictures.


def test_a_link_is_fetched_without_keys():
    with peer(answering(http(b"picture"))) as seen:
        assert b"picture" == Client(KEYS).download(f"{seen.url}/a.jpg?sign=x%2Fy")

    head = seen.requests[0]
    assert head.startswith(b"GET /a.jpg?sign=x%2Fy HTTP/1.1\r\n")
    assert [] == [word for word in (b"HMAC", b"X-Date", KEYS.access_key.encode()) if word in head]


@pytest.mark.parametrize("status", ["404 Gone", "403 Expired", "302 Moved", "500 Oops", "204 None"])
def test_a_link_that_does_not_answer_200_is_an_error_that_costs_nothing(status):
    reply = http(b"", status, "Location: /other")
    with peer(once(reply)) as seen, pytest.raises(InvalidResponseError) as caught:
        Client(KEYS).download(f"{seen.url}/a.jpg")

    assert not caught.value.doubtful
    assert f"HTTP {status[:3]}" in caught.value.text.english
    assert f"HTTP {status[:3]}" in caught.value.text.chinese


@pytest.mark.parametrize(("size", "limit"), [(11, 10), (300_000, 65_536)])
def test_a_link_to_too_much_is_given_up(size, limit):
    reply = http(b"x" * size)
    with peer(once(reply)) as seen, pytest.raises(InvalidResponseError, match=f"> {limit} bytes"):
        Client(KEYS).download(f"{seen.url}/a.jpg", max_bytes=limit)


def test_a_link_to_as_much_as_allowed_is_fetched():
    with peer(once(http(b"x" * 10))) as seen:
        assert b"x" * 10 == Client(KEYS).download(f"{seen.url}/a.jpg", max_bytes=10)


def test_a_link_cut_short_or_dead_may_be_asked_again_for_free():
    with peer(once(http(b"x" * 10)[:-1])) as seen:
        with pytest.raises(APIConnectionError) as caught:
            Client(KEYS).download(f"{seen.url}/a.jpg")
        assert not caught.value.doubtful
    with pytest.raises(APIConnectionError) as caught:
        Client(KEYS).download(f"{seen.url}/a.jpg")
    assert not caught.value.doubtful


@pytest.mark.parametrize("url", ["http://example.com/a.jpg", "file:///etc/passwd", "", "a.jpg"])
def test_a_link_that_leads_elsewhere_is_refused(url):
    with pytest.raises(ValueError, match="image_urls"):
        Client(KEYS).download(url)


def test_a_picture_larger_than_any_block_arrives_whole():
    picture = bytes(range(256)) * 20_000
    body = {"code": 10000, "data": {"binary_data_base64": [base64.b64encode(picture).decode()]}}
    with peer(once(http(json.dumps(body).encode()))) as seen:
        assert (picture,) == call(Client(KEYS, seen.url)).pictures
