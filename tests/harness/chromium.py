"""The browser of the browser tests; standard library only."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from . import launch

OWN = launch.ROOT / ".dev" / "browsers"
"""Where `dev.py` puts Playwright's own Chromium."""

_SYSTEM = ("chromium", "chromium-browser")
_OTHERS = ("google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "msedge")
# Where macOS and Windows have them, below the folders that the environment names.
_PLACES = (
    ("", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
    ("", "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge"),
    ("PROGRAMFILES", "Google/Chrome/Application/chrome.exe"),
    ("PROGRAMFILES(X86)", "Google/Chrome/Application/chrome.exe"),
    ("LOCALAPPDATA", "Google/Chrome/Application/chrome.exe"),
    ("PROGRAMFILES(X86)", "Microsoft/Edge/Application/msedge.exe"),
    ("PROGRAMFILES", "Microsoft/Edge/Application/msedge.exe"),
)
_FETCH_S = 600.0


def program() -> str | None:
    """`CHROMIUM`, else the system's Chromium, else Playwright's own, else an installed Chrome or Edge; None without any."""
    return os.environ.get("CHROMIUM") or _found(_SYSTEM) or _own() or _found(_OTHERS) or _placed()


def fetch(python: Path) -> str:
    """Fetch Playwright's own Chromium into `.dev`, unless there is a Chromium or that was tried before.

    Args:
        python: The interpreter that has Playwright.

    Returns:
        What to tell: "" if nothing was done.
    """
    tried = OWN / "not_to_be_had.txt"
    if os.environ.get("CHROMIUM") or _found(_SYSTEM) or _own() or tried.exists():
        return ""
    line = [str(python), "-m", "playwright", "install", "chromium"]
    env = {**os.environ, "PLAYWRIGHT_BROWSERS_PATH": str(OWN)}
    try:
        subprocess.run(line, env=env, capture_output=True, check=True, timeout=_FETCH_S)
    except (OSError, subprocess.SubprocessError) as error:
        OWN.mkdir(parents=True, exist_ok=True)
        tried.write_text(f"{error}\nRemove this file to have it tried again.\n", "utf-8")
        instead = program()
        return f"Playwright's Chromium cannot be had; the browser tests use {instead or 'none, and are skipped'}"
    return "fetched Playwright's Chromium for the browser tests"


def _found(names: tuple[str, ...]) -> str | None:
    return next(filter(None, map(shutil.which, names)), None)


def _own() -> str | None:
    names = {"chrome", "chrome.exe", "Chromium"}
    found = (path for path in sorted(OWN.glob("chromium-*/**/*")) if path.name in names)
    return next((str(path) for path in found if path.is_file()), None)


def _placed() -> str | None:
    for variable, path in _PLACES:
        folder = os.environ.get(variable, "") if variable else "/"
        if folder and (Path(folder) / path).is_file():
            return str(Path(folder) / path)
    return None
