"""Where an answer reaches, and its weight there, worked out by hand and beside scipy's distances."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
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


# -- what of an answer reaches a picture

REGION = Region(5, 3, 40, 20, 40, 20)
PATCH = patch.Patch(15, 7, 35, 15, np.ones((8, 20), np.float32))


def test_without_paste_back_an_answer_reaches_all_of_what_was_sent() -> None:
    mask = np.zeros((50, 60), bool)
    mask[10, 20] = True

    reached = patch.make_patch(mask, Region(6, 5, 39, 23, 39, 23), 8, paste_back=False)

    assert reached[:4] == (6, 5, 45, 28)
    assert reached.weight.shape == (23, 39)
    assert (reached.weight == 1).all()


@pytest.mark.parametrize(
    ("feather", "box"), [(0, (15, 7, 35, 15)), (2, (13, 5, 37, 17)), (30, (5, 3, 45, 23))]
)
def test_with_it_the_mask_s_box_and_the_feather_within_what_was_sent(
    feather: int, box: tuple[int, int, int, int]
) -> None:
    mask = np.zeros((50, 60), bool)
    mask[7:15, 15:35] = True

    assert patch.make_patch(mask, REGION, feather)[:4] == box


def test_an_answer_of_the_size_that_was_sent_is_cut_pixel_by_pixel() -> None:
    answer = np.random.default_rng(0).integers(0, 256, (20, 40, 3)).astype(np.uint8)

    piece = np.asarray(patch.cut(Image.fromarray(answer), REGION, PATCH))

    assert np.array_equal(piece, answer[4:12, 10:30])


@pytest.mark.parametrize("scale", [(2, 2), (0.5, 0.5), (3, 1)])
def test_of_an_answer_of_another_size_the_same_place_is_cut(scale: tuple[float, float]) -> None:
    # quarters of four greys meet at 20, 8 of what was sent, which is 10, 4 of the patch
    quarters = np.kron([[0, 80], [160, 240]], np.ones((8, 20)))[:, :, None].repeat(3, 2)
    sent = np.concatenate([quarters, quarters[-4:]]).astype(np.uint8)
    size = (round(40 * scale[0]), round(20 * scale[1]))
    answer = Image.fromarray(sent).resize(size, Image.Resampling.NEAREST)

    piece = np.asarray(patch.cut(answer, REGION, PATCH))[..., 0].astype(int)

    assert piece.shape == (8, 20)
    for rows, columns, grey in (
        (np.s_[:2], np.s_[:7], 0),
        (np.s_[:2], np.s_[13:], 80),
        (np.s_[6:], np.s_[:7], 160),
        (np.s_[6:], np.s_[13:], 240),
    ):
        assert np.abs(piece[rows, columns] - grey).max() <= 12


def test_where_the_service_paints_beyond_the_mask_the_patch_reaches_as_far() -> None:
    mask = np.zeros((40, 40), bool)
    mask[20, 20] = True
    # sent at twice its size, so that 6 px of what was sent are 3 of the picture
    enlarged = Region(0, 0, 40, 40, 80, 80)

    reached = patch.Patches(2, True, 6).of(mask, enlarged)

    assert reached[:4] == (15, 15, 26, 26)
    assert (reached.weight == 1).sum() == (ndimage.distance_transform_edt(~mask) <= 3).sum()
