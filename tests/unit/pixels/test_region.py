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


@pytest.mark.parametrize("turned", range(4))
def test_a_feather_that_is_cut_off_at_one_side_only_is_said(turned: int) -> None:
    # from one side of the picture to 6 px before where what is sent ends
    mask = np.rot90(masked(5000, 5000, (0, 2000, 4090, 2010)), turned)

    assert region.plan(mask, "crop", LIMITS, 6).notes == ()
    (note,) = region.plan(mask, "crop", LIMITS, 7).notes
    assert "feather ends at the edge" in note.english


@pytest.mark.parametrize("turned", range(4))
def test_a_feather_beyond_the_picture_takes_nothing_along(turned: int) -> None:
    # 5000 from the picture's side, and 50 more at the other
    mask = np.rot90(masked(9000, 9000, (0, 3000, 5000, 4000)), turned)

    plan = region.plan(mask, "crop", LIMITS, 50)

    assert (plan.width, plan.height) == (5050, 5050)
    # the long side begins where the mask does; the short one is centred, 3500 - 2525
    expected = [
        (0, 975),
        (975, 9000 - 5050),
        (9000 - 5050, 9000 - 5050 - 975),
        (9000 - 5050 - 975, 0),
    ]
    assert (plan.x, plan.y) == expected[turned]


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
        (12000, 100, "crop", (0, 0, 12000, 9), ("sent as 4096x34", "below 64", "at most 6400 px")),
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


def test_nobody_who_has_fit_at_crop_is_told_to_set_it_to_crop() -> None:
    for fit in ("crop", "downscale"):
        with pytest.raises(InputError) as caught:
            region.plan(masked(70, 9000, (0, 0, 9000, 70)), fit, LIMITS, 8)

        assert ("Set fit to crop" in caught.value.text.english) is (fit == "downscale")
        assert ("fit 设为 crop" in caught.value.text.chinese) is (fit == "downscale")
        # 70 * 4096 / 64
        assert "4480 px" in caught.value.text.english
    region.plan(masked(70, 9000, (1000, 0, 1000 + 4480, 70)), "crop", LIMITS, 0)


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


CLOSE_UPS = {
    # (width, height), masked boxes, context, part (x, y, width, height), sent (width, height)
    # 260 + 16 by 200 + 16, twice: 552x432 about (1130, 1100); 432 * 1024 / 552 = 801.4
    "in the middle": (
        (4000, 3000),
        [(1000, 1000, 1260, 1200)],
        2,
        (854, 884, 552, 432),
        (1024, 801),
    ),
    # the box and its reach, no more
    "context 1": ((4000, 3000), [(1000, 1000, 1260, 1200)], 1, (992, 992, 276, 216), (1024, 801)),
    # 2760x2160 is larger than what is painted best, and stays as it is
    "context 10": (
        (4000, 3000),
        [(1700, 1300, 1960, 1500)],
        10,
        (450, 320, 2760, 2160),
        (2760, 2160),
    ),
    # 392 up and down from 1100 - 8 is beyond the top: as wide as it is, and moved into the picture
    "top left corner": ((4000, 3000), [(0, 0, 100, 100)], 3, (0, 0, 348, 348), (1024, 1024)),
    "bottom right corner": (
        (4000, 3000),
        [(3900, 2900, 4000, 3000)],
        3,
        (3652, 2652, 348, 348),
        (1024, 1024),
    ),
    "right edge": (
        (4000, 3000),
        [(3950, 1000, 4000, 1100)],
        2,
        (3868, 934, 132, 232),
        (583, 1024),
    ),
    # 17 px, and the interface takes no fewer than 64
    "one pixel": ((4000, 3000), [(2000, 1500, 2001, 1501)], 1, (1968, 1468, 64, 64), (1024, 1024)),
    "one pixel in a corner": (
        (4000, 3000),
        [(0, 2999, 1, 3000)],
        1,
        (0, 2936, 64, 64),
        (1024, 1024),
    ),
    # 916 wide, so 306 high instead of 26: no more than 3 to 1; 306 * 1024 / 916 = 342.1
    "a thin line": ((4000, 3000), [(100, 2000, 1000, 2010)], 1, (92, 1852, 916, 306), (1024, 342)),
    # 900 high, so 300 wide; 300 * 1024 / 900 = 341.3
    "a thin line upright": (
        (3000, 4000),
        [(2000, 100, 2010, 984)],
        1,
        (1855, 92, 300, 900),
        (341, 1024),
    ),
    "a small picture": ((300, 200), [(100, 100, 110, 110)], 10, (0, 0, 260, 200), (1024, 788)),
    "islands": (
        (4000, 3000),
        [(100, 100, 300, 300), (310, 200, 500, 400)],
        1,
        (92, 92, 416, 316),
        (1024, 778),
    ),
}


@pytest.mark.parametrize("name", CLOSE_UPS)
def test_a_close_up_is_so_many_times_the_mask_and_enlarged_to_what_is_painted_best(
    name: str,
) -> None:
    (width, height), boxes, context, box, sent = CLOSE_UPS[name]
    mask = masked(height, width, *boxes)

    part = region.close_up(mask, "crop", LIMITS, reach=8, context=context, best_side=1024)

    assert part == Region(*box, *sent)


