"""Memory that is left, in a container as the kernel writes it down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest
from volc_inpaint.nodes.host import memory

if TYPE_CHECKING:
    from pathlib import Path


def group(folder: Path, limit: str, used: int, cache: int) -> tuple[str, str, str, str]:
    """The files of a control group."""
    files = {"max": limit, "current": str(used), "stat": f"anon 1\ninactive_file {cache}\nfile 9\n"}
    for name, content in files.items():
        (folder / f"memory.{name}").write_text(content)
    return (str(folder), "max", "current", "inactive_file")


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("5000000", 5_000_000 - 4_000_000 + 300_000), ("max\n", None), ("9223372036854771712", None)],
)
def test_a_container_s_limit_counts_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, expected: int | None
) -> None:
    nowhere = tuple(str(tmp_path / name) for name in ("no", "such", "files", "x"))
    container = group(tmp_path, limit, 4_000_000, 300_000)
    monkeypatch.setattr(memory, "_CONTROL_GROUPS", (nowhere, container))

    free = memory.free_memory()

    if expected is None:
        machine = psutil.virtual_memory().available + psutil.swap_memory().free
        assert free == pytest.approx(machine, rel=0.2)
    else:
        assert free == expected
