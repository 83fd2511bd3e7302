"""Growing, closing, filling and despeckling, beside scipy's and scikit-image's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from harness.drawing import drawn
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage
from skimage import measure
from volc_inpaint.nodes.pixels import morphology

if TYPE_CHECKING:
    Mask = np.ndarray[Any, Any]

exact = settings(derandomize=True, deadline=None, max_examples=150)
some_masks = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))


def blobs(seed: int, height: int = 120, width: int = 150) -> Mask:
    """A few islands with ragged edges, specks and holes."""
    noise = np.random.default_rng(seed).normal(size=(height, width))
    smooth = ndimage.gaussian_filter(noise, 4)
    return (smooth > smooth.std()) ^ (noise > 2.9)


def within(mask: Mask, radius: int) -> Mask:
    """All pixels at most `radius` away, by scipy's exact Euclidean distances."""
    if not mask.any():
        return mask
    return ndimage.distance_transform_edt(~mask) <= radius


# -- grow


@pytest.mark.parametrize("radius", [1, 2, 3, 5, 10, 32, 77, 256])
def test_grow_is_the_euclidean_distance(radius: int) -> None:
    for seed in range(3):
        mask = blobs(seed)
        assert np.array_equal(morphology.grow(mask, radius), within(mask, radius))
        assert np.array_equal(morphology.grow(mask, -radius), ~within(~mask, radius))


@exact
@given(some_masks, st.integers(1, 12))
def test_grow_is_the_euclidean_distance_on_random_pixels(mask: Mask, radius: int) -> None:
    assert np.array_equal(morphology.grow(mask, radius), within(mask, radius))
    assert np.array_equal(morphology.grow(mask, -radius), ~within(~mask, radius))


@pytest.mark.parametrize("amount", [10, -10, 1, -1, 64, -64, 256])
def test_a_straight_edge_moves_by_exactly_so_many_pixels(amount: int) -> None:
    upright = np.zeros((5, 700), bool)
    upright[:, 300:400] = True

    columns = np.flatnonzero(morphology.grow(upright, amount)[2])
    rows = np.flatnonzero(morphology.grow(upright.T.copy(), amount)[:, 2])

    expected = (300 - amount, 399 + amount) if amount > -50 else None
    for found in (columns, rows):
        assert ((found[0], found[-1]) if found.size else None) == expected


def test_one_pixel_grows_into_a_disc() -> None:
    mask = np.zeros((7, 7), bool)
    mask[3, 3] = True

    expected = drawn(
        """
        ...#...
        .#####.
        .#####.
        #######
        .#####.
        .#####.
        ...#...
        """
    )
    assert morphology.grow(mask, 3).tolist() == expected.tolist()


def test_nothing_wraps_around_and_the_picture_s_edge_does_not_eat_in() -> None:
    corner = np.zeros((50, 60), bool)
    corner[:10, :10] = True

    grown = morphology.grow(corner, 5)
    assert not grown[20:].any()
    assert not grown[:, 20:].any()
    narrowed = morphology.grow(corner, -5)
    assert narrowed[:5, :5].all()  # as far as it came from the two sides inside the picture
    assert narrowed.sum() == 25


def test_growing_and_narrowing_by_the_same_never_loses_the_original() -> None:
    for seed in range(5):
        mask = blobs(seed)
        for radius in (1, 4, 9, 30):
            back = morphology.grow(morphology.grow(mask, radius), -radius)
            assert not (mask & ~back).any()


@exact
@given(some_masks, st.integers(0, 30))
def test_growing_and_narrowing_by_the_same_never_loses_random_pixels(
    mask: Mask, radius: int
) -> None:
    back = morphology.grow(morphology.grow(mask, radius), -radius)
    assert not (mask & ~back).any()


@pytest.mark.parametrize("radius", [0, 7, -7])
def test_empty_and_full_masks_stay_so_and_inputs_are_never_changed(radius: int) -> None:
    for mask in (np.zeros((9, 9), bool), np.ones((9, 9), bool), blobs(1)):
        before = mask.copy()
        grown = morphology.grow(mask, radius)
        assert np.array_equal(mask, before)
        assert not np.shares_memory(grown, mask)
        if before.all() or not before.any():
            assert np.array_equal(grown, before)


# -- close_gaps


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 8, 15, 16, 33])
def test_a_gap_is_bridged_up_to_exactly_the_width_asked_for(width: int) -> None:
    for gap in range(1, width + 4):
        upright = np.ones((60, 80 + gap), bool)
        upright[:, 40 : 40 + gap] = False
        for mask in (upright, upright.T.copy()):
            closed = morphology.close_gaps(mask, width)
            assert bool(closed.all()) is (gap <= width)
            if gap > width:
                assert np.array_equal(closed, mask)


