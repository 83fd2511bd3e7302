"""What each model takes of the node's inputs, and what the report says of the rest."""

from __future__ import annotations

import pytest
from volc_inpaint.nodes.paying import inputs
from volc_inpaint.nodes.paying.model_notes import model_notes
from volc_inpaint.nodes.volcengine.models import DREAM_INPAINT, ERASE, INPAINTING_EDIT
from volc_inpaint.nodes.volcengine.request import LogoInfo

LABEL = LogoInfo(content_producer="me", producer_id="1")
USUAL = {"steps": 25, "scale": 5.0, "logo_info": None}


def parameters(model, text="一只小狗", **changes):
    return inputs.parameters(model, text, **{**USUAL, "return_url": True, **changes})


def notes(model, text="一只小狗", **changes):
    found = model_notes(model, text, **{**USUAL, **changes})
    for note in found:
        english, chinese = note.split(" / ")
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)
        assert english.strip()
    return found


def test_the_classic_takes_everything_but_the_label_and_says_nothing():
    expected = {"custom_prompt": "一只小狗", "steps": 25, "scale": 5.0, "return_url": True}

    assert expected == parameters(INPAINTING_EDIT)
    assert {} == inputs.on_query(INPAINTING_EDIT, return_url=True, logo_info=LABEL)
    assert [] == notes(INPAINTING_EDIT, "a" * 500, steps=30, scale=7.0, logo_info=LogoInfo())
    (note,) = notes(INPAINTING_EDIT, logo_info=LABEL)
    assert "takes no implicit label: it was not sent" in note
    assert "aigc_meta" not in parameters(INPAINTING_EDIT, logo_info=LABEL)


def test_the_successor_takes_the_prompt_and_asks_for_the_rest_with_the_picture():
    # https://www.volcengine.com/docs/85621/1976207
    assert {"prompt": "一只小狗"} == parameters(DREAM_INPAINT, steps=50, scale=9.0, logo_info=LABEL)
    expected = {
        "return_url": False,
        "logo_info": {"add_logo": True, "position": 0, "language": 0, "opacity": 0.3},
        "aigc_meta": {"content_producer": "me", "producer_id": "1"},
    }
    assert expected == inputs.on_query(DREAM_INPAINT, return_url=False, logo_info=LABEL)
    assert {"return_url": True} == inputs.on_query(DREAM_INPAINT, return_url=True, logo_info=None)


def test_the_successor_says_that_it_takes_no_steps_and_no_scale():
    (note,) = notes(DREAM_INPAINT)

    assert note.startswith("jimeng_image2image_dream_inpaint takes no steps and no scale: not sent")


@pytest.mark.parametrize(("length", "expected"), [(120, 0), (121, 1)])
def test_a_prompt_longer_than_advised_is_sent_and_noted(length, expected):
    text = "狗" * length

    assert text == parameters(DREAM_INPAINT, text)["prompt"]
    assert expected == sum(f"{length} characters" in note for note in notes(DREAM_INPAINT, text))


def test_with_a_label_the_report_says_where_it_is():
    assert "none that ComfyUI saves" in notes(DREAM_INPAINT, logo_info=LABEL)[1]


def test_the_eraser_takes_no_prompt_and_has_defaults_of_its_own():
    # https://www.volcengine.com/docs/6791/1223709
    expected = {"steps": 30, "scale": 7.0, "return_url": True}

    assert expected == parameters(ERASE, logo_info=LABEL)
    assert expected == parameters(ERASE, "")
    assert "" == inputs.prompt("  ", "VolcInpaint", ERASE)


def test_the_eraser_says_what_it_left_out_and_what_it_took():
    prompt, sampling, watermark, label = notes(ERASE, logo_info=LABEL)

    assert "i2i_inpainting takes no prompt" in prompt
    assert "steps 30, scale 7 was sent" in sampling
    assert "takes no watermark" in watermark
    assert "takes no implicit label" in label


def test_any_other_value_of_steps_and_scale_is_sent_as_it_is():
    fields = parameters(ERASE, steps=26, scale=5.1)

    assert (26, 5.1) == (fields["steps"], fields["scale"])
    assert [] == notes(ERASE, "", steps=26, scale=5.1)
    (note,) = notes(ERASE, "", steps=40)
    assert "scale 7 was sent" in note
    assert "steps" not in note


def test_an_empty_prompt_of_the_successor_tells_how_to_erase():
    with pytest.raises(ValueError, match="To remove what is masked, write 删除") as caught:
        inputs.prompt(" ", "VolcInpaint", DREAM_INPAINT)

    english, chinese = str(caught.value).split("\n")
    assert "nothing was sent" in english
    assert "请填写“删除”" in chinese
