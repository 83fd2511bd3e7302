"""Runs with random faults, cancels, kills and ends, and after each the same run undisturbed: does the money add up?

Of every picture that is billed something must be known: it was delivered, or is in the journal, or was reported as unknown.
`billed = delivered + journaled + reported unknown`, or this fails and names the runs that are wrong. The account book must say
the same: what it calls paid was billed, and what was billed is paid or unknown in it. `--seed` repeats a sequence.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import _setting as setting

setting.load_pack()

import buyer  # noqa: E402 - it needs the pack
from simulated_service import SimulatedService  # noqa: E402
from simulated_service.faults import Fault  # noqa: E402
from volc_inpaint.nodes.jobs import workers  # noqa: E402
from volc_inpaint.nodes.jobs.book import open_book  # noqa: E402

if TYPE_CHECKING:
    from volc_inpaint.nodes.jobs.job import Job

TIMEOUT_S = 1.0
LATEST_S = 0.5
MODELS = (buyer.ANSWERED, buyer.SUBMITTED)
# What may happen to a run, and how often of ten times.
ENDINGS = {"none": 3, "cancel": 2, "two servers": 1, "SIGKILL": 2, "SIGTERM": 1, "SIGHUP": 1}
OF_CALLS = (
    "reset_before_body", "reset_after_body", "hang", "cut_json", "html_504", "empty", "redirect",
    50413, 50429, 50430, 50500, 50511, "InternalError", "InvalidTimestamp",
)  # fmt: skip
OF_ANSWERS = ("cut_base64", "not_a_picture", "link_only", "loose", "wrong_size")


@dataclass
class Told:
    """What the runs for one set of pictures said, by seed.

    Attributes:
        pictures: Those that arrived.
        doubts: Those that were reported as unknown, or noted as the trace of an earlier call.
    """

    pictures: set[int] = field(default_factory=set)
    doubts: Counter[int] = field(default_factory=Counter)

    def take(self, seed: int, status: str, notes: str) -> None:
        """One outcome."""
        if status in ("paid", "journal"):
            self.pictures.add(seed)
        if status == "unknown" or "earlier call" in notes or "earlier task" in notes:
            self.doubts[seed] += 1
        if "held this picture, but damaged" in notes:
            self.doubts[seed] += 1


class Soak:
    """One journal, one service, one sequence of accidents.

    Args:
        service: Simulated.
        folder: For the journal.
        seed: Of the accidents.
    """

    def __init__(self, service: SimulatedService, folder: Path, seed: int) -> None:
        self.service = service
        self.folder = folder
        self.chance = random.Random(seed)
        self.sums: Counter[str] = Counter()
        self.wrong: list[str] = []

    def run(self, number: int) -> None:
        """A disturbed run, then the same undisturbed; adds up what both said."""
        model, ending = self.chance.choice(MODELS), self._choose(ENDINGS)
        first_seed, variants = number * 10, self.chance.randint(1, 4)
        wanted: dict[str, Any] = {"variants": variants, "seed": first_seed, "model": model}
        seeds = range(first_seed, first_seed + variants)
        self.service.reset()
        self.service.configure({"latency_s": self.chance.choice((0.0, 0.05, 0.2))})
        faults = [self._fault(model, list(seeds)) for _ in range(self.chance.choice((0, 0, 1, 2)))]
        self.service.faults.set(faults)

        first, last = Told(), Told()
        self._disturbed(wanted, ending, first)
        self.service.faults.set([])
        self.service.hangs.set()
        self.service.ledger.wait(lambda: self.service.ledger.count("on_wire") == 0, 10)
        self.service.configure({"latency_s": 0.0})
        account = buyer.make_account(self.service, self.folder)
        for outcome in buyer.buy(account, buyer.jobs(**wanted)):
            notes = " ".join(note.english for note in outcome.notes)
            last.take(outcome.job.seed or 0, outcome.status, notes)
            self.sums[outcome.status] += 1

        billed = Counter(
            call.seed for call in self.service.ledger.calls() if call.state == "billed"
        )
        self.sums["billed"] += billed.total()
        for seed in seeds:
            lost = max(0, billed[seed] - 1)
            doubts = first.doubts[seed] + last.doubts[seed]
            self.sums["delivered"] += seed in first.pictures
            self.sums["journaled"] += seed in last.pictures - first.pictures
            self.sums["unknown"] += min(lost, doubts)
            if lost > doubts or seed not in last.pictures or not billed[seed]:
                self.wrong.append(
                    f"run {number} ({model}, {ending}, {[fault.fault for fault in faults]}): seed {seed} was billed "
                    f"{billed[seed]} times, {doubts} doubts reported, "
                    f"{'a' if seed in last.pictures else 'no'} picture at last"
                )
        self._compare_book(number, billed)

    def _compare_book(self, number: int, billed: Counter[int | None]) -> None:
        """Hold the account book's calls of this run to the service's bill, seed by seed."""
        booked: dict[int | None, Counter[str]] = {seed: Counter() for seed in billed}
        for call in open_book(self.folder).read().calls.values():
            if call.asked.seed is not None and call.asked.seed // 10 == number:
                booked.setdefault(call.asked.seed, Counter())[call.state] += 1
        for seed, states in booked.items():
            certain = states["paid"] + states["fetched"]
            self.sums["booked paid"] += certain
            self.sums["booked unknown"] += states["unknown"]
            if states["sent"] or not certain <= billed[seed] <= certain + states["unknown"]:
                self.wrong.append(
                    f"run {number}: seed {seed} was billed {billed[seed]} times, in the book {dict(states)}"
                )

    def _disturbed(self, wanted: dict[str, Any], ending: str, told: Told) -> None:
        moment_s = self.chance.random() * LATEST_S
        if ending.startswith("SIG"):
            self._in_a_process(wanted, getattr(signal, ending), moment_s, told)
            return
        jobs: list[Job] = buyer.jobs(**wanted)
        servers = 2 if ending == "two servers" else 1
        runs = [
            workers.start(
                buyer.make_account(self.service, self.folder, timeout_s=TIMEOUT_S),
                jobs,
                buyer.decode,
            )
            for _ in range(servers)
        ]
        if ending == "cancel":
            time.sleep(moment_s)
            runs[0].cancel()
        for run in runs:
            if not run.done.wait(60):
                raise TimeoutError(str(run.status()))
            for outcome in run.results():
                notes = " ".join(note.english for note in outcome.notes)
                told.take(outcome.job.seed or 0, outcome.status, notes)

    def _in_a_process(
        self, wanted: dict[str, Any], number: signal.Signals, moment_s: float, told: Told
    ) -> None:
        keys = ("endpoint", "access_key", "secret_key")
        order = {
            "service": {name: getattr(self.service, name) for name in keys},
            "folder": str(self.folder),
            "account": {"timeout_s": TIMEOUT_S},
            "jobs": wanted,
        }
        with subprocess.Popen(
            [sys.executable, "-m", "buyer"],
            cwd=setting.TESTS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdout.readline()
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            time.sleep(moment_s)
            process.send_signal(number)
            lines = process.stdout.read().splitlines()
        for outcome in json.loads(lines[-1]) if lines and lines[-1].startswith("[{") else ():
            seed = wanted["seed"] + outcome["index"] - 1
            told.take(seed, outcome["status"], " ".join(outcome["notes"]))

    def _fault(self, model: str, seeds: list[int]) -> Fault:
        answers = self.chance.random() < 0.4
        fault = self.chance.choice(OF_ANSWERS if answers else OF_CALLS)
        on = "query" if answers and model == buyer.SUBMITTED else "call"
        return Fault(fault, seed=self.chance.choice(seeds), on=on)  # type: ignore[arg-type]

    def _choose(self, weights: dict[str, int]) -> str:
        return self.chance.choices(list(weights), list(weights.values()))[0]


def main() -> None:
    """Print the equation; the exit status says whether it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300, help="how many accidents (default 300)")
    parser.add_argument("--seed", type=int, default=1, help="of the accidents (default 1)")
    options = parser.parse_args()
    # what nohup has ignored, the processes that are ended here would inherit as ignored
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    started = time.monotonic()
    with SimulatedService() as service, tempfile.TemporaryDirectory() as folder:
        soak = Soak(service, Path(folder), options.seed)
        for number in range(1, options.runs + 1):
            soak.run(number)
    sums = soak.sums
    known = sums["delivered"] + sums["journaled"] + sums["unknown"]
    print(
        f"{options.runs} runs, seed {options.seed}, {time.monotonic() - started:.0f} s: "
        f"billed {sums['billed']} = delivered {sums['delivered']} + journaled {sums['journaled']} "
        f"+ reported unknown {sums['unknown']}: {'ok' if sums['billed'] == known else 'MISSED'}"
    )
    print(f"the account book: paid {sums['booked paid']}, unknown {sums['booked unknown']}")
    print("\n".join(soak.wrong), end="\n" if soak.wrong else "")
    if soak.wrong or sums["billed"] != known:
        sys.exit(1)


if __name__ == "__main__":
    main()
