"""What is sent of the pictures of a batch, and what is kept of it until their answers come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import colors, pictures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import torch
    from numpy.typing import NDArray
    from PIL import Image

    from .colors import Drift, Ground
    from .masks import Mask
    from .region import Region


class Parts:
    """The part of each picture that is sent; of one in which nothing is masked, none.

    Args:
        images: [B, H, W, C] floating point, 0..1.
        masks: [H, W] bool for each picture.
        plan: Chooses the part of a picture, given its mask.
        match_colors: Whether the drift of the answers' colours is to be measured.
        widened: How far beyond the mask the service paints by itself, px of what is sent.

    Attributes:
        regions: Of each picture, in order; None where nothing is sent.
        sent: Those that there are, by the picture's place in the batch, from 0.

    Raises:
        InputError: `plan` refuses a picture.
    """

    def __init__(
        self,
        images: torch.Tensor,
        masks: Sequence[Mask],
        plan: Callable[[Mask], Region],
        *,
        match_colors: bool,
        widened: int = 0,
    ) -> None:
        self._images, self._masks = images, masks
        self._match_colors, self._widened = match_colors, widened
        self._grounds: dict[int, Ground] = {}
        self.regions = [plan(mask) if mask.any() else None for mask in masks]
        self.sent = {place: part for place, part in enumerate(self.regions) if part}

    def cut(self, place: int) -> tuple[NDArray[np.uint8], Mask]:
        """A picture, [h, w, 3] uint8, and its mask, [h, w] bool, as they are sent."""
        part = self.sent[place]
        rgb = pictures.to_uint8(self._images[place][part.slices])
        return part.picture(rgb), part.mask(self._masks[place])

    def remember(self, place: int, rgb: NDArray[np.uint8], mask: Mask) -> None:
        """Keep the colours of what is sent, small, until its answers come."""
        if self._match_colors:
            self._grounds[place] = colors.ground(rgb, mask, self._widened)

    def drift(self, place: int, answer: Image.Image) -> Drift | None:
        """How the colours of an answer drifted from what was sent; None where there is nothing to take out."""
        ground = self._grounds.get(place)
        return ground.drift(answer) if ground else None
