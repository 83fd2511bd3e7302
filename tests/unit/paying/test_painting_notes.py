"""What a painting run says in its report beside the counts."""

from __future__ import annotations

import pytest
from to_paint import ALL, KEPT, LABEL, PAID, fields, on_query, read
from volc_inpaint.nodes.jobs.job import Job, Outcome
from volc_inpaint.nodes.paying import painting_notes
from volc_inpaint.nodes.volcengine.models import DREAM_INPAINT, ERASE, INPAINTING_EDIT
from volc_inpaint.nodes.volcengine.request import LogoInfo, Request


def notes(model, **changes):
    wanted = read(model=model.req_key, **changes)
    return [note.english for note in painting_notes.of_widgets(wanted)]


# -- what was not sent as it stands on the node


def test_the_classic_takes_everything_but_the_label_and_says_nothing():
    expected = {"custom_prompt": "一只小狗", "steps": 25, "scale": 5.0, "return_url": True}

    assert expected == fields(INPAINTING_EDIT, return_url=True)
    assert {} == on_query(INPAINTING_EDIT, return_url=True, logo_info=LABEL)
    assert [] == notes(INPAINTING_EDIT, prompt="a" * 500, steps=30, scale=7.0, logo_info=LogoInfo())
    (note,) = notes(INPAINTING_EDIT, logo_info=LABEL)
    assert "takes no implicit label: it was not sent" in note
    assert "aigc_meta" not in fields(INPAINTING_EDIT, logo_info=LABEL)


def test_any_other_value_of_steps_and_scale_is_sent_as_it_is():
    sent = fields(ERASE, steps=26, scale=5.1)

    assert (26, 5.1) == (sent["steps"], sent["scale"])
    assert [] == notes(ERASE, prompt="", steps=26, scale=5.1)
    (note,) = notes(ERASE, prompt="", steps=40)
    assert "scale 7 was sent" in note
    assert "steps" not in note


def test_the_successor_says_that_it_takes_no_steps_and_no_scale():
    (note,) = notes(DREAM_INPAINT)

    assert note.startswith("jimeng_image2image_dream_inpaint takes no steps and no scale: not sent")


@pytest.mark.parametrize(("length", "expected"), [(120, 0), (121, 1)])
def test_a_prompt_longer_than_advised_is_sent_and_noted(length, expected):
    text = "狗" * length

    assert text == fields(DREAM_INPAINT, prompt=text)["prompt"]
    said = notes(DREAM_INPAINT, prompt=text)
    assert expected == sum(f"{length} characters" in note for note in said)


def test_with_a_label_the_report_says_where_it_is():
    assert "none that ComfyUI saves" in notes(DREAM_INPAINT, logo_info=LABEL)[1]


def test_the_eraser_says_what_it_left_out_and_what_it_took():
    prompt, sampling, watermark, label = notes(ERASE, logo_info=LABEL)

    assert "i2i_inpainting takes no prompt" in prompt
    assert "steps 30, scale 7 was sent" in sampling
    assert "watermark of i2i_inpainting has an opacity of its own" in watermark
    assert "takes no implicit label" in label


# -- what came of the pictures


def test_pictures_without_the_link_asked_for_are_named_once():
    assert [] == [*painting_notes.of_links([PAID, KEPT], return_url=False)]
    assert [] == [*painting_notes.of_links([PAID], return_url=True)]
    (note,) = painting_notes.of_links([PAID, KEPT], return_url=True)
    assert "variant 2:" in note.english
    assert "变体 2 " in note.chinese


def test_what_is_not_in_the_batch_is_named():
    assert [] == [*painting_notes.of_missing([PAID, KEPT], [PAID, KEPT])]

    (note,) = painting_notes.of_missing(ALL, [PAID, KEPT])

    assert "picture 1 variant 3; picture 2." in note.english
    assert "图片 1 的变体 3；图片 2。" in note.chinese
    assert "require_all" in note.english
    assert "require_all" in note.chinese


def test_copies_are_named_unless_their_seeds_were_drawn():
    request = Request(INPAINTING_EDIT)
    keys = {1: "a", 2: "b", 3: "a", 4: "a", 5: "c"}
    jobs = [Job(n, n, request, key, seed=1) for n, key in keys.items()]

    (note,) = painting_notes.of_copies(Outcome(job, "paid") for job in jobs)

    assert "Pictures 1, 3, 4 are the same" in note.english
    assert "图片 1、3、4 " in note.chinese
    drawn = [Job(n, n, request, "a", seed=n, drawn=True) for n in (1, 2)]
    assert [] == [*painting_notes.of_copies(Outcome(job, "paid") for job in drawn)]
