"""Without a ComfyUI these tests are skipped; on CI they fail."""

from __future__ import annotations

import pytest
from harness import in_process
from harness.missing import missing


@pytest.fixture(scope="session", autouse=True)
def comfy_api() -> None:
    """Schema and `execute` of a node need `comfy_api` alone; everything deeper belongs to a server."""
    why_not = in_process.import_comfy_api()
    if why_not:
        missing(why_not)
