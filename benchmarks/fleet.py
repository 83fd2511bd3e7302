"""Two ComfyUI servers, one account, one journal on a JuiceFS volume, one Redis queue; one server is killed in the middle.

Each server has a worker (`_worker.py`) and a mount of its own, as on a machine of its own. What was billed is the simulated
service's word. Parts that are missing are named.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import _setting as setting

sys.path.insert(0, str(setting.TESTS))

from harness import graphs, juicefs, launch
from harness.comfyui import ComfyUIServer
from simulated_service import SimulatedService

if TYPE_CHECKING:
    from simulated_service.ledger import Call

PROMPTS = 40
EQUAL = 8  # of them ask for what another asks for
VARIANTS = 4
ALLOWANCE = 4
LATENCY_S = 0.5
QUEUE = "volc"


def main() -> int:
    """Print the figures; 1 if something was paid twice without a note, or a prompt was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-kill", action="store_true", help="let both servers live")
    options = parser.parse_args()
    if lacking := _lacking():
        print(f"fleet: not run, for this machine lacks {'; '.join(lacking)}")
        return 0
    with (
        tempfile.TemporaryDirectory(prefix="fleet-") as folder,
        SimulatedService(latency_s=LATENCY_S, allowance=ALLOWANCE) as service,
    ):
        return _run(Path(folder), service, kill=not options.no_kill)


def _lacking() -> list[str]:
    packages = [
        f"{name} (tests/requirements-fleet.txt)"
        for name in ("rq", "redis")
        if not juicefs.has(name)
    ]
    comfyui = [] if launch.comfyui_directory() else ["ComfyUI (dev.py sets it up)"]
    return [*juicefs.lacking(), *packages, *comfyui]


def _run(folder: Path, service: SimulatedService, *, kill: bool) -> int:
    from redis import Redis
    from rq import Queue, Retry

    store = juicefs.Redis(folder / "redis")
    volume = juicefs.Volume(folder / "volume", store.port)
    servers: list[ComfyUIServer] = []
    workers: list[subprocess.Popen[bytes]] = []
    try:
        (volume.mounts[0] / "journal").mkdir(mode=0o700)
        address = f"redis://127.0.0.1:{store.port}/0"
        for number, mount in enumerate(volume.mounts, 1):
            env = {
                **service.environment,
                "VOLC_JOURNAL_DIR": str(mount / "journal"),
                "VOLC_MAX_CONCURRENCY": str(ALLOWANCE),
            }
            server = ComfyUIServer(folder / f"server-{number}", env=env)
            for name, pixels in graphs.small_pictures().items():
                graphs.upload(server, name, pixels)
            servers.append(server)
            workers.append(_worker(folder, address, server.url))
        queue = Queue(QUEUE, connection=Redis.from_url(address))
        started = time.monotonic()
        jobs = [
            queue.enqueue("_worker.repaint", _graph(number), retry=Retry(max=5), result_ttl=3600)
            for number in range(PROMPTS)
        ]
        killed = not kill
        while not all(job.is_finished or job.is_failed for job in jobs):
            for job in jobs:
                job.refresh()
            if not killed and sum(job.is_finished for job in jobs) >= PROMPTS // 3:
                servers[0].kill()
                killed = True
                print(f"killed one server after {sum(job.is_finished for job in jobs)} prompts")
            time.sleep(0.1)
        took_s = time.monotonic() - started
        return _tell(service, [job.return_value() for job in jobs], took_s)
    finally:
        for worker in workers:
            worker.terminate()
            worker.wait(20)
        for server in servers:
            server.stop()
        volume.stop()
        store.stop()


def _worker(folder: Path, redis: str, comfyui: str) -> subprocess.Popen[bytes]:
    env = {**os.environ, "COMFYUI_URL": comfyui, "VOLC_MAX_CONCURRENCY": str(ALLOWANCE)}
    env["PYTHONPATH"] = str(Path(__file__).resolve().parent)
    line = [sys.executable, "-m", "rq.cli", "worker", "--worker-class", "_worker.PatientWorker"]
    with (folder / "workers.log").open("ab") as log:
        return subprocess.Popen([*line, "--url", redis, QUEUE], env=env, stdout=log, stderr=log)


def _graph(number: int) -> graphs.Graph:
    """The last ones ask for what the first ones ask for."""
    wanted = number if number < PROMPTS - EQUAL else number - (PROMPTS - EQUAL)
    return graphs.small("fleet", variants=VARIANTS, seed=1000 * (wanted + 1), require_all=True)


def _tell(service: SimulatedService, results: list[Any], took_s: float) -> int:
    calls: list[Call] = service.ledger.calls()
    billed = Counter(call.seed for call in calls if call.state == "billed")
    refused = sum(call.state == "refused" for call in calls)
    lost = sum(result is None for result in results)
    notes = [note for result in results if result for note in result["report"]["notes"]]
    said = sum("earlier call" in note for note in notes)
    pictures = sum(len(result["pictures"]) for result in results if result)
    twice = sum(count - 1 for count in billed.values())
    total = sum(billed.values())
    ideal_s = total * LATENCY_S / ALLOWANCE
    print(
        f"{PROMPTS} prompts, {VARIANTS} variants each, {EQUAL} prompts equal to others; allowance {ALLOWANCE}, "
        f"{LATENCY_S:g} s a call\n"
        f"billed {total}, different pictures {len(billed)}, delivered {pictures}, prompts lost {lost}\n"
        f"refused {refused} of {len(calls)} calls\n"
        f"paid twice {twice}, of which a report said so {said}\n"
        f"{took_s:.1f} s, {took_s / ideal_s:.2f} of the ideal {ideal_s:.1f} s"
    )
    return int(twice > said or lost > 0)


if __name__ == "__main__":
    sys.exit(main())
