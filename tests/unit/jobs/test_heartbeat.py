"""The sign of life of who holds a claim, for those who wait."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from volc_inpaint.nodes.jobs import heartbeat
from volc_inpaint.nodes.jobs.claims import Claim
from volc_inpaint.nodes.jobs.heartbeat import Pulse, Watch


class Clock:
    """Stands for the module `time` where a test goes through a minute.

    Attributes:
        now: Of the monotonic clock, in seconds.
    """

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(heartbeat, "time", clock)
    return clock


def test_who_waits_sees_that_somebody_holds_the_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "pulse", Pulse())
    monkeypatch.setattr(heartbeat, "_PULSE_S", 0.02)
    monkeypatch.setattr(heartbeat, "_LOOK_S", 0.0)
    monkeypatch.setattr(heartbeat, "_UNCHANGED_S", 0.5)
    path = tmp_path / "claim"
    claim, watch = Claim.try_make(path), Watch(path)
    assert claim is not None
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline:
        assert watch.is_held()
        time.sleep(0.02)

    with claim:
        claim.money = "in doubt"
    deadline = time.monotonic() + 10.0
    while watch.is_held():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_nobody_holds_what_has_not_changed_for_a_minute(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "claim"
    path.write_bytes(b"note")
    watch = Watch(path)
    held = []
    for now in (1002.0, 1050.0, 1061.5, 1062.5):
        clock.now = now
        held.append(watch.is_held())

    assert held == [True, True, True, False]  # first looked at after 2 s


@pytest.mark.parametrize("sign", ["its time", "its size"])
def test_each_sign_of_life_is_good_for_another_minute(
    tmp_path: Path, clock: Clock, sign: str
) -> None:
    path = tmp_path / "claim"
    path.write_bytes(b"note")
    watch = Watch(path)
    clock.now = 1002.0
    assert watch.is_held()
    then = path.stat().st_mtime_ns
    if sign == "its size":
        path.write_bytes(b"longer note")
    os.utime(path, ns=(then, then + (sign == "its time")))
    clock.now = 1055.0
    assert watch.is_held()

    clock.now = 1114.0
    assert watch.is_held()
    clock.now = 1116.0
    assert not watch.is_held()


def test_a_claim_that_is_gone_at_once_is_held_by_nobody_after_a_minute(
    tmp_path: Path, clock: Clock
) -> None:
    watch = Watch(tmp_path / "claim")
    clock.now = 1059.0
    assert watch.is_held()
    clock.now = 1061.0
    assert not watch.is_held()


def test_who_waits_asks_the_file_system_once_a_second(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "claim"
    path.write_bytes(b"note")
    watch, looks, open_ = Watch(path), [], Path.open

    def count(*arguments: Any, **more: Any) -> Any:
        looks.append(clock.now)
        return open_(*arguments, **more)

    monkeypatch.setattr(Path, "open", count)
    for tenth in range(101):
        clock.now = 1000 + tenth / 10
        watch.is_held()

    assert looks == [1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010]


def test_one_thread_that_keeps_no_process_from_ending_gives_signs_for_all_claims(
    tmp_path: Path,
) -> None:
    paths = [tmp_path / f"claim {number}" for number in range(4)]
    for path in paths:
        path.write_bytes(b"note")
    before, pulse = set(threading.enumerate()), Pulse()
    for path in paths:
        pulse.add(path)
    (thread,) = set(threading.enumerate()) - before

    assert thread.daemon
    for path in paths:
        pulse.remove(path)
