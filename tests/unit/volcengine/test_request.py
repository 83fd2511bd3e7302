"""The body of a request, field by field."""

from __future__ import annotations

import base64
import json

import pytest
from volc_inpaint.nodes.volcengine import models, request
from volc_inpaint.nodes.volcengine.models import INPAINTING_EDIT
from volc_inpaint.nodes.volcengine.request import LogoInfo, Request

PICTURES = (b"\xff\xd8\xff picture", b"\x89PNG mask")
LINKS = ("https://example.com/a.jpg", "https://example.com/m.png")
FIELDS = {"custom_prompt": "一只小狗 \U0001f436", "steps": 25, "scale": 5.0, "return_url": True}


def test_the_body_is_the_fields_the_pictures_and_the_seed():
    body = Request(INPAINTING_EDIT, FIELDS, pictures=PICTURES).body(7)

    expected = {
        "req_key": "img2img_inpainting_edit_zi2i",
        "custom_prompt": "一只小狗 🐶",
        "steps": 25,
        "scale": 5.0,
        "return_url": True,
        "binary_data_base64": [base64.b64encode(file).decode() for file in PICTURES],
        "seed": 7,
    }
    assert expected == json.loads(body)
    assert list(expected) == list(json.loads(body))


def test_links_go_in_place_of_pictures():
    fields = json.loads(Request(INPAINTING_EDIT, FIELDS, urls=LINKS).body(0))

    assert list(LINKS) == fields["image_urls"]
    assert "binary_data_base64" not in fields


def test_chinese_is_sent_as_utf_8_and_not_escaped():
    body = Request(INPAINTING_EDIT, FIELDS, pictures=PICTURES).body(1)

    assert "一只小狗 🐶".encode() in body
    assert b"\\u" not in body


def test_quotes_and_line_breaks_survive():
    prompt = 'a "quoted"\nline \\ with \t tab'
    body = Request(INPAINTING_EDIT, {"custom_prompt": prompt}, urls=LINKS).body(1)

    assert prompt == json.loads(body)["custom_prompt"]


@pytest.mark.parametrize("where", [{"pictures": PICTURES}, {"urls": LINKS}])
def test_bodies_of_one_request_differ_in_their_seed_alone(where):
    request = Request(INPAINTING_EDIT, FIELDS, **where)
    first, second = request.body(1), request.body(2_147_483_647)

    assert first.replace(b'"seed":1}', b'"seed":2147483647}') == second
    assert first == request.body(1)
    assert first == Request(INPAINTING_EDIT, FIELDS, **where).body(1)


@pytest.mark.parametrize("where", [{"pictures": PICTURES}, {"urls": LINKS}])
@pytest.mark.parametrize("seed", [None, -1, 0, 2**31 - 1])
def test_a_seed_is_sent_as_an_integer_or_not_at_all(seed, where):
    fields = json.loads(Request(INPAINTING_EDIT, {}, **where).body(seed))

    assert seed == fields.get("seed")
    assert ("seed" in fields) == (seed is not None)


def test_pictures_are_encoded_as_plain_base64():
    body = Request(INPAINTING_EDIT, {}, pictures=(bytes(range(256)),)).body()

    assert b'"binary_data_base64":["AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIj' in body
    assert b"data:" not in body


def test_the_watermark_has_the_documented_names_types_and_defaults():
    expected = {"add_logo": True, "position": 0, "language": 0, "opacity": 0.3}

    assert expected == LogoInfo().wire()
    assert {"add_logo": bool, "position": int, "language": int, "opacity": float} == {
        name: type(value) for name, value in LogoInfo().wire().items()
    }


def test_all_five_fields_of_a_watermark_are_sent():
    expected = {
        "add_logo": False,
        "position": 3,
        "language": 1,
        "opacity": 0.75,
        "logo_text_content": "演示",
    }

    assert expected == LogoInfo(False, 3, 1, 0.75, "演示").wire()


def test_the_words_of_the_nodes_stand_for_the_documented_numbers():
    # https://www.volcengine.com/docs/86081/1804490, field logo_info
    positions = {"bottom_right": 0, "bottom_left": 1, "top_left": 2, "top_right": 3}

    assert positions == dict(request.LOGO_POSITIONS)
    assert {"chinese": 0, "english": 1} == dict(request.LOGO_LANGUAGES)


def test_a_task_is_asked_for_by_its_number_with_json_inside_a_text():
    wishes = {"return_url": True, "logo_info": {"add_logo": False}, "aigc_meta": {"x": "作者"}}
    request = Request(models.DREAM_INPAINT, {"prompt": "a"}, pictures=PICTURES, on_query=wishes)
    asked = json.loads(request.query("7392616336519610409"))

    # https://www.volcengine.com/docs/85621/1976207
    assert ["req_key", "task_id", "req_json"] == list(asked)
    assert "jimeng_image2image_dream_inpaint" == asked["req_key"]
    assert "7392616336519610409" == asked["task_id"]
    assert wishes == json.loads(asked["req_json"])
    assert not {"return_url", "logo_info", "aigc_meta"} & set(json.loads(request.body(1)))


def test_a_task_of_which_nothing_is_wished_is_asked_for_without_a_text():
    asked = Request(models.DREAM_INPAINT, {"prompt": "a"}, urls=LINKS).query("1")

    assert {"req_key": "jimeng_image2image_dream_inpaint", "task_id": "1"} == json.loads(asked)


def test_the_label_has_the_documented_names_and_only_what_was_given():
    info = LogoInfo(content_producer="a", producer_id="b", content_propagator="c", propagate_id="d")
    expected = {
        "content_producer": "a",
        "producer_id": "b",
        "content_propagator": "c",
        "propagate_id": "d",
    }

    # https://www.volcengine.com/docs/85621/1976207
    assert expected == info.label()
    assert {"producer_id": "b"} == LogoInfo(producer_id="b").label()
    assert {} == LogoInfo().label()
    assert not set(expected) & set(info.wire())


def test_a_part_of_the_label_is_as_long_as_the_service_takes_it():
    # https://www.volcengine.com/docs/85621/2375477
    assert 256 == request.LABEL_CHARACTERS


def test_the_classic_as_a_task_asks_for_what_concerns_the_picture_with_the_question():
    mark = {"add_logo": True}
    request = Request(
        INPAINTING_EDIT, {**FIELDS, "logo_info": mark}, pictures=PICTURES, size=(80, 64)
    )
    task = request.as_task()

    assert ("CVSync2AsyncSubmitTask", "CVSync2AsyncGetResult") == (
        task.model.action, task.model.query_action,
    )  # fmt: skip
    sent = json.loads(task.body(7))
    assert {"custom_prompt", "steps", "scale", "seed", "req_key", "binary_data_base64"} == set(sent)
    assert "img2img_inpainting_edit_zi2i" == sent["req_key"]
    assert request.pictures == task.pictures
    wishes = json.loads(json.loads(task.query("1"))["req_json"])
    assert {"return_url": True, "logo_info": mark} == wishes


def test_no_other_interface_changes_the_way_it_is_called():
    models_without = [models.DREAM_INPAINT, models.ERASE, models.EXTEND]

    assert [None] * 3 == [Request(model).as_task() for model in models_without]
