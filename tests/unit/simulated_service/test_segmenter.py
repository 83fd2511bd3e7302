"""The simulated service's segmentation, judged by a picture whose parts are known."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw
from simulated_service import rules, segmenter
from simulated_service.refusals import Refusal

SIZE = (320, 240)
DISCS = {(90, 80): 45, (220, 150): 60, (60, 200): 20}


def disc(centre: tuple[int, int], radius: int) -> np.ndarray:
    columns, rows = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    return np.hypot(columns - centre[0], rows - centre[1]) <= radius


def painted(discs: dict[tuple[int, int], int]) -> Image.Image:
    image = Image.new("RGB", SIZE, (40, 60, 90))
    pen = ImageDraw.Draw(image)
    for (x, y), radius in discs.items():
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(230, 180, 40))
    return image


@pytest.mark.parametrize("refine", [0, 1, 2])
def test_the_subject_is_what_stands_out_in_the_middle(refine: int) -> None:
    mask = segmenter.subject(painted({(160, 120): 70}), refine)

    wanted, found = disc((160, 120), 70), mask >= 128
    assert mask.shape == wanted.shape
    assert (wanted & found).sum() / (wanted | found).sum() > 0.9


def test_refinement_hardens_the_edge() -> None:
    image = painted({(160, 120): 70})
    soft = [
        int(((m > 0) & (m < 255)).sum()) for m in (segmenter.subject(image, r) for r in range(3))
    ]

    assert soft[0] > soft[1] > soft[2]


def test_each_disc_is_an_entity_numbered_from_top_to_bottom() -> None:
    index_map, scores = segmenter.entities(painted(DISCS), 20)

    assert len(scores) == 3
    assert all(0 < score <= 1 for score in scores)
    for number, (centre, radius) in enumerate(
        sorted(DISCS.items(), key=lambda d: d[0][1] - d[1]), 1
    ):
        wanted, found = disc(centre, radius), index_map == number
        assert (wanted & found).sum() / (wanted | found).sum() > 0.85


def test_only_the_largest_are_answered() -> None:
    index_map, scores = segmenter.entities(painted(DISCS), 2)

    assert len(scores) == 2
    assert not index_map[200, 60]


def test_a_plain_picture_shows_nothing() -> None:
    plain = Image.new("RGB", SIZE, (90, 90, 90))

    assert not segmenter.subject(plain, 0).any()
    assert segmenter.entities(plain, 20)[1] == []


def test_the_masks_file_says_that_it_is_simulated() -> None:
    file = segmenter.png(np.zeros((4, 4), np.uint8))

    assert Image.open(io.BytesIO(file)).info["Comment"] == "SIMULATED"


@pytest.mark.parametrize(
    ("size", "accepted"), [((128, 128), True), ((127, 200), False), ((4097, 128), False)]
)
def test_sides_from_128_to_4096_are_segmented(size: tuple[int, int], accepted: bool) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, "PNG")

    if accepted:
        assert rules.picture(buffer.getvalue(), segmentation=True).size == size
    else:
        with pytest.raises(Refusal):
            rules.picture(buffer.getvalue(), segmentation=True)


def test_base64_beyond_4_7_mb_is_refused() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (200, 200)).save(buffer, "PNG")
    padding = 4_700_000 * 3 // 4 - len(buffer.getvalue())

    assert rules.picture(buffer.getvalue() + bytes(padding), segmentation=True).size == (200, 200)
    with pytest.raises(Refusal):
        rules.picture(buffer.getvalue() + bytes(padding + 3), segmentation=True)
