"""The client: pooled connections, signatures, the service's clock, addresses, links."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING

import pytest
from peer import KEYS, OK, answering, call, http, once, peer, read_request
from PIL import Image
from simulated_service import SimulatedService
from volc_inpaint.nodes.volcengine import client as client_module
from volc_inpaint.nodes.volcengine.client import Client
from volc_inpaint.nodes.volcengine.credentials import Credentials
from volc_inpaint.nodes.volcengine.errors import (
    APIConnectionError,
    AuthenticationError,
    InvalidResponseError,
    VolcengineError,
)
from volc_inpaint.nodes.volcengine.models import INPAINTING_EDIT
from volc_inpaint.nodes.volcengine.request import Request

if TYPE_CHECKING:
    import socket

    from peer import Peer


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
    with peer(once(reply)) as seen, pytest.raises(InvalidResponseError) as caught:
        Client(KEYS).download(f"{seen.url}/a.jpg", max_bytes=limit)

    english, chinese = str(caught.value).split("\n")
    assert f"does not work (> {limit} bytes) (HTTP 200, " in english
    assert f"无法使用（> {limit} bytes）（HTTP 200，" in chinese
    assert not caught.value.doubtful


def test_a_link_without_end_is_not_read_into_memory():
    part, parts = b"x" * 65_536, 1000
    sent: list[int] = []

    def serve(connection: socket.socket, seen: Peer) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        for _ in range(parts):
            connection.sendall(part)
            sent.append(len(part))

    with peer(serve) as seen:
        with pytest.raises(InvalidResponseError, match="> 100000 bytes"):
            Client(KEYS).download(f"{seen.url}/a.jpg", max_bytes=100_000)
        assert seen.closed.wait(5)

    assert len(sent) < parts


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
