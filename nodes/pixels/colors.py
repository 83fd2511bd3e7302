"""The drift of an answer's colours against what was sent, measured where nothing was masked and taken out.

A diffusion service gives back the whole picture, and what it was not asked to change comes back slightly lighter, flatter
or tinted. What was sent is known, so the difference can be read on thousands of places, and the masked part, which drifted
alike, can be put right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .masks import Mask

_GRID = 128
"""Cells along the long side: their means hold neither noise nor a compression's blocks, and there are thousands."""

_MOST_CELLS = 1600
_FEWEST_CELLS = 48
_LEVEL = 1 / 255
_FLOOR = 0.5 * _LEVEL
"""A drift below half a level is none: rounding alone is as large."""

_STRANGE = 8 * _LEVEL
"""Where what was not masked differs by so much from the best fit, it was painted anew, and tells of no drift."""

_FADE = 64
"""Levels beyond the values seen outside the mask over which the correction ends: there nothing is known."""

_ROUNDS = 12
_SETTLED = 0.05 * _LEVEL
_TUKEY = 4.685
_PRIOR = np.array([40.0, 25.0, 25.0, 10.0, 10.0, 10.0, 10.0]) * _LEVEL
"""How large the terms of a drift may well be: offset, slope and bend; offset and slope across, and down. Where nothing tells one from another,
such as on a flat wall, it is the offset."""


class Drift(NamedTuple):
    """What to add to an answer, values 0..1.

    Attributes:
        tables: [3, 256, 3] float32, by the answer's value: what to add in the middle of what was sent, what more for
            each half of its width to the right, and for each half of its height down.
        reach: (left, top, right, bottom), places from -1 to 1 between which the latter two are known.
    """

    tables: NDArray[np.float32]
    reach: tuple[float, float, float, float]

    def corrected(
        self, pixels: NDArray[np.uint8], size: tuple[int, int], box: tuple[int, int, int, int]
    ) -> NDArray[np.float32]:
        """Take the drift out of a piece of the answer.

        Args:
            pixels: [h, w, 3] uint8.
            size: (width, height) of all that was sent, in any unit.
            box: (left, top, right, bottom) of the piece within it, in the same.

        Returns:
            [h, w, 3] float32, 0..1.
        """
        height, width, _ = pixels.shape
        left, top, right, bottom = self.reach
        across = np.clip(_places(box[0] / size[0], box[2] / size[0], width), left, right)
        down = np.clip(_places(box[1] / size[1], box[3] / size[1], height), top, bottom)[:, None]
        values = np.arange(256, dtype=np.float32) / 255
        new = np.empty(pixels.shape, np.float32)
        for channel in range(3):
            found = pixels[..., channel]
            tone, *slopes = self.tables[..., channel]
            value = np.take(values + tone, found, mode="clip")
            for place, slope in zip((across, down), slopes, strict=True):
                if slope.any():
                    value += place * np.take(slope, found, mode="clip")
            new[..., channel] = np.clip(value, 0, 1, out=value)
        return new


class Ground(NamedTuple):
    """What was sent and not masked, as means of square cells.

    Attributes:
        size: (width, height) of the grid of cells.
        share: Of width and of height that the grid covers; a last incomplete cell is left out.
        cells: Indices of the cells that count, row by row.
        colours: [n, 3] float32, 0..1, of those.
        places: [n, 2] float32, across and down from -1 to 1, of those.
    """

    size: tuple[int, int]
    share: tuple[float, float]
    cells: NDArray[np.intp]
    colours: NDArray[np.float32]
    places: NDArray[np.float32]

    def drift(self, answer: Image.Image) -> Drift | None:
        """Measure how an answer's colours drifted.

        Per channel it is a curve by the answer's value and a plane over the picture, fitted so that places which were
        painted anew, such as a shadow beside the mask, do not count.

        Args:
            answer: RGB, any size: what the service made of all that was sent.

        Returns:
            None where there is nothing to take out: the drift is below the noise, too little is unmasked to know it,
            or the answer is another picture.
        """
        if len(self.cells) < _FEWEST_CELLS:
            return None
        found = _means(answer, self.size, self.share)[self.cells]
        tables = np.stack(
            [_fit(found[:, c], self.colours[:, c], self.places) for c in range(3)], axis=-1
        )
        if not tables.any():
            return None
        (left, top), (right, bottom) = self.places.min(axis=0), self.places.max(axis=0)
        return Drift(tables, (float(left), float(top), float(right), float(bottom)))


