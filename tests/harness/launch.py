"""Where ComfyUI is and how it is started; standard library only, shared by the tests and `dev.py`."""

from __future__ import annotations

import functools
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
PACK = "comfyui-volc-inpaint"
STANDINS = Path(__file__).resolve().parent / "standins"
FOLDERS = ("custom_nodes", "input", "output", "temp", "user", "models")

_LOADS = """
import importlib.util, sys
if not all(importlib.util.find_spec(name) for name in ("torchvision", "torchaudio")):
    sys.exit(1)
import torchvision, torchaudio
"""


def comfyui_directory() -> Path | None:
    """ComfyUI's source: `COMFYUI_DIR`, else what `dev.py` unpacked; None if neither is there."""
    named = os.environ.get("COMFYUI_DIR")
    folder = Path(named).expanduser() if named else ROOT / ".dev" / "ComfyUI"
    return folder if (folder / "main.py").is_file() else None


def comfyui_python() -> str:
    """The interpreter that has ComfyUI's requirements: `COMFYUI_PYTHON`, else this one."""
    return os.environ.get("COMFYUI_PYTHON") or sys.executable


def frontend() -> Path | None:
    """The canvas that `COMFYUI_FRONTEND` names: a version that `dev.py` fetched, or a folder; None for ComfyUI's own."""
    named = os.environ.get("COMFYUI_FRONTEND")
    if not named:
        return None
    fetched = ROOT / ".dev" / "frontend" / named / "comfyui_frontend_package" / "static"
    return fetched if fetched.is_dir() else Path(named).expanduser()


@functools.cache
def needs_standins(python: str) -> bool:
    """Whether torchvision or torchaudio, which ComfyUI imports at start, do not load in `python`."""
    probe = subprocess.run([python, "-c", _LOADS], capture_output=True, check=False)
    return probe.returncode != 0


def free_port(preferred: int = 0) -> int:
    """A free port of the loopback interface, `preferred` if it is one."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")


def make_base_directory(base: Path, packs: Sequence[Path] = (), pack: Path = ROOT) -> None:
    """Create the folders that ComfyUI wants and link the pack, and others, into `custom_nodes`."""
    for name in FOLDERS:
        (base / name).mkdir(parents=True, exist_ok=True)
    _link(base / "custom_nodes" / PACK, pack.resolve())
    for other in packs:
        _link(base / "custom_nodes" / other.name, other)


def _link(link: Path, folder: Path) -> None:
    if link.exists() and link.resolve() == folder:
        return
    if os.path.lexists(link):
        link.unlink()
    try:
        link.symlink_to(folder, target_is_directory=True)
    except OSError:
        if os.name != "nt":
            raise
        # Windows lets only administrators make links; a junction is free to all
        subprocess.run(["cmd", "/c", "mklink", "/J", str(link), str(folder)], check=True)


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a child process sees: no real key, no vendor file, no proxy before the loopback interface.

    Args:
        home: Becomes the home folder.
        extra: Set last.
    """
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("VOLC", "PYTHONPATH", "PYTHONHOME", "PYTHONIOENCODING"))
    }
    home.mkdir(parents=True, exist_ok=True)
    env["HOME"] = env["USERPROFILE"] = str(home)
    env["NO_PROXY"] = env["no_proxy"] = "127.0.0.1,localhost"
    env["PYTHONUNBUFFERED"] = "1"
    env["PYTHONUTF8"] = "1"
    if needs_standins(comfyui_python()):
        env["PYTHONPATH"] = str(STANDINS)
    return {**env, **(extra or {})}


def command(comfyui: Path, base: Path, port: int, arguments: Sequence[str] = ()) -> list[str]:
    """The command line of a server that keeps everything it writes below `base`."""
    line = [comfyui_python(), str(comfyui / "main.py"), "--cpu", "--port", str(port)]
    line += ["--base-directory", str(base), "--database-url", "sqlite:///:memory:"]
    return [*line, "--disable-auto-launch", *arguments]
