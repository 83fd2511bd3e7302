"""The one writer of temporary previews; knows of ComfyUI its folders only, so it needs no server."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import folder_paths
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FOLDER = "volc_inpaint"


def previews(pixels: NDArray[np.uint8], *sides: int) -> list[dict[str, str]]:
    """JPEGs in the temporary folder, named by content: the same picture writes and loads nothing again.

    Args:
        pixels: [H, W, 3].
        *sides: The longest side of each, in pixels; nothing is enlarged.

    Returns:
        One for each side, as `/view` finds it.

    Raises:
        OSError: The folder cannot be written.
    """
    digest = hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()[:24]
    folder = Path(folder_paths.get_temp_directory()) / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for side in sides:
        path = folder / f"{digest}_{pixels.shape[1]}x{pixels.shape[0]}_{side}.jpg"
        if not path.exists():
            picture = Image.fromarray(pixels)
            picture.thumbnail((side, side), reducing_gap=2.0)
            try:
                picture.save(path, quality=90)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        files.append({"filename": path.name, "subfolder": _FOLDER, "type": "temp"})
    return files