def disc(radius: int) -> Mask:
    rows, columns = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return rows**2 + columns**2 <= radius**2


def structure(width: int) -> Mask:
    """A disc `width + 1` across; where that is even, one a pixel smaller, widened by a square of 2x2."""
    shape = disc(width // 2)
    if width % 2:
        shape = ndimage.binary_dilation(np.pad(shape, ((0, 1), (0, 1))), np.ones((2, 2)), origin=-1)
    return shape


def closed_by_scipy(mask: Mask, width: int) -> Mask:
    """By definition: all that no copy of the disc can reach without touching the mask."""
    shape, margin = structure(width), 2 * width + 2
    padded = np.pad(mask, margin, mode="edge")
    free = ndimage.binary_erosion(~padded, shape, border_value=1)
    reached = ndimage.binary_dilation(free, shape)
    return ~reached[margin:-margin, margin:-margin] | mask


@pytest.mark.parametrize("width", [1, 2, 3, 6, 7, 12])
def test_closing_is_that_of_scipy_with_a_disc(width: int) -> None:
    for seed in range(3):
        mask = blobs(seed)
        assert np.array_equal(morphology.close_gaps(mask, width), closed_by_scipy(mask, width))


@exact
@given(some_masks, st.integers(0, 20))
def test_closing_random_pixels_is_that_of_scipy_and_keeps_them(mask: Mask, width: int) -> None:
    closed = morphology.close_gaps(mask, width)
    assert not (mask & ~closed).any()
    assert np.array_equal(closed, closed_by_scipy(mask, width) if width else mask)


def test_the_way_to_the_picture_s_edge_is_no_gap() -> None:
    inside = np.zeros((40, 40), bool)
    inside[3:37, 3:37] = True
    at_the_top = np.zeros((40, 40), bool)
    at_the_top[:37, 3:37] = True

    for mask in (inside, at_the_top):
        assert np.array_equal(morphology.close_gaps(mask, 10), mask)


def test_a_gap_that_runs_out_of_the_picture_is_bridged_to_its_end() -> None:
    mask = drawn("##.## ##.## ##.## ##.##")

    assert morphology.close_gaps(mask, 1).all()
    assert morphology.close_gaps(mask, 4).all()


# -- fill_holes


def test_a_hole_is_filled_and_one_open_to_the_picture_s_edge_stays_open() -> None:
    mask = drawn(
        """
        ..####...####
        ..#..#...#...
        ..#..#...#...
        ..####...####
        .............
        ####.........
        ...#......#..
        .#.#.....#.#.
        ...#......#..
        """
    )
    expected = drawn(
        """
        ..####...####
        ..####...#...
        ..####...#...
        ..####...####
        .............
        ####.........
        ...#......#..
        .#.#.....###.
        ...#......#..
        """
    )
    assert morphology.fill_holes(mask).tolist() == expected.tolist()


def test_filling_is_that_of_scipy() -> None:
    for seed in range(5):
        mask = ~blobs(seed)
        assert np.array_equal(morphology.fill_holes(mask), ndimage.binary_fill_holes(mask))


@exact
@given(some_masks)
def test_filling_random_pixels_is_that_of_scipy(mask: Mask) -> None:
    assert np.array_equal(morphology.fill_holes(mask), ndimage.binary_fill_holes(mask))


# -- remove_specks


@pytest.mark.parametrize("area", [1, 2, 5, 40, 1_000_000])
def test_specks_are_removed_as_by_scikit_image(area: int) -> None:
    for seed in range(3):
        mask = blobs(seed)
        expected = np.zeros_like(mask)
        for island in measure.regionprops(measure.label(mask, connectivity=2)):
            if island.area > area:
                expected[tuple(island.coords.T)] = True
        assert np.array_equal(morphology.remove_specks(mask, area), expected)


def test_pixels_that_touch_at_a_corner_are_one_island() -> None:
    mask = drawn("#..#. .#... ..#.. .....")

    assert morphology.remove_specks(mask, 1).tolist() == drawn("#.... .#... ..#.. .....").tolist()
    assert not morphology.remove_specks(mask, 3).any()
    assert morphology.remove_specks(mask, 0).tolist() == mask.tolist()


def test_what_is_near_the_mask_is_a_true_radius_and_does_not_wrap() -> None:
    mask = np.zeros((30, 40), bool)
    mask[0, 0] = mask[20, 39] = True

    wider = morphology.grow(mask, 5)

    assert np.array_equal(wider, ndimage.distance_transform_edt(~mask) <= 5)
