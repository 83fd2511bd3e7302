"""What paying nodes share imports `comfy_api`. Without a ComfyUI these tests are left out; on CI they fail."""

from __future__ import annotations

import os

from harness import in_process

_WHY_NOT = in_process.import_comfy_api()
if _WHY_NOT and os.environ.get("CI"):
    raise ImportError(_WHY_NOT)
collect_ignore_glob = ["test_*.py"] if _WHY_NOT else []
