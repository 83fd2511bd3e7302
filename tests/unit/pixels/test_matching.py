"""Masks matched to their pictures, in number and in size, beside pixels worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from harness.drawing import drawn
from volc_inpaint.nodes.pixels import masks, matching
from volc_inpaint.nodes.words import InputError

SHAPE = drawn(
    """
    ......
    .##...
    .##..#
    .....#
    """
)
ONES = torch.from_numpy(SHAPE.astype(np.float32))


def picture(height: int = 4, width: int = 6, count: int = 1) -> torch.Tensor:
    return torch.zeros((count, height, width, 3))


def test_one_mask_serves_every_picture() -> None:
    layers = matching.prepare(masks.read(ONES), picture(count=3))

    assert [layer.tolist() for layer in layers] == [SHAPE.tolist()] * 3


def test_as_many_masks_as_pictures_make_pairs() -> None:
    second = torch.zeros((4, 6))
    second[0, 0] = 1

    layers = matching.prepare(masks.read(torch.stack([ONES, second])), picture(count=2))

    assert [layer.tolist() for layer in layers] == [SHAPE.tolist(), (second > 0).tolist()]


def test_of_a_batch_some_masks_may_be_empty_whatever_their_size() -> None:
    stack = torch.zeros((3, 2, 3))
    stack[1, 0, 0] = 1

    layers = matching.prepare(masks.read(stack), picture(count=3))

    assert [layer.shape for layer in layers] == [(4, 6)] * 3
    assert [layer.any() for layer in layers] == [False, True, False]


@pytest.mark.parametrize("size", [(128, 128), (64, 65), (300, 451)])
def test_load_image_s_placeholder_inverted_is_refused(size: tuple[int, int]) -> None:
    given = masks.read(torch.ones((1, 64, 64)))

    with pytest.raises(InputError, match="placeholder") as caught:
        matching.prepare(given, picture(*size))

    assert f"{size[1]}x{size[0]}" in caught.value.text.english
    assert "占位遮罩" in caught.value.text.chinese
    assert "stretch" not in str(caught.value)


def test_a_mask_of_64x64_that_masks_a_part_is_one_like_any_other() -> None:
    mask = torch.zeros((64, 64))
    mask[:32] = 1

    (layer,) = matching.prepare(masks.read(mask), picture(128, 128))

    assert layer[:64].all()
    assert not layer[64:].any()


@pytest.mark.parametrize("size", [(64, 65), (32, 32), (100, 150)])
def test_all_of_a_picture_may_be_masked_by_a_mask_of_another_size(size: tuple[int, int]) -> None:
    height, width = 2 * size[0], 2 * size[1]

    (layer,) = matching.prepare(masks.read(torch.ones((1, *size))), picture(height, width))

    assert layer.shape == (height, width)
    assert layer.all()


def test_all_of_a_picture_of_64x64_may_be_masked() -> None:
    (layer,) = matching.prepare(masks.read(torch.ones((1, 64, 64))), picture(64, 64))

    assert layer.all()


def test_several_masks_of_one_picture_are_united_and_one_of_them_may_be_empty() -> None:
    first = drawn("##.... ...... ...... ......")
    last = drawn("...... ...... ...... .....#")
    stack = torch.from_numpy(np.stack([first, np.zeros_like(first), last]))

    (layer,) = matching.prepare(masks.read(stack), picture())

    assert layer.tolist() == drawn("##.... ...... ...... .....#").tolist()


# -- size

DIAGONAL = drawn(
    """
    #.......
    .#......
    ..#.....
    ...#....
    """
)


@pytest.mark.parametrize(
    ("mask", "height", "width", "expected"),
    [
        # down by maximum: every block that holds a masked pixel is masked
        (DIAGONAL, 2, 4, "#... .#.."),
        (drawn("........ .......# ........ ........"), 2, 4, "...# ...."),
        (drawn("........ ........ ........ ######## "), 2, 4, ".... ####"),
        # three pixels into two: the middle one belongs to both
        (drawn("... .#. ..."), 2, 2, "## ##"),
        # up: the edge stays halfway between the two pixels it ran between
        (drawn("##.. ##.."), 4, 8, "####.... ####.... ####.... ####...."),
        # 9/16 of the corner's inner pixel comes from the masked one
        (drawn("#. .."), 4, 4, "##.. ##.. .... ...."),
        # along an edge 1, 1, 2/3, 1/3, 0, 0, and their product within: 4/9 is too little
        (drawn("#. .."), 6, 6, "###... ###... ##.... ...... ...... ......"),
        # a speck is 7/10 at the nearest along each axis, 49/100 in both: too little, so the nearest keeps it
        (drawn(".... .#.. .... ...."), 5, 5, "..... .#... ..... ..... ....."),
        (drawn("## ##"), 6, 6, "###### ###### ###### ###### ###### ######"),
        # along one axis only, as stretch may
        (drawn("#."), 2, 4, "##.. ##.."),
        (drawn("#... .... ...."), 3, 8, "##...... ........ ........"),
        (drawn("........ ...#...."), 4, 4, ".... .... .#.. .#.."),
        (SHAPE, 4, 6, "...... .##... .##..# .....#"),
    ],
)
def test_a_mask_is_resized_as_worked_out_by_hand(
    mask: np.ndarray[Any, Any], height: int, width: int, expected: str
) -> None:
    assert matching.resize(mask, height, width).tolist() == drawn(expected).tolist()
    assert matching.resize(mask.T, width, height).T.tolist() == drawn(expected).tolist()


@pytest.mark.parametrize(
    ("small", "large"), [((100, 150), (37, 56)), ((64, 64), (640, 640)), ((3, 3), (1000, 1000))]
)
def test_a_single_pixel_survives_any_resize(small: tuple[int, int], large: tuple[int, int]) -> None:
    for y, x in ((0, 0), (small[0] // 2, small[1] // 2), (small[0] - 1, small[1] - 1)):
        mask = np.zeros(small, bool)
        mask[y, x] = True
        resized = matching.resize(mask, *large)
        # it is where it was: its scaled centre lies within a scaled pixel of something masked
        rows, columns = np.nonzero(resized)
        scale = max(large[0] / small[0], 1)
        centre = ((y + 0.5) * large[0] / small[0], (x + 0.5) * large[1] / small[1])
        distances = np.hypot(rows + 0.5 - centre[0], columns + 0.5 - centre[1])
        assert distances.min() <= scale
        # and nothing else is masked
        assert distances.max() <= 1.5 * scale


@pytest.mark.parametrize(
    ("mask", "image", "same"),
    [
        ((512, 768), (1024, 1536), True),
        ((341, 512), (683, 1024), True),  # 683 / 2 = 341.5, rounded either way
        ((342, 512), (683, 1024), True),
        ((300, 451), (75, 113), True),
        ((64, 64), (683, 1024), False),
        ((512, 512), (512, 513), False),
        ((1024, 683), (683, 1024), False),
        ((340, 512), (683, 1024), False),
        ((300, 452), (75, 112), False),  # 113 exactly
        ((300, 455), (75, 114), True),  # 113.75
        ((300, 455), (75, 112), False),
    ],
)
def test_only_a_difference_of_scale_is_resized(
    mask: tuple[int, int], image: tuple[int, int], same: bool
) -> None:
    assert matching.same_aspect(*mask, *image) is same
    assert matching.same_aspect(*image, *mask) is same


def test_a_mask_of_half_the_size_is_fitted_to_its_picture() -> None:
    (layer,) = matching.prepare(masks.read(ONES), picture(8, 12))

    assert layer.shape == (8, 12)
    assert layer[2:6, 2:6].all()
    assert not layer[0].any()
