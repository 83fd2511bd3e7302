"""Which part of a picture is sent, and at which size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from scipy import ndimage  # type: ignore[import-untyped]

from ..words import InputError, Text
from . import masks, matching, pictures

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Limits(NamedTuple):
    """Sides that an interface takes, px."""

    min_side: int
    max_side: int


FITS = ("crop", "downscale", "error")
"""What to do with a picture over the limits; see `plan`."""

_LONGEST = 3
"""Long over short side of a close-up, where the picture has room: interfaces of the same make refuse more (the pages of the
successor's siblings, volcengine.com/docs/85621), and a strip shows a model little."""

_ISLANDS_SIDE = 512
"""Islands are counted on a mask of this size at most, px."""


class Region(NamedTuple):
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
    def sent_size(self) -> tuple[int, int]:
        """(width, height), as it is sent."""
        return (self.sent_width, self.sent_height)

    @property
    def scale(self) -> float:
        """Pixels sent for each of the picture's; above 1 the part was enlarged."""
        return max(self.sent_width, self.sent_height) / max(self.width, self.height)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of the picture."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    def picture(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """What is sent of a picture, [sent_height, sent_width, 3] uint8; `rgb` is its `slices`."""
        return pictures.resample(rgb, self.sent_height, self.sent_width)

    def mask(self, mask: masks.Mask) -> masks.Mask:
        """What is sent of the picture's whole mask, [sent_height, sent_width] bool."""
        return matching.resize(mask[self.slices], self.sent_height, self.sent_width)


def plan(mask: masks.Mask, fit: str, limits: Limits, reach: int) -> Region:
    """Choose what to send of a picture. Within the limits that is always all of it.

    Args:
        mask: [H, W] bool, as large as the picture, not empty.
        fit: What to do beyond the limits. "crop": as much around the mask as they allow, at full resolution,
            smaller only if the mask itself needs more; "downscale": all of it, smaller; "error".
        limits: The interface's limits.
        reach: How far beyond the mask the answer or its feather reach, px.

    Raises:
        InputError: The picture is too small or, with fit "error", too large; or it is so long and narrow that,
            made smaller, its short side would be too small.
    """
    height, width = mask.shape
    _check_not_too_small(width, height, limits)
    fits = max(height, width) <= limits.max_side
    if fit == "error" and not fits:
        raise _too_large(width, height, limits)
    if fit == "downscale" or fits:
        return _scaled(0, 0, width, height, limits, fit)

    left, top, right, bottom = masks.bounding_box(mask)
    first_x, first_y = max(0, left - reach), max(0, top - reach)
    end_x, end_y = min(width, right + reach), min(height, bottom + reach)
    side = limits.max_side
    if max(right - left, bottom - top) > side:
        side = max(end_x - first_x, end_y - first_y)
    x, crop_width = _window(left, right, width, side)
    y, crop_height = _window(top, bottom, height, side)
    region = _scaled(x, y, crop_width, crop_height, limits, fit)
    if x <= first_x and y <= first_y and x + crop_width >= end_x and y + crop_height >= end_y:
        return region
    note = Text(
        "The feather ends at the edge of the part that was sent; a smaller feather or mask avoids it.",
        "羽化在发送区域的边缘被截断；减小羽化或遮罩可避免。",
    )
    return region._replace(notes=(*region.notes, note))


def close_up(
    mask: masks.Mask, fit: str, limits: Limits, reach: int, context: float, best_side: int
) -> Region:
    """Choose a part around the mask and enlarge it to what a model paints best, so that it is painted in detail.

    Args:
        mask: [H, W] bool, as large as the picture, not empty.
        fit: What to do with a part beyond the limits. "crop": make it smaller, as far as the mask allows; "downscale": send
            it smaller; "error".
        limits: The interface's limits.
        reach: How far beyond the mask the answer or its feather reach, px.
        context: Sides of the part in those of the mask's box with its reach, 1 or more.
        best_side: Its long side is enlarged to this, px; never made smaller for it.

    Raises:
        InputError: As for `plan`.
    """
    height, width = mask.shape
    _check_not_too_small(width, height, limits)
    left, top, right, bottom = masks.bounding_box(mask)
    across, down = right - left + 2 * reach, bottom - top + 2 * reach
    wanted_width = max(math.ceil(across * context), limits.min_side)
    wanted_height = max(math.ceil(down * context), limits.min_side)
    wanted_width = min(width, max(wanted_width, -(-wanted_height // _LONGEST)))
    wanted_height = min(height, max(wanted_height, -(-wanted_width // _LONGEST)))
    if fit == "error" and max(wanted_width, wanted_height) > limits.max_side:
        raise _too_large(wanted_width, wanted_height, limits)
    if fit == "crop":
        wanted_width = min(wanted_width, max(limits.max_side, across))
        wanted_height = min(wanted_height, max(limits.max_side, down))
    x, part_width = _window(left, right, width, wanted_width)
    y, part_height = _window(top, bottom, height, wanted_height)
    notes = _islands_note(mask[top:bottom, left:right])
    if max(part_width, part_height) >= best_side:
        region = _scaled(x, y, part_width, part_height, limits, fit)
        return region._replace(notes=(*region.notes, *notes))
    scale = best_side / max(part_width, part_height)
    sent = round(part_width * scale), round(part_height * scale)
    return Region(x, y, part_width, part_height, *sent, notes)


def _islands_note(mask: masks.Mask) -> tuple[Text, ...]:
    """What to say of a mask, cut to its box, if most of it lies between islands far apart."""
    scale = min(1.0, _ISLANDS_SIDE / max(mask.shape))
    small = matching.resize(mask, *(max(1, round(side * scale)) for side in mask.shape))
    labels, count = ndimage.label(small, structure=masks.EIGHT_NEIGHBOURS)
    covered = sum(labels[box].size for box in ndimage.find_objects(labels))
    if count == 1 or covered > small.size / 2:
        return ()
    return (
        Text(
            f"The mask has {count} parts far apart, so most of what was sent lies between them and little was gained in "
            "detail. Repaint them one after the other, each with a mask of its own.",
            f"遮罩由 {count} 个相距较远的部分组成，发送区域的大部分位于它们之间，细节提升有限。请为每个部分使用单独的遮罩，逐个重绘。",
        ),
    )


def _check_not_too_small(width: int, height: int, limits: Limits) -> None:
    if min(width, height) < limits.min_side:
        raise InputError(
            f"The picture is {width}x{height}; the interface takes no side below {limits.min_side} px. "
            "Upscale the picture first.",
            f"图片为 {width}x{height}；接口要求边长不小于 {limits.min_side} 像素。请先放大图片。",
        )


def _too_large(width: int, height: int, limits: Limits) -> InputError:
    return InputError(
        f"The picture is {width}x{height}; the interface takes no side above {limits.max_side} px. "
        "Set fit to crop (full resolution around the mask) or downscale.",
        f"图片为 {width}x{height}；接口要求边长不超过 {limits.max_side} 像素。"
        "请将 fit 设为 crop（保持遮罩周围的原始分辨率）或 downscale。",
    )


def _window(start: int, end: int, length: int, side: int) -> tuple[int, int]:
    """Where a window of at most `side` begins, and its size: centred on start..end, slid inside 0..length."""
    size = min(length, side)
    return min(max(0, (start + end - size) // 2), length - size), size


def _scaled(x: int, y: int, width: int, height: int, limits: Limits, fit: str) -> Region:
    scale = min(1.0, limits.max_side / max(width, height))
    sent_width, sent_height = round(width * scale), round(height * scale)
    if min(sent_width, sent_height) < limits.min_side:
        longest = min(width, height) * limits.max_side // limits.min_side
        remedy = Text(
            f"Mask at most {longest} px of its length at a time, or cut the picture up first.",
            f"请每次只遮罩长度不超过 {longest} 像素的部分，或先将图片切开。",
        )
        if fit != "crop":
            remedy = Text("Set fit to crop.", "请将 fit 设为 crop。") + remedy
        raise InputError(
            f"{width}x{height} would be sent as {sent_width}x{sent_height}; the interface takes no side "
            f"below {limits.min_side} or above {limits.max_side} px. {remedy.english}",
            f"{width}x{height} 将缩小为 {sent_width}x{sent_height}；接口要求边长在 {limits.min_side} 到 "
            f"{limits.max_side} 像素之间。{remedy.chinese}",
        )
    if scale == 1:
        return Region(x, y, width, height, width, height)
    note = Text(
        f"Sent at {sent_width}x{sent_height} instead of {width}x{height}: the repainted part is less sharp.",
        f"以 {sent_width}x{sent_height} 发送（原为 {width}x{height}），重绘部分的清晰度会降低。",
    )
    return Region(x, y, width, height, sent_width, sent_height, (note,))
