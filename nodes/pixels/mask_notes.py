"""What people should know of the masks that they brought, before they pay for what comes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage  # type: ignore[import-untyped]

from ..words import Text, named, numbers
from .masks import EIGHT_NEIGHBOURS, THRESHOLD, at_least, brightest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .masks import Mask, Masks

FAINTEST = 0.05
"""Anything darker is the haze of a file, no part of a mask."""

_NEARLY_WHITE = 0.95
_MOSTLY_MASKED = 0.95
_MOSTLY_SOFT = 0.5
_FAINT_PX = 16
_STRAY_PX = 100
_STRAY_SHARE = 0.01
"""An island this small, beside a mask so much larger, is a stray click."""

_CELL = 4


def brought(given: Masks, layers: Sequence[Mask]) -> list[Text]:
    """What is odd about the masks of a run that pays.

    Args:
        given: The masks as they were read.
        layers: [H, W] bool for each picture, made of them; an empty one means that the picture is not sent.
    """
    stack, count = given.stack, len(layers)
    notes = [*of_range(given)]
    if len(stack) > 1 and count == 1:
        notes.append(_united(len(stack)))
        stack = stack.amax(0, keepdim=True)
    # most masks are hard, which two looks tell
    if any(_count(layer, FAINTEST) != _count(layer, _NEARLY_WHITE) for layer in stack):
        notes += [*faint(stack, THRESHOLD), *_soft(stack)]
    # equal ones may be one and the same
    distinct = {id(layer): layer for layer in layers}
    masked = {key: np.count_nonzero(layer) / layer.size for key, layer in distinct.items()}
    shares = [masked[id(layer)] for layer in layers]
    if empty := [number for number, share in enumerate(shares, 1) if share == 0]:
        its_own = [brightest(stack[number - 1]) for number in empty] if len(stack) == count else []
        notes.append(_untouched(empty, max(its_own, default=0.0)))
    return [*notes, *_stray(distinct.values()), *mostly_masked(shares)]


def of_range(given: Masks) -> Iterator[Text]:
    """That values were divided."""
    if given.white != 1:
        yield Text(
            f"The mask's values go beyond 1, so they were read as 0 to {given.white}.",
            f"遮罩的值大于 1，已按 0 到 {given.white} 读取。",
        )


def faint(stack: torch.Tensor, threshold: float) -> Iterator[Text]:
    """That parts which stand by themselves are below the threshold.

    Args:
        stack: [N, H, W] floating point.
        threshold: Between 0 and 1.
    """
    area, peak, where = 0, 0.0, []
    for number, soft in enumerate(stack, 1):
        seen = at_least(soft, FAINTEST)
        hard = at_least(soft, threshold)
        kept = np.count_nonzero(hard)
        # of a mask without a hard part nothing was left out by mistake: that frame is empty, which is said elsewhere
        if not kept or np.count_nonzero(seen) == kept:
            continue
        labels, count = ndimage.label(seen, structure=EIGHT_NEIGHBOURS)
        left_out = np.ones(count + 1, dtype=bool)
        left_out[labels[hard]] = False
        left_out[0] = False  # label 0 is what nobody masked
        parts = left_out[labels]
        left = int(parts.sum())
        if left >= _FAINT_PX:
            area += left
            peak = max(peak, brightest(soft[torch.from_numpy(parts)]))
            where.append(number)
    if where:
        masks = named(where, len(stack), "mask", "遮罩")
        yield Text(
            f"{area} px of {masks.english} are too faint, {peak:.2f} at most, and are not repainted: it takes {threshold:.2f}. "
            "MaskNormalize with a lower threshold takes them along.",
            f"{masks.chinese}中有 {area} 像素过淡（最亮 {peak:.2f}，低于阈值 {threshold:.2f}），不会重绘。"
            "用 MaskNormalize 降低阈值可将其包括在内。",
        )


def mostly_masked(shares: Sequence[float]) -> Iterator[Text]:
    """That hardly anything is left as it was.

    Args:
        shares: The masked share of each picture, 0..1.
    """
    where = [number for number, share in enumerate(shares, 1) if share > _MOSTLY_MASKED]
    if where:
        picture = named(where, len(shares), "picture", "图片")
        least = min(shares[number - 1] for number in where)
        yield Text(
            f"{least:.0%} of {picture.english} is masked. Is the mask inverted?",
            f"{picture.chinese}有 {least:.0%} 被遮罩，遮罩是否反了？",
        )


def _united(count: int) -> Text:
    return Text(
        f"{count} masks were united for this one picture. If each belongs to a picture of its own, bring the pictures as "
        "one batch.",
        f"{count} 个遮罩已合并，用于这一张图片。如果每个遮罩对应各自的图片，请将这些图片作为一个批次输入。",
    )


def _untouched(empty: Sequence[int], peak: float) -> Text:
    which = numbers(empty)
    text = Text(
        f"Nothing is masked in picture {which.english}: it comes back as it was and costs nothing.",
        f"第 {which.chinese} 张图片没有遮罩区域：原样返回，不产生费用。",
    )
    if peak < FAINTEST:
        return text
    return text + Text(
        f"Its mask reaches {peak:.2f} at most, and it takes {THRESHOLD}.",
        f"其遮罩最亮为 {peak:.2f}，低于阈值 {THRESHOLD}。",
    )


def _soft(stack: torch.Tensor) -> Iterator[Text]:
    shares: dict[int, float] = {}
    for number, soft in enumerate(stack, 1):
        seen = _count(soft, FAINTEST)
        share = 1 - _count(soft, _NEARLY_WHITE) / seen if seen else 0.0
        # one that nothing comes of is empty, which is said elsewhere
        if share > _MOSTLY_SOFT and _count(soft, THRESHOLD):
            shares[number] = share
    if shares:
        masks, most = named(list(shares), len(stack), "mask", "遮罩"), max(shares.values())
        yield Text(
            f"{most:.0%} of {masks.english} is soft, between {FAINTEST} and {_NEARLY_WHITE}. What is {THRESHOLD} or "
            "brighter is repainted wholly, the rest not at all; for a soft edge use feather.",
            f"{masks.chinese}有 {most:.0%} 是半透明的（{FAINTEST} 到 {_NEARLY_WHITE} 之间）。{THRESHOLD} 及以上的部分"
            "完全重绘，其余不重绘；需要柔和边缘时请使用“羽化”（feather）。",
        )


def _count(soft: torch.Tensor, least: float) -> int:
    """Pixels as bright as this or brighter."""
    return int(np.count_nonzero(at_least(soft, least)))


def _stray(layers: Iterable[Mask]) -> Iterator[Text]:
    """Islands of a few pixels beside a mask much larger."""
    found: list[tuple[int, tuple[int, int]]] = []
    for layer in layers:
        limit = min(_STRAY_PX, int(np.count_nonzero(layer) * _STRAY_SHARE))
        found += _islands(layer, limit) if limit else ()
    if found:
        count, largest, (x, y) = len(found), max(found)[0], found[0][1]
        yield Text(
            f"{count} small part(s) of the mask, at most {largest} px, lie apart from the rest, the first at {x}, {y}; they "
            f"are repainted too. MaskNormalize with remove_specks {largest} removes them.",
            f"遮罩中有 {count} 个孤立的小区域（最大 {largest} 像素），第一个位于 ({x}, {y})，它们也会重绘。"
            f"用 MaskNormalize 将“去除杂点”（remove_specks）设为 {largest} 可去除。",
        )


def _islands(layer: Mask, most: int) -> Iterator[tuple[int, tuple[int, int]]]:
    """Area and place (x, y) of each part of at most so many pixels that lies apart from all others."""
    height, width = layer.shape
    padded = np.pad(layer, ((0, -height % _CELL), (0, -width % _CELL)))
    # four pixels of a row at once, then four rows: whole masks would take long to label
    cells = np.bitwise_or.reduce(
        padded.view(np.uint32).reshape(-1, _CELL, padded.shape[1] // _CELL), 1
    )
    labels, count = ndimage.label(cells, structure=EIGHT_NEIGHBOURS)
    if count < 2:
        return
    # a cell holds a pixel at least
    small = np.bincount(labels.ravel()) <= most
    for label, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        if small[label]:
            part = labels[rows, columns] == label
            pixels = padded[
                rows.start * _CELL : rows.stop * _CELL, columns.start * _CELL : columns.stop * _CELL
            ]
            area = int(np.count_nonzero(pixels & part.repeat(_CELL, 0).repeat(_CELL, 1)))
            if area <= most:
                yield area, (columns.start * _CELL, rows.start * _CELL)
