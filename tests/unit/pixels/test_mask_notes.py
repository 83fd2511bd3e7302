"""What is said of odd masks, and what is left unsaid of ordinary ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from harness import graphs
from volc_inpaint.nodes.pixels import mask_notes, masks, matching

HEIGHT, WIDTH = 120, 160


def pictures(count: int = 1) -> torch.Tensor:
    return torch.zeros((count, HEIGHT, WIDTH, 3))


def box(left: int, top: int, right: int, bottom: int, value: float = 1.0) -> torch.Tensor:
    mask = torch.zeros((HEIGHT, WIDTH))
    mask[top:bottom, left:right] = value
    return mask


def said(*layers: torch.Tensor, images: torch.Tensor | None = None) -> list[str]:
    """The English of the notes."""
    given = masks.read(torch.stack(layers))
    prepared = matching.prepare(given, pictures() if images is None else images)
    return [note.english for note in mask_notes.brought(given, prepared)]


ELLIPSE = torch.from_numpy(graphs.ellipse(HEIGHT, WIDTH).astype(np.float32))
ORDINARY = {
    "an ellipse": ELLIPSE,
    "one with a soft rim": torch.nn.functional.avg_pool2d(ELLIPSE[None], 5, 1, 2)[0],
    "a haze around it": ELLIPSE.clamp(min=0.0039),
    "two parts of one kind": box(10, 10, 40, 40) + box(80, 70, 110, 100),
    "a thin line beside it": box(10, 10, 60, 60) + box(100, 5, 101, 115),
    "the whole but a frame": box(4, 3, 156, 117),
    "a little one": box(70, 70, 73, 73),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_nothing_is_said_of_ordinary_masks(name: str) -> None:
    assert said(ORDINARY[name]) == []


# -- each kind, with its numbers


def test_a_part_below_the_threshold_is_named_with_its_area_and_brightness() -> None:
    (note,) = said(box(10, 10, 60, 60) + box(100, 20, 120, 40, 0.42))

    assert note.startswith("400 px of the mask are too faint, 0.42 at most")
    assert "it takes 0.50" in note


@pytest.mark.parametrize(
    ("faint", "told"),
    [
        (box(100, 20, 104, 24, 0.42), True),  # 16 px
        (box(100, 20, 103, 25, 0.42), False),  # 15 px
        (box(100, 20, 120, 40, 0.05), True),
        (box(100, 20, 120, 40, 0.049), False),  # haze
        (box(60, 20, 80, 40, 0.42), False),  # a rim: it touches what is masked
        (box(60, 60, 80, 80, 0.42), False),  # at a corner
        (box(61, 61, 80, 80, 0.42), True),
    ],
)
def test_a_faint_part_is_one_of_16_px_or_more_that_touches_nothing_masked(
    faint: torch.Tensor, told: bool
) -> None:
    assert any("too faint" in note for note in said(box(10, 10, 60, 60) + faint)) is told


def test_a_mask_that_is_mostly_soft_is_named_with_its_share() -> None:
    # of 3000 px 1000 are white
    mask = box(10, 10, 60, 30) + box(10, 30, 60, 70, 0.6)

    (note,) = said(mask)

    assert note.startswith("67% of the mask is soft, between 0.05 and 0.95")
    assert said(box(10, 10, 60, 40) + box(10, 40, 60, 70, 0.6)) == []  # half of it


def test_stray_clicks_are_counted_and_the_first_is_shown_where_it_is() -> None:
    mask = box(10, 10, 60, 60) + box(120, 40, 123, 44) + box(96, 100, 98, 101)

    (note,) = said(mask)

    assert note.startswith("2 small part(s) of the mask, at most 12 px")
    assert "the first at 120, 40;" in note
    assert "remove_specks 12" in note


@pytest.mark.parametrize(
    ("stray", "told"),
    [
        (box(120, 40, 125, 45), True),  # 25 px beside 2500, a hundredth
        (box(120, 40, 126, 45), False),
        (box(61, 10, 64, 12), False),  # it all but touches the mask
    ],
)
def test_a_stray_click_is_small_beside_the_mask_and_apart(stray: torch.Tensor, told: bool) -> None:
    assert any("small part" in note for note in said(box(10, 10, 60, 60) + stray)) is told


def test_a_mask_that_was_turned_by_a_quarter_is_looked_at_like_any_other() -> None:
    """ComfyUI's Rotate Image turns a picture, and with it the mask made of it, without moving a pixel in memory."""
    mask = torch.rot90(box(10, 10, 60, 60) + box(100, 20, 103, 24), dims=(1, 0))

    given = masks.read(mask)
    prepared = matching.prepare(given, torch.zeros((1, WIDTH, HEIGHT, 3)))
    (note,) = mask_notes.brought(given, prepared)

    assert not mask.is_contiguous()
    assert note.english.startswith("1 small part(s) of the mask, at most 12 px")


