"""`dev.py` on consoles that are not everybody's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What stands between dev.py and a tool, without setting anything up.
SCRIPT = """
import sys
sys.path[:0] = [ROOT, ROOT + "/tests"]
import dev
from harness import install
install.set_up = lambda: sys.executable
dev.tolerate_any_console()
sys.exit(dev._run("-c", "print('\\u732b', '\\u00e9')"))
"""


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "gbk", "utf-8"])
def test_a_tool_says_what_the_console_can_show_and_the_rest_in_numbers(encoding):
    done = subprocess.run(
        [sys.executable, "-c", f"ROOT = {str(ROOT)!r}" + SCRIPT],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        capture_output=True,
        check=False,
    )

    line = "\u732b \u00e9".encode(encoding, "backslashreplace")
    assert (0, line) == (done.returncode, done.stdout.splitlines()[-1]), done.stderr
