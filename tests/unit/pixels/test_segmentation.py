"""What is sent for a segmentation, and what becomes of its answer."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest
import skimage.data
from PIL import Image
from volc_inpaint.nodes.pixels import segmentation
from volc_inpaint.nodes.pixels.region import Limits
from volc_inpaint.nodes.words import InputError

LIMITS = Limits(min_side=16, max_side=64)
PLENTY = 10_000_000


def picture(height: int, width: int) -> np.ndarray[Any, Any]:
    image = Image.fromarray(skimage.data.coffee()).resize((width, height))
    return np.asarray(image)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_a_picture_within_the_limits_is_sent_pixel_by_pixel() -> None:
    rgb = picture(40, 60)

    sent = segmentation.fit(rgb, LIMITS, PLENTY)

    assert np.array_equal(rgb, sent.rgb)
    assert np.array_equal(rgb, np.asarray(opened(sent.data)))


@pytest.mark.parametrize(
    ("height", "width", "sent_height", "sent_width"),
    [
        (16, 64, 16, 64),  # both limits met exactly
        (65, 65, 64, 64),
        (128, 96, 64, 48),  # too large: halved
        (8, 12, 16, 24),  # too small: doubled
        (15, 20, 16, 21),
        (1, 4, 16, 64),
    ],
)
def test_a_picture_beyond_the_limits_is_scaled_to_the_nearest_size_within(
    height: int, width: int, sent_height: int, sent_width: int
) -> None:
    sent = segmentation.fit(picture(height, width), LIMITS, PLENTY)

    assert (sent_height, sent_width, 3) == sent.rgb.shape
    assert (sent_width, sent_height) == opened(sent.data).size


def test_a_picture_that_no_scale_fits_is_an_error_with_size_and_limits() -> None:
    with pytest.raises(InputError) as caught:
        segmentation.fit(picture(10, 50), LIMITS, PLENTY)

    english, chinese = str(caught.value).splitlines()
    assert "50x10" in english
    assert "16 to 64" in english
    assert "50x10" in chinese


def test_a_picture_of_too_many_bytes_is_made_smaller_rather_than_poor() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (400, 600, 3), np.uint8)  # what compresses worst
    limits = Limits(min_side=16, max_side=600)

    sent = segmentation.fit(noise, limits, 60_000)

    file = opened(sent.data)
    height, width = sent.rgb.shape[:2]
    assert len(sent.data) <= 60_000
    assert (width, height) == file.size
    assert width < 600
    assert width / height == pytest.approx(1.5, rel=0.02)
    # The tables of a JPEG of quality 75 by the standard: 16 * 50 / 100 for the first coefficient.
    assert file.format == "JPEG"
    assert file.quantization[0][0] <= 8  # type: ignore[attr-defined]


def test_no_side_falls_below_the_least_whatever_the_bytes() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)

    sent = segmentation.fit(noise, LIMITS, 900)

    assert len(sent.data) <= 900
    assert min(sent.rgb.shape[:2]) >= 16


def test_half_or_more_is_subject() -> None:
    answer = np.array([[0, 127, 128, 255]] * 4, np.uint8)

    mask = segmentation.subject(answer, 4, 4)

    assert mask.dtype == bool
    assert [False, False, True, True] == mask[0].tolist()


def test_a_smaller_answer_is_scaled_back_to_the_pictures_size_at_the_very_edge() -> None:
    answer = np.zeros((8, 12), np.uint8)
    answer[2:6, 3:9] = 255

    mask = segmentation.subject(answer, 24, 36)

    expected = np.zeros((24, 36), bool)
    expected[6:18, 9:27] = True
    # Between two pixels the scaled edge lies where the values cross the half; corners are cut off, edges are not.
    assert np.array_equal(expected[:, 18], mask[:, 18])
    assert np.array_equal(expected[12], mask[12])
    assert np.count_nonzero(expected != mask) <= 4


def test_a_larger_answer_is_averaged_down() -> None:
    answer = np.zeros((8, 8), np.uint8)
    answer[:, :3] = 255  # covers the first column of four wholly, the second by half

    mask = segmentation.subject(answer, 4, 4)

    assert mask.shape == (4, 4)
    assert mask[:, 0].all()
    assert not mask[:, 2:].any()


@pytest.mark.parametrize("size", [(10, 30), (20, 18), (40, 44)])
def test_an_answer_of_another_shape_is_an_error(size: tuple[int, int]) -> None:
    found = re.escape(f"{size[1]}x{size[0]} for a picture of 20x20")
    with pytest.raises(ValueError, match=found):
        segmentation.check_size(np.zeros(size, np.uint8), picture(20, 20))


@pytest.mark.parametrize("size", [(20, 21), (40, 42), (10, 10), (10, 11)])
def test_an_answer_of_another_scale_is_none(size: tuple[int, int]) -> None:
    segmentation.check_size(np.zeros(size, np.uint8), picture(20, 21))


def test_entities_come_largest_first_whatever_their_numbers() -> None:
    answer = np.zeros((6, 6), np.uint8)
    answer[0, :2] = 1
    answer[2:4, :4] = 2
    answer[5, :5] = 3

    labels, numbers = segmentation.entities(answer, 6, 6, most=20)

    assert [2, 3, 1] == numbers
    assert [8, 5, 2] == [np.count_nonzero(labels == rank) for rank in (1, 2, 3)]
    assert np.array_equal(answer == 2, labels == 1)
    assert np.array_equal(answer == 0, labels == 0)


def test_entities_of_one_size_keep_the_services_order() -> None:
    labels, numbers = segmentation.entities(np.array([[3, 1, 2, 0]], np.uint8), 1, 4, most=20)

    assert [1, 2, 3] == numbers
    assert [[3, 1, 2, 0]] == labels.tolist()


def test_only_the_largest_are_kept() -> None:
    labels, numbers = segmentation.entities(np.array([[5, 5, 5, 9, 9, 7]], np.uint8), 1, 6, most=2)

    assert [5, 9] == numbers
    assert [[1, 1, 1, 2, 2, 0]] == labels.tolist()


def test_an_empty_index_map_has_no_entities() -> None:
    labels, numbers = segmentation.entities(np.zeros((4, 4), np.uint8), 8, 8, most=20)

    assert numbers == []
    assert not labels.any()


def test_scaled_back_each_pixel_belongs_to_the_entity_it_came_from() -> None:
    answer = np.random.default_rng(1).integers(0, 4, (7, 9), np.uint8)

    labels, numbers = segmentation.entities(answer, 21, 27, most=20)

    expected = np.kron(answer, np.ones((3, 3), np.uint8))
    for rank, number in enumerate(numbers, 1):
        assert np.array_equal(expected == number, labels == rank)


# -- what a run found


def found(
    target: str,
    answers: list[np.ndarray[Any, Any]],
    most: int = 20,
    scores: tuple[float, ...] = (0.9, 0.8),
) -> segmentation.Found:
    """Pictures of 20x30, sent at half their size, with their answers put last first."""
    pictures = [np.roll(picture(20, 30), number, axis=0) for number in range(len(answers))]
    as_sent = [image[::2, ::2] for image in pictures]
    run = segmentation.Found(pictures, as_sent, target, most)
    for number, answer in reversed(list(enumerate(answers, 1))):
        run.put(number, answer, scores)
    return run


def boxed(top: int, bottom: int, left: int, right: int, value: int = 255) -> np.ndarray[Any, Any]:
    """An answer for what was sent, 10x15."""
    answer = np.zeros((10, 15), np.uint8)
    answer[top:bottom, left:right] = value
    return answer


def test_each_picture_s_subject_is_a_mask_with_its_place_and_share() -> None:
    run = found("subject", [boxed(0, 10, 0, 6), boxed(2, 10, 5, 15)])

    batch, facts = run.masks()

    # twice the answer's places
    expected = np.zeros((2, 20, 30), bool)
    expected[0, :, :12] = expected[1, 4:, 10:] = True
    assert batch.shape == (2, 20, 30)
    assert set(np.unique(batch)) == {0, 1}
    # a corner may be cut off by half a pixel of the answer
    assert np.count_nonzero(expected != batch.numpy()) <= 1
    assert [(fact["index"], fact["image"], fact["score"]) for fact in facts] == [
        (1, 1, None),
        (2, 2, None),
    ]
    assert [fact["box"] for fact in facts] == [[0, 0, 12, 20], [10, 4, 20, 16]]
    for layer, fact in zip(batch, facts, strict=True):
        assert fact["area"] == layer.sum()
        assert fact["coverage"] == pytest.approx(float(layer.mean()))
    assert run.nothing_in() == []


def test_the_background_is_the_rest_and_of_no_subject_there_is_none() -> None:
    run = found("background", [boxed(0, 10, 0, 6), boxed(0, 0, 0, 0)])

    batch, facts = run.masks()

    assert np.array_equal(batch[0], np.broadcast_to(np.arange(30) >= 12, (20, 30)))
    assert not batch[1].any()
    assert facts[0]["box"] == [12, 0, 18, 20]
    assert facts[1] == {
        "index": 2,
        "image": 2,
        "score": None,
        "area": 0,
        "coverage": 0,
        "box": [0, 0, 0, 0],
    }
    assert run.nothing_in() == [2]


def test_entities_have_a_mask_each_and_the_score_of_their_number() -> None:
    # the service's third is the largest, and has no score; the first is left out
    answer = boxed(0, 2, 0, 2, 1) + boxed(0, 5, 5, 9, 2) + boxed(0, 10, 10, 15, 3)

    batch, facts = found("entities", [answer], most=2).masks()

    assert np.array_equal(batch.numpy(), np.kron([answer == 3, answer == 2], np.ones((2, 2))))
    assert [(fact["score"], fact["area"]) for fact in facts] == [(None, 200), (0.8, 80)]
    all_scored = found("entities", [answer], most=2, scores=(0.9, 0.8, 0.7)).masks()[1]
    assert [fact["score"] for fact in all_scored] == [0.7, 0.8]
    first = found("entities", [boxed(0, 9, 0, 9, 1)]).masks()[1]
    assert [fact["score"] for fact in first] == [0.9]


def test_what_was_found_is_shown_over_its_own_picture() -> None:
    run = found("subject", [boxed(0, 0, 0, 0), boxed(0, 10, 0, 6)])

    first, second = run.preview() * 255

    shown = picture(20, 30).astype(float)
    assert first.numpy() == pytest.approx(shown, abs=0.01)
    shown = np.roll(shown, 1, axis=0)
    assert second[:, 12:].numpy() == pytest.approx(shown[:, 12:], abs=0.01)
    red = shown[:, :12] / 2 + np.array([127.5, 19, 19])
    assert second[:, :12].numpy() == pytest.approx(red, abs=1)


def test_an_answer_is_held_against_what_was_sent_of_its_own_picture() -> None:
    pictures = [picture(20, 30), picture(20, 30)]
    run = segmentation.Found(pictures, [pictures[0][:, :20], pictures[1]], "subject", 20)

    run.put(1, np.zeros((20, 20), np.uint8), ())
    with pytest.raises(ValueError, match="20x20 for a picture of 30x20"):
        run.put(2, np.zeros((20, 20), np.uint8), ())
