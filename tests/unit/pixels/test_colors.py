"""The drift of an answer's colours: what is found, what is taken out, and what is left alone."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import skimage.data
from PIL import Image
from volc_inpaint.nodes.pixels import colors


def photograph() -> np.ndarray[Any, Any]:
    """The astronaut, [512, 512, 3] uint8."""
    return np.asarray(skimage.data.astronaut())


def middle(height: int = 512, width: int = 512) -> np.ndarray[Any, Any]:
    """A mask of a quarter of the picture, in its middle."""
    mask = np.zeros((height, width), bool)
    mask[height // 4 : -height // 4, width // 4 : -width // 4] = True
    return mask


def levels(values: np.ndarray[Any, Any]) -> Image.Image:
    """A picture of values 0..255, rounded and clamped."""
    return Image.fromarray(np.rint(values.clip(0, 255)).astype(np.uint8))


def taken_out(
    sent: np.ndarray[Any, Any], mask: np.ndarray[Any, Any], answer: Image.Image
) -> np.ndarray[Any, Any]:
    """The whole answer with its drift taken out, in levels."""
    drift = colors.ground(sent, mask).drift(answer)
    assert drift is not None
    return drift.corrected(np.asarray(answer), (1, 1), (0, 0, 1, 1)) * 255


def test_an_answer_without_drift_is_left_alone():
    sent = photograph()

    assert None is colors.ground(sent, middle()).drift(Image.fromarray(sent))


@pytest.mark.parametrize("quality", [75, 92])
def test_what_a_jpeg_does_to_a_photograph_is_no_drift(quality):
    sent, buffer = photograph(), io.BytesIO()
    Image.fromarray(sent).save(buffer, "JPEG", quality=quality)

    assert None is colors.ground(sent, middle()).drift(Image.open(buffer))


def test_a_cast_is_taken_out_of_each_channel_by_its_own_amount():
    sent = photograph().clip(10, 245)
    answer = levels(sent + np.array([4.0, -3.0, 0.0]))

    result = taken_out(sent, middle(), answer)

    # whole levels were added to bytes, so nothing but the fit can err
    assert 0.1 > np.abs(result - sent)[..., :2].max()
    # the channel without a drift is untouched, to the bit
    assert np.array_equal(
        np.asarray(answer, np.float32)[..., 2] / np.float32(255), (result / 255)[..., 2]
    )


DRIFTS = {
    "contrast": lambda values: 127.5 + (values - 127.5) * 0.93,
    "gamma": lambda values: 255 * (values / 255) ** 0.92,
    "a gradient": lambda values: values + np.linspace(-6, 6, 512)[None, :, None],
    "light from below": lambda values: values * np.linspace(0.95, 1.02, 512)[:, None, None],
}


@pytest.mark.parametrize("name", DRIFTS)
def test_a_drift_by_value_or_place_is_taken_out_of_the_masked_part(name):
    sent, mask = photograph().clip(8, 240), middle()
    drifted = DRIFTS[name](sent.astype(np.float64))

    error = np.abs(taken_out(sent, mask, levels(drifted)) - sent)[mask]

    # half a level is lost by the answer's rounding
    assert 1.0 > error.mean()
    assert 3.0 > error.max()
    assert error.mean() < 0.4 * np.abs(drifted - sent)[mask].mean()


def test_a_shadow_painted_beside_the_mask_is_no_drift():
    sent, mask = photograph().clip(60, 245), middle()
    shaded = sent.astype(np.float64)
    shaded[384:500, 100:420] -= 40

    assert None is colors.ground(sent, mask).drift(levels(shaded))
    assert 0.1 > np.abs(taken_out(sent, mask, levels(shaded + 3)) - sent)[mask].mean()


def test_a_soft_shadow_on_a_flat_wall_does_not_pass_for_a_drift_of_dark_values():
    wall = np.full((512, 512, 3), 190, np.uint8)
    depth = np.clip(np.linspace(-60, 60, 512), 0, 40)[:, None, None]
    shaded = np.where(np.arange(512)[:, None, None] > 400, wall - depth, wall)

    assert None is colors.ground(wall, middle()).drift(levels(shaded))


def test_on_a_flat_wall_its_own_values_are_corrected_and_those_never_seen_are_not():
    wall = np.full((256, 256, 3), 200, np.uint8)
    drift = colors.ground(wall, middle(256, 256)).drift(levels(wall + 3.0))
    assert drift is not None

    ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    change = drift.corrected(ramp, (1, 1), (0, 0, 1, 1))[:, 0] * 255 - ramp[:, 0]

    assert np.abs(change[203] + 3).max() < 0.05
    # half way to where the correction ends, 64 levels below what was seen
    assert np.abs(change[200 - 32 + 1] + 1.5).max() < 0.1
    assert 0 == np.abs(change[:136]).max()


def test_too_little_that_is_not_masked_tells_nothing():
    sent = photograph()
    mask = np.ones((512, 512), bool)
    mask[:4, :150] = False  # 37 cells

    assert None is colors.ground(sent, mask).drift(levels(sent + 5.0))


def test_a_frame_of_five_percent_is_enough():
    sent, mask = photograph().clip(10, 245), np.zeros((512, 512), bool)
    mask[6:-6, 6:-6] = True

    assert 0.5 > np.abs(taken_out(sent, mask, levels(sent + 4.0)) - sent)[mask].mean()


def test_another_picture_is_no_drift():
    other = Image.fromarray(skimage.data.coffee()).resize((512, 512))

    assert None is colors.ground(photograph(), middle()).drift(other)


def test_a_drift_below_half_a_level_is_left_alone():
    sent = photograph().clip(10, 245)
    dithered = np.random.default_rng(3).random(sent.shape) < 0.35

    assert None is colors.ground(sent, middle()).drift(levels(sent + dithered * 1.0))


def test_white_paper_that_became_no_whiter_tells_nothing_of_a_lighter_cast():
    paper = np.full((256, 256, 3), 255, np.uint8)

    assert None is colors.ground(paper, middle(256, 256)).drift(levels(paper + 4.0))


def test_an_answer_of_another_size_is_measured_alike():
    sent = photograph().clip(10, 245)
    small = levels(sent + 5.0).resize((300, 300), Image.Resampling.LANCZOS)

    change = taken_out(sent, middle(), small) - np.asarray(small)

    seen = (np.asarray(small) > 30) & (np.asarray(small) < 240)
    assert 0.3 > np.abs(change[seen] + 5).max()


def test_a_piece_is_corrected_as_it_is_within_the_whole():
    sent = photograph()[:384]
    slope = np.linspace(-6, 6, 512)[None, :, None] + np.linspace(5, -5, 384)[:, None, None]
    answer = levels(sent + slope)
    drift = colors.ground(sent, middle(384, 512)).drift(answer)
    assert drift is not None

    whole = drift.corrected(np.asarray(answer), (1, 1), (0, 0, 1, 1))
    piece = drift.corrected(np.asarray(answer)[128:200, 64:320], (512, 384), (64, 128, 320, 200))

    assert np.allclose(whole[128:200, 64:320], piece, atol=1e-6)
    assert 0.5 > np.abs(whole * 255 - sent)[middle(384, 512)].mean()


@pytest.mark.parametrize(("margin", "cells"), [(0, 0), (1, 1), (4, 1), (5, 2), (12, 3)])
def test_what_counts_is_all_that_is_further_from_the_mask_than_the_margin(margin, cells):
    # 128x12 cells of 4 px; of two of them a column is masked
    mask = np.zeros((48, 512), bool)
    mask[23:27, 303] = True

    ground = colors.ground(photograph()[:48], mask, margin)

    counts = np.ones((12, 128), bool)
    counts[5 - cells : 7 + cells, 75 - cells : 76 + cells] = False
    assert np.array_equal(np.flatnonzero(counts), ground.cells)


def test_what_the_service_repaints_around_the_mask_does_not_count():
    sent = photograph().clip(10, 200)
    wider = np.zeros((512, 512), bool)
    wider[20:-20, 20:-20] = True
    inner = np.zeros((512, 512), bool)
    inner[48:-48, 48:-48] = True
    # all of what lies within 28 px of the mask was repainted lighter
    answer = levels(np.where(wider[..., None], sent + 30.0, sent))

    assert None is not colors.ground(sent, inner).drift(answer)
    assert None is colors.ground(sent, inner, margin=28).drift(answer)
