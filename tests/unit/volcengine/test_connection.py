"""A call over a real connection: whether its request was sent when it fails, when its answer is cut off, proxies."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

import pytest
import requests
import trustme
from hypothesis import example, given, settings
from hypothesis import strategies as st
from peer import (
    KEYS,
    OK,
    answering,
    call,
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
    APIConnectionError,
    APITimeoutError,
    InvalidResponseError,
    NotSentError,
    VolcengineError,
)
from volc_inpaint.nodes.volcengine.models import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from peer import Peer

LARGE = b'{"x":"' + b"x" * 30_000_000 + b'"}'


RUNS = 20


def test_twenty_calls_whose_connections_the_server_closed_in_between_reach_it_on_their_own():
    with peer(once(http(OK))) as seen:
        client = Client(KEYS, seen.url)
        for count in range(1, RUNS + 1):
            seen.closed.clear()
            call(client)
            assert seen.closed.wait(5)
            assert count == seen.connections

    assert RUNS == len(seen.requests)


def test_twenty_calls_to_a_server_that_closes_at_the_second_request_leave_no_doubt():
    def serve(connection: socket.socket, seen: Peer) -> None:
        seen.requests.append(read_request(connection))
        connection.sendall(http(OK))
        connection.recv(1)  # of a second request, had it come
        reset(connection)

    with peer(serve) as seen:
        client = Client(KEYS, seen.url)
        for _ in range(RUNS):
            call(client)

    assert (RUNS, RUNS) == (seen.connections, len(seen.requests))


def test_calls_at_once_get_a_connection_each():
    together = threading.Barrier(4)

    def serve(connection: socket.socket, seen: Peer) -> None:
        while read_request(connection):
            together.wait(10)
            connection.sendall(http(OK))

    with peer(serve) as seen:
        client = Client(KEYS, seen.url)
        threads = [threading.Thread(target=call, args=(client,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert 4 == seen.connections


def test_the_connection_of_a_call_ends_with_it():
    with peer(answering(http(OK))) as seen:
        call(Client(KEYS, seen.url))
        assert seen.closed.wait(5)


def test_questions_share_a_connection_and_open_another_where_it_was_closed():
    def serve(connection: socket.socket, seen: Peer) -> None:
        for _ in range(3):
            if request := read_request(connection):
                seen.requests.append(request)
                connection.sendall(http(OK))

    with peer(serve) as seen:
        client = Client(KEYS, seen.url)
        with client.connection() as shared:
            for _ in range(3):
                client.call("CVSync2AsyncGetResult", VERSION, b"{}", over=shared)
            assert seen.closed.wait(5)
            client.call("CVSync2AsyncGetResult", VERSION, b"{}", over=shared)

    assert (2, 4) == (seen.connections, len(seen.requests))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority, tmp_path, monkeypatch) -> ssl.SSLContext:
    """What a server named service.test needs to be trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("service.test").configure_cert(context)
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    return context


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_call_given_up_while_a_slow_proxy_connects_is_not_sent(secure, monkeypatch, cancelled):
    hold, given_up = threading.Event(), threading.Event()
    caught: list[Exception] = []

    def buy(client: Client) -> None:
        try:
            client.call("CVProcess", VERSION, b"{}", may_send=lambda: not given_up.is_set())
        except NotSentError as error:
            caught.append(error)

    with peer(answering(http(OK)), tls=secure) as service, peer(tunnel(service, hold)) as proxy:
        through(monkeypatch, proxy.url)
        buying = threading.Thread(target=buy, args=(Client(KEYS, "https://service.test"),))
        buying.start()
        assert proxy.asked.wait(10)
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
            Client(KEYS, seen.url).call("CVProcess", VERSION, b"{}", may_send=lambda: False)
        assert seen.closed.wait(5)

    assert ([b""], False) == (received, caught.value.doubtful)


# What may have been billed. `sent` must be False only if the service cannot have the whole request.


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
        client = Client(KEYS, seen.url)
        with client.connection() as shared:
            for _ in range(3):
                client.call("CVProcess", VERSION, b"{}", read_timeout_s=0.02, over=shared)
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


@pytest.fixture
def surroundings(tmp_path, monkeypatch):
    """A machine with a password file and a proxy for everything."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login leaked password leaked\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with peer(answering(http(b"", "403 Forbidden"))) as proxy:
        through(monkeypatch, proxy.url)
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
