"""What the Comfy Registry hands out: the files of git less those that `.comfyignore` names."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from . import launch

if TYPE_CHECKING:
    from pathlib import Path


def files() -> list[str]:
    """Their paths from the root on, as `comfy node pack` puts them into its archive; none outside a git checkout."""
    return sorted(_listed() - _listed("--ignored", "--exclude-from=.comfyignore"))


def unpack(folder: Path) -> Path:
    """Copy them into `folder`, as installing the pack does."""
    for name in files():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(launch.ROOT / name, target)
    return folder


def _listed(*options: str) -> set[str]:
    line = ["git", "ls-files", "-z", "--cached", *options]
    listing = subprocess.run(line, cwd=launch.ROOT, capture_output=True, text=True, check=False)
    return {name for name in listing.stdout.split("\0") if (launch.ROOT / name).is_file()}
