"""Makes the pack importable as `volc_inpaint`, whatever its folder is called.

The root never goes onto `sys.path`: inside ComfyUI `import nodes` is ComfyUI's.
"""

from __future__ import annotations

import importlib.util
import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
PACKAGE = "volc_inpaint"

# `simulated_service` and `harness`, which tests share
if str(TESTS) not in sys.path:
    sys.path.insert(0, str(TESTS))

# A shell has what it starts in the background ignore Ctrl-C, and the servers of the tests would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

if PACKAGE not in sys.modules:
    spec = importlib.util.spec_from_file_location(
        PACKAGE, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)


@pytest.hookimpl(tryfirst=True)  # before the plugin that reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers a file stays on one of them, and so does the browser, of which there is one per run."""
    for item in items:
        file = item.path.relative_to(TESTS)
        group = "browser" if file.parts[0] == "browser" else file.as_posix()
        item.add_marker(pytest.mark.xdist_group(group))