def test_beside_a_large_mask_a_stray_click_has_100_px_at_most() -> None:
    large = torch.zeros((400, 400))
    large[20:200, 20:200] = 1
    images = torch.zeros((1, 400, 400, 3))

    for side, told in ((10, True), (11, False)):
        mask = large.clone()
        mask[300 : 300 + side, 300 : 300 + side] = 1
        assert any("small part" in note for note in said(mask, images=images)) is told


def test_more_than_95_percent_is_asked_about_with_the_share() -> None:
    # 19,200 px; 114 * 160 is 95 % of them
    assert said(box(0, 0, 160, 114)) == []
    (note,) = said(box(0, 0, 160, 115))

    assert note == "96% of the picture is masked. Is the mask inverted?"


def test_masks_of_several_pictures_are_told_apart_by_their_numbers() -> None:
    full, faint = box(0, 0, 160, 120), box(10, 10, 60, 60) + box(100, 20, 120, 40, 0.42)

    notes_ = said(full, ELLIPSE, faint, torch.zeros((HEIGHT, WIDTH)), full, images=pictures(5))

    assert notes_ == [
        (
            "400 px of mask 3 are too faint, 0.42 at most, and are not repainted: it takes 0.50. MaskNormalize with a lower "
            "threshold takes them along."
        ),
        "Nothing is masked in picture 4: it comes back as it was and costs nothing.",
        "100% of picture 1, 5 is masked. Is the mask inverted?",
    ]


def test_a_frame_whose_mask_is_too_faint_is_told_apart_from_one_without() -> None:
    (note,) = said(ELLIPSE, ELLIPSE * 0, box(10, 10, 60, 60, 0.4), images=pictures(3))

    assert note.startswith("Nothing is masked in picture 2, 3:")
    assert note.endswith("Its mask reaches 0.40 at most, and it takes 0.5.")


def test_one_mask_for_all_pictures_is_told_of_once() -> None:
    (note,) = said(box(0, 0, 160, 120), images=pictures(3))

    assert note == "100% of picture 1-3 is masked. Is the mask inverted?"


def test_united_masks_are_looked_at_together() -> None:
    # what one mask holds faintly another holds wholly
    assert said(box(10, 10, 60, 60) + box(100, 20, 120, 40, 0.42), box(100, 20, 120, 40)) == [
        "2 masks were united for this one picture. If each belongs to a picture of its own, bring the pictures as one batch."
    ]


def test_what_united_masks_hold_faintly_between_them_is_one_part() -> None:
    united, faint = said(
        box(10, 10, 60, 60) + box(100, 20, 120, 40, 0.3), box(100, 30, 120, 50, 0.42)
    )

    assert united.startswith("2 masks were united")
    assert faint.startswith("600 px of the mask are too faint, 0.42 at most")


def test_of_a_stray_click_around_another_only_its_own_pixels_count() -> None:
    corner = box(100, 20, 101, 32) + box(101, 31, 112, 32)  # 12 + 11 px
    (note,) = said(box(10, 10, 60, 60) + corner + box(110, 20, 112, 22))

    assert note.startswith("2 small part(s) of the mask, at most 23 px")


@pytest.mark.parametrize(("height", "width"), [(121, 161), (122, 163), (123, 162)])
def test_a_stray_click_is_found_in_the_last_corner_of_a_picture_of_any_size(
    height: int, width: int
) -> None:
    mask = torch.zeros((height, width))
    mask[10:60, 10:60] = mask[-1, -1] = 1

    (note,) = said(mask, images=torch.zeros((1, height, width, 3)))

    assert note.startswith("1 small part(s) of the mask, at most 1 px")
    # by the four pixels
    assert "the first at 160, 120;" in note


@pytest.mark.parametrize(("white", "told"), [(1, False), (255, True), (65535, True)])
def test_a_range_that_was_divided_is_named(white: int, told: bool) -> None:
    found = said(ELLIPSE * white)

    assert any(f"read as 0 to {white}." in note for note in found) is told
