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


def leave(allowance: Allowance, now: float, count: int) -> list[float]:
    """Start so many calls as soon as they may; seconds from `now` to each."""
    found, waited_s = [], 0.0
    for _ in range(count):
        delay_s = allowance.delay_s(now + waited_s)
        assert delay_s is not None
        waited_s += delay_s
        allowance.start(now + waited_s)
        found.append(waited_s)
    return found


def serve(allowance: Allowance, now: float, count: int = 1) -> float:
    """Let calls be served one after the other, 10 ms apart; the time afterwards."""
    for _ in range(count):
        allowance.start(now)
        allowance.succeed(now, 2.2)
        now += 0.01
    return now


def test_the_first_calls_leave_apart_and_later_those_that_are_known_to_fit_at_once() -> None:
    allowance = Allowance(8)
    assert leave(allowance, 100.0, 4) == pytest.approx([0.0, 0.025, 0.065, 0.105])
    assert allowance.delay_s(101.0) is None
    for _ in range(4):
        allowance.succeed(103.0, 2.2)

    assert leave(allowance, 103.0, 8) == pytest.approx([0.0] * 5 + [0.04, 0.08, 0.12])
    assert allowance.delay_s(104.0) is None


def test_alone_more_is_tried_after_a_minute_and_half_as_often_each_time() -> None:
    allowance = Allowance(8)
    now = 1000.0
    for wait_s in (60, 120, 240, 480, 960, 1920, 3600, 3600):
        leave(allowance, now - 1, 2)
        allowance.refuse_concurrency(now)
        allowance.succeed(now, 2.2)
        serve(allowance, now + wait_s - 10, count=200)
        assert allowance.limit == 1

        now += wait_s
        serve(allowance, now)
        assert allowance.limit == 2


def test_what_was_tried_and_let_in_is_kept_and_the_next_one_tried_a_minute_later() -> None:
    allowance = Allowance(3)
    leave(allowance, 100.0, 2)
    allowance.refuse_concurrency(101.0)
    for now, limit in ((160.9, 1), (161.0, 2), (220.9, 2), (221.0, 3), (400.0, 3)):
        allowance.succeed(now, 2.2)
        assert allowance.limit == limit
        allowance.start(now)


def test_beside_others_more_is_tried_after_eight_calls_and_half_as_often_each_time() -> None:
    allowance = Allowance(8, lambda: 0.5)
    allowance.start(99.0)
    allowance.refuse_concurrency(100.0)
    now = 110.0
    for calls in (8, 16, 32, 64, 128, 128):
        now = serve(allowance, now, calls - 1)
        assert allowance.limit == 2
        now = serve(allowance, now)
        assert allowance.limit == 3

        for _ in range(3):
            allowance.start(now)
        allowance.refuse_concurrency(now)
        allowance.end()
        allowance.end()


@pytest.mark.parametrize(("later_s", "limit"), [(1.0, 1), (1.2, 2)])
def test_a_refusal_below_what_ran_tells_of_others_unless_it_comes_within_half_a_call_of_another(
    later_s: float, limit: int
) -> None:
    """A call takes 2.2 s here; who knows of others tries for more after eight calls."""
    allowance = Allowance(8)
    leave(allowance, 90.0, 2)
    for _ in range(2):
        allowance.succeed(93.0, 2.2)
    leave(allowance, 99.0, 3)
    allowance.refuse_concurrency(100.0)
    allowance.refuse_concurrency(100.0 + later_s)
    assert allowance.limit == 1
    allowance.end()

    serve(allowance, 103.0, 8)
    assert allowance.limit == limit


def test_who_is_refused_while_nothing_runs_waits_for_one_call_twice_and_then_ever_longer() -> None:
    allowance = Allowance(8, lambda: 0.5)
    now, waits_s = 100.0, []
    for _ in range(7):
        allowance.start(now)
        allowance.refuse_concurrency(now)
        waits_s.append(allowance.delay_s(now))
        now += 60.0

    assert waits_s == pytest.approx([2.2, 2.2, 4.4, 8.8, 17.6, 30.0, 30.0])


def test_who_begins_anew_lets_two_go_an_eighth_of_a_call_apart() -> None:
    allowance = Allowance(8, lambda: 0.5)
    allowance.start(80.0)
    allowance.succeed(93.0, 12.2)  # of the 10 s that it took longer than thought, 3 are learned
    allowance.start(100.0)
    allowance.refuse_concurrency(100.0)

    assert leave(allowance, 100.0, 2) == pytest.approx([5.2, 5.2 + 0.65])
    assert allowance.delay_s(110.0) is None


def test_one_call_at_once_stays_one_however_it_is_refused() -> None:
    allowance = Allowance(1)
    allowance.start(100.0)
    allowance.refuse_concurrency(100.0)

    assert allowance.limit == 1


def test_who_starts_too_fast_waits_ever_longer_and_keeps_a_distance_until_it_succeeds() -> None:
    allowance = Allowance(8, lambda: 0.5)
    now, waits_s, apart_s = 100.0, [], []
    for _ in range(7):
        allowance.start(now)
        allowance.refuse_rate(now)
        waits_s.append(allowance.delay_s(now))
        allowance.start(now + 100)
        apart_s.append(allowance.delay_s(now + 100))
        allowance.end()
        now += 200
    assert waits_s == pytest.approx([1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0])
    assert apart_s == pytest.approx([0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0])

    serve(allowance, now, 10)  # 0.9 to the tenth is 0.34868
    allowance.start(now + 100)
    assert allowance.delay_s(now + 100) == pytest.approx(1.7434, abs=1e-4)
    for later_s, wait_s in ((200, 1.0), (300, 2.0)):
        allowance.refuse_rate(now + later_s)
        assert allowance.delay_s(now + later_s) == pytest.approx(wait_s)
        allowance.start(now + later_s + 90)


def test_processes_that_were_refused_together_come_back_apart() -> None:
    for drawn, wait_s in ((0.0, 1.65), (1.0, 2.75)):
        allowance = Allowance(8, lambda drawn=drawn: drawn)
        allowance.start(100.0)
        allowance.refuse_concurrency(100.0)
        assert allowance.delay_s(100.0) == pytest.approx(wait_s)
