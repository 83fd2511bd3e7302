"""Values that come over a link: taken as the widget would give them, or refused before anything is paid."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from volc_inpaint.nodes.host import values
from volc_inpaint.nodes.words import InputError

STEPS = values.Number("steps", 25, 1, 100)
SCALE = values.Number("scale", 5.0, 1, 20, step=0.1)
FIT = values.Choice("fit", ("crop", "downscale", "error"))


@pytest.mark.parametrize(
    "value", [3, 3.0, np.int64(3), np.float32(3), np.array(3), torch.tensor(3), Fraction(3)]
)
def test_a_linked_number_is_the_same_number_whatever_its_type(value):
    whole, fraction = STEPS.read(value), SCALE.read(value)

    assert (3, int) == (whole, type(whole))
    assert (3.0, float) == (fraction, type(fraction))


@pytest.mark.parametrize("number", [STEPS, SCALE], ids=["steps", "scale"])
@pytest.mark.parametrize(
    "value",
    [None, "3", "three", [], float("nan"), float("inf"), -5, 10**10, torch.tensor([1, 2]), 3j],
)
def test_a_linked_value_that_is_no_such_number_is_refused(number, value):
    with pytest.raises(
        InputError, match=f"{number.name} is .*, but must be a .*number from"
    ) as caught:
        number.read(value)
    english, chinese = str(caught.value).split("\n")
    assert "nothing was sent" in english
    assert f"{number.name} 的值为" in chinese


def test_half_a_number_is_refused_where_it_must_be_whole():
    with pytest.raises(InputError, match=r"steps is 2.5, but must be a whole number from 1 to 100"):
        STEPS.read(2.5)
    assert 2.5 == SCALE.read(2.5)


@pytest.mark.parametrize("value", [1, 100])
def test_the_ends_of_a_range_belong_to_it(value):
    assert value == STEPS.read(value)


@pytest.mark.parametrize(
    ("number", "value"), [(STEPS, 0), (STEPS, 101), (SCALE, 0.99), (SCALE, 20.01)]
)
def test_a_number_beyond_the_ends_is_refused(number, value):
    with pytest.raises(InputError, match=f"{number.name} is {value}, but must be"):
        number.read(value)


def test_a_widget_offers_what_is_accepted():
    assert {"id": "steps", "default": 25, "min": 1, "max": 100} == STEPS.widget
    assert {"id": "scale", "default": 5.0, "min": 1, "max": 20, "step": 0.1} == SCALE.widget
    assert {"id": "fit", "options": ["crop", "downscale", "error"]} == FIT.widget
    assert "error" == values.Choice("fit", ("crop", "error"), "error").widget["default"]


@pytest.mark.parametrize("value", [None, 3, "zoom", "", [], np.array(["crop", "x"])])
def test_a_linked_choice_that_is_none_is_refused(value):
    with pytest.raises(
        InputError, match=r"fit is .*, but must be one of crop, downscale, error"
    ) as caught:
        FIT.read(value)
    assert "应为crop、downscale、error 之一" in str(caught.value).split("\n")[1]


def test_a_linked_choice_is_found_by_its_name():
    assert "downscale" == FIT.read("downscale")


@pytest.mark.parametrize("value", [None, 3, ["dog"], b"dog"])
def test_a_linked_text_that_is_none_is_refused(value):
    with pytest.raises(InputError, match=r"text is .*, but must be a text, so nothing was sent"):
        values.text("text", value)


def test_a_long_value_is_cut_short_in_the_message():
    with pytest.raises(InputError) as caught:
        values.text("text", [0] * 10_000)
    assert len(str(caught.value)) < 500


def test_an_input_that_the_node_does_not_have_is_named():
    values.check_names({})
    with pytest.raises(InputError, match="has no input called promt, sed") as caught:
        values.check_names({"promt": "a dog", "sed": 1})
    assert "没有名为 promt、sed 的输入" in str(caught.value).split("\n")[1]
