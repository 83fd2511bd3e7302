"""The inputs and outputs that several paying nodes have in common, each list in the order of the contract."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..volcengine.models import INPAINTING, INPAINTING_EDIT
from . import inputs

LogoInfoSocket = io.Custom("VOLC_LOGO_INFO")


def limits(name: str) -> dict[str, Any]:
    """`min` and `max` of the widget called `name`: what a value that comes over a link must keep to, too."""
    low, high = inputs.LIMITS[name]
    return {"min": low, "max": high}


def painting() -> list[Any]:
    """What to paint, and how: `prompt` to `scale`."""
    return [
        io.String.Input(
            "prompt",
            multiline=True,
            default="",
            tooltip="What to paint there, in Chinese or English, short and exact. With jimeng_image2image_dream_inpaint, "
            "删除 removes what is masked; i2i_inpainting always does, and needs no prompt.",
        ),
        io.Int.Input(
            "variants",
            default=4,
            **limits("variants"),
            tooltip="How many pictures to choose from. Each one is one paid call per picture.",
        ),
        io.Int.Input(
            "seed",
            default=1,
            **limits("seed"),
            control_after_generate=io.ControlAfterGenerate.fixed,
            tooltip="Variant i uses seed + i - 1. -1 draws new seeds at every run, and pays at every run.",
        ),
        io.Int.Input(
            "steps",
            default=inputs.STEPS,
            **limits("steps"),
            tooltip="Sampling steps. More may be better and takes longer. Left at 25 it means the model's own default; "
            "jimeng_image2image_dream_inpaint takes none.",
        ),
        io.Float.Input(
            "scale",
            default=inputs.SCALE,
            **limits("scale"),
            step=0.1,
            tooltip="How strongly the prompt counts. Left at 5 it means the model's own default; "
            "jimeng_image2image_dream_inpaint takes none.",
        ),
    ]


def delivery() -> list[Any]:
    """How the pictures come: `return_url` and `require_all`."""
    return [
        io.Boolean.Input(
            "return_url",
            default=False,
            tooltip="Also return links to the pictures. The service deletes them after 24 hours.",
        ),
        io.Boolean.Input(
            "require_all",
            default=False,
            tooltip="Stop with an error if one variant fails. The others stay in the journal.",
        ),
    ]


def choices() -> list[Any]:
    """What a workflow may leave out: `model` and `logo_info`."""
    return [
        io.Combo.Input(
            "model",
            options=list(INPAINTING),
            default=INPAINTING_EDIT.req_key,
            optional=True,
            tooltip="Which interface repaints. img2img_inpainting_edit_zi2i: the classic. "
            "jimeng_image2image_dream_inpaint: its successor. i2i_inpainting: removes what is masked.",
        ),
        LogoInfoSocket.Input(
            "logo_info", optional=True, tooltip="A watermark and an implicit label from Logo Info."
        ),
    ]


def pictures() -> list[Any]:
    """The outputs: `images`, `urls`, `report`."""
    return [
        io.Image.Output(
            "images", tooltip="All variants of the first picture, then of the second, and so on."
        ),
        io.String.Output("urls", tooltip="One link a line, if return_url is on."),
        io.String.Output("report", tooltip="What was paid, reused or failed, as JSON."),
    ]
