"""Cancelled at every phase: at once, nothing new is sent, what was on the wire is kept, nothing is paid twice."""

from __future__ import annotations

import argparse
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import buyer
import trustme
from peer import peer, relay, through, tls, tunnel
from volc_inpaint.nodes.jobs import workers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest
    from simulated_service import SimulatedService
    from volc_inpaint.nodes.jobs.job import Job

    Jobs = Callable[..., list[Job]]


def statuses(run: Any) -> list[str]:
    return [outcome.status for outcome in run.results()]


def test_while_waiting_for_the_allowance(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    service.configure({"latency_s": 0.4, "allowance": 2})
    account = buyer.make_account(service, tmp_path)
    run = workers.start(account, jobs(8), buyer.decode)
    assert service.wait_for("on_wire", 2)
    assert service.wait_for("refused", 1)
    run.cancel()
    sent = len(service.ledger.calls())
    assert run.done.wait(5)

    assert len(service.ledger.calls()) <= sent + 1  # one may have left just then
    billed = service.billed
    again = buyer.buy(account, jobs(8))
    assert [outcome.status for outcome in again].count("journal") == billed
    assert service.billed == 8


def test_with_calls_on_the_wire(service: SimulatedService, tmp_path: Path, jobs: Jobs) -> None:
    service.configure({"latency_s": 1.0})
    account = buyer.make_account(service, tmp_path)
    run = workers.start(account, jobs(4), buyer.decode)
    assert service.wait_for("on_wire", 4)
    run.cancel()
    assert run.status().on_wire == 4
    assert run.done.wait(5)

    assert [path.suffix for path in tmp_path.glob("??/*")] == [".zip"] * 4
    again = buyer.buy(buyer.make_account(service, tmp_path), jobs(4))
    assert [outcome.status for outcome in again] == ["journal"] * 4
    assert service.billed == 4


def test_run_again_while_the_cancelled_calls_are_still_on_the_wire(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    service.configure({"latency_s": 1.0})
    account = buyer.make_account(service, tmp_path)
    run = workers.start(account, jobs(4), buyer.decode)
    assert service.wait_for("on_wire", 2)
    run.cancel()
    again = buyer.buy(account, jobs(4))

    assert len(again) == 4
    assert all(outcome.value is not None for outcome in again)
    assert service.billed == 4


def test_while_pausing_before_another_try(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    service.fail(50500, times=99)
    account = buyer.make_account(service, tmp_path)
    run = workers.start(account, jobs(1), buyer.decode)
    assert service.wait_for("refused", 1)
    deadline = time.monotonic() + 5
    while run.status().waiting_for != "retry" and time.monotonic() < deadline:
        time.sleep(0.005)
    assert run.status().waiting_for == "retry"
    run.cancel()
    assert run.done.wait(5)

    assert statuses(run) == []
    assert len(service.ledger.calls()) <= 2
    assert not list(tmp_path.glob("??/*"))


def test_an_equal_run_goes_on_when_the_one_it_waits_for_is_cancelled(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    """The first holds the purchase but not yet a place on the wire; the second inherits it."""
    service.fail("hang", seed=50)
    account = buyer.make_account(service, tmp_path, cap=1)
    other = workers.start(account, jobs(1, seed=50), buyer.decode)
    assert service.wait_for("billed", 1)
    first = workers.start(account, jobs(2), buyer.decode)
    second = workers.start(account, jobs(2), buyer.decode)
    deadline = time.monotonic() + 5
    while second.status().waiting_for != "another_run" and time.monotonic() < deadline:
        time.sleep(0.005)
    first.cancel()
    assert first.done.wait(5)
    service.hangs.set()
    for run in (other, first, second):
        assert run.done.wait(10)

    assert statuses(first) == []
    assert statuses(second) == ["paid", "paid"]
    assert service.billed == 3


def test_while_decoding(service: SimulatedService, tmp_path: Path, jobs: Jobs) -> None:
    """The picture is in the journal before anybody looks at it."""
    decoding, go_on = threading.Event(), threading.Event()

    def slow(pictures: tuple[bytes, ...]) -> Any:
        decoding.set()
        assert go_on.wait(10)
        return buyer.decode(pictures)

    account = buyer.make_account(service, tmp_path)
    run = workers.start(account, jobs(1), slow)
    assert decoding.wait(10)
    run.cancel()
    assert len(list(tmp_path.glob("*/*.zip"))) == 1
    go_on.set()
    assert run.done.wait(10)
    again = buyer.buy(account, jobs(1))

    assert [outcome.status for outcome in again] == ["journal"]
    assert service.billed == 1


def test_nothing_at_all_is_sent_when_cancelled_at_once(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    account = buyer.make_account(service, tmp_path)
    run = workers.start(account, [], buyer.decode)
    assert run.done.is_set()

    for _ in range(20):
        run = workers.start(account, jobs(8), buyer.decode)
        run.cancel()
        assert run.done.wait(5)
    billed = service.billed
    again = buyer.buy(account, jobs(8))

    assert billed + sum(outcome.status == "paid" for outcome in again) == service.billed == 8


def test_while_a_slow_proxy_connects(
    service: SimulatedService, tmp_path: Path, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, hold = trustme.CA(), threading.Event()
    authority.cert_pem.write_to_path(str(tmp_path / "root.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "root.pem"))
    keys = argparse.Namespace(
        endpoint="https://service.test",
        access_key=service.access_key,
        secret_key=service.secret_key,
    )
    secure = peer(relay(service.endpoint), tls=tls(authority, "service.test"))
    with secure as beyond, peer(tunnel(beyond, hold)) as proxy:
        through(monkeypatch, proxy.url)
        account = buyer.make_account(keys, tmp_path / "journal")
        run = workers.start(account, jobs(4), buyer.decode)
        for _ in range(4):
            assert proxy.asked.acquire(timeout=10)
        run.cancel()
        hold.set()
        assert run.done.wait(20)
        assert service.ledger.calls() == []
        assert beyond.requests == []
        assert list((tmp_path / "journal").glob("??/*")) == []

        again = buyer.buy(account, jobs(4))
        assert [(outcome.status, outcome.notes) for outcome in again] == [("paid", ())] * 4
    assert service.billed == 4


def test_while_a_slow_name_is_looked_up(
    service: SimulatedService, tmp_path: Path, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No byte of a request has left by then, and none leaves afterwards."""
    asked, answered = threading.Semaphore(0), threading.Event()
    look_up = socket.getaddrinfo

    def slow(host: Any, *more: Any, **options: Any) -> Any:
        asked.release()
        assert answered.wait(30)
        return look_up("127.0.0.1" if host == "localhost" else host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    named = argparse.Namespace(
        endpoint=service.endpoint.replace("127.0.0.1", "localhost"),
        access_key=service.access_key,
        secret_key=service.secret_key,
    )
    account = buyer.make_account(named, tmp_path, cap=3)
    run = workers.start(account, jobs(4), buyer.decode)
    for _ in range(3):
        assert asked.acquire(timeout=30)
    run.cancel()
    answered.set()
    assert run.done.wait(30)

    assert statuses(run) == []
    assert service.ledger.calls() == []
    assert not list(tmp_path.glob("*/*.inflight"))
    assert [outcome.status for outcome in buyer.buy(account, jobs(4))] == ["paid"] * 4
    assert service.billed == 4
