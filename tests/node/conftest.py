"""Without a ComfyUI these tests are skipped; on CI they fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness import in_process
from harness.missing import missing

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session", autouse=True)
def comfy_api() -> None:
    """Schema and `execute` of a node need `comfy_api` alone; everything deeper belongs to a server."""
    why_not = in_process.import_comfy_api()
    if why_not:
        missing(why_not)


@pytest.fixture(autouse=True)
def temporary(comfy_api: None, tmp_path: Path) -> Path:
    """ComfyUI's temporary folder."""
    import folder_paths

    folder_paths.set_temp_directory(str(tmp_path))
    return tmp_path
