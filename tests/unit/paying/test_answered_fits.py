"""Which sizes of an answer are still the picture that was sent."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from volc_inpaint.nodes.paying.answered import fits, is_coarser

sides = st.integers(64, 4096)


@pytest.mark.parametrize(
    ("answer", "sent", "expected"),
    [
        ((1024, 768), (1024, 768), True),
        ((8192, 6144), (4096, 3072), True),
        ((512, 384), (1024, 768), True),
        ((1008, 752), (1000, 750), True),
        ((992, 752), (1000, 750), True),
        ((451, 300), (451, 300), True),
        ((225, 150), (451, 300), True),
        ((64, 64), (64, 64), True),
        ((63, 63), (630, 630), False),
        ((1024, 32), (4096, 128), False),
        ((1024, 1024), (1024, 768), False),
        ((768, 1024), (1024, 768), False),
        ((1024, 736), (1024, 768), False),
        ((1024, 1000), (1024, 1024), False),
        ((1024, 992), (1024, 1024), False),  # both would have to be a whole step off
        ((1, 1), (64, 64), False),
        ((1001, 101), (2000, 200), True),  # 1000 and 100, or half a pixel more
        ((1001, 102), (2000, 200), False),
    ],
)
def test_only_rounding_explains_another_shape(
    answer: tuple[int, int], sent: tuple[int, int], expected: bool
) -> None:
    assert fits(answer, sent) == expected
    assert fits(answer[::-1], sent[::-1]) == expected


@settings(derandomize=True, max_examples=300, deadline=None)
@given(sides, sides, st.floats(0.05, 4), st.sampled_from([1, 16]), st.booleans())
def test_whatever_size_a_model_works_at_its_answer_fits(
    width: int, height: int, scale: float, step: int, up: bool
) -> None:
    def rounded(side: int) -> int:
        steps = side * scale / step
        return step * (int(steps) + 1 if up else round(steps))

    answer = (rounded(width), rounded(height))

    assert fits(answer, (width, height)) == (min(answer) >= 64)


@pytest.mark.parametrize(
    ("answer", "part", "sent", "expected"),
    [
        ((512, 384), (1024, 768), (1024, 768), True),
        ((1024, 768), (1024, 768), (1024, 768), False),
        ((1024, 752), (1030, 760), (1030, 760), False),  # rounded only
        ((1024, 768), (400, 300), (1536, 1152), False),  # less than sent, but more than is there
        ((4096, 3072), (6000, 4500), (4096, 3072), False),  # said when it was sent smaller
        ((1536, 1152), (6000, 4500), (4096, 3072), True),
    ],
)
def test_an_answer_is_coarser_if_it_has_fewer_pixels_than_the_picture_there(
    answer: tuple[int, int], part: tuple[int, int], sent: tuple[int, int], expected: bool
) -> None:
    assert is_coarser(answer, part, sent) == expected
