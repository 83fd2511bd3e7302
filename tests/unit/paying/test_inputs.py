"""Prompt, seeds and the fields on the wire, as both paying nodes make them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from volc_inpaint.nodes.paying import inputs
from volc_inpaint.nodes.volcengine.models import (
    DREAM_INPAINT,
    INPAINTING_EDIT,
    Model,
)
from volc_inpaint.nodes.volcengine.request import LogoInfo, Request
from volc_inpaint.nodes.words import Text

REQUEST = Request(INPAINTING_EDIT, {}, pictures=(b"a", b"b"))
USUAL = {"steps": 25, "scale": 5.0, "return_url": False, "logo_info": None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a dog", "a dog"),
        ("  一只小狗\n", "一只小狗"),
        ("a\n b", "a\n b"),
        ("\u3000狗\u3000", "狗"),
    ],
)
def test_white_space_around_a_prompt_is_dropped(text, expected):
    assert expected == inputs.prompt(text, "VolcInpaint")


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u3000"])
def test_an_empty_prompt_is_an_error_in_both_languages(text):
    with pytest.raises(ValueError, match="VolcInpaintURL: the prompt is empty") as caught:
        inputs.prompt(text, "VolcInpaintURL")

    english, chinese = str(caught.value).split("\n")
    assert "nothing was sent" in english
    assert "VolcInpaintURL：提示词为空，未发送任何请求" in chinese


@pytest.mark.parametrize("text", ["\ud800", "a \udc00 dog"])
def test_half_a_character_is_an_error_before_anything_is_sent(text):
    with pytest.raises(ValueError, match="half a character") as caught:
        inputs.prompt(text, "VolcInpaint")

    str(caught.value).encode()


def test_a_character_beyond_the_basic_plane_is_whole():
    assert "🐶" == inputs.prompt("🐶", "VolcInpaint")


def test_variants_take_seeds_one_after_another_and_go_on_at_zero():
    assert [5, 6, 7] == [inputs.next_seed(5, variant) for variant in range(3)]
    assert [2**31 - 1, 0, 1] == [inputs.next_seed(2**31 - 1, variant) for variant in range(3)]


def test_drawn_seeds_are_in_range_and_differ():
    seeds = {inputs.draw_seed() for _ in range(200)}

    assert len(seeds) > 195
    assert min(seeds) >= 0
    assert max(seeds) <= 2**31 - 1


def test_jobs_are_numbered_through_all_pictures():
    jobs = [
        job
        for image in (1, 2)
        for job in inputs.variant_jobs(REQUEST, f"p{image}", image=image, variants=3, seed=7)
    ]

    expected = [
        (1, 1, "p1", 7), (2, 1, "p1", 8), (3, 1, "p1", 9),
        (4, 2, "p2", 7), (5, 2, "p2", 8), (6, 2, "p2", 9),
    ]  # fmt: skip
    assert expected == [(job.index, job.image, job.pixels_key, job.seed) for job in jobs]
    assert [False] * 6 == [job.drawn for job in jobs]
    assert all(job.request is REQUEST for job in jobs)


def test_a_seed_of_minus_one_draws_one_for_each_variant():
    jobs = inputs.variant_jobs(REQUEST, "p", image=1, variants=8, seed=-1)

    assert [True] * 8 == [job.drawn for job in jobs]
    assert 8 == len({job.seed for job in jobs})


@pytest.mark.parametrize(
    ("name", "value"),
    [("variants", 0), ("variants", 9), ("seed", -2), ("seed", 2**31)],
)
def test_a_linked_number_out_of_its_range_pays_nothing(name, value):
    numbers = {"variants": 4, "seed": 1, name: value}

    with pytest.raises(
        ValueError, match=f"{name} is {value}, but must be a whole number from"
    ) as caught:
        inputs.variant_jobs(REQUEST, "p", image=1, **numbers)
    assert f"{name} 的值为 {value}，应为" in str(caught.value).split("\n")[1]


@pytest.mark.parametrize(
    ("name", "value"),
    [("steps", 0), ("steps", 101), ("scale", 0.99), ("scale", 20.01), ("scale", float("nan"))],
)
def test_a_linked_parameter_out_of_its_range_is_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}, but must be a (whole )?number from"):
        inputs.parameters(INPAINTING_EDIT, "a", **{**USUAL, name: value})


@pytest.mark.parametrize(
    "value", [3, 3.0, np.int64(3), np.float32(3), np.array(3), torch.tensor(3), Fraction(3)]
)
def test_a_linked_number_is_the_same_number_whatever_its_type(value):
    found = inputs.numbers(variants=value, seed=value, steps=value, scale=value, feather=value)

    assert [3, 3, 3, 3.0, 3] == found
    assert [int, int, int, float, int] == [type(number) for number in found]


@pytest.mark.parametrize("name", inputs.LIMITS)
@pytest.mark.parametrize(
    "value",
    [None, "3", "three", [], float("nan"), float("inf"), -5, 10**10, torch.tensor([1, 2]), 3j],
)
def test_a_linked_value_that_is_no_such_number_is_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} is .*, but must be a .*number from") as caught:
        inputs.numbers(**{name: value})
    assert 2 == len(str(caught.value).split("\n"))


@pytest.mark.parametrize("name", ["variants", "seed", "steps", "feather"])
def test_half_a_number_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} is 2.5, but must be a whole number"):
        inputs.numbers(**{name: 2.5})


@pytest.mark.parametrize(("steps", "scale"), [(1, 1.0), (100, 20.0), (25, 5)])
def test_the_ends_of_a_range_belong_to_it(steps, scale):
    fields = inputs.parameters(INPAINTING_EDIT, "a", **{**USUAL, "steps": steps, "scale": scale})

    assert (steps, scale) == (fields["steps"], fields["scale"])


def test_the_fields_have_the_names_of_the_wire():
    # https://www.volcengine.com/docs/86081/1804490
    expected = {"custom_prompt": "一只小狗", "steps": 25, "scale": 5.0, "return_url": False}

    assert expected == inputs.parameters(INPAINTING_EDIT, "一只小狗", **USUAL)


def test_a_watermark_goes_along_as_an_object():
    info = LogoInfo(True, 2, 1, 0.5, "demo")
    fields = inputs.parameters(INPAINTING_EDIT, "a", **{**USUAL, "logo_info": info})

    expected = {
        "add_logo": True,
        "position": 2,
        "language": 1,
        "opacity": 0.5,
        "logo_text_content": "demo",
    }
    assert expected == fields["logo_info"]


def test_only_what_a_model_takes_is_sent():
    says = Text("Paints.", "绘制。")
    model = Model("other", says, takes=frozenset({"scale"}), prompt_field="prompt")
    silent = Model("silent", says, takes=frozenset({"steps"}))

    assert {"prompt": "a", "scale": 5.0} == inputs.parameters(model, "a", **USUAL)
    assert {"steps": 25} == inputs.parameters(silent, "a", **USUAL)


@pytest.mark.parametrize("value", [None, 3, "zi2i", "", [], np.array(["i2i_inpainting", "x"])])
def test_a_linked_model_that_is_none_pays_nothing(value):
    with pytest.raises(ValueError, match=r"model is .*, but must be one of img2img_inp") as caught:
        inputs.chosen_model(value)
    assert "model 的值为" in str(caught.value).split("\n")[1]


def test_a_linked_model_is_found_by_its_name():
    assert INPAINTING_EDIT is inputs.chosen_model("img2img_inpainting_edit_zi2i")


@pytest.mark.parametrize("value", [None, 3, ["dog"], b"dog"])
def test_a_linked_prompt_that_is_no_text_pays_nothing(value):
    with pytest.raises(ValueError, match=r"prompt is .*, but must be a text, so nothing was sent"):
        inputs.prompt(value, "VolcInpaint")


@pytest.mark.parametrize("value", ["none", 1, {"add_logo": True}])
def test_a_watermark_comes_from_logo_info_only(value):
    with pytest.raises(ValueError, match=r"logo_info is .*, but must be what Logo Info") as caught:
        inputs.logo(value)
    assert "应为“水印信息（火山引擎）”的输出" in str(caught.value).split("\n")[1]


def test_no_watermark_is_none():
    assert inputs.logo(None) is None
    assert LogoInfo() == inputs.logo(LogoInfo())


def test_a_watermark_turned_off_is_the_same_request_as_none():
    off = LogoInfo(add_logo=False, position=3, producer_id="7")

    assert inputs.parameters(INPAINTING_EDIT, "a", **USUAL) == inputs.parameters(
        INPAINTING_EDIT, "a", **{**USUAL, "logo_info": off}
    )
    asked = inputs.on_query(DREAM_INPAINT, return_url=False, logo_info=off)
    assert {"return_url": False, "aigc_meta": {"producer_id": "7"}} == asked
