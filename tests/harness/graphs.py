"""Graphs in ComfyUI's API format, on real photographs, for tests and benchmarks.

The photographs are scikit-image's: chelsea the cat and coffee (CC0), astronaut (NASA, public domain).
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import skimage.data
from PIL import Image

if TYPE_CHECKING:
    from .comfyui import ComfyUIServer, Result

Graph = dict[str, Any]


def png(pixels: np.ndarray[Any, Any]) -> bytes:
    """The PNG file of uint8 pixels."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def photograph(name: str = "chelsea", size: tuple[int, int] | None = None) -> np.ndarray[Any, Any]:
    """A photograph, uint8 [H, W, 3]; `size` is (width, height)."""
    image = Image.fromarray(getattr(skimage.data, name)())
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS) if size else image)


def ellipse(height: int, width: int) -> np.ndarray[Any, Any]:
    """A mask in the middle, bool [H, W]."""
    rows, columns = np.ogrid[:height, :width]
    return ((rows - height / 2) / (height / 4)) ** 2 + (
        (columns - width / 2) / (width / 5)
    ) ** 2 < 1


def upload(server: ComfyUIServer, name: str, pixels: np.ndarray[Any, Any]) -> str:
    """Put pixels into the server's input folder; bool becomes 0 and 255."""
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * 255
    return server.upload_image(png(pixels), name)


def saved(server: ComfyUIServer, result: Result, node: str = "save") -> list[np.ndarray[Any, Any]]:
    """The pictures that a SaveImage node of a run without errors wrote, uint8 [H, W, C] each."""
    assert result.error_message == ""
    files = result.outputs[node]["images"]
    return [np.asarray(Image.open(io.BytesIO(server.image(**file)))) for file in files]


def odd(expression: str, **connected: Any) -> dict[str, Any]:
    """A node of the pack `odd_tensors`: an expression of `torch` and of what is connected, an IMAGE and a MASK."""
    return {"class_type": "OddTensor", "inputs": {"expression": expression, **connected}}


def report(result: Result) -> dict[str, Any]:
    """The report of a run of `repaint` without errors."""
    assert result.error_message == ""
    return json.loads(result.text("report"))  # type: ignore[no-any-return]


def repaint(image: str = "cat.png", mask: str = "mask.png", **inputs: Any) -> Graph:
    """Picture, mask, VolcInpaint ("inpaint"), SaveImage ("save"), its report ("report") and links ("urls")."""
    return {
        "image": {"class_type": "LoadImage", "inputs": {"image": image}},
        "mask": {"class_type": "LoadImageMask", "inputs": {"image": mask, "channel": "red"}},
        "inpaint": {
            "class_type": "VolcInpaint",
            "inputs": {
                "image": ["image", 0],
                "mask": ["mask", 0],
                "prompt": "一只小狗",
                "variants": 4,
                "seed": 1,
                "steps": 25,
                "scale": 5.0,
                "paste_back": True,
                "feather": 8,
                "fit": "crop",
                "return_url": False,
                "require_all": False,
                **inputs,
            },
        },
        "save": {
            "class_type": "SaveImage",
            "inputs": {"images": ["inpaint", 0], "filename_prefix": "repainted"},
        },
        "urls": {"class_type": "PreviewAny", "inputs": {"source": ["inpaint", 1]}},
        "report": {"class_type": "PreviewAny", "inputs": {"source": ["inpaint", 2]}},
    }


def small(prompt: object, **inputs: Any) -> Graph:
    """`repaint` of the pictures of `small_pictures`, for runs in which pixels do not matter."""
    return repaint("small.png", "small_mask.png", prompt=str(prompt), **inputs)


def small_pictures() -> dict[str, np.ndarray[Any, Any]]:
    """What `small` repaints, by file name."""
    return {"small.png": photograph("chelsea", (144, 128)), "small_mask.png": ellipse(128, 144)}
