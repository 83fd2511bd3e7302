"""Masks made visible: tinted over the picture that they belong to."""

from __future__ import annotations

import colorsys
import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage  # type: ignore[import-untyped]
from torch.nn import functional

from .pictures import reserve

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RED = (1.0, 0.15, 0.15)
_TINT_SHARE = 0.5
_NUMBER_MAP_SIDE = 256
_STRIP = 64
MOST_PIXELS = 32_000_000
"""Of all previews together: sixteen frames of 1920x1080 keep their size, a long video is shown small."""


def preview(mask: torch.Tensor, image: torch.Tensor | None) -> torch.Tensor:
    """The masks in red over the pictures, or by themselves in black and white.

    Args:
        mask: [N, H, W] float32, 0 or 1.
        image: [B, H, W, C], 0..1; None for no pictures. The fewer of both start anew when they are used up.

    Returns:
        [M, h, w, 3] float32, 0..1; M is the larger of N and B, h and w are H and W, or smaller if all together
        would be more than `MOST_PIXELS`.
    """
    count, height, width = mask.shape
    count = max(count, 0 if image is None else len(image))
    scale = math.sqrt(MOST_PIXELS / (count * height * width))
    if scale < 1:
        height, width = (max(1, int(side * scale)) for side in (height, width))
    tinted = reserve(count, height, width, 3)
    tint = torch.tensor(_RED, dtype=torch.float32)
    for index in range(count):
        layer = _shrunk(mask[index % len(mask)][..., None], height, width)[..., 0]
        if image is None:
            tinted[index] = layer[..., None]
            continue
        picture = _shrunk(image[index % len(image)], height, width)
        # strip by strip: it stays in the processor's cache
        for rows in (slice(top, top + _STRIP) for top in range(0, height, _STRIP)):
            strip = picture[rows, :, :3].detach().to("cpu", torch.float32).expand(-1, -1, 3)
            share = layer[rows, :, None] * _TINT_SHARE
            torch.lerp(strip.nan_to_num(nan=0.0).clamp_(0, 1), tint, share, out=tinted[index, rows])
    return tinted


def _shrunk(picture: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """[H, W, C] averaged down to [height, width, C]; itself if it has that size."""
    if picture.shape[:2] == (height, width):
        return picture
    # HWC -> 1CHW
    channels_first = picture.detach().to("cpu", torch.float32).permute(2, 0, 1)[None]
    shrunk = functional.interpolate(channels_first, (height, width), mode="area")
    return shrunk[0].permute(1, 2, 0)


def labelled(rgb: NDArray[np.uint8], labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture with what is masked tinted: red, and several entities each in a colour and with its number.

    Args:
        rgb: [H, W, 3] uint8, as what is returned.
        labels: [H, W] uint8, 0 = not masked, else the number of an entity.
    """
    count = int(labels.max())
    tints = np.zeros((count + 1, 3), np.float32)
    for label in range(1, count + 1):
        hue = (label - 1) * 0.381966 % 1.0
        tints[label] = _RED if label == 1 else colorsys.hsv_to_rgb(hue, 0.85, 1.0)
    # Every value of a channel under every tint, worked out once.
    values = np.arange(256, dtype=np.float32)
    tinted = values[None, :, None] * (1 - _TINT_SHARE) + tints[:, None, :] * 255 * _TINT_SHARE
    tinted[0] = values[:, None]
    table = np.rint(tinted).astype(np.uint8)
    painted: NDArray[np.uint8] = np.stack(
        [table[labels, rgb[..., channel], channel] for channel in range(3)], axis=-1
    )
    return _numbered(painted, labels, count) if count > 1 else painted


def _numbered(
    painted: NDArray[np.uint8], labels: NDArray[np.uint8], count: int
) -> NDArray[np.uint8]:
    """Write each entity's number where it has most room."""
    image = Image.fromarray(painted)
    draw = ImageDraw.Draw(image)
    size = max(10, min(image.size) // 16)
    font = ImageFont.load_default(size)
    step = -(-max(labels.shape) // _NUMBER_MAP_SIDE)
    small = np.pad(labels[::step, ::step], 1)
    for label in range(1, count + 1):
        room = ndimage.distance_transform_edt(small == label)
        row, column = np.unravel_index(int(room.argmax()), room.shape)
        if room[row, column]:
            at = ((int(column) - 1) * step, (int(row) - 1) * step)
            draw.text(
                at,
                str(label),
                "white",
                font,
                "mm",
                stroke_width=size // 10 + 1,
                stroke_fill="black",
            )
    return np.asarray(image)
