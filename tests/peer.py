"""A server of raw sockets, which answers as no server of the standard library would, speaks TLS, or stands in between."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from volc_inpaint.nodes.volcengine.client import Client
from volc_inpaint.nodes.volcengine.credentials import Credentials
from volc_inpaint.nodes.volcengine.errors import APIConnectionError, VolcengineError

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Iterator

    import trustme
    from volc_inpaint.nodes.volcengine.answers import Answer

KEYS = Credentials("AKLTCLIENTCLIENTCLIENT0001", "c2VjcmV0LW9mLXRoZS1jbGllbnQ=")
OK = b'{"code":10000,"request_id":"R1","data":{"binary_data_base64":["AAAA"]}}'


@dataclass
class Peer:
    """A server of raw sockets.

    Attributes:
        url: Where it listens.
        requests: Head and body of each request, as received.
        connections: How many were accepted.
        asked: Released whenever a proxy was asked for a tunnel.
        closed: Set when a connection was ended by it.
    """

    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    asked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
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
def peer(
    serve: Callable[[socket.socket, Peer], None], buffer: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[Peer]:
    """A loopback server that hands every connection to `serve` on a thread of its own."""
    listener = socket.socket()
    if buffer:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    listener.bind(("127.0.0.1", 0))
    listener.listen(16)
    seen = Peer(f"http://127.0.0.1:{listener.getsockname()[1]}")
    threads: list[threading.Thread] = []

    def one(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):  # the client went away
            if tls is None:
                serve(connection, seen)
            else:
                with tls.wrap_socket(connection, server_side=True) as wrapped:
                    serve(wrapped, seen)
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
    return client.call("CVProcess", body)


def failure(url: str, body: bytes = b"{}", **options: float) -> VolcengineError:
    with pytest.raises(VolcengineError) as caught:
        call(Client(KEYS, url, **options), body)
    return caught.value


def relay(url: str) -> Callable[[socket.socket, Peer], None]:
    """Hands each request on to a server of plain HTTP, and its answer back."""

    def serve(connection: socket.socket, seen: Peer) -> None:
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as beyond:
            while request := read_request(connection):
                seen.requests.append(request)
                beyond.sendall(request)
                connection.sendall(read_request(beyond))

    return serve


def tunnel(to: Peer, hold: threading.Event | None = None) -> Callable[[socket.socket, Peer], None]:
    """A proxy that leads every CONNECT to `to`, whatever its name; answers once `hold` is set."""

    def serve(connection: socket.socket, seen: Peer) -> None:
        seen.requests.append(read_request(connection))
        seen.asked.release()
        if hold is not None:
            assert hold.wait(30)
        port = int(to.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as beyond:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_carry, args=(beyond, connection), daemon=True)
            back.start()
            _carry(connection, beyond)
            back.join()

    return serve


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def through(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """Let every https address be reached through `proxy` only."""
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, proxy)
        monkeypatch.setenv(name.lower(), proxy)


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


def tls(authority: trustme.CA, *names: str, **options: datetime.datetime) -> ssl.SSLContext:
    """What a server of that name speaks TLS with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **options).configure_cert(context)
    return context


def unreached(name: str = "service.test", connect_timeout_s: float = 20.0) -> APIConnectionError:
    """The error of a call that found no way to an address that is not on this machine."""
    with pytest.raises(APIConnectionError) as caught:
        call(Client(KEYS, f"https://{name}", connect_timeout_s=connect_timeout_s))
    assert not caught.value.doubtful
    assert "nothing was billed" in caught.value.text.english
    assert "未产生费用" in caught.value.text.chinese
    return caught.value


def check(error: VolcengineError, *, sent: bool) -> None:
    """`sent` must be False only if the service cannot have the whole request."""
    assert isinstance(error, APIConnectionError)
    assert sent == error.doubtful
    assert ("nothing was billed" in error.text.english) == (not sent)
    assert ("may have been billed" in error.text.english) == sent
