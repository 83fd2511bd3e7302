"""What the paying nodes do alike with their inputs: the prompt, the seeds, the wire's parameters."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from ..host import values
from ..jobs.job import Job
from ..volcengine.models import INPAINTING, INPAINTING_EDIT
from ..volcengine.request import LogoInfo

if TYPE_CHECKING:
    from ..volcengine.models import Model
    from ..volcengine.request import Request

# The `seed` of the interface is an integer from 0 (https://www.volcengine.com/docs/86081/1804490); the nodes keep to 31 bits.
MAX_SEED = 2**31 - 1
# Of the widgets. A widget that is left at it means the default of the model, whatever that is.
STEPS = 25
SCALE = 5.0
LIMITS: dict[str, tuple[float, float]] = {
    "variants": (1, 8),
    "seed": (-1, MAX_SEED),
    "steps": (1, 100),
    "scale": (1, 20),
    "feather": (0, 256),
}
_FRACTIONS = frozenset({"scale"})


def chosen_model(name: str) -> Model:
    """The model called `name`.

    Raises:
        ValueError: There is none of that name.
    """
    return INPAINTING[values.choice("model", name, INPAINTING)]


def logo(value: Any) -> LogoInfo | None:
    """The watermark and the label, if any.

    Raises:
        ValueError: It does not come from Logo Info.
    """
    if value is not None and not isinstance(value, LogoInfo):
        raise values.error(
            "logo_info", value, "what Logo Info (Volc) puts out", "“水印信息（火山引擎）”的输出"
        )
    return value


def prompt(text: str, node: str, model: Model = INPAINTING_EDIT) -> str:
    """The prompt without the white space around it.

    Raises:
        ValueError: It is no text, nothing is left although the model needs a prompt, or it holds halves of characters,
            which no UTF-8 can carry.
    """
    stripped = values.text("prompt", text).strip()
    if any("\ud800" <= character <= "\udfff" for character in stripped):
        raise ValueError(
            f"{node}: the prompt holds half a character (a lone surrogate), so nothing was sent. Type it again.\n"
            f"{node}：提示词含有不完整的字符（孤立代理项），未发送任何请求。请重新输入。"
        )
    if not stripped and model.prompt_field:
        english, chinese = "", ""
        if model.erase_prompt:
            english = f" To remove what is masked, write {model.erase_prompt}."
            chinese = f"如需消除遮罩区域的内容，请填写“{model.erase_prompt}”。"
        raise ValueError(
            f"{node}: the prompt is empty, so nothing was sent. Write what to paint in the masked area, "
            f"in Chinese or English.{english}\n"
            f"{node}：提示词为空，未发送任何请求。请用中文或英文写明要在遮罩区域绘制的内容。{chinese}"
        )
    return stripped


def numbers(**widgets: Any) -> list[Any]:
    """Numbers as a widget would give them, whatever a link brings.

    Args:
        **widgets: By the names of their inputs.

    Returns:
        Each an int, `scale` a float, in the order given.

    Raises:
        ValueError: One is no number, none that is whole, or out of its range.
    """
    return [
        values.number(name, value, *LIMITS[name], whole=name not in _FRACTIONS)
        for name, value in widgets.items()
    ]


def next_seed(seed: int, variant: int) -> int:
    """The seed of variant `variant` (from 0); after the largest comes 0."""
    return (seed + variant) % (MAX_SEED + 1)


def draw_seed() -> int:
    """A seed nobody can foresee."""
    return secrets.randbelow(MAX_SEED + 1)


def variant_jobs(
    request: Request, pixels_key: str, *, image: int, variants: int, seed: int
) -> list[Job]:
    """The jobs of one picture, in the order of the output.

    Args:
        request: What is sent, for all of them.
        pixels_key: Stands for the pixels, or links, as sent.
        image: Number of the picture, from 1; each one before it has as many variants.
        variants: How many.
        seed: Of the first; -1 draws one for each.

    Raises:
        ValueError: `variants` or `seed` is out of its range.
    """
    variants, seed = numbers(variants=variants, seed=seed)
    drawn = seed == -1
    return [
        Job(
            index=(image - 1) * variants + variant + 1,
            image=image,
            request=request,
            pixels_key=pixels_key,
            seed=draw_seed() if drawn else next_seed(seed, variant),
            drawn=drawn,
        )
        for variant in range(variants)
    ]


def parameters(
    model: Model,
    text: str,
    *,
    steps: int,
    scale: float,
    return_url: bool,
    logo_info: LogoInfo | None,
) -> dict[str, object]:
    """The fields of a request by their wire names, those only that the model takes.

    Raises:
        ValueError: `steps` or `scale` is out of its range.
    """
    steps, scale = numbers(steps=steps, scale=scale)
    fields: dict[str, object] = {
        "steps": own_default(model, "steps", steps),
        "scale": own_default(model, "scale", scale),
        **_of_the_picture(return_url, logo_info),
    }
    fields = {name: value for name, value in fields.items() if name in model.takes}
    return {model.prompt_field: text, **fields} if model.prompt_field else fields


def on_query(model: Model, *, return_url: bool, logo_info: LogoInfo | None) -> dict[str, object]:
    """The fields of the question for a submitted task, those only that the model takes."""
    fields = _of_the_picture(return_url, logo_info)
    return {name: value for name, value in fields.items() if name in model.takes_on_query}


def own_default(model: Model, name: str, value: float) -> float:
    """The value of a widget, or the model's own default if the widget was left as it is."""
    untouched = {"steps": STEPS, "scale": SCALE}[name]
    return model.defaults.get(name, value) if value == untouched else value


def _of_the_picture(return_url: bool, logo_info: LogoInfo | None) -> dict[str, object]:
    """What is asked of the finished picture."""
    fields: dict[str, object] = {"return_url": bool(return_url)}
    if logo_info is not None:
        # the service draws none unless told to: a watermark turned off is the same paid picture as none
        if logo_info.add_logo:
            fields["logo_info"] = logo_info.wire()
        if label := logo_info.label():
            fields["aigc_meta"] = label
    return fields
