"""Masks as users send them, read strictly: rank, type, emptiness, threshold, size, and which picture they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from ..words import InputError, Text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

THRESHOLD = 0.5
"""What VolcInpaint counts as masked: this or brighter."""


def read(mask: object) -> torch.Tensor:
    """Bring a mask of any rank and type to [N, H, W], looking at it but changing nothing.

    Args:
        mask: [H, W], [N, H, W], [N, 1, H, W], [N, H, W, 1] or [H, W, 1]; floating point 0..1, bool, or
            integers 0/1 or 0..255; any device.

    Returns:
        [N, H, W] floating point on the CPU, 1 = repaint. Where it can be, a view of the input.

    Raises:
        InputError: Another type or rank, a picture in place of a mask, or no pixels.
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
    if not stack.is_floating_point():
        stack = stack.to(torch.float32)
        if stack.max() > 1:
            stack /= 255
    return stack


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


def prepare(mask: object, images: torch.Tensor) -> list[Mask]:
    """The safe part, done for every mask before anything is paid: the mask for each picture.

    One mask serves every picture, as many masks as pictures make pairs, several masks of one picture are united.
    A mask of another size is resized where only the scale differs.

    Args:
        mask: As for `read`.
        images: [B, H, W, C].

    Returns:
        One [H, W] bool array for each picture, of its size, True = repaint. They may be one and the same array.

    Raises:
        InputError: Wrong rank or type, nothing masked, another aspect ratio, or as many masks as fit no picture.
    """
    stack = read(mask)
    layers = binarise(stack, THRESHOLD)
    check_not_empty([union(layers)], stack, THRESHOLD)
    count, height, width = images.shape[:3]
    layers = match_count(layers, count)
    check_not_empty(layers, stack, THRESHOLD)
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
            if len(layers) == 1:
                raise empty_error(stack, threshold)
            raise empty_error(stack[number - 1], threshold, f" {number} of {len(layers)}")


def empty_error(stack: torch.Tensor, threshold: float, which: str = "") -> InputError:
    """The error for a mask in which nothing reaches the threshold.

    Args:
        stack: [..., H, W] floating point, the mask before the threshold.
        threshold: The threshold.
        which: " 2 of 3" where there are several masks.
    """
    height, width = stack.shape[-2:]
    peak = float(stack.nan_to_num(nan=0.0).max())
    brightest = _short(peak, threshold)
    found_en = f"{width}x{height}, brightest value {brightest}, threshold {threshold:.2f}"
    found_zh = f"{width}x{height}，最亮值 {brightest}，阈值 {threshold:.2f}"
    if (height, width) == (64, 64) and peak == 0:
        cause_en = " Load Image gives this 64x64 black mask when a picture has no alpha channel."
        cause_zh = "图片没有透明通道时，“加载图像”会输出这种 64x64 的全黑遮罩。"
    elif peak > 0:
        cause_en = " MaskNormalize with a lower threshold takes a fainter mask."
        cause_zh = "遮罩较淡时，可用 MaskNormalize 降低阈值。"
    else:
        cause_en = cause_zh = ""
    return InputError(
        Text(
            f"Nothing is masked: mask{which} is {found_en}.{cause_en} "
            "Paint a mask (right click the picture, Open in MaskEditor) or connect one.",
            f"没有遮罩区域：遮罩{which.replace(' of ', '/')} 为 {found_zh}。{cause_zh}"
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
    """Resize a mask to its picture where only the scale differs.

    Raises:
        InputError: Another aspect ratio.
    """
    if layer.shape == (height, width):
        return layer
    if same_aspect(layer.shape[0], layer.shape[1], height, width):
        return resize(layer, height, width)
    raise size_error(layer, height, width)


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
