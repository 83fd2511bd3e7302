"""What the limiter's arithmetic comes to, judged by a simulated account that counts for itself.

The account is a discrete-event simulation: N places, calls of a given length, several processes that know nothing of
each other, each driven by an `Allowance` of its own. No thread, no clock.
"""

from __future__ import annotations

import heapq
import itertools
import random
import statistics
from dataclasses import dataclass, field
from typing import Any

import pytest
from volc_inpaint.nodes.jobs.allowance import LONGEST_WAIT_S, Allowance


@dataclass
class Account:
    """An account and the processes that use it.

    Attributes:
        places: Calls it runs at once.
        call_s: How long a call takes, give or take a seventh.
        wire_s: How long a message takes, each way.
        per_s: Starts it accepts within a second; None for any number.
        processes: What each of them knows.
        now: The time so far, in seconds.
    """

    places: int
    call_s: float
    wire_s: float = 0.005
    per_s: int | None = None
    seed: int = 0
    processes: list[Allowance] = field(default_factory=list)
    now: float = 0.0
    refused: list[int] = field(default_factory=list)
    refused_at: list[float] = field(default_factory=list)
    served_at: list[list[float]] = field(default_factory=list)
    peak: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._events: list[tuple[float, int, Any]] = []
        self._order = itertools.count()
        self._running = 0
        self._starts: list[float] = []

    def add_process(self, cap: int = 8) -> Allowance:
        self.processes.append(Allowance(cap, self._random.random))
        self.served_at.append([])
        self.refused.append(0)
        return self.processes[-1]

    def run(self, calls: list[int], begin_s: list[float] | None = None) -> list[float]:
        """Let each process make so many calls; when each was done, counted from the start."""
        started, self._left = self.now, list(calls)
        self._open = list(calls)
        ended = [started] * len(calls)
        for number in range(len(calls)):
            self._push(started + (begin_s[number] if begin_s else 0.0), self._try, number)
        while self._events:
            self.now, _, (action, number, sent_at) = heapq.heappop(self._events)
            action(number, sent_at)
            if self._open[number] == 0 and ended[number] == started:
                ended[number] = self.now
        return [end - started for end in ended]

    def _push(self, at: float, action: Any, number: int, sent_at: float = 0.0) -> None:
        heapq.heappush(self._events, (at, next(self._order), (action, number, sent_at)))

    def _try(self, number: int, _: float) -> None:
        delay_s = self.processes[number].delay_s(self.now)
        if not self._left[number] or delay_s is None:
            return
        if delay_s > 0:
            self._push(self.now + delay_s, self._try, number)
            return
        self._left[number] -= 1
        self.processes[number].start(self.now)
        self._push(self.now + self.wire_s, self._arrive, number, self.now)
        self._push(self.now, self._try, number)

    def _arrive(self, number: int, sent_at: float) -> None:
        self._starts = [start for start in self._starts if self.now - start < 1.0]
        if self.per_s is not None and len(self._starts) >= self.per_s:
            self._push(self.now + self.wire_s, self._too_fast, number)
        elif self._running >= self.places:
            self._push(self.now + self.wire_s, self._too_many, number)
        else:
            self._running += 1
            self._starts.append(self.now)
            self.peak = max(self.peak, self._running)
            lasts_s = self.call_s * (0.85 + 0.3 * self._random.random())
            self._push(self.now + lasts_s, self._serve, number, sent_at)

    def _serve(self, number: int, sent_at: float) -> None:
        self._running -= 1
        self._push(self.now + self.wire_s, self._answer, number, sent_at)

    def _answer(self, number: int, sent_at: float) -> None:
        self.served_at[number].append(self.now)
        self.processes[number].succeed(self.now, self.now - sent_at)
        self._open[number] -= 1
        self._push(self.now, self._try, number)

    def _too_many(self, number: int, _: float) -> None:
        self.processes[number].refuse_concurrency(self.now)
        self._refuse(number)

    def _too_fast(self, number: int, _: float) -> None:
        self.processes[number].refuse_rate(self.now)
        self._refuse(number)

    def _refuse(self, number: int) -> None:
        self.refused[number] += 1
        self.refused_at.append(self.now)
        self._left[number] += 1
        self._push(self.now, self._try, number)


