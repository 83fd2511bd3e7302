"""What is said of odd pictures before they are paid for, and which of them are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from harness import graphs
from volc_inpaint.nodes.pixels import masks, matching, picture_notes
from volc_inpaint.nodes.words import InputError

HEIGHT, WIDTH = 120, 160
NAN, INF = float("nan"), float("inf")


def picture(count: int = 1, channels: int = 3) -> torch.Tensor:
    cat = torch.from_numpy(graphs.photograph("chelsea", (WIDTH, HEIGHT)) / np.float32(255))
    return torch.ones((count, HEIGHT, WIDTH, channels)) * cat.mean(-1, keepdim=True)


def masked(left: int, top: int, right: int, bottom: int) -> torch.Tensor:
    mask = torch.zeros((HEIGHT, WIDTH))
    mask[top:bottom, left:right] = 1
    return mask


def said(*layers: torch.Tensor, images: torch.Tensor) -> list[str]:
    """The English of the notes."""
    prepared = matching.prepare(masks.read(torch.stack(layers)), images)
    return [note.english for note in picture_notes.brought(images, prepared)]


ELLIPSE = torch.from_numpy(graphs.ellipse(HEIGHT, WIDTH).astype(np.float32))


def share_broken(
    share: float, value: float, dtype: torch.dtype = torch.float32, colour: int = 1
) -> torch.Tensor:
    images = picture().to(dtype)
    images[0, : round(HEIGHT * share), :, colour] = value
    return images


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_a_picture_that_is_half_no_number_is_refused(value: float, dtype: torch.dtype) -> None:
    with pytest.raises(InputError, match="50% of the picture is no picture") as caught:
        picture_notes.check_numbers(share_broken(0.5, value, dtype), [1])

    assert "有 50% 的像素值为 NaN 或无穷大" in caught.value.text.chinese


def test_less_of_it_is_a_note_and_large_numbers_are_numbers() -> None:
    for colour in range(3):
        (note,) = picture_notes.check_numbers(share_broken(0.1, NAN, colour=colour), [1])
        assert note.english.startswith("10.0% of the picture is NaN or infinite")

    assert picture_notes.check_numbers(picture() * 1e38, [1]) == []  # their sum is infinite
    assert picture_notes.check_numbers(picture().half() * 60_000, [1]) == []


def test_only_pictures_that_are_sent_are_looked_at() -> None:
    images = torch.cat([picture(), torch.full((1, HEIGHT, WIDTH, 3), NAN)])

    assert picture_notes.check_numbers(images, [1]) == []
    assert said(ELLIPSE, ELLIPSE * 0, images=images) == []
    with pytest.raises(InputError, match="100% of picture 2 is no picture"):
        said(ELLIPSE, ELLIPSE, images=images)


def test_what_only_the_alpha_channel_holds_is_no_part_of_the_picture() -> None:
    images = with_alpha(torch.full((HEIGHT, WIDTH), NAN))

    assert picture_notes.check_numbers(images, [1]) == []


def with_alpha(alpha: torch.Tensor, count: int = 1) -> Any:
    return torch.cat([picture(count), alpha.expand(count, -1, -1)[..., None]], -1)


def test_a_transparent_part_that_is_repainted_is_named_with_its_share() -> None:
    # a quarter of the mask is transparent
    (note,) = said(masked(20, 20, 60, 60), images=with_alpha(1 - masked(20, 20, 40, 40)))

    assert note.startswith("25% of what is repainted in the picture is transparent and stays so")


def test_of_several_pictures_those_with_a_transparent_part_are_named() -> None:
    images = torch.cat([with_alpha(torch.ones((HEIGHT, WIDTH))), with_alpha(1 - ELLIPSE)])

    (note,) = said(ELLIPSE, images=images)

    assert note.startswith("100% of what is repainted in picture 2 is transparent")


def test_of_a_part_that_is_seen_nothing_is_said() -> None:
    assert said(masked(20, 20, 60, 60), images=with_alpha(torch.full((HEIGHT, WIDTH), 0.5))) == []
    # elsewhere it may be as it will
    assert said(masked(20, 20, 60, 60), images=with_alpha(masked(20, 20, 60, 60))) == []
    # 16 px of 1600
    assert said(masked(20, 20, 60, 60), images=with_alpha(1 - masked(20, 20, 24, 24))) == []
