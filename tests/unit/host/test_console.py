"""A console that cannot show our messages: nothing raises, whatever wraps it. Each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

# As ComfyUI does: streams wrapped anew and strictly, a handler on the root logger, an error's text logged.
COMFYUI = """
import importlib.util, io, logging, sys

class Interceptor(io.TextIOWrapper):  # app/logger.py of ComfyUI
    def __init__(self, stream):
        super().__init__(stream.buffer, encoding=stream.encoding, line_buffering=stream.line_buffering)

sys.stdout, sys.stderr = Interceptor(sys.stdout), Interceptor(sys.stderr)
handler = logging.StreamHandler()
logging.getLogger().addHandler(handler)
spec = importlib.util.spec_from_file_location("console", CONSOLE)
console = importlib.util.module_from_spec(spec)
spec.loader.exec_module(console)
TEXT = "caf\\u00e9 \\u906e\\u7f69 \\u2026 \\U0001f431"
"""
SAY = """
logging.error("!!! Exception during processing !!! %s", TEXT)
logging.getLogger("pack.nodes.jobs").warning(TEXT)
try:
    raise ValueError(TEXT)
except ValueError:
    logging.getLogger("pack").exception("a call")
print(TEXT)
print(TEXT, file=sys.stderr)
print("the end")
"""
GUARD = "logging.getLogger('pack.nodes.jobs'); console.guard('pack')\n"
# Another pack's: a class of its own, which keeps the console where no attribute leads to it.
WRAP = """
def wrap(stream):
    class Tee:
        encoding = stream.encoding
        def write(self, text): return stream.write(text)
        def flush(self): stream.flush()
    return Tee()

sys.stdout, sys.stderr = wrap(sys.stdout), wrap(sys.stderr)
handler.setStream(sys.stderr)
"""
# Another pack's: the console opened anew, after ours was loaded.
REOPEN = """
kept = sys.stdout, sys.stderr
sys.stdout = Interceptor(sys.stdout)
sys.stderr = Interceptor(sys.stderr)
handler.setStream(sys.stderr)
"""


def run(script: str, encoding: str) -> subprocess.CompletedProcess[bytes]:
    console = ROOT / "nodes" / "host" / "console.py"
    env = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "PYTHONPATH": ""}
    return subprocess.run(
        [sys.executable, "-c", f"CONSOLE = {str(console)!r}\n" + script],
        env=env,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii", "gbk"])
def test_without_the_guard_the_message_raises(encoding):
    done = run(COMFYUI + SAY, encoding)

    assert 0 != done.returncode
    assert b"UnicodeEncodeError" in done.stderr


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii", "gbk", "utf-8"])
@pytest.mark.parametrize(
    "script",
    [GUARD, WRAP + GUARD, GUARD + WRAP, GUARD + REOPEN],
    ids=["plain", "wrapped before", "wrapped later", "opened anew later"],
)
def test_a_message_is_written_as_far_as_the_console_can(script, encoding):
    done = run(COMFYUI + script + SAY, encoding)

    text = "caf\u00e9 \u906e\u7f69 \u2026 \U0001f431".encode(encoding, "backslashreplace")
    assert (0, b"") == (done.returncode, b"".join(done.stderr.partition(b"Logging error")[1:]))
    assert 4 == done.stderr.count(text)
    assert done.stdout.endswith(text + os.linesep.encode() + b"the end" + os.linesep.encode())


def test_a_console_that_escapes_in_its_own_way_goes_on_doing_so():
    # Python's own for a POSIX locale: bytes of a file name that are no text
    say = "print(b'caf\\xe9'.decode('ascii', 'surrogateescape'), TEXT)"
    again = "sys.stdout.reconfigure(errors='surrogateescape')\n"
    done = run(COMFYUI + again + GUARD + say, "ascii:surrogateescape")

    assert 0 == done.returncode
    assert b"caf\xe9 caf\\xe9 \\u906e\\u7f69 \\u2026 \\U0001f431" == done.stdout.strip()


def test_a_closed_or_missing_console_hurts_nobody():
    done = run(
        COMFYUI + "sys.stdout.close(); sys.__stdout__ = None\n" + GUARD + "console.heal()", "ascii"
    )

    assert (0, b"") == (done.returncode, done.stderr)
