"""What is to be painted, as it is read of the widgets: prompt, seeds, jobs, the fields on the wire."""

from __future__ import annotations

import numpy as np
import pytest
from to_paint import LABEL, REQUEST, fields, on_query, read
from volc_inpaint.nodes.volcengine.models import DREAM_INPAINT, ERASE, INPAINTING_EDIT, Model
from volc_inpaint.nodes.volcengine.request import LogoInfo
from volc_inpaint.nodes.words import InputError, Text

# -- the prompt


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a dog", "a dog"),
        ("  一只小狗\n", "一只小狗"),
        ("a\n b", "a\n b"),
        ("\u3000狗\u3000", "狗"),
        ("🐶", "🐶"),
    ],
)
def test_white_space_around_a_prompt_is_dropped(text, expected):
    assert expected == read(prompt=text).prompt


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u3000"])
def test_an_empty_prompt_is_an_error_in_both_languages(text):
    with pytest.raises(InputError, match="The prompt is empty") as caught:
        read(prompt=text)

    english, chinese = str(caught.value).split("\n")
    assert "nothing was sent" in english
    assert "提示词为空，未发送任何请求" in chinese


@pytest.mark.parametrize("text", ["\ud800", "a \udc00 dog"])
def test_half_a_character_is_an_error_before_anything_is_sent(text):
    with pytest.raises(InputError, match="half a character") as caught:
        read(prompt=text)

    str(caught.value).encode()


def test_what_comfyui_makes_of_a_script_s_null_is_not_painted():
    with pytest.raises(InputError, match="the word None, which is what ComfyUI makes of"):
        read(prompt="None")
    assert "None of them" == read(prompt="None of them").prompt


@pytest.mark.parametrize("value", [None, 3, ["dog"], b"dog"])
def test_a_linked_prompt_that_is_no_text_pays_nothing(value):
    with pytest.raises(InputError, match=r"prompt is .*, but must be a text, so nothing was sent"):
        read(prompt=value)


def test_an_empty_prompt_of_the_successor_tells_how_to_erase():
    with pytest.raises(InputError, match="To remove what is masked, write 删除") as caught:
        read(prompt=" ", model=DREAM_INPAINT.req_key)

    assert "请填写“删除”" in str(caught.value).split("\n")[1]


# -- other inputs


@pytest.mark.parametrize(
    ("name", "value"),
    [("variants", 0), ("variants", 9), ("seed", -2), ("steps", 0), ("steps", 101), ("scale", 0.9)],
)
def test_a_linked_number_out_of_its_range_pays_nothing(name, value):
    with pytest.raises(
        InputError, match=f"{name} is {value}, but must be a (whole )?number from"
    ) as caught:
        read(**{name: value})
    assert f"{name} 的值为 {value}，应为" in str(caught.value).split("\n")[1]


@pytest.mark.parametrize("value", [None, 3, "zi2i", "", [], np.array(["i2i_inpainting", "x"])])
def test_a_linked_model_that_is_none_pays_nothing(value):
    with pytest.raises(InputError, match=r"model is .*, but must be one of img2img_inp") as caught:
        read(model=value)
    assert "model 的值为" in str(caught.value).split("\n")[1]


def test_a_workflow_without_the_optional_inputs_means_the_classic_without_a_watermark():
    assert (INPAINTING_EDIT, None) == (read().model, read().logo_info)


@pytest.mark.parametrize("value", ["none", 1, {"add_logo": True}])
def test_a_watermark_comes_from_logo_info_only(value):
    with pytest.raises(InputError, match=r"logo_info is .*, but must be what Logo Info") as caught:
        read(logo_info=value)
    assert "应为“水印信息（火山引擎）”的输出" in str(caught.value).split("\n")[1]


def test_an_input_that_no_painting_node_has_pays_nothing():
    with pytest.raises(InputError, match="no input called promt"):
        read(promt="a dog")


# -- seeds and jobs


def test_variants_take_seeds_one_after_another_and_go_on_at_zero():
    assert [5, 6, 7] == [job.seed for job in read(seed=5, variants=3).jobs(REQUEST, "p")]
    last = read(seed=2**31 - 1, variants=3).jobs(REQUEST, "p")
    assert [2**31 - 1, 0, 1] == [job.seed for job in last]


