"""Where answers reach a picture, and how much they count there."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage  # type: ignore[import-untyped]

from . import masks, morphology

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .masks import Mask
    from .region import Region

_TILE = 64
_KEPT = 4
"""Variants of a picture come about together, so that a few patches are enough; those of a video would be a video."""


class Patch(NamedTuple):
    """Where answers reach a picture. `weight` is [bottom - top, right - left] float32: 1 = answer, 0 = original."""

    left: int
    top: int
    right: int
    bottom: int
    weight: NDArray[np.float32]


class Patches:
    """The patches of a run, made when they are needed. Safe between threads.

    Args:
        feather: px, 0 or more.
        paste_back: False: all of a region.
        widened: How far beyond the mask the service paints by itself, px of what is sent.
    """

    def __init__(self, feather: int, paste_back: bool, widened: int) -> None:
        self._feather = feather
        self._paste_back = paste_back
        self._widened = widened
        self._made: dict[tuple[int, Region], Patch] = {}
        self._lock = threading.Lock()

    def of(self, mask: Mask, region: Region) -> Patch:
        """The patch of a picture, given its mask, which is known by what it is, not by what is in it, and what was sent."""
        key = (id(mask), region)
        with self._lock:
            if key not in self._made:
                if len(self._made) >= _KEPT:
                    del self._made[next(iter(self._made))]
                widened = math.ceil(self._widened / region.scale)
                reached = morphology.grow(mask, widened) if widened and self._paste_back else mask
                self._made[key] = make_patch(reached, region, self._feather, self._paste_back)
            return self._made[key]


def make_patch(mask: Mask, region: Region, feather: int, paste_back: bool = True) -> Patch:
    """Work out where answers reach a picture: the mask, [H, W] bool, and `feather` px around it, but never out of the region.

    Without `paste_back`, all of the region.
    """
    x, y, width, height = region.box
    if not paste_back:
        weight = np.broadcast_to(np.float32(1), (height, width))
        return Patch(x, y, x + width, y + height, weight)
    left, top, right, bottom = masks.bounding_box(mask)
    left, right = max(x, left - feather), min(x + width, right + feather)
    top, bottom = max(y, top - feather), min(y + height, bottom + feather)
    return Patch(left, top, right, bottom, feather_weight(mask[top:bottom, left:right], feather))


def feather_weight(mask: Mask, feather: int) -> NDArray[np.float32]:
    """The weight of the answer: 1 in the mask, falling smoothly to 0 beyond `feather`.

    Args:
        mask: [H, W] bool.
        feather: Euclidean distance from the nearest masked pixel, px, that still gets some of the answer.

    Returns:
        [H, W] float32: exactly 1 in the mask and only there, exactly 0 beyond the feather.
    """
    weight = mask.astype(np.float32)
    if feather == 0:
        return weight
    height, width = mask.shape
    # only tiles that the mask's edge comes near need distances, which are slow to compute
    tile = max(_TILE, 4 * feather)
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            here = mask[top : top + tile, left : left + tile]
            above, before = max(0, top - feather), max(0, left - feather)
            around = mask[above : top + tile + feather, before : left + tile + feather]
            if here.all() or not around.any():
                continue
            distance = ndimage.distance_transform_edt(~around)[top - above :, left - before :][
                :tile, :tile
            ]
            ramp = np.maximum(0, 1 - distance / (feather + 1))
            ramp[distance > feather] = 0
            weight[top : top + tile, left : left + tile] = ramp * ramp * (3 - 2 * ramp)
    return weight


def cut(answer: Image.Image, region: Region, patch: Patch) -> Image.Image:
    """What of an answer, RGB of any size, reaches the picture, at the picture's scale: as large as the patch."""
    left, right = patch.left - region.x, patch.right - region.x
    top, bottom = patch.top - region.y, patch.bottom - region.y
    width, height = answer.size
    if (width, height) == (region.width, region.height):
        return answer.crop((left, top, right, bottom))
    across, down = width / region.width, height / region.height
    # no more than needed: a big region at full size would be dear
    box = (left * across, top * down, min(width, right * across), min(height, bottom * down))
    return answer.resize((right - left, bottom - top), Image.Resampling.LANCZOS, box)
