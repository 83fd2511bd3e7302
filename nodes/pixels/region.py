"""Which part of a picture is sent, and at which size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from ..words import InputError, Text
from . import masks, pictures

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Limits(NamedTuple):
    """Sides that an interface takes, px."""

    min_side: int
    max_side: int


FITS = ("crop", "downscale", "error")
"""What to do with a picture over the limits; see `plan`."""


@dataclass(frozen=True)
class Region:
    """The part of a picture that is sent, px from its top left corner, and the size at which it is sent."""

    x: int
    y: int
    width: int
    height: int
    sent_width: int
    sent_height: int
    notes: tuple[Text, ...] = ()

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(x, y, width, height), as the report gives it."""
        return (self.x, self.y, self.width, self.height)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of the picture."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    def picture(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """What is sent of a picture.

        Args:
            rgb: [height, width, 3] uint8, the picture's `slices`.

        Returns:
            [sent_height, sent_width, 3] uint8.
        """
        return pictures.resample(rgb, self.sent_height, self.sent_width)

    def mask(self, mask: masks.Mask) -> masks.Mask:
        """What is sent of the picture's mask.

        Args:
            mask: [H, W] bool.

        Returns:
            [sent_height, sent_width] bool.
        """
        return masks.resize(mask[self.slices], self.sent_height, self.sent_width)


def plan(mask: masks.Mask, fit: str, limits: Limits, feather: int) -> Region:
    """Choose what to send of a picture. Within the limits that is always all of it.

    Args:
        mask: [H, W] bool, as large as the picture, not empty.
        fit: What to do beyond the limits. "crop": as much around the mask as they allow, at full resolution,
            smaller only if the mask itself needs more; "downscale": all of it, smaller; "error".
        limits: The interface's limits.
        feather: How far paste back will reach beyond the mask, px.

    Raises:
        InputError: The picture is too small or, with fit "error", too large; or it is so long and narrow that,
            made smaller, its short side would be too small.
    """
    height, width = mask.shape
    least, most = limits
    if min(height, width) < least:
        raise InputError(
            Text(
                f"The picture is {width}x{height}; the interface takes no side below {least} px. "
                "Upscale the picture first.",
                f"图片为 {width}x{height}；接口要求边长不小于 {least} 像素。请先放大图片。",
            )
        )
    if max(height, width) <= most:
        return Region(0, 0, width, height, width, height)
    if fit == "error":
        raise InputError(
            Text(
                f"The picture is {width}x{height}; the interface takes no side above {most} px. "
                "Set fit to crop (full resolution around the mask) or downscale.",
                f"图片为 {width}x{height}；接口要求边长不超过 {most} 像素。"
                "请将 fit 设为 crop（保持遮罩周围的原始分辨率）或 downscale。",
            )
        )
    if fit == "downscale":
        return _scaled(0, 0, width, height, limits)

    left, top, right, bottom = masks.bounding_box(mask)
    side = most
    if max(right - left, bottom - top) > most:
        side = max(
            min(width, right + feather) - max(0, left - feather),
            min(height, bottom + feather) - max(0, top - feather),
        )
    x, crop_width = _window(left, right, width, side)
    y, crop_height = _window(top, bottom, height, side)
    region = _scaled(x, y, crop_width, crop_height, limits)
    cut = (
        x > max(0, left - feather)
        or y > max(0, top - feather)
        or x + crop_width < min(width, right + feather)
        or y + crop_height < min(height, bottom + feather)
    )
    if not cut:
        return region
    note = Text(
        "The feather ends at the edge of the part that was sent; a smaller feather or mask avoids it.",
        "羽化在发送区域的边缘被截断；减小羽化或遮罩可避免。",
    )
    return replace(region, notes=(*region.notes, note))


def _window(start: int, end: int, length: int, side: int) -> tuple[int, int]:
    """Where a window of at most `side` begins, and its size: centred on start..end, slid inside 0..length."""
    size = min(length, side)
    return min(max(0, (start + end - size) // 2), length - size), size


def _scaled(x: int, y: int, width: int, height: int, limits: Limits) -> Region:
    scale = min(1.0, limits.max_side / max(width, height))
    sent_width, sent_height = round(width * scale), round(height * scale)
    if min(sent_width, sent_height) < limits.min_side:
        raise InputError(
            Text(
                f"{width}x{height} would be sent as {sent_width}x{sent_height}; the interface takes no side "
                f"below {limits.min_side} or above {limits.max_side} px. Set fit to crop and mask a shorter part, "
                "or crop the picture first.",
                f"{width}x{height} 将缩小为 {sent_width}x{sent_height}；接口要求边长在 {limits.min_side} 到 "
                f"{limits.max_side} 像素之间。请将 fit 设为 crop 并缩短遮罩区域，或先裁剪图片。",
            )
        )
    if scale == 1:
        return Region(x, y, width, height, width, height)
    note = Text(
        f"Sent at {sent_width}x{sent_height} instead of {width}x{height}: the repainted part is less sharp.",
        f"以 {sent_width}x{sent_height} 发送（原为 {width}x{height}），重绘部分的清晰度会降低。",
    )
    return Region(x, y, width, height, sent_width, sent_height, (note,))
