"""What a segmentation found in the pictures of a run: masks, what they cover, and how they look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from . import overlay, region, segmentation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Found:
    """Collects the answers. Pictures are counted from 1; answers may come in any order, one at a time."""

    def __init__(
        self,
        pictures: Sequence[NDArray[np.uint8]],
        as_sent: Sequence[NDArray[np.uint8]],
        target: str,
        most: int,
    ) -> None:
        """Nothing is found yet.

        Args:
            pictures: [H, W, 3] uint8 each, all of one size.
            as_sent: The same as they were sent, [h, w, 3] uint8.
            target: "subject", "background" or "entities".
            most: How many entities to keep.
        """
        self._pictures = pictures
        self._as_sent = as_sent
        self._target = target
        self._most = most
        self._labels: dict[int, NDArray[np.uint8]] = {}
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
        segmentation.check_size(answer, self._as_sent[image - 1])
        picture = self._pictures[image - 1]
        height, width = picture.shape[:2]
        if self._target == "entities":
            labels, numbers = segmentation.entities(answer, height, width, self._most)
            self._scores[image] = [scores[n - 1] if n <= len(scores) else None for n in numbers]
        else:
            mask = segmentation.subject(answer, height, width)
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
        batch = torch.empty((len(wanted), height, width), dtype=torch.float32)
        facts: list[dict[str, object]] = []
        for slot, (image, label, score) in zip(batch.numpy(), wanted, strict=True):
            mask = self._labels[image] == label
            slot[...] = mask
            left, top, right, bottom = region.bounding_box(mask)
            area = int(np.count_nonzero(mask))
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
        batch = torch.empty((len(self._overlays), *self._pictures[0].shape), dtype=torch.float32)
        for slot, image in zip(batch.numpy(), sorted(self._overlays), strict=True):
            np.divide(self._overlays[image], 255, out=slot, dtype=np.float32)
        return batch
