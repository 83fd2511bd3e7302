"""A text in two languages."""

from __future__ import annotations

import pytest
from volc_inpaint.nodes.words import InputError, Text, named, numbers

MASK = Text("The mask is empty.", "遮罩为空。")


@pytest.mark.parametrize(("english", "chinese"), [("", "遮罩为空。"), ("The mask.", " "), ("", "")])
def test_half_a_translation_cannot_be_written(english, chinese):
    with pytest.raises(ValueError, match="half a translation"):
        Text(english, chinese)


def test_its_three_shapes():
    assert "The mask is empty.\n遮罩为空。" == MASK.lines()
    assert "The mask is empty. / 遮罩为空。" == MASK.line()
    assert {"en": "The mask is empty.", "zh": "遮罩为空。"} == MASK.pair()


def test_one_after_the_other_in_each_language():
    whole = MASK + Text("Paint one.", "请绘制遮罩。")

    assert Text("The mask is empty. Paint one.", "遮罩为空。请绘制遮罩。") == whole


def test_an_error_of_a_bad_input_is_a_value_error_in_both_languages():
    error = InputError(MASK.english, MASK.chinese)

    assert isinstance(error, ValueError)
    assert "The mask is empty.\n遮罩为空。" == str(error)
    assert MASK == error.text


@pytest.mark.parametrize(
    ("which", "english", "chinese"),
    [
        ([1], "1", "1"),
        ([2, 3], "2, 3", "2、3"),
        ([1, 2, 3], "1-3", "1-3"),
        ([1, 2, 3, 5, 7, 8, 10, 11, 12, 13], "1-3, 5, 7, 8, 10-13", "1-3、5、7、8、10-13"),
    ],
)
def test_runs_of_numbers_are_cut_short(which, english, chinese):
    assert Text(english, chinese) == numbers(which)


def test_the_only_one_has_no_number_and_those_of_several_have_theirs():
    assert Text("the mask", "遮罩") == named([1], 1, "mask", "遮罩")
    assert Text("mask 2", "遮罩 2 ") == named([2], 3, "mask", "遮罩")
    assert Text("mask 1-3, 5", "遮罩 1-3、5 ") == named([1, 2, 3, 5], 5, "mask", "遮罩")
