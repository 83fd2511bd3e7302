"""Masks of every rank, dtype, range and source that people send, judged by pixels worked out by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from harness.drawing import drawn
from volc_inpaint.nodes.pixels import masks, matching
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

    (layer,) = matching.prepare(masks.read(mask), picture())

    assert layer.dtype == bool
    assert layer.tolist() == SHAPE.tolist()
    assert torch.equal(mask.detach().nan_to_num(nan=7), before.nan_to_num(nan=7))


REFUSED: dict[str, tuple[Any, tuple[str, ...]]] = {
    "no masks at all": (torch.zeros((0, 4, 6)), ("no pixels", "[0, 4, 6]")),
    "no rows": (torch.zeros((1, 0, 6)), ("no pixels", "[1, 0, 6]")),
    "a number": (torch.tensor(1.0), ("must be a MASK", "[]")),
    "a line": (torch.ones(6), ("must be a MASK", "[6]")),
    "five axes": (torch.ones((1, 1, 1, 4, 6)), ("must be a MASK", "[1, 1, 1, 4, 6]")),
    "a video": (torch.ones((1, 4, 6, 1, 3)), ("must be a MASK", "[1, 4, 6, 1, 3]")),
    "a picture": (torch.ones((1, 4, 6, 3)), ("must be a MASK", "[1, 4, 6, 3]", "Image to Mask")),
    "a picture with channels first": (torch.ones((1, 3, 4, 6)), ("must be a MASK", "[1, 3, 4, 6]")),
    "a numpy array": (np.ones((4, 6)), ("must be a MASK", "float64")),
    "nothing": (None, ("must be a MASK", "NoneType")),
    "complex numbers": (torch.ones((4, 6), dtype=torch.complex64), ("must be a MASK", "complex64")),
    "Load Image's zeros": (torch.zeros((1, 64, 64)), ("64x64", "alpha", "0.00", "Mask")),
    "zeros of the picture's size": (torch.zeros((4, 6)), ("6x4", "brightest value 0.00")),
    "a faint one": (values(0.3, 0), ("brightest value 0.30, threshold 0.50", "MaskNormalize")),
    "a faint one in bytes": (values(100, 0, torch.uint8), ("brightest value 0.39",)),
    "three masks added up": (values(3, 0), ("brightest value 0.01", "read as 0 to 255", "clamp")),
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
        matching.prepare(masks.read(mask), pictures)

    english, chinese = str(caught.value).split("\n")
    for word in words:
        assert word in english
    assert any("\u4e00" <= character <= "\u9fff" for character in chinese)


def test_four_axes_may_hold_several_masks() -> None:
    pair = torch.stack([ONES, 1 - ONES])

    for stack in (pair[:, None], pair[..., None]):
        layers = matching.prepare(masks.read(stack), picture(count=2))
        assert [layer.tolist() for layer in layers] == [SHAPE.tolist(), (~SHAPE).tolist()]


def test_the_bounding_box_is_that_of_the_masked_pixels() -> None:
    mask = np.zeros((20, 30), bool)
    mask[7, 4] = mask[19, 28:30] = True

    assert masks.bounding_box(mask) == (4, 7, 30, 20)
    with pytest.raises(ValueError, match="Nothing is masked"):
        masks.bounding_box(np.zeros((5, 5), bool))


def test_one_empty_mask_of_several_is_named_with_its_own_brightest_value() -> None:
    given = masks.read(torch.stack([ONES * 0.9, ONES * 0.3]))

    with pytest.raises(InputError, match=r"mask 2 of 2 is 6x4, brightest value 0\.30") as caught:
        masks.check_not_empty(list(masks.at_least(given.stack, 0.5)), given, 0.5)

    assert "遮罩 2/2 为 6x4，最亮值 0.30" in caught.value.text.chinese
    assert "set on_empty to pass" in caught.value.text.english


def test_the_only_mask_has_no_number_and_nothing_to_leave_as_it_is() -> None:
    given = masks.read(ONES * 0.3)

    with pytest.raises(InputError, match="Nothing is masked: mask is 6x4") as caught:
        masks.check_not_empty(list(masks.at_least(given.stack, 0.5)), given, 0.5)

    assert "遮罩为 6x4" in caught.value.text.chinese
    assert "on_empty" not in str(caught.value)


def test_several_united_that_are_all_faint_are_told_by_the_brightest_of_them() -> None:
    given = masks.read(torch.stack([ONES * 0.1, ONES * 0.3]))
    united = masks.union(list(masks.at_least(given.stack, 0.5)))

    with pytest.raises(InputError, match=r"mask is 6x4, brightest value 0\.30"):
        masks.check_not_empty([united], given, 0.5)


def test_united_masks_hold_what_any_of_them_masks() -> None:
    one, other = np.zeros((4, 6), bool), np.zeros((4, 6), bool)
    one[0, 1] = other[3, 5] = True

    assert masks.union([one, other]).tolist() == np.maximum(one, other).tolist()
    assert masks.union([one]) is one


def test_of_a_black_mask_nobody_is_told_that_a_lower_threshold_takes_it() -> None:
    given = masks.read(ONES * 0)

    with pytest.raises(InputError, match="brightest value") as caught:
        masks.check_not_empty(list(masks.at_least(given.stack, 0.5)), given, 0.5)

    assert "lower threshold" not in caught.value.text.english
    assert "降低阈值" not in caught.value.text.chinese


@pytest.mark.parametrize(
    ("value", "white"), [(1.0, 1), (2.0, 1), (2.01, 255), (255.0, 255), (256.0, 65535)]
)
def test_what_stood_for_white_is_told_by_the_largest_value(value: float, white: int) -> None:
    given = masks.read(values(value, 0))

    assert given.white == white
    assert float(given.stack.max()) == pytest.approx(value / white)
    assert given.stack.shape == (1, 4, 6)


def test_a_mask_two_pixels_wide_may_have_its_channel_last() -> None:
    assert masks.read(torch.ones((5, 3, 2, 1))).stack.shape == (5, 3, 2)
    assert masks.read(torch.ones((3, 2, 1))).stack.shape == (1, 3, 2)
