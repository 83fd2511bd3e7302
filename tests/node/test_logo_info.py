"""LogoInfo as ComfyUI calls it: what it hands on, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

WIDGETS: dict[str, Any] = {
    "add_logo": True,
    "position": "bottom_right",
    "language": "chinese",
    "opacity": 0.3,
    "text": "",
}


def execute(**values: Any) -> Any:
    from volc_inpaint.nodes.logo_info import LogoInfo

    (logo_info,) = LogoInfo.execute(**{**WIDGETS, **values}).args
    return logo_info


def test_the_words_become_the_numbers_of_the_wire() -> None:
    # https://www.volcengine.com/docs/86081/1804490, field logo_info
    wire = execute(position="top_left", language="english", opacity=1, text=" 演示 ").wire()

    assert wire == {
        "add_logo": True,
        "position": 2,
        "language": 1,
        "opacity": 1.0,
        "logo_text_content": "演示",
    }
    assert isinstance(wire["opacity"], float)


def test_only_the_given_parts_of_the_label_are_handed_on() -> None:
    assert execute(producer_id=" 7 ", content_propagator="B").label() == {
        "producer_id": "7",
        "content_propagator": "B",
    }
    assert execute(producer_id="  ").label() == {}


@pytest.mark.parametrize("name", ["content_producer", "content_propagator", "propagate_id"])
def test_a_part_of_the_label_without_its_number_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match=f"has {name}, but no producer_id") as caught:
        execute(**{name: "someone"})

    assert "缺少必填的 producer_id" in str(caught.value).split("\n")[1]


@pytest.mark.parametrize(
    "name", ["content_producer", "producer_id", "content_propagator", "propagate_id"]
)
def test_a_part_of_the_label_of_more_than_256_characters_is_an_error(name: str) -> None:
    label = {"producer_id": "7"}
    assert execute(**{**label, name: " " + "签" * 256}).label()[name] == "签" * 256
    with pytest.raises(ValueError, match=f"{name} has 257 characters") as caught:
        execute(**{**label, name: "签" * 257})

    assert "最多 256 个字符" in str(caught.value).split("\n")[1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("position", "middle"), ("position", 0), ("language", "french"), ("opacity", 1.5), ("opacity", "0.3"),
        ("text", 7), ("producer_id", None),
    ],
)  # fmt: skip
def test_a_linked_value_that_no_widget_gives_is_an_error(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{name} is .*, but must be "):
        execute(**{name: value})
