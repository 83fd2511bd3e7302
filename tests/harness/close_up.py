"""Makes the README's picture of `context` and `match_colors`, from the simulated service, in a real ComfyUI.

`python3 dev.py pictures close-up`; writes `.github/images/close-up.jpg`. The photograph is scikit-image's
coffee (CC0), six times as large. The service works at 1024 px, as a model does, and gives back other colours.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from simulated_service import SimulatedService
from simulated_service.retouching import retoucher

from . import graphs, launch
from .comfyui import ComfyUIServer

SIZE = (3600, 2400)
DRIFT = {"cast": (-12, -5, 6)}
_CELL = 384
_GAP = 8
_CAPTION = 30
_BACKGROUND = (24, 24, 24)


def main() -> None:
    """Run the node four times and write the sheet."""
    photograph = graphs.photograph("coffee", SIZE)
    coffee, wall = ellipse((1910, 890, 2170, 1090)), ellipse((1825, 250, 2045, 410))
    around, edge = (1840, 790, 2240, 1190), (1765, 250, 1925, 410)
    with tempfile.TemporaryDirectory() as folder, SimulatedService() as service:
        service.configure({"works_at": 1024, "drift": DRIFT})
        server = ComfyUIServer(Path(folder), env=service.environment)
        try:
            graphs.upload(server, "photograph.png", photograph)
            painted = {
                f"context {context}": run(server, coffee, context=context) for context in (0, 2)
            }
            # goes on with what is around the mask, so that nothing but a drift shows its edge
            service.artist = retoucher()
            matched = {
                f"match_colors {'on' if on else 'off'}": run(
                    server, wall, model="i2i_inpainting", feather=0, context=2, match_colors=on
                )
                for on in (False, True)
            }
        finally:
            server.stop()
    cells = {
        "a photograph of 3600x2400, two masks of 260x200 and 220x160": outlined(
            photograph, coffee | wall
        )
    }
    cells |= {name: part(picture, around) for name, picture in painted.items()}
    cells |= {f"{name}: the edge": part(picture, edge) for name, picture in matched.items()}
    sheet(cells).save(
        launch.ROOT / ".github" / "images" / "close-up.jpg", quality=88, optimize=True
    )


def run(server: ComfyUIServer, mask: np.ndarray[Any, Any], **inputs: Any) -> np.ndarray[Any, Any]:
    """One picture of the node."""
    name = graphs.upload(server, f"mask{mask.sum()}.png", mask)
    graph = graphs.repaint("photograph.png", name, variants=1, seed=3, **inputs)
    (picture,) = graphs.saved(server, server.run(graph))
    return picture


def ellipse(box: tuple[int, int, int, int]) -> np.ndarray[Any, Any]:
    """A mask, bool [H, W]."""
    mask = Image.new("1", SIZE)
    ImageDraw.Draw(mask).ellipse(box, fill=1)
    return np.array(mask)


def outlined(photograph: np.ndarray[Any, Any], mask: np.ndarray[Any, Any]) -> Image.Image:
    """The whole photograph, what is masked in red."""
    red = photograph.copy()
    red[mask] = red[mask] // 2 + np.array([127, 10, 10], np.uint8)
    whole = Image.fromarray(red)
    whole.thumbnail((_CELL * 3 // 2, _CELL))
    return whole


def part(picture: np.ndarray[Any, Any], box: tuple[int, int, int, int]) -> Image.Image:
    """A square part, pixel by pixel."""
    return Image.fromarray(picture).crop(box).resize((_CELL, _CELL), Image.Resampling.NEAREST)


def sheet(cells: dict[str, Image.Image]) -> Image.Image:
    """The cells in a row of three and one of two, each with its caption."""
    font = ImageFont.load_default(18)
    pictures = list(cells.items())
    rows = [pictures[:1], pictures[1:3], pictures[3:]]
    width = max(sum(image.width + _GAP for _, image in row) for row in rows) + _GAP
    height = sum(max(image.height for _, image in row) + _CAPTION + _GAP for row in rows)
    board = Image.new("RGB", (width, height + _CAPTION), _BACKGROUND)
    draw = ImageDraw.Draw(board)
    top = _GAP
    for row in rows:
        left = (width - sum(image.width + _GAP for _, image in row)) // 2
        for caption, image in row:
            board.paste(image, (left, top))
            draw.text((left, top + image.height + 4), caption, "white", font)
            left += image.width + _GAP
        top += max(image.height for _, image in row) + _CAPTION + _GAP
    draw.text((_GAP, top), "Painted by the simulated service.", (170, 170, 170), font)
    return board


if __name__ == "__main__":
    main()
