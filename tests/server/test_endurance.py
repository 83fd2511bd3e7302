"""Three hundred runs in one server: nothing grows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness import graphs

if TYPE_CHECKING:
    from harness.comfyui import ComfyUIServer
    from simulated_service import SimulatedService

RUNS = 300
PICTURES = graphs.small_pictures()
WARM = 10


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_threads_descriptors_and_memory_are_flat_after_the_tenth_run(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    assert server.process is not None
    pid = server.process.pid
    samples = []
    for run in range(1, RUNS + 1):
        graph = graphs.small("endurance", variants=2, seed=10 * run)
        graph["save"]["class_type"] = "PreviewImage"
        del graph["save"]["inputs"]["filename_prefix"], graph["urls"]
        # What a user meets now and then belongs to it: a lost answer, a refusal.
        if run % 10 == 0:
            service.fail("html_504" if run % 20 else 50413, seed=10 * run)
        assert server.run(graph).status == "success"
        if run % WARM == 0:
            samples.append((threads(pid), descriptors(pid), resident_mb(pid)))

    print("threads, descriptors, MB:", samples[0], samples[len(samples) // 2], samples[-1])
    assert service.billed + 15 == len(service.ledger.calls()) == 2 * RUNS
    first, last = samples[0], samples[-1]
    assert last[0] <= first[0] + 2
    assert last[1] <= first[1] + 4
    # ComfyUI keeps a history of its prompts; the journal and its pictures may not be kept beside it.
    assert last[2] <= first[2] + 40
    assert last[2] <= samples[len(samples) // 2][2] + 20
