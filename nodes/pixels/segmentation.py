"""Segmentation: the picture at the size that is sent, the answer as labels of the picture's own size, what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from ..words import InputError, Text
from . import encode, masks, matching, overlay, pictures

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from .region import Limits

    Labels = NDArray[np.uint8]

_LEAST_QUALITY = 75
"""Below this JPEG quality blocks would show up as edges: the picture is made smaller instead."""

_SMALLER = 0.75
_HALF = 128


class Sent(NamedTuple):
    """A picture as it is sent: its pixels, [h, w, 3] uint8, and its file."""

    rgb: NDArray[np.uint8]
    data: bytes


def fit(rgb: NDArray[np.uint8], limits: Limits, max_bytes: int) -> Sent:
    """Bring a picture within the interface's limits: too large ones are made smaller, too small ones larger.

    Args:
        rgb: [H, W, 3] uint8.
        limits: The sides that the interface takes, px.
        max_bytes: The file's limit, bytes.

    Raises:
        InputError: So long and narrow that no size is within the limits.
    """
    height, width = rgb.shape[:2]
    scale = max(
        min(1.0, limits.max_side / max(height, width)), limits.min_side / min(height, width)
    )
    sent_height, sent_width = round(height * scale), round(width * scale)
    if max(sent_height, sent_width) > limits.max_side:
        raise InputError(
            f"The picture is {width}x{height}, too long and narrow: the interface takes sides from "
            f"{limits.min_side} to {limits.max_side} px. Crop the picture first.",
            f"图片为 {width}x{height}，过于狭长：接口要求边长在 {limits.min_side} 到 {limits.max_side} 像素之间。"
            "请先裁剪图片。",
        )
    rgb = pictures.resample(rgb, sent_height, sent_width)
    while True:
        encoded = encode.picture(rgb, max_bytes, max_bytes)
        height, width = (round(side * _SMALLER) for side in rgb.shape[:2])
        good = encoded.quality is None or encoded.quality >= _LEAST_QUALITY
        if good or min(height, width) < limits.min_side:
            return Sent(rgb, encoded.data)
        rgb = pictures.resample(rgb, height, width)


def check_size(answer: NDArray[np.uint8], sent: NDArray[np.uint8]) -> None:
    """Refuse an answer, [h, w], that cannot belong to what was sent, [H, W, 3].

    Raises:
        ValueError: It has another aspect ratio.
    """
    (answer_height, answer_width), (height, width) = answer.shape, sent.shape[:2]
    if not matching.same_aspect(answer_height, answer_width, height, width):
        text = Text(
            f"The service answered with a mask of {answer_width}x{answer_height} for a picture of {width}x{height}.",
            f"图片为 {width}x{height}，服务返回的遮罩却为 {answer_width}x{answer_height}。",
        )
        raise ValueError(text.lines())


def subject(answer: NDArray[np.uint8], height: int, width: int) -> masks.Mask:
    """The subject's hard mask, [height, width], of a soft one, [h, w], 255 = subject. Its complement is the background."""
    return pictures.resample(answer, height, width, Image.Resampling.BILINEAR) >= _HALF


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
    index_map = pictures.resample(answer, height, width, Image.Resampling.NEAREST)
    areas = np.bincount(index_map.ravel(), minlength=256)
    areas[0] = 0
    largest_first = np.argsort(-areas, kind="stable")[:most]
    numbers = [int(number) for number in largest_first if areas[number]]
    rank = np.zeros(256, np.uint8)
    rank[numbers] = np.arange(1, len(numbers) + 1)
    return rank[index_map], numbers


class Found:
    """Collects the answers of a run: masks, what they cover, and how they look.

    Pictures are counted from 1; answers may come in any order, one at a time.

    Args:
        pictures: [H, W, 3] uint8 each, all of one size.
        as_sent: The same as they were sent, [h, w, 3] uint8.
        target: "subject", "background" or "entities".
        most: How many entities to keep.
    """

    def __init__(
        self,
        pictures: Sequence[NDArray[np.uint8]],
        as_sent: Sequence[NDArray[np.uint8]],
        target: str,
        most: int,
    ) -> None:
        self._pictures = pictures
        self._as_sent = as_sent
        self._target = target
        self._most = most
        self._labels: dict[int, Labels] = {}
        self._overlays: dict[int, NDArray[np.uint8]] = {}
        self._scores: dict[int, list[float | None]] = {}

    def put(
        self, image: int, answer: NDArray[np.uint8], scores: Sequence[float]
    ) -> NDArray[np.uint8]:
        """Take the answer for a picture.

        Args:
            image: The picture's number.
            answer: [h, w] uint8: a soft mask of the subject, or an index map of entities.
            scores: Of the entities, in the order of their numbers; may be too few.

        Returns:
            The picture with what was found tinted, [H, W, 3] uint8.

        Raises:
            ValueError: The answer has another shape than what was sent.
        """
        check_size(answer, self._as_sent[image - 1])
        picture = self._pictures[image - 1]
        height, width = picture.shape[:2]
        if self._target == "entities":
            labels, numbers = entities(answer, height, width, self._most)
            self._scores[image] = [scores[n - 1] if n <= len(scores) else None for n in numbers]
        else:
            mask = subject(answer, height, width)
            # Without a subject there is no background either: nothing stands in for what was not found.
            if mask.any() and self._target == "background":
                mask = ~mask
            labels = mask.astype(np.uint8)
            self._scores[image] = [None]
        self._labels[image] = labels
        self._overlays[image] = overlay.labelled(picture, labels)
        return self._overlays[image]

    def nothing_in(self) -> list[int]:
        """The pictures in which nothing was found."""
        return [image for image in sorted(self._labels) if not self._labels[image].any()]

    def masks(self) -> tuple[torch.Tensor, list[dict[str, object]]]:
        """One mask per picture, or per entity.

        Returns:
            [N, H, W] contiguous float32, exactly 0 or 1; and of each mask its `index`, `image`, `score`, `area` in px,
            `coverage` 0..1 and `box` (x, y, width, height).
        """
        wanted = [
            (image, label, score)
            for image in sorted(self._labels)
            for label, score in enumerate(self._scores[image], 1)
        ]
        height, width = self._pictures[0].shape[:2]
        batch = pictures.reserve(len(wanted), height, width)
        facts: list[dict[str, object]] = []
        for slot, (image, label, score) in zip(batch.numpy(), wanted, strict=True):
            mask = self._labels[image] == label
            slot[...] = mask
            area = int(np.count_nonzero(mask))
            left, top, right, bottom = masks.bounding_box(mask) if area else (0, 0, 0, 0)
            facts.append(
                {
                    "index": len(facts) + 1,
                    "image": image,
                    "score": score,
                    "area": area,
                    "coverage": area / mask.size,
                    "box": [left, top, right - left, bottom - top],
                }
            )
        return batch, facts

    def preview(self) -> torch.Tensor:
        """The pictures with what was found tinted, [B, H, W, 3] float32, 0..1."""
        return pictures.to_images([self._overlays[image] for image in sorted(self._overlays)])
