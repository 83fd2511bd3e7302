"""Fills a mask from what surrounds it: what is erased is gone, what is extended goes on. No model, nothing to download.

By PatchMatch (https://gfx.cs.princeton.edu/pubs/Barnes_2009_PAR/) where `pypatchmatch` is installed, else smoothly.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage  # type: ignore[import-untyped]

from . import painter

Array = np.ndarray[Any, Any]

# (pixels uint8 [h, w, 3], hole bool [h, w], strangers bool [h, w]: no source, seed) -> filled pixels
Fill = Callable[[Array, Array, Array, int], Array]

# What is worked on is made as small as this, in pixels: the hole's area and the longest side. A picture takes about half
# a second then.
_PATCH_MATCH_MOST = (20_000, 640)
_SMOOTH_MOST = (8_000, 160)
# How far around the hole sources may lie, in pixels and in widths of the hole: what is far is mostly something else.
_REACH = (16, 0.8)
_PATCH_RADIUS = 3
# How much of a painted thing is the seed's pattern.
_TINT = 0.3

_seeded = threading.Lock()  # PatchMatch's library has one seed for all threads


class Retoucher:
    """Paints from the surroundings; where something new is wanted, with the seed's pattern lightly over it.

    It paints no farther than it is asked: what a model can paint anew around the mask, it only has in the picture.
    """

    widens = False

    def __init__(self, fill: Fill, most: tuple[int, int], message: str) -> None:
        self.message = message
        self._fill = fill
        self._most = most

    def paint(
        self, image: Image.Image, mask: Array, seed: int, prompt: str, *, fill: bool
    ) -> Image.Image:
        """See `painter.Painter`."""
        pixels = self.filled(np.asarray(image), mask, seed)
        if not fill:
            top, bottom, left, right = painter.bounds(mask)
            part, inside = pixels[top:bottom, left:right], mask[top:bottom, left:right]
            blend = part * (1 - _TINT) + painter.pattern(mask, seed, prompt) * _TINT
            part[inside] = np.rint(blend).astype(np.uint8)[inside]
        left, top, right, bottom = painter.room(mask, len(painter.LABEL))
        top = max(top, bottom - max(12, image.height // 32))
        return painter.labelled(
            Image.fromarray(pixels), mask, (left, top, right, bottom), opacity=0.7
        )

    def filled(self, pixels: Array, mask: Array, seed: int) -> Array:
        """The picture with the masked area filled, uint8 [H, W, 3]; the rest as it was."""
        depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1].max()
        far = ndimage.distance_transform_edt(~mask) > _REACH[0] + _REACH[1] * depth
        top, bottom, left, right = painter.bounds(~far)
        box = slice(top, bottom), slice(left, right)
        part, hole, strangers = pixels[box], mask[box], far[box]
        area, side = self._most
        scale = min(1.0, (area / hole.sum()) ** 0.5, side / max(hole.shape))
        size = max(1, round(hole.shape[1] * scale)), max(1, round(hole.shape[0] * scale))
        gap = _shrunk(hole, size)
        if gap.all():  # nothing is left to go on
            return np.asarray(painter.repaint(Image.fromarray(pixels), mask, seed, ""))
        small = np.asarray(Image.fromarray(part).resize(size, Image.Resampling.BOX))
        found = self._fill(small, gap, _shrunk(strangers, size), seed)
        whole = Image.fromarray(found).resize(hole.shape[::-1], Image.Resampling.BICUBIC)
        result = pixels.copy()
        result[box][hole] = np.asarray(whole)[hole]
        return result


def retoucher() -> painter.Painter:
    """The best painter that is installed here; its `message` says which it is."""
    with contextlib.suppress(ImportError):
        import patchmatch

        if patchmatch.patchmatch_available:
            said = "Success (simulated: filled on this machine by PatchMatch)"
            return Retoucher(_by_patch_match, _PATCH_MATCH_MOST, said)
    with contextlib.suppress(ImportError):
        import skimage.restoration  # noqa: F401 - whether it is there

        said = (
            "Success (simulated: filled smoothly on this machine by scikit-image's biharmonic equation, "
            "because pypatchmatch is not installed)"
        )
        return Retoucher(_by_biharmonic, _SMOOTH_MOST, said)
    colours = painter.Colours()
    colours.message = "Success (simulated: in colours, because neither pypatchmatch nor scikit-image is installed)"
    return colours


def _shrunk(mask: Array, size: tuple[int, int]) -> Array:
    """At another size; whatever is partly masked is masked."""
    image = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(image.resize(size, Image.Resampling.BOX)) > 0


def _by_patch_match(pixels: Array, hole: Array, strangers: Array, seed: int) -> Array:
    import patchmatch

    with _seeded:
        patchmatch.set_random_seed(seed)
        found: Array = patchmatch.inpaint(
            pixels, hole, global_mask=strangers, patch_size=_PATCH_RADIUS
        )
    return found


def _by_biharmonic(pixels: Array, hole: Array, _: Array, seed: int) -> Array:
    from skimage import restoration

    smooth = restoration.inpaint_biharmonic(pixels, hole, channel_axis=-1) * 255
    # The equation has one solution; the grain of the surroundings makes another picture of it for each seed.
    rough = smooth - ndimage.gaussian_filter(smooth, (1.5, 1.5, 0))
    strength = 1 + np.median(np.abs(rough[~hole]))
    grain = np.random.default_rng(seed).normal(0, strength, hole.shape)
    found: Array = np.clip(smooth + grain[..., None], 0, 255).round().astype(np.uint8)
    return found
