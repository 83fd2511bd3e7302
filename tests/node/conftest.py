"""Makes `comfy_api` importable, from ComfyUI's own folder. Without one these tests are skipped; on CI they fail."""

from __future__ import annotations

import importlib
import sys

import pytest
from harness import launch
from harness.missing import missing


@pytest.fixture(scope="session", autouse=True)
def comfy_api() -> None:
    """Schema and `execute` of a node need `comfy_api` alone; everything deeper belongs to a server."""
    why_not = _import_comfy_api()
    if why_not:
        missing(why_not)


def _import_comfy_api() -> str:
    """Import it; why that fails, or nothing."""
    folder = launch.comfyui_directory()
    if folder is None:
        return "no ComfyUI: set COMFYUI_DIR, or run `python3 dev.py test`"
    # at the end: ComfyUI has folders called `tests`, `utils` and `app`
    for path in (str(folder), str(launch.STANDINS)):
        if path not in sys.path and (path == str(folder) or launch.needs_standins(sys.executable)):
            sys.path.append(path)
    try:
        importlib.import_module("comfy_api.latest")
    except ImportError as error:
        return f"comfy_api of {folder} does not load in this Python: {error}"
    return ""
