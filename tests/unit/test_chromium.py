"""Which browser the browser tests take, and what `dev.py` does where there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from harness import chromium


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """A machine without a browser."""
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for name in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setattr(chromium, "OWN", tmp_path / "own")
    monkeypatch.setattr(chromium, "_PLACES", chromium._PLACES[2:])
    return tmp_path


def program(path: Path, text: str = "") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def test_without_any_there_is_none():
    assert chromium.program() is None


def test_they_are_taken_in_this_order(bare, monkeypatch):
    edge = program(bare / "PROGRAMFILES" / "Microsoft/Edge/Application/msedge.exe")
    assert edge == chromium.program()
    chrome = program(bare / "bin" / "google-chrome")
    assert chrome == chromium.program()
    own = program(bare / "own" / "chromium-1200" / "chrome-linux64" / "chrome")
    assert own == chromium.program()
    system = program(bare / "bin" / "chromium")
    assert system == chromium.program()
    monkeypatch.setenv("CHROMIUM", "another")
    assert "another" == chromium.program()


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for Python")
def test_playwright_s_own_is_fetched_once_and_into_dev(bare):
    seen = bare / "seen"
    python = program(
        bare / "python",
        f"#!/bin/sh\necho $* >> {seen}\n/bin/mkdir -p $PLAYWRIGHT_BROWSERS_PATH/chromium-1/x\n"
        "echo > $PLAYWRIGHT_BROWSERS_PATH/chromium-1/x/chrome\n",
    )

    assert chromium.fetch(Path(python)).startswith("fetched Playwright's Chromium")
    assert chromium.program() == str(bare / "own" / "chromium-1" / "x" / "chrome")
    assert "" == chromium.fetch(Path(python))
    assert "-m playwright install chromium\n" == seen.read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for Python")
def test_where_it_cannot_be_had_that_is_said_once_and_another_is_used(bare):
    python = program(bare / "python", "#!/bin/sh\nexit 1\n")

    assert "the browser tests use none, and are skipped" in chromium.fetch(Path(python))
    assert "" == chromium.fetch(Path(python))
    (bare / "own" / "not_to_be_had.txt").unlink()
    chrome = program(bare / "bin" / "google-chrome")
    assert f"use {chrome}" in chromium.fetch(Path(python))
