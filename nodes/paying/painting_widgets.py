"""The widgets and outputs of the painting nodes: default, range, tooltip and check of each in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ..host import values
from ..volcengine.models import INPAINTING, INPAINTING_EDIT
from ..words import InputError

if TYPE_CHECKING:
    from ..volcengine.models import Model

LogoInfoSocket = io.Custom("VOLC_LOGO_INFO")

# The `seed` of the interface is an integer from 0 (https://www.volcengine.com/docs/86081/1804490); the nodes keep to 31 bits.
MAX_SEED = 2**31 - 1

VARIANTS = values.Number("variants", 4, 1, 8)
SEED = values.Number("seed", 1, -1, MAX_SEED)
# A widget that is left at its default means the default of the model, whatever that is.
STEPS = values.Number("steps", 25, 1, 100)
SCALE = values.Number("scale", 5.0, 1, 20, step=0.1)
MODEL = values.Choice("model", tuple(INPAINTING), INPAINTING_EDIT.req_key)


def inputs() -> list[Any]:
    """What to paint, and how: `prompt` to `scale`."""
    erasing = (
        f" With {name}, {model.erase_prompt} removes what is masked."
        for name, model in INPAINTING.items()
        if model.erase_prompt
    )
    return [
        io.String.Input(
            "prompt",
            multiline=True,
            default="",
            tooltip="What to paint there, in Chinese or English, short and exact."
            + "".join(erasing)
            + _not_for("prompt"),
        ),
        io.Int.Input(
            **VARIANTS.widget,
            tooltip="How many pictures to choose from. Each one is one paid call per picture.",
        ),
        io.Int.Input(
            **SEED.widget,
            control_after_generate=io.ControlAfterGenerate.fixed,
            tooltip="Variant i uses seed + i - 1. -1 draws new seeds at every run, and pays at every run.",
        ),
        io.Int.Input(
            **STEPS.widget,
            tooltip="Sampling steps. More may be better and takes longer. Left at 25 it means the model's own default."
            + _not_for("steps"),
        ),
        io.Float.Input(
            **SCALE.widget,
            tooltip="How strongly the prompt counts. Left at 5 it means the model's own default."
            + _not_for("scale"),
        ),
    ]


def delivery() -> list[Any]:
    """How the pictures come, `return_url` and `require_all`; and what a workflow may leave out, `model` and `logo_info`."""
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
        io.Combo.Input(
            **MODEL.widget,
            optional=True,
            tooltip="Which interface repaints."
            + "".join(f" {name}: {model.says.english}" for name, model in INPAINTING.items()),
            # what the canvas counts the prompt by, and which widgets it says are not used
            extra_dict={
                "volc_models": {
                    name: {
                        "prompt_counted": model.prompt_counted,
                        "advised_prompt": model.advised_prompt,
                        "unused": _unused(model),
                    }
                    for name, model in INPAINTING.items()
                }
            },
        ),
        LogoInfoSocket.Input(
            "logo_info", optional=True, tooltip="A watermark and an implicit label from Logo Info."
        ),
    ]


def outputs() -> list[Any]:
    """`images`, `urls`, `report`."""
    return [
        io.Image.Output(
            "images", tooltip="All variants of the first picture, then of the second, and so on."
        ),
        io.String.Output("urls", tooltip="One link a line, if return_url is on."),
        io.String.Output("report", tooltip="What was paid, reused or failed, as JSON."),
    ]


def fold_seed(value: Any) -> int:
    """A seed within the interface's range: itself, or the same other one at every run if it lies beyond.

    Seed nodes of other packs hand out up to 2^64.

    Raises:
        InputError: It is no whole number, or below -1.
    """
    found = values.whole(value)
    if found is not None and found > MAX_SEED:
        return found % (MAX_SEED + 1)
    return int(SEED.read(value))


def check_seed(seed: Any) -> bool | str:
    """What a painting node's `validate_inputs` answers, which stands in for ComfyUI's own check of the widget's range.

    Args:
        seed: As a script or the canvas gives it; None if it comes over a link.
    """
    if seed is not None:
        try:
            fold_seed(seed)
        except InputError as error:
            return str(error)
    return True


def _unused(model: Model) -> list[str]:
    """The widgets that say nothing to a model."""
    prompt = [] if model.prompt_field else ["prompt"]
    return prompt + [name for name in ("steps", "scale") if not model.knows(name)]


def _not_for(widget: str) -> str:
    """The end of a tooltip: which models take none."""
    names = [name for name, model in INPAINTING.items() if widget in _unused(model)]
    return f" Not used by {', '.join(names)}." if names else ""
