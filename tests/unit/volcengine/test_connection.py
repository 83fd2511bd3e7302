"""Connections over real sockets: one for each call that costs, cut where an answer never ends, proxies, certificates."""

from __future__ import annotations

import gc
import socket
import threading
from typing import TYPE_CHECKING

import pytest
import requests
import trustme
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
    unreached,
)
from volc_inpaint.nodes.volcengine.client import Client
from volc_inpaint.nodes.volcengine.connection import Connection, CountedBody, Deadline
from volc_inpaint.nodes.volcengine.errors import (
    APIConnectionError,
    APITimeoutError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from peer import Peer


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


def test_a_refused_call_closes_its_connection_although_its_error_is_kept():
    """The error's traceback holds all that the call had, and a collector may come much later."""
    ended = threading.Event()

    def serve(connection: socket.socket, seen: Peer) -> None:
        seen.requests.append(read_request(connection))
        connection.sendall(http(b'{"code":50413,"request_id":"R1"}', "400 Bad Request"))
        if not connection.recv(1):
            ended.set()

    gc.disable()
    try:
        with peer(serve) as seen:
            error = failure(seen.url)
            assert ended.wait(5)
    finally:
        gc.enable()
    assert error.__traceback__ is not None


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
                client.call("CVSync2AsyncGetResult", b"{}", over=shared)
            assert seen.closed.wait(5)
            client.call("CVSync2AsyncGetResult", b"{}", over=shared)

    assert (2, 4) == (seen.connections, len(seen.requests))


def test_a_connection_is_not_cut_after_its_call():
    with peer(answering(http(OK))) as seen:
        client = Client(KEYS, seen.url)
        with client.connection() as shared:
            for _ in range(3):
                client.call("CVProcess", b"{}", read_timeout_s=0.02, over=shared)
                threads = [t for t in threading.enumerate() if t.name == "volc-inpaint-deadline"]
                for thread in threads:
                    thread.join(5)
                    assert not thread.is_alive()

    assert (1, 3) == (seen.connections, len(seen.requests))


def test_a_call_whose_encrypted_answer_is_garbled_is_not_sent_again(secure, monkeypatch):
    """To urllib3 this is neither a failed connection nor a failed reading, and so worth another try if it has any."""

    def serve(connection: socket.socket, seen: Peer) -> None:
        seen.requests.append(read_request(connection))
        socket.socket.send(connection, b"HTTP/1.1 200 OK without its encryption\r\n\r\n")
        connection.recv(1)

    with peer(serve, tls=secure) as service, peer(tunnel(service)) as proxy:
        through(monkeypatch, proxy.url)
        error = failure("https://service.test")

    check(error, sent=True)
    assert (1, 1) == (service.connections, len(service.requests))


def test_a_body_tells_once_that_its_last_block_was_taken():
    told: list[int] = []
    body = CountedBody(b"0123456789", on_sent=lambda: told.append(body.tell()))

    assert (b"0123", b"4567", False, []) == (body.read(4), body.read(4), body.sent, told)
    assert (b"89", True, [10]) == (body.read(4), body.sent, told)
    assert (b"", True, [10]) == (body.read(4), body.sent, told)


def test_an_answer_that_never_ends_is_cut_behind_a_proxy_as_well(secure, monkeypatch):
    endless = dripping(b"HTTP/1.1 200 OK\r\nX: ", b"x")
    with peer(endless, tls=secure) as service, peer(tunnel(service)) as proxy:
        through(monkeypatch, proxy.url)
        with pytest.raises(APITimeoutError):
            call(Client(KEYS, "https://service.test", read_timeout_s=0.1))
        assert service.closed.wait(5)


def test_a_deadline_that_passes_at_the_very_end_of_its_call_cuts_nothing_any_more():
    with Connection("http://127.0.0.1:9") as connection:
        deadline = Deadline(connection, 60.0)
        assert 0.0 == deadline.elapsed_s
        deadline.start()
        (thread,) = [one for one in threading.enumerate() if one.name == "volc-inpaint-deadline"]
        assert thread.daemon  # the end of ComfyUI does not wait for it
        deadline.finish()
        deadline._pass()
        never_started = Deadline(connection, 60.0)
        never_started.finish()

    assert not deadline.passed
    assert 0.0 < deadline.elapsed_s < 60.0
    assert 0.0 == never_started.elapsed_s


def test_a_call_lands_where_no_thread_can_be_started_any_more(monkeypatch):
    """As in Python 3.12 while the process ends: then it lands without its deadline."""

    def refuse(_):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    with peer(answering(http(OK))) as seen:
        monkeypatch.setattr(threading.Timer, "start", refuse)
        call(Client(KEYS, seen.url))

    assert 1 == len(seen.requests)


@pytest.mark.parametrize(("head", "drop"), ENDLESS)
def test_a_link_that_never_ends_is_given_up_and_costs_nothing(head, drop):
    with peer(dripping(head, drop)) as seen:
        with pytest.raises(APIConnectionError) as caught:
            Client(KEYS, read_timeout_s=0.1).download(f"{seen.url}/a.jpg")
        assert seen.closed.wait(5)

    check(caught.value, sent=False)


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


def test_what_is_around_a_connection_is_known_for_its_messages(surroundings):
    local, distant = Connection("http://127.0.0.1:9"), Connection("https://service.test")

    assert ("", "certifi", False, 1.5) == local.surroundings(1.5)
    assert (surroundings.url, "certifi", False, 2.0) == distant.surroundings(2.0)


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


# Whose certificates are trusted.


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
        assert "trusted are the certificates of SSL_CERT_FILE" in unreached().text.english
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        call(Client(KEYS, "https://service.test"))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
        assert "当前信任 REQUESTS_CA_BUNDLE 中的证书" in unreached().text.chinese


@pytest.mark.parametrize("value", ["", "/nowhere/at/all.pem"])
def test_a_cert_file_that_is_not_there_changes_nothing_as_with_openssl(
    service: Peer, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", value)
    with peer(tunnel(service)) as proxy:
        through(monkeypatch, proxy.url)
        assert "trusted are the certificates of certifi" in unreached().text.english
