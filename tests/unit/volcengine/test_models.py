"""The table of interfaces."""

from __future__ import annotations

import base64

import pytest
from volc_inpaint.nodes.volcengine import models


def test_the_table_knows_the_inpainting_interface():
    model = models.INPAINTING["img2img_inpainting_edit_zi2i"]

    # https://www.volcengine.com/docs/86081/1804490
    expected = ("CVProcess", "custom_prompt", 64, 4096, 5_000_000)
    actual = (
        model.action, model.prompt_field, model.min_side, model.max_side, model.max_file_bytes,
    )  # fmt: skip
    assert expected == actual
    assert "2022-08-31" == models.VERSION
    assert {"steps", "scale", "seed", "return_url", "logo_info"} == model.takes
    assert len(base64.b64encode(bytes(model.safe_file_bytes))) <= 4_700_000


def test_every_model_stands_in_the_table_under_its_own_name():
    assert list(models.INPAINTING) == [model.req_key for model in models.INPAINTING.values()]


def test_the_table_knows_the_successor():
    model = models.INPAINTING["jimeng_image2image_dream_inpaint"]

    # https://www.volcengine.com/docs/85621/1976207
    expected = ("CVSync2AsyncSubmitTask", "CVSync2AsyncGetResult", "prompt", 120, "删除", 4096)
    actual = (
        model.action, model.query_action, model.prompt_field, model.advised_prompt,
        model.erase_prompt, model.max_side,
    )  # fmt: skip
    assert expected == actual
    assert {"seed"} == model.takes
    assert {"return_url", "logo_info", "aigc_meta"} == model.takes_on_query
    assert 4_700_000 * 3 // 4 == model.max_file_bytes  # 4.7 MB of base64 text


def test_the_table_knows_the_eraser():
    model = models.INPAINTING["i2i_inpainting"]

    # https://www.volcengine.com/docs/6791/1223709
    assert ("CVProcess", "", "") == (model.action, model.query_action, model.prompt_field)
    assert not model.needs_prompt
    assert {"steps", "scale", "seed", "return_url", "logo_info"} == model.takes
    # Img2ImgInpainting of the Python package volcengine-python-sdk 5.0.54
    assert not model.logo_opacity
    assert {"steps": 30, "scale": 7} == dict(model.defaults)
    assert 4_700_000 * 3 // 4 == model.max_file_bytes  # 4.7 MB of base64 text


def test_the_table_knows_the_outpainter():
    model = models.INPAINTING["jimeng_img2img_seed3_painting_edit"]

    # https://www.volcengine.com/docs/85621/2375477
    expected = ("CVSync2AsyncSubmitTask", "CVSync2AsyncGetResult", "prompt", False, 800)
    actual = (
        model.action, model.query_action, model.prompt_field, model.needs_prompt, model.max_prompt,
    )  # fmt: skip
    assert expected == actual
    assert {"seed"} == model.takes
    assert {"return_url", "logo_info", "aigc_meta"} == model.takes_on_query


@pytest.mark.parametrize(
    ("req_key", "takes"),
    [
        # https://www.volcengine.com/docs/6793/1330693 and https://www.volcengine.com/docs/6793/1317296
        ("saliency_seg", {"only_mask", "rgb", "refine_mask", "return_url"}),
        ("entity_seg", {"max_entity", "refine_mask", "return_format"}),
    ],
)
def test_the_table_knows_the_interfaces_that_find_masks(req_key, takes):
    model = models.INTERFACES[req_key]

    expected = ("CVProcess", "", ("picture",), "", 128, 4096)
    actual = (
        model.action, model.query_action, model.sends, model.prompt_field, model.min_side, model.max_side,
    )  # fmt: skip
    assert expected == actual
    assert takes == model.takes
    assert 4_700_000 * 3 // 4 == model.max_file_bytes  # 4.7 MB of base64 text


@pytest.mark.parametrize(
    ("req_key", "known", "unknown"),
    [
        # https://www.volcengine.com/docs/86081/1804490
        ("img2img_inpainting_edit_zi2i", {"steps", "logo_info"}, {"aigc_meta", "prompt"}),
        # https://www.volcengine.com/docs/85621/1976207: the watermark goes with the question for the task
        (
            "jimeng_image2image_dream_inpaint",
            {"seed", "logo_info", "aigc_meta"},
            {"steps", "scale"},
        ),
    ],
)
def test_a_model_knows_the_fields_of_the_request_and_of_the_question(req_key, known, unknown):
    model = models.INTERFACES[req_key]

    assert known == {name for name in known | unknown if model.knows(name)}


def test_four_interfaces_paint_in_the_order_of_the_nodes():
    expected = [
        "img2img_inpainting_edit_zi2i", "jimeng_image2image_dream_inpaint", "i2i_inpainting",
        "jimeng_img2img_seed3_painting_edit",
    ]  # fmt: skip
    assert expected == list(models.INPAINTING)


@pytest.mark.parametrize("model", models.INTERFACES.values(), ids=lambda model: model.req_key)
def test_every_row_is_complete(model):
    assert model is models.INTERFACES[model.req_key]
    assert bool(model.prompt_field) == bool(model.prompt_counted) == bool(model.advised_prompt)
    assert ("picture", "mask")[: len(model.sends)] == model.sends
    assert 1024 <= model.best_side <= model.max_side
    assert model.safe_file_bytes <= model.max_file_bytes
    assert model.says.english.endswith(".")
    assert model.says.chinese.endswith("。")
    assert model.activated_at.startswith("https://console.volcengine.com/")


def test_a_prompt_is_counted_as_its_page_counts():
    # https://www.volcengine.com/docs/86081/1804490 and https://www.volcengine.com/docs/85621/1976207
    expected = {
        "img2img_inpainting_edit_zi2i": ("words", 100),
        "jimeng_image2image_dream_inpaint": ("characters", 120),
        "i2i_inpainting": ("", 0),
        "jimeng_img2img_seed3_painting_edit": ("characters", 800),
    }
    assert expected == {
        model.req_key: (model.prompt_counted, model.advised_prompt)
        for model in models.INPAINTING.values()
    }


def test_only_the_eraser_reaches_beyond_the_mask():
    # https://www.volcengine.com/docs/6791/1223709, dilate_size
    expected = {"i2i_inpainting": 15}
    assert expected == {
        model.req_key: model.widens_mask_px
        for model in models.INTERFACES.values()
        if model.widens_mask_px
    }
