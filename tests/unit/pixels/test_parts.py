"""What is sent of a batch: the part of each picture, its mask, and the colours by which its answers are judged."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from volc_inpaint.nodes.pixels import region
from volc_inpaint.nodes.pixels.parts import Parts
from volc_inpaint.nodes.words import InputError

CAT = skimage.data.chelsea()[:256, 100:356]
MASK = np.zeros(CAT.shape[:2], bool)
MASK[100:140, 80:130] = True
NOTHING = np.zeros_like(MASK)
PLAN = functools.partial(region.plan, fit="crop", limits=region.Limits(64, 128), reach=0)


def batch(*pictures: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack(pictures).astype(np.float32) / 255)


def answer(rgb: np.ndarray) -> Image.Image:
    return Image.fromarray(rgb)


def test_of_a_batch_what_nothing_is_masked_in_is_not_sent():
    parts = Parts(batch(CAT, CAT, CAT), [MASK, NOTHING, MASK], PLAN, match_colors=False)

    assert [True, False, True] == [part is not None for part in parts.regions]
    assert [0, 2] == list(parts.sent)
    assert parts.regions[2] is parts.sent[2]


def test_a_picture_that_cannot_be_sent_is_refused_at_once():
    with pytest.raises(InputError, match="takes no side below 64 px"):
        Parts(batch(CAT[:40]), [MASK[100:140]], PLAN, match_colors=False)


def test_a_part_is_cut_of_its_own_picture_and_mask():
    other, its_mask = CAT[::-1], MASK[::-1]
    parts = Parts(batch(CAT, other), [MASK, its_mask], PLAN, match_colors=False)

    for place, (picture, mask) in enumerate([(CAT, MASK), (other, its_mask)]):
        x, y, width, height = parts.sent[place].box
        rgb, white = parts.cut(place)
        assert (128, 128) == (width, height) == parts.sent[place].sent_size
        assert np.array_equal(picture[y : y + height, x : x + width], rgb)
        assert np.array_equal(mask[y : y + height, x : x + width], white)
        assert 40 * 50 == white.sum()


def test_colours_that_drifted_are_told_by_what_was_sent_of_that_picture():
    parts = Parts(batch(CAT, CAT), [MASK, MASK], PLAN, match_colors=True)
    rgb, white = parts.cut(1)
    darker = (rgb * 0.8).astype(np.uint8)
    parts.remember(1, rgb, white)

    drift = parts.drift(1, answer(darker))
    assert drift is not None
    corrected = drift.corrected(darker, (128, 128), (0, 0, 128, 128)) * 255
    assert abs(corrected - rgb).mean() < 1 < abs(darker.astype(float) - rgb).mean()
    assert parts.drift(1, answer(rgb)) is None
    assert parts.drift(0, answer(darker)) is None


def test_colours_are_kept_only_where_they_are_to_be_matched():
    parts = Parts(batch(CAT), [MASK], PLAN, match_colors=False)
    rgb, white = parts.cut(0)
    parts.remember(0, rgb, white)

    assert parts.drift(0, answer((rgb * 0.8).astype(np.uint8))) is None


def test_what_the_service_paints_beside_the_mask_tells_nothing_of_the_colours():
    found = []
    for widened in (0, 60):  # the latter leaves hardly anything of 128 px
        parts = Parts(batch(CAT), [MASK], PLAN, match_colors=True, widened=widened)
        rgb, white = parts.cut(0)
        parts.remember(0, rgb, white)
        found.append(parts.drift(0, answer((rgb * 0.8).astype(np.uint8))))

    assert [True, False] == [drift is not None for drift in found]
