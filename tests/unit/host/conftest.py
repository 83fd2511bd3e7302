"""Pages over bought pictures. One of these files looks at `comfy_api`; without a ComfyUI it is left out, on CI it fails."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import bought
import pytest
from harness import in_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WHY_NOT = in_process.import_comfy_api()
if _WHY_NOT and os.environ.get("CI"):
    raise ImportError(_WHY_NOT)
collect_ignore = ["test_older.py"] if _WHY_NOT else []


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Where the pages of bought pictures are."""
    bought.buy(tmp_path)
    with bought.pages(tmp_path) as address:
        yield address
