"""What is added to a refusal, given what was asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from volc_inpaint.nodes.volcengine.advice import advice
from volc_inpaint.nodes.volcengine.codes import ROWS
from volc_inpaint.nodes.volcengine.errors import APIResponseError
from volc_inpaint.nodes.volcengine.models import (
    DREAM_INPAINT,
    ERASE,
    EXTEND,
    INPAINTING_EDIT,
    INTERFACES,
    SUBJECT_SEGMENTATION,
)
from volc_inpaint.nodes.volcengine.request import Request

# https://www.volcengine.com/docs/85621/1976207
SUCCESSOR = "jimeng_image2image_dream_inpaint"
ADDRESS = "https://console.volcengine.com/ai/ability/detail/2"
EDIT = Request(INPAINTING_EDIT, {"steps": 25})


def refusal(code: int | str, elapsed_s: float = 0.0) -> APIResponseError:
    error = APIResponseError(status_code=400, code=code, message="m", request_id="R1")
    error.elapsed_s = elapsed_s
    return error


def told(code: int | str, request: Request = EDIT, elapsed_s: float = 0.0) -> tuple[str, str]:
    """The advice in English and Chinese; empty without one."""
    text = advice(refusal(code, elapsed_s), request)
    return (text.english, text.chinese) if text else ("", "")


@pytest.mark.parametrize("code", [50400, 50402, 50204, 50215, "InvalidActionOrVersion"])
@pytest.mark.parametrize("model", [INPAINTING_EDIT, ERASE], ids=lambda model: model.req_key)
def test_what_may_be_retired_names_the_successor_and_where_it_is_activated(code, model):
    for text in told(code, Request(model)):
        assert SUCCESSOR in text
        assert ADDRESS in text
        assert "`model`" in text
        assert ("删除" in text) == (model is ERASE)
        # what may be activated after all says where
        own = "https://console.volcengine.com/ai/ability."
        assert (own in text.replace("。", ".")) == (code == 50400)


@pytest.mark.parametrize(
    "model", [DREAM_INPAINT, EXTEND, SUBJECT_SEGMENTATION], ids=lambda model: model.req_key
)
def test_what_is_not_being_retired_names_its_own_activation(model):
    english, chinese = told(50400, Request(model))

    assert f"{model.req_key} is activated at {model.activated_at}." == english
    assert model.activated_at in chinese


@pytest.mark.parametrize("size", [(3001, 1000), (64, 200)])
def test_a_long_picture_is_told_before_a_retired_interface(size):
    english, chinese = told(50215, replace(EDIT, size=size))

    assert f"{size[0]}x{size[1]}" in english
    assert "more than 3 times" in english
    assert "3 倍" in chinese
    assert SUCCESSOR not in english


@pytest.mark.parametrize("size", [None, (3000, 1000), (512, 512)])
def test_any_other_shape_is_no_cause(size):
    assert "times" not in told(50215, replace(EDIT, size=size))[0]


@pytest.mark.parametrize("code", [50500, 50501])
@pytest.mark.parametrize(
    ("steps", "elapsed_s", "expected"),
    [(24, 0.1, False), (25, 5.0, False), (25, 5.1, True), (26, 0.1, True)],
)
def test_an_internal_error_after_a_long_call_or_with_many_steps_asks_for_less(
    code, steps, elapsed_s, expected
):
    english, chinese = told(code, Request(INPAINTING_EDIT, {"steps": steps}), elapsed_s)

    assert ("fewer `steps` or a smaller picture" in english) == expected
    assert ("减少 `steps` 或使用更小的图片" in chinese) == expected
    assert ("gave up after 5 s" in english) == (elapsed_s > 5)


def test_the_eraser_has_another_default_of_steps():
    assert told(50500, Request(ERASE, {"steps": 30})) == ("", "")
    assert "fewer" in told(50500, Request(ERASE, {"steps": 31}))[0]


def test_of_a_model_without_steps_a_smaller_picture_is_asked_for():
    english, _ = told(50501, Request(DREAM_INPAINT), 12.0)

    assert english == "The service gave up after 12 s. A smaller picture takes less time."
    assert "steps" not in english


@pytest.mark.parametrize("model", INTERFACES.values(), ids=lambda model: model.req_key)
def test_no_other_code_is_added_to(model):
    silent = [
        code
        for code, row in ROWS.items()
        if not row.may_be_retired and told(code, Request(model)) != ("", "")
    ]

    assert silent == []
