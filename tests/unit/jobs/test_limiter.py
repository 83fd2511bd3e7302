"""Turns and places, with real threads."""

from __future__ import annotations

import threading
import time

import pytest
from volc_inpaint.nodes.jobs.limiter import Limiter


class Waiter:
    """A thread that wants one place."""

    def __init__(self, limiter: Limiter, run: int, granted: list[int]) -> None:
        self.asked = threading.Event()
        self.gave_up = threading.Event()
        self.result: bool | None = None
        self._limiter, self._run, self._granted = limiter, run, granted
        self.thread = threading.Thread(target=self._wait, daemon=True)
        self.thread.start()
        assert self.asked.wait(5)

    def _wait(self) -> None:
        self.result = self._limiter.acquire(self._run, self._given_up)
        if self.result:
            self._granted.append(self._run)
            self._limiter.succeeded(0.01)

    def _given_up(self) -> bool:
        """Asked when it waits, so it tells that it does."""
        self.asked.set()
        return self.gave_up.is_set()


def never() -> bool:
    return False


def test_two_runs_take_turns_however_many_pictures_each_wants() -> None:
    limiter, granted = Limiter(1), []  # type: ignore[var-annotated]
    assert limiter.acquire(1, never)
    waiters = [Waiter(limiter, run, granted) for run in (1, 1, 1, 1, 2, 2)]
    limiter.succeeded(0.01)
    for waiter in waiters:
        waiter.thread.join(5)

    assert granted == [2, 1, 2, 1, 1, 1]


def test_a_run_that_comes_later_waits_for_one_call_only() -> None:
    limiter, granted = Limiter(1), []  # type: ignore[var-annotated]
    assert limiter.acquire(1, never)
    waiters = [Waiter(limiter, 1, granted) for _ in range(6)]
    waiters.append(Waiter(limiter, 2, granted))
    limiter.succeeded(0.01)
    for waiter in waiters:
        waiter.thread.join(5)

    assert granted[0] == 2


def test_giving_up_takes_no_place() -> None:
    limiter, granted = Limiter(1), []  # type: ignore[var-annotated]
    assert limiter.acquire(1, never)
    waiter = Waiter(limiter, 2, granted)
    waiter.gave_up.set()
    waiter.thread.join(5)
    limiter.succeeded(0.01)

    assert waiter.result is False
    assert limiter.acquire(3, never)


def test_never_more_than_the_cap_at_once() -> None:
    limiter, lock = Limiter(3), threading.Lock()
    running = peak = done = 0

    def work(run: int) -> None:
        nonlocal running, peak, done
        for _ in range(20):
            assert limiter.acquire(run, never)
            with lock:
                running += 1
                peak = max(peak, running)
            time.sleep(0)
            with lock:
                running -= 1
                done += 1
            limiter.succeeded(0.001)

    threads = [
        threading.Thread(target=work, args=(number % 3,), daemon=True) for number in range(9)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert done == 180
    assert peak == 3


def test_after_a_refusal_fewer_run() -> None:
    limiter, granted = Limiter(8), []  # type: ignore[var-annotated]
    assert limiter.acquire(1, never)
    assert limiter.acquire(1, never)
    limiter.refused(rate=False, retry_after_s=None)
    waiter = Waiter(limiter, 1, granted)
    assert not granted
    limiter.succeeded(0.01)
    waiter.thread.join(5)

    assert granted == [1]


def test_who_waits_looks_after_a_fifth_of_a_second_or_when_the_distance_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether there is a place, and whether it was given up."""
    naps_s: list[float] = []
    monkeypatch.setattr(threading.Condition, "wait", lambda _, nap_s: naps_s.append(nap_s))
    limiter, left = Limiter(1), iter([False, False])
    assert limiter.acquire(1, never)
    assert limiter.acquire(2, lambda: next(left, True)) is False
    assert naps_s == [0.2, 0.2]

    naps_s.clear()
    limiter = Limiter(2)
    assert limiter.acquire(1, never)
    assert limiter.acquire(1, never)  # 0.025 s after the first
    assert all(0 < nap_s <= 0.025 for nap_s in naps_s)


@pytest.mark.parametrize(("rate", "asked_s", "looks"), [(False, None, 4), (True, 30.0, 2)])
def test_a_refusal_for_its_rate_holds_up_the_next_call_and_one_for_the_calls_at_once_does_not(
    rate: bool, asked_s: float | None, looks: int
) -> None:
    limiter, left = Limiter(8), iter([False] * (looks - 1))
    assert limiter.acquire(1, never)
    assert limiter.acquire(1, never)
    limiter.refused(rate=rate, retry_after_s=asked_s)
    limiter.succeeded(0.01)

    assert limiter.acquire(1, lambda: next(left, True)) is not rate
