#!/usr/bin/env python3
"""Everything a newcomer or developer runs: `python3 dev.py demo`, `test`, `lint`, `bench` and more.

Needs Python 3.10 or newer and nothing else: it sets up a virtual environment and a real ComfyUI in `.dev`, says what it
does, reuses what is there, and repairs what is half done. `COMFYUI_DIR` (and `COMFYUI_PYTHON`, the interpreter that has
its requirements) point it to a ComfyUI you have already.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "tests"))


def main() -> int:
    """Run one sub-command; returns the exit code."""
    if sys.version_info < (3, 10):  # noqa: UP036 - so that an older Python says more than "invalid syntax"
        sys.exit("Python 3.10 or newer is needed.")
    tolerate_any_console()
    parser = argparse.ArgumentParser(
        prog="dev.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "demo",
        help="repaint and erase in a real ComfyUI; --help tells the options",
        add_help=False,
    )
    commands.add_parser("test", help="all tests; further arguments go to pytest", add_help=False)
    commands.add_parser("lint", help="ruff and mypy")
    commands.add_parser("bench", help="the benchmarks, one after the other", add_help=False)
    commands.add_parser("pictures", help="README's pictures and the thumbnails", add_help=False)
    commands.add_parser("mutants", help="do the unit tests notice small changes?", add_help=False)
    options, rest = parser.parse_known_args()
    if options.command == "lint" and rest:
        parser.error(f"lint takes no arguments: {' '.join(rest)}")
    chosen = {one.__name__: one for one in (demo, test, lint, bench, pictures, mutants)}
    return chosen[options.command](rest)


def tolerate_any_console() -> None:
    """Write what the console's encoding lacks by its number, here and in what is started, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    os.environ["PYTHONIOENCODING"] = f"{sys.stdout.encoding or 'utf-8'}:backslashreplace"


def demo(arguments: list[str]) -> int:
    """A real ComfyUI, the pack in it, the service, three example workflows, a contact sheet."""
    # A ComfyUI with an interpreter of its own has all that the demo needs.
    own = os.environ.get("COMFYUI_PYTHON") if os.environ.get("COMFYUI_DIR") else None
    return _run("-m", "harness.demo", *arguments, python=own)


def test(arguments: list[str]) -> int:
    """All tests on two workers, or those that the arguments name in one process."""
    from harness import chromium, install

    if told := chromium.fetch(install.set_up()):
        install.say(told)
    return _run("-m", "pytest", *(arguments or ("--numprocesses=2", "--dist=loadgroup")))


def lint(_: list[str]) -> int:
    """Style, formatting and types."""
    checks = (
        _run("-m", "ruff", "check", "."),
        _run("-m", "ruff", "format", "--check", "."),
        _run("-m", "mypy", "nodes", "dev.py"),
        # from their own folder: `tests/server` would pass for ComfyUI's module `server`
        _run("-m", "mypy", "-p", "harness", "-p", "simulated_service", folder=ROOT / "tests"),
    )
    return max(checks)


def bench(names: list[str]) -> int:
    """The benchmarks called `names` (pixels, variants, ...), or all of them."""
    files = sorted((ROOT / "benchmarks").glob("[!_]*.py"))
    chosen = [file for file in files if not names or file.stem in names]
    return max((_run(str(file)) for file in chosen), default=2)


def mutants(arguments: list[str]) -> int:
    """Changes a sample of lines, one at a time; prints those that no unit test noticed."""
    return _run("-m", "harness.mutants", *arguments)


def pictures(words: list[str]) -> int:
    """README's pictures and the examples' thumbnails anew, or those whose names hold one of `words`."""
    return _run("-m", "harness.pictures", *words)


def _run(*arguments: str, folder: Path = ROOT, python: str | None = None) -> int:
    from harness import install

    python = python or str(install.set_up())
    install.say(" ".join(("python", *arguments)))
    path = [str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path)), "PYTHONUTF8": "1"}
    return subprocess.run([python, *arguments], cwd=folder, env=env, check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except subprocess.CalledProcessError as error:
        sys.exit(
            f"[dev] {' '.join(map(str, error.cmd))} failed; run the same command again to go on."
        )
