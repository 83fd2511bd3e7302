"""The simulated service, one for each file, and processes that buy from it."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from buyer import ANSWERED, SUBMITTED
from buyer import jobs as make_jobs
from simulated_service import SimulatedService

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from volc_inpaint.nodes.jobs.job import Job

TESTS = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def running_service() -> Iterator[SimulatedService]:
    with SimulatedService() as service:
        yield service


@pytest.fixture
def service(running_service: SimulatedService) -> SimulatedService:
    running_service.reset()
    running_service.configure(
        {
            "latency_s": 0.0,
            "queue_s": 0.0,
            "task_life_s": 12 * 3600.0,
            "allowance": None,
            "rate_per_s": None,
            "retry_after_s": None,
            "clock_offset_s": 0.0,
            "answer_size": None,
            "works_at": None,
            "activated": None,
            "retired": {},
            "pair_only": None,
        }
    )
    return running_service


@pytest.fixture(params=[ANSWERED, SUBMITTED], ids=["answered", "submitted"])
def model(request: pytest.FixtureRequest) -> str:
    """Of each kind of interface one; what holds for money holds for both."""
    return str(request.param)


@pytest.fixture
def jobs(model: str) -> Callable[..., list[Job]]:
    """`buyer.jobs` for either."""
    return functools.partial(make_jobs, model=model)


class Buyer:
    """A process of its own that buys what it is told to."""

    def __init__(self, service: SimulatedService, folder: Path, **account: Any) -> None:
        keys = ("endpoint", "access_key", "secret_key")
        self._order = {
            "service": {name: getattr(service, name) for name in keys},
            "folder": str(folder),
            "account": account,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "buyer"],
            cwd=TESTS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._line() == "ready\n"

    def start(self, **jobs: Any) -> None:
        """Let it buy; `jobs` as for `buyer.jobs`."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({**self._order, "jobs": jobs}) + "\n")
        self.process.stdin.flush()

    def outcomes(self) -> list[dict[str, Any]]:
        """What came of it."""
        line = "another_run\n"
        while line == "another_run\n":
            line = self._line()
        return json.loads(line)  # type: ignore[no-any-return]

    def wait_until_it_waits(self) -> None:
        """For a purchase like its own."""
        assert self._line() == "another_run\n"

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def buyer(service: SimulatedService) -> Iterator[Callable[..., Buyer]]:
    buyers: list[Buyer] = []

    def start(folder: Path, **account: Any) -> Buyer:
        buyers.append(Buyer(service, folder, **account))
        return buyers[-1]

    yield start
    for one in buyers:
        one.kill()
        for pipe in (one.process.stdin, one.process.stdout):
            assert pipe is not None
            pipe.close()
