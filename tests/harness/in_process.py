"""ComfyUI's `comfy_api` in the tests' own process: what schema and `execute` of a node need, and nothing deeper."""

from __future__ import annotations

import importlib
import sys

from . import launch


def import_comfy_api() -> str:
    """Import it from ComfyUI's own folder; why that fails, or nothing."""
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
