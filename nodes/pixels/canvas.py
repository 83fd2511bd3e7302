"""The pictures that a run returns: answers pasted back into what was sent, exact where nothing was masked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ..words import InputError
from . import pictures
from .patch import Patches, cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from PIL import Image

    from .colors import Drift
    from .masks import Mask
    from .patch import Patch
    from .region import Region

    Bits = NDArray[np.signedinteger]

_KEPT = 4
_BITS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
"""What holds a float of so many bytes bit by bit: numpy has no bfloat16, and copies what is no number as it is."""


class Canvas:
    """The IMAGE batch under way, image-major: all variants of picture 1, then of picture 2.

    `put` may be called from several threads at once; all else belongs to the thread that made the canvas.

    Args:
        images: [B, H, W, C] floating point, C = 1, 3 or 4, any range, any device; never changed. One channel becomes
            three; a fourth, alpha, is kept as it is. What comes out has the same dtype.
        variants: How many answers each picture gets.
        masks: [H, W] bool for each picture.
        regions: What is sent of each picture; None for one that stays as it is.
        feather: How far, px, the answer fades into the original, outward from the mask. 0 = a hard edge.
        paste_back: False: the whole of what was sent is replaced by the answer.
        widened: How far beyond the mask the service paints by itself, px of what is sent. The feather begins there.
    """

    def __init__(
        self,
        images: torch.Tensor,
        variants: int,
        masks: Sequence[Mask],
        regions: Sequence[Region | None],
        feather: int,
        paste_back: bool = True,
        widened: int = 0,
    ) -> None:
        self._dtype = images.dtype
        self._originals = _bits(images.detach().to("cpu"))
        count, height, width, channels = self._originals.shape
        if channels == 1:
            self._originals = np.broadcast_to(self._originals, (count, height, width, 3))
        shape = (count * variants, *self._originals.shape[1:])
        # numpy asks the system for large pages, torch does not: four times as fast to fill
        self._slots = np.empty(shape, self._originals.dtype)
        self._output = torch.from_numpy(self._slots).view(self._dtype)
        self._variants = variants
        self._masks = masks
        self._regions = {picture: part for picture, part in enumerate(regions) if part}
        self._patches = Patches(feather, paste_back, widened)
        self._small: dict[tuple[int, int], NDArray[np.uint8]] = {}

    def put(self, index: int, answer: Image.Image, drift: Drift | None = None) -> None:
        """Write one answer into its place; doing so twice changes nothing more.

        Args:
            index: Its place in the batch, from 0.
            answer: RGB, any size: what the service made of the part that was sent.
            drift: Of its colours, to be taken out.
        """
        picture = index // self._variants
        region = self._regions[picture]
        patch = self._patches.of(self._masks[picture], region)
        slot = self._slots[index]
        slot[...] = self._originals[picture]
        _paste(slot, cut(answer, region, patch), patch, self._dtype, region, drift)

    def keep(self) -> list[int]:
        """Put each picture of which nothing is sent into all of its places, as it is.

        Returns:
            These places, from 0.
        """
        places: list[int] = []
        for picture, original in enumerate(self._originals):
            if picture not in self._regions:
                first = picture * self._variants
                self._slots[first : first + self._variants] = original
                places += range(first, first + self._variants)
        return places

    def preview(self, index: int, side: int) -> NDArray[np.uint8]:
        """A small copy of a picture that was put.

        Args:
            index: Its place in the batch, from 0.
            side: Its longest side at most, px; never enlarged.

        Returns:
            [h, w, 3] uint8.
        """
        picture = index // self._variants
        patch = self._patches.of(self._masks[picture], self._regions[picture])
        slot = self._output[index]
        step = -(-max(slot.shape[:2]) // side)
        if (picture, step) not in self._small:
            # variants of a picture come together: those of a whole video would be many
            if len(self._small) >= _KEPT:
                del self._small[next(iter(self._small))]
            self._small[picture, step] = pictures.to_uint8(slot[::step, ::step])
        # the pictures differ where answers reach only
        preview = self._small[picture, step].copy()
        top, left = -(-patch.top // step), -(-patch.left // step)
        part = slot[top * step : patch.bottom : step, left * step : patch.right : step]
        if part.numel():
            preview[top : top + len(part), left : left + part.shape[1]] = pictures.to_uint8(part)
        return preview

    def batch(self, indices: Iterable[int] | None = None) -> torch.Tensor:
        """The finished pictures, once; the canvas is used up.

        Args:
            indices: Those that were put, all by default. The others are left out.

        Returns:
            [N, H, W, C] on the CPU, in the dtype of the pictures that came in.
        """
        if indices is None:
            return self._output
        places = sorted(indices)
        for place, index in enumerate(places):
            if place != index:
                self._output[place] = self._output[index]
        return self._output[: len(places)]


def check_fits(images: torch.Tensor, variants: int, free_bytes: int) -> None:
    """Refuse a batch that main memory cannot hold, before any of it is paid for.

    Args:
        images: [B, H, W, C].
        variants: Of each picture.
        free_bytes: How much memory there is.

    Raises:
        InputError: The result is larger.
    """
    count, height, width, channels = images.shape
    needed = count * variants * height * width * max(channels, 3) * images.element_size()
    if needed <= free_bytes:
        return
    raise InputError(
        f"The result does not fit into memory, so nothing was sent: {variants} variant(s) of {count} picture(s) of "
        f"{width}x{height} take {needed / 1e9:.1f} GB, and {free_bytes / 1e9:.1f} GB are free. Repaint fewer pictures "
        "at a time, or choose fewer variants.",
        f"内存不足以容纳结果，未发送任何请求：{count} 张 {width}x{height} 的图片、每张 {variants} 个变体，需要 "
        f"{needed / 1e9:.1f} GB，可用 {free_bytes / 1e9:.1f} GB。请减少每次重绘的图片数量或变体数。",
    )


def _paste(
    slot: Bits,
    piece: Image.Image,
    patch: Patch,
    dtype: torch.dtype,
    region: Region,
    drift: Drift | None,
) -> None:
    """Blend a piece of an answer into a picture, in place, touching nothing outside the patch.

    `slot` is [H, W, C], floats of `dtype` as their bits, holding the original; a fourth channel stays.
    """
    left, right = patch.left - region.x, patch.right - region.x
    slot = slot[patch.top : patch.bottom, patch.left : patch.right, :3]
    pixel = np.dtype((np.void, 3 * slot.itemsize))  # which numpy copies as a whole
    # a byte's share of 255, rounded once only
    exact = np.float64 if dtype == torch.float64 else np.float32
    # strip by strip: a float copy of a big answer for each of several threads would be dear
    rows = max(1, pictures.STRIP_PIXELS // slot.shape[1])
    work = np.empty((rows, slot.shape[1], 3), exact)
    for top in range(0, len(slot), rows):
        strip = slice(top, top + rows)
        weight, target = patch.weight[strip], slot[strip]
        colours = np.asarray(piece.crop((0, top, piece.width, top + len(target))))
        if drift is None:
            new = np.divide(colours, 255, out=work[: len(target)], dtype=exact)
        else:
            above = patch.top + top - region.y
            box = (left, above, right, above + len(target))
            new = drift.corrected(colours, (region.width, region.height), box)
        inside = weight == 1
        # numbered within the strip, which numpy finds and fetches far faster than by row and column
        ramp = np.flatnonzero((weight > 0) & ~inside)
        places = np.divmod(ramp, weight.shape[1])
        pixels = target.view(pixel)[..., 0]
        old = _floats(pixels[places].view(target.dtype).reshape(-1, 3), dtype)
        aim, share = new.reshape(-1, 3)[ramp], weight.reshape(-1, 1)[ramp]
        # where the original is no number there is nothing to blend with
        old = np.where(np.isfinite(old), old, aim)
        blended = _bits(torch.from_numpy(old + share * (aim - old)).to(dtype))
        pixels[places] = blended.view(pixel)[..., 0]
        bits = _bits(torch.from_numpy(new).to(dtype))
        np.copyto(pixels, bits.view(pixel)[..., 0], where=inside)


def _bits(floats: torch.Tensor) -> Bits:
    """Floats as the bits they are, without a copy."""
    bits: Bits = floats.view(_BITS[floats.element_size()]).numpy()
    return bits


def _floats(bits: Bits, dtype: torch.dtype) -> NDArray[np.floating]:
    """The way back, float64 for float64, else float32."""
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    floats: NDArray[np.floating] = torch.from_numpy(bits).view(dtype).to(wide).numpy()
    return floats
