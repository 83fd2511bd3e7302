"""Finds subject and entities by colour alone: simple, the same every time, and labelled as simulated."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin
from scipy import ndimage  # type: ignore[import-untyped]

from .painter import LABEL

_WORK_SIDE = 256
_BINS = 12
_ROUNDS = 4
# Below this spread of colours, 0..255, a picture shows nothing.
_LEAST_SPREAD = 4.0
_COLOURS = 5
# Of the picture's area, for an entity.
_LEAST_SHARE = 0.006

Array = np.ndarray[Any, Any]


def subject(image: Image.Image, refine: int) -> Array:
    """The mask of what stands out from the picture's rim, uint8 [H, W], soft at its edge unless refined.

    All zeros if nothing stands out.
    """
    small = _small(image)
    found = _standing_out(small)
    softness = (2.0, 1.0, 0.5)[refine]
    soft = ndimage.gaussian_filter(found.astype(np.float32), softness)
    mask = Image.fromarray(np.rint(soft * 255).astype(np.uint8))
    return np.asarray(mask.resize(image.size, Image.Resampling.BILINEAR))


def entities(image: Image.Image, most: int) -> tuple[Array, list[float]]:
    """Connected areas of one colour that do not lie along the rim.

    Returns:
        The index map, uint8 [H, W], numbered from top to bottom, and a score between 0 and 1 for each.
    """
    small = _small(image)
    if small.std(axis=(0, 1)).max() < _LEAST_SPREAD:
        return np.zeros(image.size[::-1], np.uint8), []
    smooth = ndimage.median_filter(small, (5, 5, 1))
    palette = Image.fromarray(smooth).quantize(_COLOURS, Image.Quantize.MAXCOVERAGE)
    colours = np.asarray(palette)
    pieces: list[Array] = []
    for colour in range(_COLOURS):
        same = ndimage.binary_opening(colours == colour, iterations=1)
        labels, count = ndimage.label(same)
        for label in range(1, count + 1):
            piece = ndimage.binary_fill_holes(labels == label)
            if piece.mean() >= _LEAST_SHARE and _rim_share(piece) < 0.2:
                pieces.append(piece)
    pieces = sorted(pieces, key=lambda piece: -piece.sum())[:most]
    pieces.sort(key=lambda piece: tuple(np.argwhere(piece)[0]))
    index_map = np.zeros(small.shape[:2], np.uint8)
    # Large ones first, so that what lies within them stays visible.
    for number, piece in sorted(enumerate(pieces, 1), key=lambda item: -item[1].sum()):
        index_map[piece] = number
    scores = [round(0.9 + 0.1 * float(_fullness(piece)), 5) for piece in pieces]
    full = Image.fromarray(index_map).resize(image.size, Image.Resampling.NEAREST)
    return np.asarray(full), scores


def png(grey: Array) -> bytes:
    """The file, labelled: a mask itself has no room for a label."""
    label = PngImagePlugin.PngInfo()
    label.add_text("Comment", LABEL)
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "PNG", pnginfo=label)
    return buffer.getvalue()


def _small(image: Image.Image) -> Array:
    copy = image.convert("RGB")
    copy.thumbnail((_WORK_SIDE, _WORK_SIDE), Image.Resampling.BOX)
    return np.asarray(copy)


def _standing_out(small: Array) -> Array:
    """The one area whose colours are those of the middle rather than of the rim, bool [h, w]."""
    height, width = small.shape[:2]
    nothing = np.zeros((height, width), bool)
    if small.std(axis=(0, 1)).max() < _LEAST_SPREAD:
        return nothing
    rows, columns = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    radius = np.hypot(rows, columns)
    front, rim = radius < 0.6, np.maximum(np.abs(rows), np.abs(columns)) > 0.85
    binned = small.astype(np.int64) * _BINS // 256
    code = (binned[..., 0] * _BINS + binned[..., 1]) * _BINS + binned[..., 2]
    for _ in range(_ROUNDS):
        likely = _histogram(code, front), _histogram(code, rim)
        ratio = np.log(likely[0][code]) - np.log(likely[1][code])
        # Bounded, so that no colour outshouts its neighbours when smoothed.
        evidence = np.clip(ratio, -2, 2) + 0.9 * (0.8 - radius)
        front = ndimage.gaussian_filter(evidence, 3) > 0
        labels, count = ndimage.label(front)
        if not count:
            return nothing
        sizes = ndimage.sum_labels(radius < 1, labels, range(1, count + 1))
        front = ndimage.binary_fill_holes(labels == int(np.argmax(sizes)) + 1)
        rim = ~ndimage.binary_dilation(front, iterations=4)
        if not rim.any():
            return nothing
    return front


def _histogram(code: Array, where: Array) -> Array:
    counts = np.bincount(code[where], minlength=_BINS**3).reshape(_BINS, _BINS, _BINS)
    smooth: Array = ndimage.gaussian_filter(counts.astype(np.float64), 0.7) + 1e-3
    return np.ravel(smooth / smooth.sum())


def _rim_share(piece: Array) -> float:
    """The part of the picture's rim that the piece takes."""
    rim = np.concatenate([piece[0], piece[-1], piece[1:-1, 0], piece[1:-1, -1]])
    return float(rim.mean())


def _fullness(piece: Array) -> float:
    """The piece's share of its bounding box."""
    rows, columns = np.flatnonzero(piece.any(axis=1)), np.flatnonzero(piece.any(axis=0))
    return float(piece[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].mean())