def test_jobs_are_numbered_through_all_pictures():
    wanted = read(seed=7, variants=3)
    jobs = [job for image in (1, 2) for job in wanted.jobs(REQUEST, f"p{image}", image)]

    expected = [
        (1, 1, "p1", 7), (2, 1, "p1", 8), (3, 1, "p1", 9),
        (4, 2, "p2", 7), (5, 2, "p2", 8), (6, 2, "p2", 9),
    ]  # fmt: skip
    assert expected == [(job.index, job.image, job.pixels_key, job.seed) for job in jobs]
    assert [False] * 6 == [job.drawn for job in jobs]
    assert all(job.request is REQUEST for job in jobs)


def test_a_seed_of_minus_one_draws_one_for_each_variant():
    jobs = [job for _ in range(25) for job in read(seed=-1, variants=8).jobs(REQUEST, "p")]

    seeds = {job.seed for job in jobs}
    assert all(job.drawn for job in jobs)
    assert len(seeds) > 195
    assert min(seeds) >= 0
    assert max(seeds) <= 2**31 - 1


# -- what is sent


def test_the_fields_have_the_names_of_the_wire():
    # https://www.volcengine.com/docs/86081/1804490
    expected = {"custom_prompt": "一只小狗", "steps": 25, "scale": 5.0, "return_url": False}

    assert expected == fields(INPAINTING_EDIT)


def test_a_watermark_goes_along_as_an_object():
    info = LogoInfo(True, 2, 1, 0.5, "demo")

    expected = {
        "add_logo": True,
        "position": 2,
        "language": 1,
        "opacity": 0.5,
        "logo_text_content": "demo",
    }
    assert expected == fields(INPAINTING_EDIT, logo_info=info)["logo_info"]
    assert read(logo_info=info).draws_logo


def test_only_what_a_model_takes_is_sent():
    says = Text("One.", "一。")
    model = Model("other", says, takes=frozenset({"scale"}), prompt_field="prompt")
    silent = Model("silent", says, takes=frozenset({"steps"}))

    fields = {"prompt": "a", "scale": 5.0}
    assert fields == read()._replace(model=model, prompt="a").request().parameters
    assert {"steps": 25} == read()._replace(model=silent, prompt="a").request().parameters


def test_a_watermark_turned_off_is_the_same_request_as_none():
    off = LogoInfo(add_logo=False, position=3, producer_id="7")

    assert fields(INPAINTING_EDIT) == fields(INPAINTING_EDIT, logo_info=off)
    assert not read(logo_info=off).draws_logo
    asked = on_query(DREAM_INPAINT, logo_info=off)
    assert {"return_url": False, "aigc_meta": {"producer_id": "7"}} == asked


def test_the_successor_takes_the_prompt_and_asks_for_the_rest_with_the_picture():
    # https://www.volcengine.com/docs/85621/1976207
    assert {"prompt": "一只小狗"} == fields(DREAM_INPAINT, steps=50, scale=9.0, logo_info=LABEL)
    expected = {
        "return_url": False,
        "logo_info": {"add_logo": True, "position": 0, "language": 0, "opacity": 0.3},
        "aigc_meta": {"content_producer": "me", "producer_id": "1"},
    }
    assert expected == on_query(DREAM_INPAINT, logo_info=LABEL)
    assert {"return_url": True} == on_query(DREAM_INPAINT, return_url=True)


def test_the_eraser_takes_no_prompt_and_has_defaults_of_its_own():
    # https://www.volcengine.com/docs/6791/1223709
    expected = {
        "steps": 30,
        "scale": 7.0,
        "return_url": True,
        # without opacity: the Python package volcengine-python-sdk 5.0.54, Img2ImgInpainting
        "logo_info": {"add_logo": True, "position": 0, "language": 0},
    }

    assert expected == fields(ERASE, return_url=True, logo_info=LABEL)
    assert expected == fields(ERASE, return_url=True, prompt="", logo_info=LABEL)
    assert "" == read(prompt="  ", model=ERASE.req_key).prompt
