"""What is sent of pictures within and beyond the interface's limits, by coordinates worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from volc_inpaint.nodes.pixels import region
from volc_inpaint.nodes.pixels.region import Limits, Region
from volc_inpaint.nodes.words import InputError

LIMITS = Limits(64, 4096)  # of https://www.volcengine.com/docs/86081/1804490


def masked(height: int, width: int, *boxes: tuple[int, int, int, int]) -> np.ndarray[Any, Any]:
    """[H, W] bool, True in the boxes (left, top, right, bottom)."""
    mask = np.zeros((height, width), bool)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = True
    return mask


@pytest.mark.parametrize("fit", region.FITS)
@pytest.mark.parametrize(("width", "height"), [(64, 64), (65, 4096), (4096, 4096)])
def test_within_the_limits_all_of_it_is_sent_as_it_is(fit: str, width: int, height: int) -> None:
    plan = region.plan(masked(height, width, (3, 3, 9, 9)), fit, LIMITS, 8)

    assert plan == Region(0, 0, width, height, width, height)


CROPS = {
    # (width, height), masked boxes, feather, (x, y, width, height)
    "a corner, top left": ((12000, 9000), [(0, 0, 50, 50)], 8, (0, 0, 4096, 4096)),
    "a corner, bottom right": (
        (12000, 9000),
        [(11990, 8990, 12000, 9000)],
        8,
        (7904, 4904, 4096, 4096),
    ),
    "one pixel": ((12000, 9000), [(6000, 4500, 6001, 4501)], 8, (3952, 2452, 4096, 4096)),
    "near the right edge": ((12000, 9000), [(9900, 100, 10000, 200)], 0, (7902, 0, 4096, 4096)),
    "two that fit together": (
        (12000, 9000),
        [(2000, 1000, 2010, 1010), (6000, 5000, 6010, 5010)],
        0,
        (1957, 957, 4096, 4096),
    ),
    "as large as the limit": (
        (12000, 9000),
        [(1000, 1000, 5096, 5096)],
        0,
        (1000, 1000, 4096, 4096),
    ),
    "one column too many, mask left": ((4097, 100), [(0, 0, 10, 10)], 8, (0, 0, 4096, 100)),
    "one column too many, mask right": ((4097, 100), [(4090, 0, 4097, 9)], 8, (1, 0, 4096, 100)),
    "upright": ((100, 9000), [(0, 8000, 100, 8001)], 8, (0, 4904, 100, 4096)),
}


@pytest.mark.parametrize("name", CROPS)
def test_crop_sends_as_much_around_the_mask_as_the_limits_allow_at_full_resolution(
    name: str,
) -> None:
    (width, height), boxes, feather, box = CROPS[name]

    plan = region.plan(masked(height, width, *boxes), "crop", LIMITS, feather)

    assert plan == Region(*box, box[2], box[3])


def test_two_masks_too_far_apart_are_sent_smaller_and_that_is_said() -> None:
    mask = masked(9000, 12000, (100, 100, 101, 101), (11000, 8000, 11001, 8001))

    plan = region.plan(mask, "crop", LIMITS, 0)

    # 10901 wide and, as that is more than there is, all of the height; 9000 * 4096 / 10901 = 3381.7
    assert plan.box == (100, 0, 10901, 9000)
    assert (plan.sent_width, plan.sent_height) == (4096, 3382)
    (note,) = plan.notes
    assert "4096x3382 instead of 10901x9000" in note.english
    assert "清晰度" in note.chinese


def test_a_mask_too_large_for_the_limits_takes_its_feather_along() -> None:
    plan = region.plan(masked(9000, 12000, (1000, 1000, 6000, 2000)), "crop", LIMITS, 50)

    # 5000 + 2 * 50, as square as the picture allows; 5100 is 4096 when sent
    assert plan.box == (950, 0, 5100, 5100)
    assert (plan.sent_width, plan.sent_height) == (4096, 4096)
    assert len(plan.notes) == 1


def test_a_feather_that_the_limits_cut_off_is_said() -> None:
    plan = region.plan(masked(5000, 5000, (400, 400, 4480, 4480)), "crop", LIMITS, 20)

    # 4080 of 4096: 8 px are left on each side
    assert plan.box == (392, 392, 4096, 4096)
    (note,) = plan.notes
    assert "feather ends at the edge" in note.english


def test_a_mask_over_all_of_a_picture_one_column_too_wide_is_sent_one_column_smaller() -> None:
    plan = region.plan(masked(100, 4097, (0, 0, 4097, 100)), "crop", LIMITS, 8)

    assert plan.box == (0, 0, 4097, 100)
    assert (plan.sent_width, plan.sent_height) == (4096, 100)


@pytest.mark.parametrize(
    ("width", "height", "sent"),
    [
        (12000, 9000, (4096, 3072)),
        (4097, 100, (4096, 100)),
        (100, 4097, (100, 4096)),
        (8192, 8192, (4096, 4096)),
        (6000, 4000, (4096, 2731)),
    ],
)
def test_downscale_sends_all_of_it(width: int, height: int, sent: tuple[int, int]) -> None:
    plan = region.plan(masked(height, width, (5, 5, 6, 6)), "downscale", LIMITS, 8)

    assert plan.box == (0, 0, width, height)
    assert (plan.sent_width, plan.sent_height) == sent
    assert f"{sent[0]}x{sent[1]}" in plan.notes[0].english


@pytest.mark.parametrize(
    ("width", "height", "fit", "box", "words"),
    [
        (63, 200, "crop", (0, 0, 9, 9), ("63x200", "below 64 px", "Upscale")),
        (200, 63, "downscale", (0, 0, 9, 9), ("200x63", "below 64 px")),
        (1, 1, "error", (0, 0, 1, 1), ("1x1", "below 64 px")),
        (4097, 100, "error", (0, 0, 9, 9), ("4097x100", "above 4096 px", "crop")),
        (12000, 9000, "error", (0, 0, 9, 9), ("12000x9000", "above 4096 px")),
        # 100 * 4096 / 12000 = 34
        (12000, 100, "downscale", (0, 0, 9, 9), ("sent as 4096x34", "below 64", "crop")),
        (12000, 100, "crop", (0, 0, 12000, 9), ("sent as 4096x34", "below 64")),
    ],
)
def test_what_cannot_be_sent_is_an_error_that_names_size_and_limit(
    width: int, height: int, fit: str, box: tuple[int, int, int, int], words: tuple[str, ...]
) -> None:
    with pytest.raises(InputError) as caught:
        region.plan(masked(height, width, box), fit, LIMITS, 0)

    english, chinese = str(caught.value).split("\n")
    for word in words:
        assert word in english
    assert "接口要求" in chinese


SMALL = Limits(min_side=4, max_side=32)


@settings(derandomize=True, deadline=None, max_examples=400)
@given(st.data())
def test_any_crop_holds_the_mask_fills_the_limits_and_is_centred_or_at_an_edge(
    data: st.DataObject,
) -> None:
    width, height = data.draw(st.integers(32, 90)), data.draw(st.integers(32, 90))
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    right = data.draw(st.integers(left + 1, min(width, left + 50)))
    bottom = data.draw(st.integers(top + 1, min(height, top + 50)))

    plan = region.plan(masked(height, width, (left, top, right, bottom)), "crop", SMALL, 0)

    assert 0 <= plan.x <= left
    assert 0 <= plan.y <= top
    assert right <= plan.x + plan.width <= width
    assert bottom <= plan.y + plan.height <= height
    assert 4 <= min(plan.sent_width, plan.sent_height)
    assert max(plan.sent_width, plan.sent_height) <= 32
    if max(right - left, bottom - top) <= 32:
        assert (plan.width, plan.height) == (plan.sent_width, plan.sent_height) == (32, 32)
    else:
        # no smaller than the mask asks for
        assert max(plan.width, plan.height) == max(right - left, bottom - top)
    for start, size, low, high, length in (
        (plan.x, plan.width, left, right, width),
        (plan.y, plan.height, top, bottom, height),
    ):
        before, after = low - start, start + size - high
        assert abs(before - after) <= 1 or start == 0 or start + size == length


def test_what_is_sent_is_the_picture_s_own_pixels() -> None:
    # every pixel tells its place
    rows, columns = np.mgrid[:90, :120]
    pixels = np.stack([rows, columns, rows + columns], -1).astype(np.uint8)
    mask = masked(90, 120, (100, 70, 105, 75))

    plan = region.plan(mask, "crop", SMALL, 0)

    assert plan.box == (86, 56, 32, 32)
    assert np.array_equal(plan.picture(pixels[plan.slices]), pixels[56:88, 86:118])
    assert np.array_equal(plan.mask(mask), mask[56:88, 86:118])


def test_a_thin_line_of_the_mask_survives_being_sent_smaller() -> None:
    mask = masked(9000, 12000, (0, 4321, 12000, 4322))

    plan = region.plan(mask, "downscale", LIMITS, 0)
    sent = plan.mask(mask)

    assert sent.shape == (3072, 4096)
    assert sent.any(axis=0).all()
    assert sent.any(axis=1).sum() <= 2
