"""What the kernel counts of another process: CPU time and memory; Linux."""

from __future__ import annotations

import os
from pathlib import Path


def cpu_s(pid: int) -> float:
    """CPU time of all its threads so far, those that ended included, s."""
    # after the name, which may hold blanks and brackets: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def forget_peak(pid: int) -> None:
    """Let its peak memory begin anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", "utf-8")


def memory_bytes(pid: int, what: str = "VmRSS") -> int:
    """Its memory now ("VmRSS"), or its peak ("VmHWM")."""
    for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) * 1024
    raise ValueError(what)
