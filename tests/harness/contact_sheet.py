"""What came of several examples on one page: a row each, with what the nodes said under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont, ImageOps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .showing import Shown

_TILE = (320, 214)
_GAP = 12
_LINE = 22
_COLUMNS = 5
_GROUND, _BRIGHT, _DIM = (32, 32, 32), (235, 235, 235), (170, 170, 170)


def contact_sheet(rows: Sequence[Shown], footer: str) -> Image.Image:
    """For each example its pictures with the mask in red, then what came back, wrapped where they are many."""
    width = _COLUMNS * (_TILE[0] + _GAP) + _GAP
    strips = [_strip(row, width) for row in rows]
    sheet = Image.new("RGB", (width, sum(strip.height for strip in strips) + _LINE + _GAP), _GROUND)
    y = 0
    for strip in strips:
        sheet.paste(strip, (0, y))
        y += strip.height
    _write(sheet, (_GAP, y), footer, _DIM)
    return sheet


def _strip(row: Shown, width: int) -> Image.Image:
    inputs = row.inputs()
    captions = ["the mask in red"] * len(inputs)
    captions += [f"result {number}" for number in range(1, len(row.after) + 1)]
    tiles = [*inputs, *row.results()]
    lines = -(-len(tiles) // _COLUMNS)
    step = _TILE[1] + _LINE + _GAP
    height = _GAP + _LINE + lines * step + len(row.summaries) * _LINE + 2 * _GAP
    strip = Image.new("RGB", (width, height), _GROUND)
    _write(strip, (_GAP, _GAP), row.name.replace("_", " "), _BRIGHT)
    for number, (caption, tile) in enumerate(zip(captions, tiles, strict=True)):
        x = _GAP + number % _COLUMNS * (_TILE[0] + _GAP)
        y = _GAP + _LINE + 4 + number // _COLUMNS * step
        small = ImageOps.contain(tile, _TILE, Image.Resampling.LANCZOS)
        strip.paste(small, (x, y))
        _write(strip, (x, y + _TILE[1] + 2), caption, _DIM)
    y = _GAP + _LINE + lines * step
    for line in row.summaries:
        _write(strip, (_GAP, y), line, _BRIGHT)
        y += _LINE
    return strip


def _write(
    sheet: Image.Image, where: tuple[int, int], text: str, colour: tuple[int, int, int]
) -> None:
    ImageDraw.Draw(sheet).text(where, text, fill=colour, font=ImageFont.load_default(16))
