"""Two processes that share an account of two places and nothing else, started cold at the same moment."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import _setting as setting

sys.path.insert(0, str(setting.TESTS))

from simulated_service import SimulatedService

RUNS = 3
LATENCY_S = 1.0
PLACES = 2
VARIANTS = 8
IDEAL_S = 2 * VARIANTS * LATENCY_S / PLACES
MOST_OF_IDEAL = 1.25
MOST_REFUSED = 1 / 4


def main() -> int:
    """Print three runs of it; 1 if one took too long or was refused too often."""
    missed = 0
    for _ in range(RUNS):
        with (
            tempfile.TemporaryDirectory() as folder,
            SimulatedService(latency_s=LATENCY_S, allowance=PLACES) as service,
        ):
            took_s = _both(service, Path(folder))
            refused, calls = service.ledger.count("refused"), len(service.ledger.calls())
            print(
                f"two processes, {VARIANTS} variants each: {took_s:5.2f} s, {took_s / IDEAL_S:.2f} of the ideal "
                f"{IDEAL_S:g} s; {refused} of {calls} calls refused, {service.billed} billed"
            )
            missed += took_s > MOST_OF_IDEAL * IDEAL_S or refused >= MOST_REFUSED * calls
    return int(missed > 0)


def _both(service: SimulatedService, folder: Path) -> float:
    """Seconds until both have their pictures."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "buyer"],
            cwd=setting.TESTS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a line a refusal
            text=True,
        )
        for _ in range(2)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()  # it is ready
        began = time.monotonic()
        keys = {name: getattr(service, name) for name in ("endpoint", "access_key", "secret_key")}
        for number, process in enumerate(processes):
            order = {
                "service": keys,
                "folder": str(folder / str(number)),
                "jobs": {"variants": VARIANTS, "number": number},
            }
            assert process.stdin is not None
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
        for process in processes:
            assert process.stdout is not None
            outcomes = json.loads(process.stdout.readline())
            assert [outcome["status"] for outcome in outcomes] == ["paid"] * VARIANTS
        return time.monotonic() - began
    finally:
        for process in processes:
            process.kill()
            process.communicate()


if __name__ == "__main__":
    sys.exit(main())
