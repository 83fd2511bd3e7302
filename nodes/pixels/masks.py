"""Masks as users send them, read strictly: rank, type, range, threshold, emptiness."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from ..words import InputError, Text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]  # [H, W], True = repaint

THRESHOLD = 0.5
"""What VolcInpaint counts as masked: this or brighter."""

EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)
"""Masked pixels that touch at a corner are one island."""

CLAMPED = 2
"""Floats up to here overshoot 0..1, as sharpening and adding do; beyond, they are 0..255 or 0..65535."""

PLACEHOLDER = (64, 64)
"""The size of the mask that Load Image puts out for a picture without transparency, whatever the picture's."""


class Masks(NamedTuple):
    """Masks as they came.

    Attributes:
        stack: [N, H, W] floating point on the CPU, 1 = repaint. Where it can be, a view of the input.
        white: The value that stood for 1: 1, 255 or 65535.
    """

    stack: torch.Tensor
    white: int


def read(mask: object) -> Masks:
    """Bring masks of any rank and type to [N, H, W], looking at them but changing nothing.

    Args:
        mask: [H, W], [N, H, W], [N, 1, H, W], [N, H, W, 1] or [H, W, 1]; floating point, bool or integers, 0 to 1,
            255 or 65535; any device.

    Raises:
        InputError: Another type, rank or range, a picture in place of a mask, or no pixels.
    """
    if not isinstance(mask, torch.Tensor) or mask.is_complex():
        raise _unusable(f"{getattr(mask, 'dtype', type(mask).__name__)}")
    shape = list(mask.shape)
    if mask.numel() == 0:
        raise InputError(
            f"The mask has no pixels, its shape is {shape}. Check the node that makes it.",
            f"遮罩没有像素，形状为 {shape}。请检查生成遮罩的节点。",
        )
    if mask.ndim == 2:
        stack = mask[None]
    elif mask.ndim == 3:
        # [H, W, 1]: no picture is one pixel wide
        stack = mask.permute(2, 0, 1) if shape[2] == 1 and shape[1] > 1 else mask
    elif mask.ndim == 4 and shape[3] == 1 and shape[2] > 1:
        stack = mask[..., 0]
    elif mask.ndim == 4 and shape[1] == 1:
        stack = mask[:, 0]
    else:
        raise _unusable(str(shape))
    stack = stack.detach().to("cpu")
    whole = not stack.is_floating_point()
    if whole:
        stack = stack.to(torch.float32)
    peak = brightest(stack)
    if peak <= (1 if whole else CLAMPED):
        return Masks(stack, 1)
    for white in (255, 65535):
        if peak <= white:
            return Masks(stack / white, white)
    raise InputError(
        f"The mask's values reach {peak:g}; a mask goes from 0 to 1, 255 or 65535. Check the node that makes it.",
        f"遮罩的值最大为 {peak:g}；遮罩的范围应为 0 到 1、255 或 65535。请检查生成遮罩的节点。",
    )


@np.errstate(invalid="ignore")
def brightest(stack: torch.Tensor) -> float:
    """The largest value of [..., H, W] floating point that is a number; 0 if there is none."""
    peak = float(_look(stack).max())
    if not math.isfinite(peak):
        peak = float(stack.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).max())
    return peak


@np.errstate(invalid="ignore")
def at_least(stack: torch.Tensor, threshold: float) -> Mask:
    """Threshold masks, [..., H, W] floating point, with `>=`, in their own dtype: a half 0.7 is 0.7, and NaN is not masked.

    Returns:
        The same shape, contiguous, even of masks that ComfyUI turned by a quarter without moving a pixel.
    """
    return np.ascontiguousarray(_look(stack) >= threshold)


def union(layers: list[Mask]) -> Mask:
    """One mask of all that is masked in any of several, of one size; a single one is itself returned."""
    if len(layers) == 1:
        return layers[0]
    merged: Mask = np.logical_or.reduce(layers)
    return merged


def bounding_box(mask: Mask) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of the masked pixels, the last two one beyond.

    Raises:
        InputError: Nothing is masked.
    """
    box = Image.fromarray(mask.view(np.uint8)).getbbox()
    if box is None:
        raise InputError("Nothing is masked.", "没有遮罩区域。")
    return box


def check_not_empty(layers: list[Mask], given: Masks, threshold: float) -> None:
    """Refuse masks of which one has no masked pixel.

    Args:
        layers: After the threshold.
        given: What they were before it; one layer may stand for all of them.
        threshold: Between 0 and 1.

    Raises:
        InputError: Nothing masked; the message names the brightest value.
    """
    for number, layer in enumerate(layers, 1):
        if not layer.any():
            raise _empty(given, threshold, number, len(layers))


def _empty(given: Masks, threshold: float, number: int, count: int) -> InputError:
    """The error for mask `number` of `count`, in which nothing reaches the threshold; one stands for all of them."""
    stack = given.stack[number - 1] if count > 1 else given.stack
    height, width = stack.shape[-2:]
    peak = brightest(stack)
    which_en, which_zh = (f" {number} of {count}", f" {number}/{count} ") if count > 1 else ("", "")
    shown = _short(peak, threshold)
    text = Text(
        f"Nothing is masked: mask{which_en} is {width}x{height}, brightest value {shown}, threshold {threshold:.2f}.",
        f"没有遮罩区域：遮罩{which_zh}为 {width}x{height}，最亮值 {shown}，阈值 {threshold:.2f}。",
    )
    if given.white > 1:
        text += Text(
            f"Its values go beyond 1, so they were read as 0 to {given.white}; if 1 is meant to be masked, clamp them.",
            f"遮罩的值大于 1，已按 0 到 {given.white} 读取；如果 1 表示遮罩，请先将数值限制在 1 以内。",
        )
    if (height, width) == PLACEHOLDER and peak == 0:
        text += Text(
            "Load Image gives this 64x64 black mask when a picture has no alpha channel.",
            "图片没有透明通道时，“加载图像”会输出这种 64x64 的全黑遮罩。",
        )
    elif peak > 0:
        text += Text(
            "MaskNormalize with a lower threshold takes a fainter mask.",
            "遮罩较淡时，可用 MaskNormalize 降低阈值。",
        )
    if count > 1:
        text += Text(
            "To leave that picture as it is, set on_empty to pass.",
            "如需原样保留该图片，请将“遮罩为空时”（on_empty）设为 pass。",
        )
    text += Text(
        "Paint a mask (right click the picture, Open in MaskEditor) or connect one.",
        "请绘制遮罩（右键图片，在遮罩编辑器中打开）或连接遮罩。",
    )
    return InputError(text.english, text.chinese)


def _look(stack: torch.Tensor) -> Any:
    """As an array, where numpy has the dtype: torch's other threads stay awake for milliseconds after each look of theirs."""
    return stack if stack.dtype == torch.bfloat16 else stack.numpy()


def _unusable(found: str) -> InputError:
    return InputError(
        f"`mask` must be a MASK, [H, W] or [N, H, W]; it is {found}. "
        "A picture becomes a mask with Convert Image to Mask.",
        f"`mask` 必须是 MASK，形状为 [H, W] 或 [N, H, W]；实际为 {found}。"
        "可用“图像转遮罩”将图片转换为遮罩。",
    )


def _short(value: float, threshold: float) -> str:
    """What is below the threshold: 0.30, but 0.0039 and 0.499: a haze must not look like zero, nor it like the threshold."""
    if 0 < value < 0.01:
        return f"{value:.2g}"
    for digits in range(2, 17):
        text = f"{value:.{digits}f}"
        if float(text) < threshold:
            break
    return text
