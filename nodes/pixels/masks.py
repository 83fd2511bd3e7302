"""Masks as users send them, read strictly: rank, type, range, emptiness, threshold, size, and whose picture they are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from ..words import InputError, Text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

THRESHOLD = 0.5
"""What VolcInpaint counts as masked: this or brighter."""


CLAMPED = 2
"""Floats up to here overshoot 0..1, as sharpening and adding do; beyond, they are 0..255 or 0..65535."""

_PLACEHOLDER = (64, 64)
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
            Text(
                f"The mask has no pixels, its shape is {shape}. Check the node that makes it.",
                f"遮罩没有像素，形状为 {shape}。请检查生成遮罩的节点。",
            )
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
        Text(
            f"The mask's values reach {peak:g}; a mask goes from 0 to 1, 255 or 65535. Check the node that makes it.",
            f"遮罩的值最大为 {peak:g}；遮罩的范围应为 0 到 1、255 或 65535。请检查生成遮罩的节点。",
        )
    )


def brightest(stack: torch.Tensor) -> float:
    """The largest value that is a number; 0 if there is none.

    Args:
        stack: [..., H, W] floating point.
    """
    peak = float(stack.max())
    if not math.isfinite(peak):
        peak = float(stack.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).max())
    return peak


def binarise(stack: torch.Tensor, threshold: float) -> list[Mask]:
    """Threshold masks with `>=`; NaN is not masked.

    Args:
        stack: [N, H, W] floating point. Compared in its own dtype, so that a half 0.7 is 0.7.
        threshold: Between 0 and 1.

    Returns:
        One [H, W] bool array for each mask.
    """
    return [layer.numpy() for layer in stack >= threshold]


def union(layers: list[Mask]) -> Mask:
    """One mask with all that any of them masks; the only one itself.

    Args:
        layers: [H, W] bool each, all of one size.
    """
    if len(layers) == 1:
        return layers[0]
    merged: Mask = np.logical_or.reduce(layers)
    return merged


def bounding_box(mask: Mask) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of the masked pixels, the last two one beyond.

    Raises:
        InputError: Nothing is masked.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size:
        raise InputError(Text("Nothing is masked.", "没有遮罩区域。"))
    columns = np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def prepare(given: Masks, images: torch.Tensor) -> list[Mask]:
    """The safe part, done for every mask before anything is paid: the mask for each picture.

    One mask serves every picture, as many masks as pictures make pairs, several masks of one picture are united.
    A mask of another size is resized where only the scale differs.

    Args:
        given: From `read`.
        images: [B, H, W, C].

    Returns:
        One [H, W] bool array for each picture, of its size, True = repaint. They may be one and the same array. Of
        a batch's some, but not all, may be empty.

    Raises:
        InputError: Nothing masked, another aspect ratio, Load Image's placeholder, or as many masks as fit no picture.
    """
    layers = binarise(given.stack, THRESHOLD)
    check_not_empty([union(layers)], given.stack, THRESHOLD)
    count, height, width = images.shape[:3]
    layers = match_count(layers, count)
    return [match_size(layer, height, width) for layer in layers] * (count // len(layers))


def check_not_empty(layers: list[Mask], stack: torch.Tensor, threshold: float) -> None:
    """Refuse masks of which one has no masked pixel.

    Args:
        layers: [H, W] bool each.
        stack: [N, H, W], what they were before the threshold; one layer may stand for all of them.
        threshold: The threshold.

    Raises:
        InputError: Nothing masked; the message names the brightest value.
    """
    for number, layer in enumerate(layers, 1):
        if not layer.any():
            several = len(layers) > 1
            raise _empty(stack[number - 1] if several else stack, threshold, number, len(layers))


def _empty(stack: torch.Tensor, threshold: float, number: int, count: int) -> InputError:
    """The error for mask `number` of `count`, [..., H, W], in which nothing reaches the threshold."""
    height, width = stack.shape[-2:]
    peak = brightest(stack)
    which_en, which_zh = (
        (f" {number} of {count}", f" {number}/{count} ") if count > 1 else ("", " ")
    )
    shown = _short(peak, threshold)
    text = Text(
        f"Nothing is masked: mask{which_en} is {width}x{height}, brightest value {shown}, threshold {threshold:.2f}.",
        f"没有遮罩区域：遮罩{which_zh}为 {width}x{height}，最亮值 {shown}，阈值 {threshold:.2f}。",
    )
    if (height, width) == _PLACEHOLDER and peak == 0:
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
    return InputError(
        text
        + Text(
            "Paint a mask (right click the picture, Open in MaskEditor) or connect one.",
            "请绘制遮罩（右键图片，在遮罩编辑器中打开）或连接遮罩。",
        )
    )


def match_count(layers: list[Mask], images: int) -> list[Mask]:
    """One mask, or one for each picture: several masks of one picture are united.

    Args:
        layers: [H, W] bool each, all of one size.
        images: The number of pictures.

    Raises:
        InputError: As many masks as fit neither.
    """
    if len(layers) in (1, images):
        return layers
    if images == 1:
        return [union(layers)]
    raise InputError(
        Text(
            f"{len(layers)} masks for {images} pictures. Give one mask, or as many as there are pictures.",
            f"{images} 张图片却有 {len(layers)} 个遮罩。请提供一个遮罩，或与图片数量相同的遮罩。",
        )
    )


def same_aspect(height: int, width: int, other_height: int, other_width: int) -> bool:
    """Whether two sizes differ in scale only, up to the rounding of the smaller one to whole pixels."""
    scale = max(height, other_height, 1) / max(1, min(height, other_height))
    if height <= other_height:
        return abs(width - other_width / scale) < 1 or abs(width * scale - other_width) < 1
    return abs(other_width - width / scale) < 1 or abs(other_width * scale - width) < 1


def match_size(layer: Mask, height: int, width: int) -> Mask:
    """Resize a mask to its picture where only the scale differs, or where nothing is masked.

    Raises:
        InputError: Another aspect ratio, or Load Image's placeholder.
    """
    if layer.shape == (height, width):
        return layer
    if not layer.any():
        return np.zeros((height, width), bool)
    check_no_placeholder(layer, height, width)
    if same_aspect(layer.shape[0], layer.shape[1], height, width):
        return resize(layer, height, width)
    raise size_error(layer, height, width)


def check_no_placeholder(layer: Mask, height: int, width: int) -> None:
    """Refuse a mask of 64x64 that masks all of a picture of another size.

    Load Image puts zeros of that size out for a picture without transparency; inverted they would buy all of it.

    Raises:
        InputError: It is such a mask.
    """
    if layer.shape != _PLACEHOLDER or (height, width) == _PLACEHOLDER or not layer.all():
        return
    raise InputError(
        Text(
            f"The mask is 64x64 and masks all of the picture, which is {width}x{height}: Load Image puts such a "
            "placeholder out when a picture has no alpha channel, and something inverted it. Paint a mask (right click "
            "the picture, Open in MaskEditor) or connect one.",
            f"遮罩为 64x64 且遮住了整张图片（{width}x{height}）：图片没有透明通道时，“加载图像”会输出这种占位遮罩，"
            "而它又被反转了。请绘制遮罩（右键图片，在遮罩编辑器中打开）或连接遮罩。",
        )
    )


def size_error(layer: Mask, height: int, width: int) -> InputError:
    """The error for a mask that does not fit its picture."""
    found_height, found_width = layer.shape
    return InputError(
        Text(
            f"The mask is {found_width}x{found_height}, the picture {width}x{height}. "
            "Use a mask made for this picture, or fit it with MaskNormalize (size_mismatch: stretch).",
            f"遮罩为 {found_width}x{found_height}，图片为 {width}x{height}。"
            "请使用与该图片对应的遮罩，或用“遮罩规范化”（MaskNormalize）调整，“尺寸不符时”（size_mismatch）设为 stretch。",
        )
    )


def resize(layer: Mask, height: int, width: int) -> Mask:
    """Resize a mask: down by maximum, so that a thin line survives, up bilinear.

    Args:
        layer: [h, w] bool.
        height: The new height, px.
        width: The new width, px.

    Returns:
        [height, width] bool. Never empty unless `layer` is.
    """
    if layer.shape == (height, width):
        return layer
    field = torch.from_numpy(layer)[None, None].to(torch.float32)
    small = (min(height, layer.shape[0]), min(width, layer.shape[1]))
    field = functional.adaptive_max_pool2d(field, small)
    resized = functional.interpolate(field, (height, width), mode="bilinear") >= 0.5
    if not resized.any():
        # a speck between two pixels: the nearest keeps it
        resized = functional.interpolate(field, (height, width), mode="nearest-exact") >= 0.5
    return resized[0, 0].numpy()


def _unusable(found: str) -> InputError:
    return InputError(
        Text(
            f"`mask` must be a MASK, [H, W] or [N, H, W]; it is {found}. "
            "A picture becomes a mask with Convert Image to Mask.",
            f"`mask` 必须是 MASK，形状为 [H, W] 或 [N, H, W]；实际为 {found}。"
            "可用“图像转遮罩”将图片转换为遮罩。",
        )
    )


def _short(value: float, threshold: float) -> str:
    """0.30, but 0.0039 and 0.499: a haze must not look like zero, nor what is below the threshold like it."""
    if 0 < value < 0.01:
        return f"{value:.2g}"
    for digits in range(2, 17):
        text = f"{value:.{digits}f}"
        if (float(text) < threshold) == (value < threshold):
            break
    return text
