"""Where an answer reaches, and its weight there, worked out by hand and beside scipy's distances."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from volc_inpaint.nodes.pixels import patch
from volc_inpaint.nodes.pixels.region import Region


@pytest.mark.parametrize(
    ("feather", "ramp"),
    [
        # 3 r² - 2 r³ of r = 1 - distance / (feather + 1)
        (0, []),
        (1, [0.5]),
        (3, [0.84375, 0.5, 0.15625]),
        (4, [0.896, 0.648, 0.352, 0.104]),
    ],
)
def test_the_weight_falls_outward_only_as_worked_out_by_hand(
    feather: int, ramp: list[float]
) -> None:
    mask = np.zeros((1, 20), bool)
    mask[0, 8:10] = True

    weight = patch.feather_weight(mask, feather)

    beyond = [0.0] * (8 - feather)
    expected = [*beyond, *reversed(ramp), 1, 1, *ramp, *beyond, 0, 0]
    assert weight.dtype == np.float32
    assert weight[0].tolist() == pytest.approx(expected, abs=1e-6)
    assert (weight[0] == 0).tolist() == [value == 0 for value in expected]


@pytest.mark.parametrize("feather", [1, 8, 40, 256])
def test_the_weight_is_one_in_the_mask_only_and_zero_beyond_the_feather_only(feather: int) -> None:
    noise = np.random.default_rng(feather).normal(size=(700, 900))
    smooth = ndimage.gaussian_filter(noise, 30)
    mask = smooth > 2.5 * smooth.std()
    mask[0, 0] = mask[-1, 450] = True  # a corner and an edge
    distance = ndimage.distance_transform_edt(~mask)

    weight = patch.feather_weight(mask, feather)

    assert np.array_equal(weight == 1, mask)
    assert np.array_equal(weight == 0, distance > feather)
    share = 1 - distance / (feather + 1)
    expected = np.where(distance > feather, 0, share**2 * (3 - 2 * share))
    assert np.abs(weight - expected).max() < 1e-6


# -- the patches of a run


def test_a_patch_is_made_once_for_a_mask_and_a_region() -> None:
    mask = np.zeros((40, 60), bool)
    mask[10:20, 30:40] = True
    whole, part = Region(0, 0, 60, 40, 60, 40), Region(20, 0, 40, 40, 40, 40)
    made = patch.Patches(4, True, 0)

    first = made.of(mask, whole)

    assert first[:4] == (26, 6, 44, 24)
    assert made.of(mask, whole) is first
    assert made.of(mask, part) is not first
    assert np.array_equal(made.of(mask.copy(), whole).weight, first.weight)


def test_of_a_video_only_a_few_patches_are_kept() -> None:
    frames = [np.roll(np.eye(50, dtype=bool), number, 1) for number in range(30)]
    whole = Region(0, 0, 50, 50, 50, 50)
    made = patch.Patches(2, True, 0)

    first = made.of(frames[0], whole)
    for frame in frames[1:]:
        made.of(frame, whole)

    again = made.of(frames[0], whole)
    assert again is not first
    assert np.array_equal(again.weight, first.weight)
    assert made.of(frames[-1], whole) is made.of(frames[-1], whole)