def ground(sent: NDArray[np.uint8], mask: Mask, margin: int = 0) -> Ground:
    """Look at what is sent, once for all answers to it.

    Args:
        sent: [H, W, 3] uint8.
        mask: [H, W] bool, as sent.
        margin: How far around the mask the service repaints of its own accord, px.
    """
    height, width = mask.shape
    side = max(1, -(-max(height, width) // _GRID))
    rows, columns = height // side, width // side
    share = (columns * side / width, rows * side / height)
    touched = (
        mask[: rows * side, : columns * side].reshape(rows, side, columns, side).any(axis=(1, 3))
    )
    if margin:
        around = np.ones((1 + 2 * -(-margin // side),) * 2, bool)
        touched = ndimage.binary_dilation(touched, around)
    cells = np.flatnonzero(~touched)
    # evenly fewer, for what a fit costs
    cells = cells[:: max(1, -(-len(cells) // _MOST_CELLS))]
    down, across = np.divmod(cells, columns)
    places = np.stack(
        [_places(0, share[0], columns)[across], _places(0, share[1], rows)[down]],
        axis=1,
    )
    colours = _means(Image.fromarray(sent), (columns, rows), share)[cells]
    return Ground((columns, rows), share, cells, colours, places)


def _means(
    picture: Image.Image, size: tuple[int, int], share: tuple[float, float]
) -> NDArray[np.float32]:
    """[n, 3], the means of the cells of a grid over a share of a picture."""
    box = (0, 0, picture.width * share[0], picture.height * share[1])
    means = picture.resize(size, Image.Resampling.HAMMING, box, reducing_gap=3.0)
    return np.asarray(means).reshape(-1, 3).astype(np.float32) / np.float32(255)


def _places(start: float, end: float, count: int) -> NDArray[np.float32]:
    """The middles of `count` equal parts of start..end, shares of a side, from -1 to 1."""
    middles = start + (np.arange(count) + 0.5) * ((end - start) / count)
    return (2 * middles - 1).astype(np.float32)


def _fit(
    found: NDArray[np.float32], sent: NDArray[np.float32], places: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What to add to one channel of the answer: the tables of a `Drift`, [3, 256]; zeros for nothing.

    Weighted least squares, the weights Tukey's: what lies far off the fit counts ever less, then not at all. The drift is
    fitted by what was *sent*: by what was found, a shadow on a wall would pass for a drift of dark values.
    """
    nothing = np.zeros((3, 256), np.float32)
    # what is clipped may have drifted further
    usable = (found > 1.5 * _LEVEL) & (found < 1 - 1.5 * _LEVEL)
    drift, sent, places = (found - sent)[usable], sent[usable], places[usable]
    if len(sent) < _FEWEST_CELLS:
        return nothing
    across, down = places.T
    terms = np.concatenate([_powers(sent, 3), _powers(sent, 2) * across, _powers(sent, 2) * down])
    fitted = np.full(len(sent), np.median(drift))
    for _ in range(_ROUNDS):
        rest = np.abs(drift - fitted)
        spread = max(1.4826 * float(np.median(rest)), 0.3 * _LEVEL)
        weight = np.square(np.maximum(0, 1 - np.square(rest / (_TUKEY * spread))))
        weighted = terms * weight
        normal = weighted @ terms.T + np.diag(np.square(spread / _PRIOR))
        factors = np.linalg.solve(normal, weighted @ drift)
        before, fitted = fitted, factors @ terms
        if np.abs(fitted - before).max() < _SETTLED:
            break
    size = float(np.sqrt(np.average(np.square(fitted), weights=weight)))
    counted = weight > 0
    # neighbouring cells err alike
    noise = spread * np.sqrt(10 * len(terms) / counted.sum())
    if size < max(_FLOOR, noise) or spread > _STRANGE or counted.mean() < 0.5:
        return nothing
    return _tables(factors, sent[counted])


def _tables(factors: NDArray[np.float64], seen: NDArray[np.float32]) -> NDArray[np.float32]:
    """The fitted drift turned round, ending beyond the values that were seen."""
    values = np.arange(256) * _LEVEL
    low, high = np.quantile(seen, (0.01, 0.99))
    beyond = (high - low) / 2  # single pixels are darker and brighter than means of cells
    inside = np.clip(values, low - beyond, high + beyond)
    known = np.maximum(0, 1 - np.abs(values - inside) / (_FADE * _LEVEL))
    drifted = np.maximum.accumulate(values + known * (factors[:3] @ _powers(inside, 3)))
    slopes = -known * (factors[3:].reshape(2, 2) @ _powers(inside, 2))
    slopes[np.abs(slopes).max(axis=1) < _FLOOR] = 0
    return np.stack([np.interp(values, drifted, values) - values, *slopes]).astype(np.float32)


def _powers(values: NDArray[Any], count: int) -> NDArray[np.float64]:
    """[count, n]: 1, then the values from -1 to 1, then their squares."""
    return np.stack([(2 * values.astype(np.float64) - 1) ** power for power in range(count)])
