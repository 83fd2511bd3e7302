"""What may have been billed: whether the request of a call that fails was sent, over real sockets."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from peer import (
    ENDLESS,
    KEYS,
    OK,
    answering,
    call,
    check,
    dripping,
    failure,
    http,
    once,
    peer,
    read_request,
    reset,
    through,
    tunnel,
)
from volc_inpaint.nodes.volcengine import client as client_module
from volc_inpaint.nodes.volcengine.answers import Answer
from volc_inpaint.nodes.volcengine.client import Client
from volc_inpaint.nodes.volcengine.errors import (
    APITimeoutError,
    InvalidResponseError,
    NotSentError,
    VolcengineError,
)

if TYPE_CHECKING:
    from peer import Peer


LARGE = b'{"x":"' + b"x" * 30_000_000 + b'"}'


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_call_given_up_while_a_slow_proxy_connects_is_not_sent(secure, monkeypatch, cancelled):
    hold, given_up = threading.Event(), threading.Event()
    caught: list[Exception] = []

    def buy(client: Client) -> None:
        try:
            client.call("CVProcess", b"{}", may_send=lambda: not given_up.is_set())
        except NotSentError as error:
            caught.append(error)

    with peer(answering(http(OK)), tls=secure) as service, peer(tunnel(service, hold)) as proxy:
        through(monkeypatch, proxy.url)
        buying = threading.Thread(target=buy, args=(Client(KEYS, "https://service.test"),))
        buying.start()
        assert proxy.asked.acquire(timeout=10)
        if cancelled:
            given_up.set()
        hold.set()
        buying.join(10)

    assert not buying.is_alive()
    assert (int(cancelled), int(not cancelled)) == (len(caught), len(service.requests))
    assert not any(error.doubtful for error in caught)


def test_a_call_given_up_while_it_connects_sends_nothing_to_a_plain_server_either():
    received: list[bytes] = []

    def serve(connection: socket.socket, seen: Peer) -> None:
        received.append(connection.recv(1000))

    with peer(serve) as seen:
        with pytest.raises(NotSentError) as caught:
            Client(KEYS, seen.url).call("CVProcess", b"{}", may_send=lambda: False)
        assert seen.closed.wait(5)

    assert ([b""], False) == (received, caught.value.doubtful)


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
            took_s = time.monotonic() - started
        finally:
            for one in waiting:
                one.close()

    check(error, sent=False)
    assert took_s < 30  # the connect timeout, not the read timeout
    told_s = float(error.text.english.split("no connection within ")[1].split(" s")[0])
    assert 0.3 <= told_s <= took_s + 0.05


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
