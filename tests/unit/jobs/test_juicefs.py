"""Two processes on two mounts of one JuiceFS volume, which stand for two machines with one account."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

import pytest
from harness import juicefs
from harness.missing import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from simulated_service import SimulatedService

    from .conftest import Buyer

ROUNDS = 4
KILLS = 6


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Iterator[juicefs.Volume]:
    if lacking := juicefs.lacking():
        missing(f"no JuiceFS: {', '.join(lacking)}")
    folder = tmp_path_factory.mktemp("juicefs")
    redis = juicefs.Redis(folder / "redis")
    volume = juicefs.Volume(folder / "volume", redis.port)
    yield volume
    volume.stop()
    redis.stop()


@pytest.fixture
def journals(volume: juicefs.Volume, request: pytest.FixtureRequest) -> list[Path]:
    """One journal as both machines see it."""
    folders = [mount / request.node.name for mount in volume.mounts]
    folders[0].mkdir(mode=0o700)
    return folders


def test_equal_requests_of_two_machines_pay_once_and_both_get_all(
    service: SimulatedService, journals: list[Path], buyer: Callable[..., Buyer]
) -> None:
    service.configure({"latency_s": 0.4})
    machines = [buyer(folder) for folder in journals]
    for number in range(ROUNDS):
        for machine in machines:
            machine.start(variants=4, number=number)
        told = [outcome["status"] for machine in machines for outcome in machine.outcomes()]

        assert {"paid": 4, "journal": 4} == collections.Counter(told)
        assert 4 * (number + 1) == service.billed


def test_what_a_killed_machine_may_have_paid_is_never_paid_again_without_a_word(
    service: SimulatedService, journals: list[Path], buyer: Callable[..., Buyer]
) -> None:
    """The other asks for the same while the first is on the wire, and again afterwards."""
    second = buyer(journals[1])
    for number in range(KILLS):
        service.reset()
        service.configure({"latency_s": 0.0})
        service.fail("hang")
        first = buyer(journals[0])
        first.start(variants=1, number=100 + number)
        assert service.wait_for("billed", 1)
        second.start(variants=1, number=100 + number)
        second.wait_until_it_waits()
        first.kill()
        (outcome,) = second.outcomes()
        service.hangs.set()

        assert ("unknown", 1) == (outcome["status"], service.billed)

        second.start(variants=1, number=100 + number)
        (outcome,) = second.outcomes()
        assert ("paid", 2) == (outcome["status"], service.billed)
        assert "earlier call" in outcome["notes"][0]
