"""How much main memory there is left, in a container too."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONTROL_GROUPS = (
    ("/sys/fs/cgroup", "max", "current", "inactive_file"),
    ("/sys/fs/cgroup/memory", "limit_in_bytes", "usage_in_bytes", "total_inactive_file"),
)
"""Where Linux says what a container may use (https://docs.kernel.org/admin-guide/cgroup-v2.html and cgroup-v1/memory.html): a
folder, its files of the limit and of what is used, and what its statistics call the files that the kernel keeps in memory."""


def free_memory() -> int:
    """Main memory that can still be had, in bytes: of the machine with its swap, or of the container that limits it."""
    machine = psutil.virtual_memory().available + psutil.swap_memory().free
    return int(min([machine, *_left_in_container()]))


def _left_in_container() -> Iterator[int]:
    """What the kernel's control group leaves, whatever its version; nothing where there is none."""
    for folder, *names, cache in _CONTROL_GROUPS:
        with contextlib.suppress(OSError, ValueError):
            limit, used, statistics = (
                Path(folder, f"memory.{name}").read_text() for name in (*names, "stat")
            )
            rows = dict(line.split() for line in statistics.splitlines())
            # the kernel gives up what it keeps of files, when a process wants the memory
            yield int(limit) - int(used) + int(rows.get(cache, 0))
