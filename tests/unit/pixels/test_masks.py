"""Masks of every rank, dtype, range and source that people send, judged by pixels worked out by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from harness.drawing import drawn
from volc_inpaint.nodes.pixels import masks
from volc_inpaint.nodes.words import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

SHAPE = drawn(
    """
    ......
    .##...
    .##..#
    .....#
    """
)
ONES = torch.from_numpy(SHAPE.astype(np.float32))
NAN, INF = float("nan"), float("inf")


def picture(height: int = 4, width: int = 6, count: int = 1) -> torch.Tensor:
    return torch.zeros((count, height, width, 3))


def values(masked: float, other: float, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """[1, 4, 6] with one value where SHAPE is masked, another elsewhere."""
    return torch.where(torch.from_numpy(SHAPE), masked, other).to(dtype)[None]


def strided() -> torch.Tensor:
    wide = torch.zeros((1, 8, 18))
    wide[:, ::2, ::3] = ONES
    return wide[:, ::2, ::3]


TAKEN: dict[str, Callable[[], torch.Tensor]] = {
    # ranks
    "[H, W]": lambda: ONES,
    "[1, H, W]": lambda: ONES[None],
    "[1, 1, H, W]": lambda: ONES[None, None],
    "[1, H, W, 1]": lambda: ONES[None, ..., None],
    "[H, W, 1]": lambda: ONES[..., None],
    # dtypes
    "float64": lambda: values(1, 0, torch.float64),
    "half": lambda: values(1, 0, torch.float16),
    "bfloat16": lambda: values(1, 0, torch.bfloat16),
    "bool": lambda: ONES.bool(),
    "uint8 of 0 and 1": lambda: values(1, 0, torch.uint8),
    "uint8 of 0 and 255": lambda: values(255, 0, torch.uint8),
    "uint8 with soft rims": lambda: values(128, 127, torch.uint8),
    "int16 of 0 and 255": lambda: values(255, 0, torch.int16),
    "int64 of 0 and 1": lambda: values(1, 0, torch.int64),
    # ranges and sources
    "a brush stroke of 0.7": lambda: values(0.7, 0),
    "a brush stroke of 0.7 in half": lambda: values(0.7, 0, torch.float16),
    "white of a grey PNG, 0.996": lambda: values(0.996, 0),
    "the haze of WebP and CMYK, 0.0039, around it": lambda: values(1, 0.0039),
    "Photoshop's black, RGB(1,1,1)": lambda: values(1, 1 / 255),
    "the threshold itself": lambda: values(0.5, 0.4999),
    "the threshold itself in half": lambda: values(0.5, 0.4995, torch.float16),
    "a segmenter's soft rim": lambda: values(0.51, 0.49),
    "above 1": lambda: values(1.9, 0),
    "floats of 0 to 255": lambda: values(255, 0),
    "floats of 0 to 255, blurred": lambda: values(128, 127),
    "floats of 0 to 255 in half": lambda: values(128, 127, torch.float16),
    "floats of 0 to 65535": lambda: values(33000, 32000),
    "int32 of 0 to 65535": lambda: values(33000, 32000, torch.int32),
    "below 0": lambda: values(1, -2),
    "infinite": lambda: values(INF, -INF),
    "NaN around it": lambda: values(1, NAN),
    # memory
    "every third column of a wider one": strided,
    "a transposed view": lambda: ONES.T.contiguous().T,
    "one that wants gradients": lambda: ONES.clone().requires_grad_(),
    "one made in inference mode": lambda: _in_inference_mode(),
}


def _in_inference_mode() -> torch.Tensor:
    with torch.inference_mode():
        return ONES * 1


@pytest.mark.parametrize("name", TAKEN)
def test_a_mask_is_read_as_drawn_and_never_changed(name: str) -> None:
    mask = TAKEN[name]()
    before = mask.detach().clone()

    (layer,) = masks.prepare(masks.read(mask), picture())

    assert layer.dtype == bool
    assert layer.tolist() == SHAPE.tolist()
    assert torch.equal(mask.detach().nan_to_num(nan=7), before.nan_to_num(nan=7))


REFUSED: dict[str, tuple[Any, tuple[str, ...]]] = {
    "no masks at all": (torch.zeros((0, 4, 6)), ("no pixels", "[0, 4, 6]")),
    "no rows": (torch.zeros((1, 0, 6)), ("no pixels", "[1, 0, 6]")),
    "a number": (torch.tensor(1.0), ("must be a MASK", "[]")),
    "a line": (torch.ones(6), ("must be a MASK", "[6]")),
    "five axes": (torch.ones((1, 1, 1, 4, 6)), ("must be a MASK", "[1, 1, 1, 4, 6]")),
    "a picture": (torch.ones((1, 4, 6, 3)), ("must be a MASK", "[1, 4, 6, 3]", "Image to Mask")),
    "a picture with channels first": (torch.ones((1, 3, 4, 6)), ("must be a MASK", "[1, 3, 4, 6]")),
    "a numpy array": (np.ones((4, 6)), ("must be a MASK", "float64")),
    "nothing": (None, ("must be a MASK", "NoneType")),
    "complex numbers": (torch.ones((4, 6), dtype=torch.complex64), ("must be a MASK", "complex64")),
    "Load Image's zeros": (torch.zeros((1, 64, 64)), ("64x64", "alpha", "0.00", "Mask")),
    "zeros of the picture's size": (torch.zeros((4, 6)), ("6x4", "brightest value 0.00")),
    "a faint one": (values(0.3, 0), ("brightest value 0.30, threshold 0.50", "MaskNormalize")),
    "a faint one in bytes": (values(100, 0, torch.uint8), ("brightest value 0.39",)),
    "just below the threshold": (values(0.4999, 0), ("brightest value 0.4999,", "threshold 0.50")),
    "only haze": (values(0.0039, 0.0039), ("brightest value 0.0039",)),
    "only NaN": (values(NAN, NAN), ("brightest value 0.00",)),
    "another aspect": (torch.ones((1, 6, 4)), ("The mask is 4x6, the picture 6x4", "stretch")),
    "two masks for three pictures": (torch.ones((2, 4, 6)), ("2 masks for 3 pictures",)),
    "three masks, all empty": (
        torch.zeros((3, 4, 6)),
        ("Nothing is masked", "brightest value 0.00"),
    ),
    "far beyond any range": (values(1e6, 0), ("values reach 1e+06", "255 or 65535")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_unusable_mask_is_one_clear_error_in_two_languages(name: str) -> None:
    mask, words = REFUSED[name]
    pictures = picture(count=3) if "three" in name else picture()

    with pytest.raises(InputError) as caught:
        masks.prepare(masks.read(mask), pictures)

    english, chinese = str(caught.value).split("\n")
    for word in words:
        assert word in english
    assert any("\u4e00" <= character <= "\u9fff" for character in chinese)


def test_one_mask_serves_every_picture() -> None:
    layers = masks.prepare(masks.read(ONES), picture(count=3))

    assert [layer.tolist() for layer in layers] == [SHAPE.tolist()] * 3


def test_as_many_masks_as_pictures_make_pairs() -> None:
    second = torch.zeros((4, 6))
    second[0, 0] = 1

    layers = masks.prepare(masks.read(torch.stack([ONES, second])), picture(count=2))

    assert [layer.tolist() for layer in layers] == [SHAPE.tolist(), (second > 0).tolist()]


def test_of_a_batch_some_masks_may_be_empty_whatever_their_size() -> None:
    stack = torch.zeros((3, 2, 3))
    stack[1, 0, 0] = 1

    layers = masks.prepare(masks.read(stack), picture(count=3))

    assert [layer.shape for layer in layers] == [(4, 6)] * 3
    assert [layer.any() for layer in layers] == [False, True, False]


@pytest.mark.parametrize("size", [(128, 128), (64, 65), (300, 451)])
def test_load_image_s_placeholder_inverted_is_refused(size: tuple[int, int]) -> None:
    given = masks.read(torch.ones((1, 64, 64)))

    with pytest.raises(InputError, match="placeholder") as caught:
        masks.prepare(given, picture(*size))

    assert f"{size[1]}x{size[0]}" in caught.value.text.english
    assert "占位遮罩" in caught.value.text.chinese
    assert "stretch" not in str(caught.value)


def test_all_of_a_picture_of_64x64_may_be_masked() -> None:
    (layer,) = masks.prepare(masks.read(torch.ones((1, 64, 64))), picture(64, 64))

    assert layer.all()


def test_several_masks_of_one_picture_are_united_and_one_of_them_may_be_empty() -> None:
    first = drawn("##.... ...... ...... ......")
    last = drawn("...... ...... ...... .....#")
    stack = torch.from_numpy(np.stack([first, np.zeros_like(first), last]))

    (layer,) = masks.prepare(masks.read(stack), picture())

    assert layer.tolist() == drawn("##.... ...... ...... .....#").tolist()


def test_four_axes_may_hold_several_masks() -> None:
    pair = torch.stack([ONES, 1 - ONES])

    for stack in (pair[:, None], pair[..., None]):
        layers = masks.prepare(masks.read(stack), picture(count=2))
        assert [layer.tolist() for layer in layers] == [SHAPE.tolist(), (~SHAPE).tolist()]


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
    assert masks.resize(mask, height, width).tolist() == drawn(expected).tolist()


@pytest.mark.parametrize(
    ("small", "large"), [((100, 150), (37, 56)), ((64, 64), (640, 640)), ((3, 3), (1000, 1000))]
)
def test_a_single_pixel_survives_any_resize(small: tuple[int, int], large: tuple[int, int]) -> None:
    for y, x in ((0, 0), (small[0] // 2, small[1] // 2), (small[0] - 1, small[1] - 1)):
        mask = np.zeros(small, bool)
        mask[y, x] = True
        resized = masks.resize(mask, *large)
        # it is where it was: its scaled centre lies within a scaled pixel of something masked
        rows, columns = np.nonzero(resized)
        scale = max(large[0] / small[0], 1)
        centre = ((y + 0.5) * large[0] / small[0], (x + 0.5) * large[1] / small[1])
        assert np.hypot(rows + 0.5 - centre[0], columns + 0.5 - centre[1]).min() <= scale


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
    ],
)
def test_only_a_difference_of_scale_is_resized(
    mask: tuple[int, int], image: tuple[int, int], same: bool
) -> None:
    assert masks.same_aspect(*mask, *image) is same
    assert masks.same_aspect(*image, *mask) is same


def test_a_mask_of_half_the_size_is_fitted_to_its_picture() -> None:
    (layer,) = masks.prepare(masks.read(ONES), picture(8, 12))

    assert layer.shape == (8, 12)
    assert layer[2:6, 2:6].all()
    assert not layer[0].any()


def test_the_bounding_box_is_that_of_the_masked_pixels() -> None:
    mask = np.zeros((20, 30), bool)
    mask[7, 4] = mask[19, 28:30] = True

    assert masks.bounding_box(mask) == (4, 7, 30, 20)
    with pytest.raises(ValueError, match="Nothing is masked"):
        masks.bounding_box(np.zeros((5, 5), bool))
