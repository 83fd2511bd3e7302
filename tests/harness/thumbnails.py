"""Makes the examples' thumbnails, each from a run of its own in a real ComfyUI against the simulated service.

`python -m harness.thumbnails [NAME ...]` from the folder `tests`; writes `example_workflows/NAME.jpg`.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image, ImageOps

from . import examples
from .comfyui import ComfyUIServer
from .workflow import to_prompt

MOST = (640, 360)
_ASPECT = 3 / 2
_GAP = 4
_BACKGROUND = (24, 24, 24)

Pictures = list[Image.Image]


def main(names: list[str]) -> None:
    """Run the examples called `names`, or all, and write their thumbnails."""
    with examples.service() as service, tempfile.TemporaryDirectory() as folder:
        server = ComfyUIServer(Path(folder), env=service.environment)
        try:
            examples.put_pictures(server)
            for path in examples.examples():
                if names and path.stem not in names:
                    continue
                thumbnail(server, path).save(
                    path.with_suffix(".jpg"), quality=88, optimize=True, progressive=True
                )
                print(f"wrote {path.with_suffix('.jpg').name}")
        finally:
            server.stop()


def thumbnail(server: ComfyUIServer, path: Path) -> Image.Image:
    """What goes in, what comes on the way, what comes out, in the order of reading."""
    prompt = to_prompt(examples.load(path), server.object_info())
    result = server.run(prompt)
    if result.status != "success":
        raise RuntimeError(f"{path.name}: {result.error_message}")
    nodes = {identifier: node["class_type"] for identifier, node in prompt.items()}
    saving = [identifier for identifier, kind in nodes.items() if kind == "SaveImage"]
    shown_anyway = {prompt[identifier]["inputs"]["images"][0] for identifier in saving}
    on_the_way = sorted(set(result.outputs) - set(saving) - shown_anyway, key=int)
    pictures = _inputs(prompt)
    for identifier in [*on_the_way, *saving]:
        for file in result.outputs[identifier].get("images", []):
            pictures.append(Image.open(io.BytesIO(server.image(**file))).convert("RGB"))
    return sheet(pictures)


def _inputs(prompt: dict[str, Any]) -> Pictures:
    """The pictures that a prompt starts from; what is masked in them is dark, as on the canvas."""
    pictures = []
    for node in prompt.values():
        inputs = node["inputs"]
        if node["class_type"] == "LoadImage":
            name = inputs["image"]
        elif isinstance(inputs.get("image_url"), str):
            name = urlsplit(inputs["image_url"]).path.rsplit("/", 1)[1]
        else:
            continue
        picture = Image.open(examples.INPUT / name).convert("RGBA")
        ground = Image.new("RGBA", picture.size, (40, 40, 40, 255))
        pictures.append(Image.alpha_composite(ground, picture).convert("RGB"))
    return pictures


def sheet(pictures: Pictures) -> Image.Image:
    """All pictures as large as fit, row by row, each cut to the same shape."""
    count = len(pictures)
    widths = {
        columns: min(MOST[0] / columns, MOST[1] / -(-count // columns) * _ASPECT)
        for columns in range(1, count + 1)
    }
    columns = max(widths, key=lambda number: widths[number])
    width, height = widths[columns], widths[columns] / _ASPECT
    rows = -(-count // columns)
    page = Image.new("RGB", (round(columns * width), round(rows * height)), _BACKGROUND)
    cell = (round(width) - _GAP, round(height) - _GAP)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        missing = max(0, (row + 1) * columns - count)
        x, y = (column + missing / 2) * width, row * height
        page.paste(
            ImageOps.fit(picture, cell, Image.Resampling.LANCZOS), (round(x) + 2, round(y) + 2)
        )
    return page


if __name__ == "__main__":
    main(sys.argv[1:])