def close(
    size: tuple[int, int],
    boxes: list[tuple[int, int, int, int]],
    fit: str = "crop",
    context: float = 2,
) -> Region:
    """A close-up in a picture of a size (width, height), with a reach of 8."""
    mask = masked(size[1], size[0], *boxes)
    return region.close_up(mask, fit, LIMITS, reach=8, context=context, best_side=1024)


def test_the_scale_is_what_is_sent_for_each_pixel() -> None:
    part = close((4000, 3000), [(1000, 1000, 1260, 1200)])

    assert 1024 / 552 == part.scale
    assert 1 == region.plan(masked(100, 100, (1, 1, 2, 2)), "crop", LIMITS, 8).scale


def test_a_close_up_beyond_the_limits_has_less_around_the_mask() -> None:
    # 3016 twice is 6032
    part = close((9000, 9000), [(3000, 3000, 6000, 6000)])

    assert part == Region(2452, 2452, 4096, 4096, 4096, 4096)


def test_a_mask_larger_than_the_limits_is_sent_smaller_with_all_its_reach() -> None:
    # 5016 wide, and as high as the limits allow: 4096 of 5016 is 3345 of 4096
    part = close((12000, 9000), [(3000, 4000, 8000, 6000)])

    assert part.box == (2992, 2984, 5016, 4032)
    assert (part.sent_width, part.sent_height) == (4096, 3292)
    assert "4096x3292 instead of 5016x4032" in part.notes[0].english


def test_with_fit_downscale_the_close_up_is_kept_and_sent_smaller() -> None:
    part = close((9000, 9000), [(3000, 3000, 6000, 6000)], "downscale")

    assert part.box == (1484, 1484, 6032, 6032)
    assert (part.sent_width, part.sent_height) == (4096, 4096)


def test_with_fit_error_only_the_close_up_must_keep_to_the_limits() -> None:
    assert close((9000, 9000), [(3000, 3000, 3100, 3100)], "error").box == (2934, 2934, 232, 232)
    with pytest.raises(InputError, match="6032x6032; the interface takes no side above 4096 px"):
        close((9000, 9000), [(3000, 3000, 6000, 6000)], "error")


def test_a_picture_that_is_too_small_is_refused_close_up_too() -> None:
    with pytest.raises(InputError, match="63x200"):
        close((63, 200), [(0, 0, 9, 9)])


def test_islands_far_apart_are_sent_in_one_box_and_that_is_said() -> None:
    # 3100 by 2100 and their reach
    part = close((4000, 3000), [(100, 100, 200, 200), (3100, 2100, 3200, 2200)], context=1)

    assert part.box == (92, 92, 3116, 2116)
    (note,) = part.notes
    assert "2 parts far apart" in note.english
    assert "one after the other" in note.english
    assert "2 个相距较远" in note.chinese


def test_nothing_is_said_of_islands_side_by_side_or_of_a_ring() -> None:
    assert () == close((900, 900), [(100, 100, 200, 200), (210, 100, 310, 200)]).notes

    ring = masked(900, 900, (100, 100, 500, 500))
    ring[110:490, 110:490] = False
    part = region.close_up(ring, "crop", LIMITS, reach=8, context=1, best_side=1024)
    assert () == part.notes


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.data())
def test_any_close_up_holds_the_mask_with_its_reach_and_keeps_to_the_limits(
    data: st.DataObject,
) -> None:
    limits = Limits(min_side=4, max_side=32)
    width, height = data.draw(st.integers(4, 90)), data.draw(st.integers(4, 90))
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    right = data.draw(st.integers(left + 1, min(width, left + 30)))
    bottom = data.draw(st.integers(top + 1, min(height, top + 30)))
    reach, context = data.draw(st.integers(0, 5)), data.draw(st.floats(1, 10))
    fit = data.draw(st.sampled_from(("crop", "downscale")))
    mask = masked(height, width, (left, top, right, bottom))

    try:
        part = region.close_up(mask, fit, limits, reach=reach, context=context, best_side=20)
    except InputError:  # a strip
        assert min(width, height) < 90 / 8
        return

    assert 0 <= part.x <= max(0, left - reach)
    assert 0 <= part.y <= max(0, top - reach)
    assert min(width, right + reach) <= part.x + part.width <= width
    assert min(height, bottom + reach) <= part.y + part.height <= height
    assert 4 <= min(part.sent_width, part.sent_height)
    assert min(20, 32) <= max(part.sent_width, part.sent_height) <= 32


def test_a_close_up_is_enlarged_and_its_mask_with_it() -> None:
    pixels = np.full((300, 300, 3), 90, np.uint8)
    pixels[100:132, 100:132] = 200
    mask = masked(300, 300, (100, 100, 132, 132))

    part = region.close_up(mask, "crop", LIMITS, reach=16, context=1, best_side=1024)
    sent, white = part.picture(pixels[part.slices]), part.mask(mask)

    # 64 px around 32, sixteen times as large
    assert part == Region(84, 84, 64, 64, 1024, 1024)
    assert sent.shape == (1024, 1024, 3)
    assert {200} == set(np.unique(sent[320:-320, 320:-320]))
    assert {90} == set(np.unique(np.delete(sent, range(200, 824), 0)))
    # its edges are where they were, its corners rounded within half a pixel of before
    expected = masked(1024, 1024, (256, 256, 768, 768))
    assert np.array_equal(expected[264:760], white[264:760])
    assert np.array_equal(expected[:, 264:760], white[:, 264:760])
    assert not (white & ~expected).any()