@pytest.mark.parametrize("call_s", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("places", [1, 2, 3])
def test_a_cold_process_is_refused_three_times_at_most_and_its_next_run_never(
    places: int, call_s: float
) -> None:
    for seed in range(50):
        account = Account(places, call_s, wire_s=0.02, seed=seed)
        account.add_process()
        (cold_s,) = account.run([8])
        cold = sum(account.refused)
        (warm_s,) = account.run([8])

        assert cold <= 3
        assert sum(account.refused) == cold
        assert account.peak == places
        rounds = -(-8 // places)
        assert max(cold_s, warm_s) <= 1.25 * rounds * call_s + 0.5


@pytest.mark.parametrize("places", [4, 5, 8, 100])
def test_a_large_account_is_used_whole_after_a_few_refusals(places: int) -> None:
    for seed in range(20):
        account = Account(places, 1.0, wire_s=0.02, seed=seed)
        account.add_process()
        for _ in range(6):
            (took_s,) = account.run([8])

        assert account.peak == min(places, 8)
        assert sum(account.refused) <= 4
        assert took_s < 1.15 * -(-8 // min(places, 8)) + 0.5


@pytest.mark.parametrize("call_s", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("apart", [0.0, 0.5, 1.7])
def test_two_processes_on_two_places_both_finish_and_are_rarely_refused(
    call_s: float, apart: float
) -> None:
    for seed in range(60):
        account = Account(2, call_s, seed=seed)
        account.add_process()
        account.add_process()
        ended_s = account.run([8, 8], [0.0, apart * call_s])

        assert sum(account.refused) < (16 + sum(account.refused)) / 4
        assert max(ended_s) < 8 * call_s * 2 + 10


def ideal_s(call_s: float, apart_s: float) -> float:
    """How long 16 calls on two places take, when the second 8 are known only after `apart_s`."""
    done = min(8.0, 2 * apart_s / call_s)
    return apart_s + (16 - done) / 2 * call_s


@pytest.mark.parametrize("call_s", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("apart_s", [0.0, 0.1, 0.5, 1.0, 1.5, 2.0])
def test_two_cold_servers_need_little_more_than_one_that_knows_all(
    call_s: float, apart_s: float
) -> None:
    """The later one finds both places soon after the first is done; in the mean of many tries."""
    ratios, refusals = [], []
    for seed in range(100):
        account = Account(2, call_s, seed=seed)
        account.add_process()
        account.add_process()
        ended_s = account.run([8, 8], [0.0, apart_s])
        ratios.append(max(ended_s) / ideal_s(call_s, apart_s))
        refusals.append(sum(account.refused) / (16 + sum(account.refused)))

    assert statistics.mean(ratios) <= 1.3
    assert statistics.mean(refusals) <= 0.25


@pytest.mark.parametrize("places", [2, 4])
def test_who_shared_an_account_uses_all_of_it_soon_after_the_other_has_left(places: int) -> None:
    for seed in range(30):
        account = Account(places, 1.0, seed=seed)
        account.add_process()
        account.add_process()
        left_s, ended_s = account.run([12, 80], [0.0, 0.3])
        took_s = ended_s - left_s
        left = 80 - sum(1 for at in account.served_at[1] if at <= left_s)

        # in eight calls one more place is looked for
        assert took_s <= left / places + 8 * places


def test_an_account_that_others_hold_is_not_stormed() -> None:
    """Ten minutes in which every call is refused."""
    account = Account(0, 1.0)
    allowance = account.add_process()
    now = calls = 0.0
    while now < 600:
        delay_s = allowance.delay_s(now)
        assert delay_s is not None
        now += delay_s
        allowance.start(now)
        now += 0.01
        allowance.refuse_concurrency(now)
        calls += 1

    assert calls < 30


def test_an_allowance_that_grew_is_noticed_within_minutes() -> None:
    account = Account(1, 1.0)
    account.add_process()
    account.run([8])
    account.places = 4
    account.run([450])  # 180 s and more
    (eight_s,) = account.run([8])

    assert eight_s < 3.5
    assert account.peak == 4


def test_probing_for_more_becomes_rare() -> None:
    """A day of work at a constant allowance."""
    account = Account(2, 5.0)
    account.add_process()
    account.run([24 * 3600 * 2 // 5])

    late = [at for at in account.refused_at if at > account.now / 2]
    assert len(account.refused_at) < 40
    assert len(late) <= 13


def test_the_rate_is_learned_and_kept_to() -> None:
    account = Account(100, 0.05, per_s=2)
    account.add_process()
    (took_s,) = account.run([60])

    assert sum(account.refused) < 15
    assert took_s < 3 * 30


def test_retry_after_is_kept_to() -> None:
    for refuse in (Allowance.refuse_rate, Allowance.refuse_concurrency):
        allowance = Allowance(8, lambda: 0.5)
        allowance.start(100.0)
        refuse(allowance, 100.0, 17.0)

        assert allowance.delay_s(100.0) == pytest.approx(17.0)
        assert allowance.delay_s(117.0) == 0.0


def test_retry_after_of_a_year_is_cut() -> None:
    allowance = Allowance(8, lambda: 0.5)
    allowance.start(0.0)
    allowance.refuse_rate(0.0, 3e7)

    assert allowance.delay_s(0.0) == LONGEST_WAIT_S


def test_no_more_than_the_cap_run_at_once() -> None:
    account = Account(100, 1.0)
    account.add_process(cap=3)
    account.run([40])

    assert account.peak == 3
