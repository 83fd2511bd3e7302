"""Segmentation: the picture at the size that is sent, and the answer as labels of the picture's own size."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from . import masks, pictures, region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Labels = NDArray[np.uint8]

_LEAST_QUALITY = 75
"""Below this JPEG quality blocks would show up as edges: the picture is made smaller instead."""

_SMALLER = 0.75
_HALF = 128


class Sent(NamedTuple):
    """A picture as it is sent: its pixels, [h, w, 3] uint8, and its file."""

    rgb: NDArray[np.uint8]
    data: bytes


def fit(rgb: NDArray[np.uint8], limits: region.Limits, max_bytes: int, node: str) -> Sent:
    """Bring a picture within the interface's limits: too large ones are made smaller, too small ones larger.

    Args:
        rgb: [H, W, 3] uint8.
        limits: The sides that the interface takes, px.
        max_bytes: The file's limit, bytes.
        node: The node's name, for the message.

    Raises:
        ValueError: So long and narrow that no size is within the limits.
    """
    height, width = rgb.shape[:2]
    scale = max(
        min(1.0, limits.max_side / max(height, width)), limits.min_side / min(height, width)
    )
    sent_height, sent_width = round(height * scale), round(width * scale)
    if max(sent_height, sent_width) > limits.max_side:
        raise ValueError(
            f"{node}: the picture is {width}x{height}, too long and narrow: the interface takes sides from "
            f"{limits.min_side} to {limits.max_side} px. Crop the picture first.\n"
            f"{node}：图片为 {width}x{height}，过于狭长：接口要求边长在 {limits.min_side} 到 {limits.max_side} 像素之间。"
            "请先裁剪图片。"
        )
    rgb = region.resample(rgb, sent_height, sent_width)
    while True:
        encoded = pictures.encode_picture(rgb, max_bytes, max_bytes)
        height, width = (round(side * _SMALLER) for side in rgb.shape[:2])
        good = encoded.quality is None or encoded.quality >= _LEAST_QUALITY
        if good or min(height, width) < limits.min_side:
            return Sent(rgb, encoded.data)
        rgb = region.resample(rgb, height, width)


def check_size(answer: NDArray[np.uint8], sent: NDArray[np.uint8]) -> None:
    """Refuse an answer that cannot belong to what was sent.

    Args:
        answer: [h, w] uint8.
        sent: [H, W, 3] uint8.

    Raises:
        ValueError: It has another aspect ratio.
    """
    (answer_height, answer_width), (height, width) = answer.shape, sent.shape[:2]
    if not masks.same_aspect(answer_height, answer_width, height, width):
        raise ValueError(
            f"The service answered with a mask of {answer_width}x{answer_height} for a picture of {width}x{height}.\n"
            f"图片为 {width}x{height}，服务返回的遮罩却为 {answer_width}x{answer_height}。"
        )


def subject(answer: NDArray[np.uint8], height: int, width: int) -> masks.Mask:
    """The subject's hard mask. Its complement is the background.

    Args:
        answer: [h, w] uint8, soft: 255 = subject.
        height: The picture's, px.
        width: The picture's, px.

    Returns:
        [height, width] bool.
    """
    return _scaled(answer, height, width, Image.Resampling.BILINEAR) >= _HALF


def entities(
    answer: NDArray[np.uint8], height: int, width: int, most: int
) -> tuple[Labels, list[int]]:
    """The entities of an index map, largest first.

    Args:
        answer: [h, w] uint8, 0 = none, else the number of an entity.
        height: The picture's, px.
        width: The picture's, px.
        most: How many to keep.

    Returns:
        [height, width] uint8: 0 = none, 1 = the largest entity, 2 = the next; and for each of these its number in the answer.
    """
    # Numbers cannot be blended: the nearest pixel's, so that each pixel belongs to one entity at most.
    index_map = _scaled(answer, height, width, Image.Resampling.NEAREST)
    areas = np.bincount(index_map.ravel(), minlength=256)
    areas[0] = 0
    largest_first = np.argsort(-areas, kind="stable")[:most]
    numbers = [int(number) for number in largest_first if areas[number]]
    rank = np.zeros(256, np.uint8)
    rank[numbers] = np.arange(1, len(numbers) + 1)
    return rank[index_map], numbers


def _scaled(
    answer: NDArray[np.uint8], height: int, width: int, resampling: Image.Resampling
) -> NDArray[np.uint8]:
    if answer.shape == (height, width):
        return answer
    return np.asarray(Image.fromarray(answer).resize((width, height), resampling))
