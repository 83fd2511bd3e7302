"""The examples' thumbnails in ComfyUI's template browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageOps

if TYPE_CHECKING:
    from .showing import Pictures, Shown

MOST = (640, 360)
_ASPECT = 3 / 2
_GAP = 4
_BACKGROUND = (24, 24, 24)


def thumbnail(shown: Shown) -> Image.Image:
    """What goes in, its masked part in red, and what comes out, as large as fits."""
    return _sheet([*shown.inputs(), *shown.results()])


def _sheet(pictures: Pictures) -> Image.Image:
    """All pictures as large as fit, row by row, each in a cell of the same shape."""
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
        whole = ImageOps.pad(picture, cell, Image.Resampling.LANCZOS, _BACKGROUND)
        page.paste(whole, (round(x) + _GAP // 2, round(y) + _GAP // 2))
    return page
