"""Sending: runs one after another, whose connections the far side closed in between or closes at the next request."""

from __future__ import annotations

import base64
import json
from argparse import Namespace
from typing import TYPE_CHECKING

import buyer as here
import pytest
from peer import KEYS, http, once, peer, read_request, reset, through

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from peer import Peer

RUNS = 20
PICTURE = base64.b64encode(here.png(here.pixels())).decode()


def replies(request: bytes) -> bytes:
    """The service's answer to a call, a submission or a question."""
    data = {"binary_data_base64": [PICTURE], "status": "done"}
    if b"CVSync2AsyncSubmitTask" in request:
        data = {"task_id": "7"}
    return http(json.dumps({"code": 10000, "request_id": "R1", "data": data}).encode())


def closes_between(connection: socket.socket, seen: Peer) -> None:
    request = read_request(connection)
    connection.sendall(replies(request))


def closes_at_the_next(connection: socket.socket, seen: Peer) -> None:
    closes_between(connection, seen)
    connection.recv(1)
    reset(connection)


@pytest.mark.parametrize("model", [here.ANSWERED, here.SUBMITTED], ids=["answered", "submitted"])
@pytest.mark.parametrize("serve", [closes_between, closes_at_the_next])
def test_a_connection_that_the_far_side_closes_costs_no_doubt_in_twenty_runs(
    tmp_path: Path, serve: Callable[[socket.socket, Peer], None], model: str
) -> None:
    with peer(serve) as seen:
        keys = Namespace(endpoint=seen.url, access_key=KEYS.access_key, secret_key=KEYS.secret_key)
        account = here.make_account(keys, tmp_path)
        outcomes = []
        for number in range(RUNS):
            seen.closed.clear()
            outcomes += here.buy(account, here.jobs(2, number=number, model=model))
            assert seen.closed.wait(10)

    assert ["paid"] * 2 * RUNS == [outcome.status for outcome in outcomes]


def test_what_only_a_person_can_mend_is_tried_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with peer(once(http(b"", "407 Proxy Authentication Required"))) as proxy:
        through(monkeypatch, proxy.url)
        keys = Namespace(
            endpoint="https://service.test", access_key=KEYS.access_key, secret_key=KEYS.secret_key
        )
        (outcome,) = here.buy(here.make_account(keys, tmp_path), here.jobs(1))

    assert (outcome.status, len(proxy.requests)) == ("failed", 1)
    assert "wants a user name and a password" in outcome.message
