"""The painting nodes' widgets: seeds beyond the range, and what canvas and locales say of the models."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from to_paint import REQUEST, read
from volc_inpaint.nodes.paying import painting_notes, painting_widgets
from volc_inpaint.nodes.volcengine.models import INPAINTING

LOCALES = Path(__file__).resolve().parents[3] / "locales"


@pytest.mark.parametrize("seed", [0, 1, -1, 2**31 - 1, 7.0, np.int64(7), torch.tensor(7)])
def test_a_seed_within_the_widget_s_range_stays_itself(seed):
    wanted = read(seed=seed)

    assert (int(seed), None) == (wanted.seed, wanted.linked_seed)
    assert [] == [*painting_notes.of_widgets(wanted)]


@pytest.mark.parametrize(
    ("seed", "folded"),
    # the rest of a division by 2^31
    [
        (2**31, 0),
        (2**31 + 5, 5),
        (2**50 - 1, 2**31 - 1),
        (2**64 - 1, 2**31 - 1),
        (1125899906842597, 2147483621),
    ],
)
def test_a_seed_of_another_node_is_folded_and_the_report_says_so(seed, folded):
    wanted = read(seed=seed, variants=2)

    assert folded == wanted.seed
    assert [folded, (folded + 1) % 2**31] == [job.seed for job in wanted.jobs(REQUEST, "p")]
    (note,) = painting_notes.of_widgets(wanted)
    assert f"The seed {seed} is beyond the interface's range, so {folded} stands" in note.english
    assert f"种子 {seed} 超出接口范围，改用 {folded}" in note.chinese


@pytest.mark.parametrize(
    ("seed", "accepted"), [(None, True), (5, True), (-1, True), (2**64 - 1, True), (-2, False)]
)
def test_a_script_s_seed_is_checked_before_the_run(seed, accepted):
    answer = painting_widgets.check_seed(seed)

    assert accepted == (answer is True)
    if not accepted:
        assert "seed is -2, but must be a whole number from -1" in str(answer)


@pytest.mark.parametrize("node", ["VolcInpaint", "VolcInpaintURL"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_tooltips_say_of_each_model_what_its_row_says(node, language):
    names = json.loads((LOCALES / language / "nodeDefs.json").read_text("utf-8"))
    tooltips = {name: one["tooltip"] for name, one in names[node]["inputs"].items()}

    for name, model in INPAINTING.items():
        said = (
            f"{name}: {model.says.english}" if language == "en" else f"{name}：{model.says.chinese}"
        )
        assert said in tooltips["model"]
    for widget, takes in {
        "prompt": lambda model: model.prompt_field,
        "steps": lambda model: model.knows("steps"),
        "scale": lambda model: model.knows("scale"),
    }.items():
        others = [name for name, model in INPAINTING.items() if not takes(model)]
        english, chinese = f"Not used by {', '.join(others)}.", f"{'、'.join(others)} 不使用此项。"
        assert tooltips[widget].endswith(english if language == "en" else chinese)


def test_the_canvas_learns_from_the_schema_how_a_prompt_is_counted_and_what_is_not_used():
    model = next(one for one in painting_widgets.delivery() if one.id == "model")

    expected = {
        "img2img_inpainting_edit_zi2i": ("words", 100, []),
        "jimeng_image2image_dream_inpaint": ("characters", 120, ["steps", "scale"]),
        "i2i_inpainting": ("", 0, ["prompt"]),
    }
    found = model.as_dict()["volc_models"]
    assert expected == {
        name: tuple(row.values()) for name, row in found.items() if name in expected
    }
    assert set(INPAINTING) == set(found)
