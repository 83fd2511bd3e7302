"""Mask algebra in true pixels: specks, gaps, holes, growing and shrinking.

Pure functions from [H, W] bool to [H, W] bool; lengths in px, areas in px².
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage  # type: ignore[import-untyped]

from .masks import EIGHT_NEIGHBOURS, bounding_box

if TYPE_CHECKING:
    from .masks import Mask


def grow(mask: Mask, radius: int) -> Mask:
    """Widen a mask by a Euclidean radius, or narrow it by a negative one.

    A straight edge moves by exactly `radius` pixels. What lies outside the picture neither grows in nor eats in.
    """
    if radius >= 0:
        return _dilate(mask, radius)
    return ~_dilate(~mask, -radius)


def close_gaps(mask: Mask, width: int) -> Mask:
    """Bridge gaps up to `width` wide, and leave wider ones, and the distance to the picture's edge, open.

    Nothing that was masked is lost.
    """
    if width == 0 or not mask.any():
        return mask
    # a disc that does not fit into a gap of `width`, so `width + 1` across; where that is even, a disc one
    # smaller and a square of 2x2 make it up
    radius, even = width // 2, width % 2
    # beyond the picture its edge goes on, so that a gap that runs out of it is bridged to its end
    padded = np.pad(mask, width + 1, mode="edge")
    padded = grow(padded, radius)
    if even:
        padded = _or_with_next(padded)
        padded = ~_or_with_next(~padded[::-1, ::-1])[::-1, ::-1]
    padded = grow(padded, -radius)
    return padded[width + 1 : -width - 1, width + 1 : -width - 1]


def fill_holes(mask: Mask) -> Mask:
    """Fill what is enclosed on all sides. A hole open to the picture's edge stays; so does one open by an edge."""
    # a diagonal line of mask is closed, so background touches by its four edges only
    labels, count = ndimage.label(~mask)
    outside = np.zeros(count + 1, dtype=bool)
    for border in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        outside[border] = True
    outside[0] = False  # label 0 is the mask
    filled: Mask = ~outside[labels]
    return filled


def remove_specks(mask: Mask, area: int) -> Mask:
    """Remove islands of at most `area` pixels; pixels that touch at a corner are one island."""
    if area == 0:
        return mask
    labels, _ = ndimage.label(mask, structure=EIGHT_NEIGHBOURS)
    kept = np.bincount(labels.ravel()) > area
    kept[0] = False  # label 0 is the background
    remaining: Mask = kept[labels]
    return remaining


def _dilate(mask: Mask, radius: int) -> Mask:
    """All pixels within `radius` of the mask, in time linear in pixels, whatever the radius.

    Each masked pixel covers a disc: in the row `d` above or below it, sqrt(radius² - d²) to the left and right.
    Of a column's masked pixels the nearest covers most of a row. So: find each pixel's distance to the mask up
    and down its column, turn it into a reach along the row, and see how far those reach by a running maximum.
    """
    if radius == 0 or not mask.any():
        return mask.copy()
    left, top, right, bottom = bounding_box(mask)
    left, right = max(0, left - radius), min(mask.shape[1], right + radius)
    top, bottom = max(0, top - radius), min(mask.shape[0], bottom + radius)
    rest = ~mask[top:bottom, left:right]
    height, width = rest.shape

    far = radius + 1
    above = np.empty((height, width), np.uint16)
    distance = np.full(width, far, np.uint16)
    for y in range(height):
        np.minimum((distance + 1) * rest[y], far, out=distance, casting="unsafe")
        above[y] = distance

    # by distance: 0..radius reach so far along the row, beyond that not even the pixel itself
    reach = np.sqrt(radius**2 - np.arange(far, dtype=np.float64) ** 2).astype(np.int32)
    reach = np.append(reach, np.int32(-1))
    column = np.arange(width, dtype=np.int32)
    grown = np.zeros_like(mask)
    distance[:] = far
    for y in reversed(range(height)):
        np.minimum((distance + 1) * rest[y], far, out=distance, casting="unsafe")
        along = reach[np.minimum(above[y], distance)]
        from_left = np.maximum.accumulate(column + along) >= column
        from_right = np.minimum.accumulate((column - along)[::-1])[::-1] <= column
        np.logical_or(from_left, from_right, out=grown[top + y, left:right])
    return grown


def _or_with_next(mask: Mask) -> Mask:
    """Grow by one pixel to the right and down: a square of 2x2."""
    wider = mask.copy()
    wider[:, 1:] |= mask[:, :-1]
    taller = wider.copy()
    taller[1:] |= wider[:-1]
    return taller
