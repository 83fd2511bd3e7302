"""How much main memory there is left, in a container too."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONTROL_GROUPS = (
    (
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory.current",
        "/sys/fs/cgroup/memory.stat",
        "inactive_file",
    ),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
        "total_inactive_file",
    ),
)
"""Where Linux says what a container may use: https://docs.kernel.org/admin-guide/cgroup-v2.html and cgroup-v1/memory.html."""


def free_memory() -> int:
    """Main memory that can still be had, in bytes: of the machine with its swap, or of the container that limits it."""
    machine = psutil.virtual_memory().available + psutil.swap_memory().free
    return int(min([machine, *_left_in_container()]))


def _left_in_container() -> Iterator[int]:
    """What the kernel's control group leaves, whatever its version; nothing where there is none."""
    for limit, used, statistics, cache in _CONTROL_GROUPS:
        with contextlib.suppress(OSError, ValueError):
            most, now = (int(Path(file).read_text()) for file in (limit, used))
            # the kernel gives up what it keeps of files, when a process wants the memory
            rows = (line.split() for line in Path(statistics).read_text().splitlines())
            files = {name: int(value) for name, value in rows}.get(cache, 0)
            yield most - now + files
