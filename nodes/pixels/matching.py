"""Masks, [H, W] bool, matched to their pictures: which belongs to which, and at which size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from ..words import InputError
from .masks import PLACEHOLDER, THRESHOLD, at_least, check_not_empty, union

if TYPE_CHECKING:
    from .masks import Mask, Masks


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
    layers = list(at_least(given.stack, THRESHOLD))
    check_not_empty([union(layers)], given, THRESHOLD)
    count, height, width = images.shape[:3]
    layers = match_count(layers, count)
    for layer in layers:
        check_no_placeholder(layer, height, width)
    return [match_size(layer, height, width) for layer in layers] * (count // len(layers))


def match_count(layers: list[Mask], images: int) -> list[Mask]:
    """One mask, or one for each of so many pictures: several masks, of one size, are united for a single picture.

    Raises:
        InputError: As many masks as fit neither.
    """
    if len(layers) in (1, images):
        return layers
    if images == 1:
        return [union(layers)]
    raise InputError(
        f"{len(layers)} masks for {images} pictures. Give one mask, or as many as there are pictures.",
        f"{images} 张图片却有 {len(layers)} 个遮罩。请提供一个遮罩，或与图片数量相同的遮罩。",
    )


def same_aspect(height: int, width: int, other_height: int, other_width: int) -> bool:
    """Whether two sizes differ in scale only, up to the rounding of the smaller one to whole pixels."""
    if height > other_height:
        return same_aspect(other_height, other_width, height, width)
    return abs(width - other_width * height / other_height) < 1


def match_size(layer: Mask, height: int, width: int) -> Mask:
    """Resize a mask to its picture where only the scale differs, or where nothing is masked.

    Raises:
        InputError: Another aspect ratio.
    """
    if layer.shape == (height, width):
        return layer
    if not layer.any():
        return np.zeros((height, width), bool)
    if same_aspect(layer.shape[0], layer.shape[1], height, width):
        return resize(layer, height, width)
    raise size_error(layer, height, width)


def check_no_placeholder(layer: Mask, height: int, width: int) -> None:
    """Refuse a mask of 64x64 that masks all of a picture of another size.

    Load Image puts zeros of that size out for a picture without transparency; inverted they would buy all of it.

    Raises:
        InputError: It is such a mask.
    """
    if layer.shape != PLACEHOLDER or layer.shape == (height, width) or not layer.all():
        return
    raise InputError(
        f"The mask is 64x64 and masks all of the picture, which is {width}x{height}: Load Image puts such a "
        "placeholder out when a picture has no alpha channel, and something inverted it. Paint a mask (right click "
        "the picture, Open in MaskEditor) or connect one.",
        f"遮罩为 64x64 且遮住了整张图片（{width}x{height}）：图片没有透明通道时，“加载图像”会输出这种占位遮罩，"
        "而它又被反转了。请绘制遮罩（右键图片，在遮罩编辑器中打开）或连接遮罩。",
    )


def size_error(layer: Mask, height: int, width: int) -> InputError:
    """The error for a mask that does not fit its picture."""
    found_height, found_width = layer.shape
    return InputError(
        f"The mask is {found_width}x{found_height}, the picture {width}x{height}. "
        "Use a mask made for this picture, or fit it with MaskNormalize (size_mismatch: stretch).",
        f"遮罩为 {found_width}x{found_height}，图片为 {width}x{height}。"
        "请使用与该图片对应的遮罩，或用“遮罩规范化”（MaskNormalize）调整，“尺寸不符时”（size_mismatch）设为 stretch。",
    )


def resize(layer: Mask, height: int, width: int) -> Mask:
    """Resize a mask to `height` and `width`, px: down by maximum, so that a thin line survives, and up bilinear.

    Returns:
        [height, width] bool. Empty only if `layer` is.
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
    return resized.view(height, width).numpy()
