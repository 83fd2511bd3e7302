"""What is to be painted: the widgets of a painting node, read once, checked, and made into requests and jobs."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, NamedTuple

from ..host import values
from ..jobs.job import Job
from ..volcengine.models import INPAINTING
from ..volcengine.request import LogoInfo, Request
from ..words import InputError, Text
from .painting_widgets import MAX_SEED, MODEL, SCALE, STEPS, VARIANTS, fold_seed

if TYPE_CHECKING:
    from ..volcengine.errors import VolcengineError
    from ..volcengine.models import Model


class Painting(NamedTuple):
    """What one run is to paint, checked.

    Attributes:
        model: The interface.
        prompt: Without the white space around it.
        variants: Of each picture, 1..8.
        seed: Of the first variant; -1 draws one for each.
        steps: Of the widget, 1..100.
        scale: Of the widget, 1..20.
        return_url: Whether links are wanted.
        require_all: Whether one missing picture is an error.
        logo_info: The watermark and the implicit label, if any.
        linked_seed: As it came, if it lies beyond the interface's range and `seed` stands for it.
    """

    model: Model
    prompt: str
    variants: int
    seed: int
    steps: int
    scale: float
    return_url: bool
    require_all: bool
    logo_info: LogoInfo | None
    linked_seed: int | None

    @classmethod
    def read(
        cls,
        *,
        prompt: Any,
        variants: Any,
        seed: Any,
        steps: Any,
        scale: Any,
        return_url: Any,
        require_all: Any,
        model: Any = MODEL.default,
        logo_info: Any = None,
        **others: Any,
    ) -> Painting:
        """Check what the node was given by the names of its inputs, whatever a link brings.

        Raises:
            InputError: One of them is not what it must be.
        """
        values.check_names(others)
        if logo_info is not None and not isinstance(logo_info, LogoInfo):
            raise values.error(
                "logo_info",
                logo_info,
                "what Logo Info (Volc) puts out",
                "“水印信息（火山引擎）”的输出",
            )
        chosen = INPAINTING[MODEL.read(model)]
        folded = fold_seed(seed)
        return cls(
            model=chosen,
            prompt=_prompt(prompt, chosen),
            variants=VARIANTS.read(variants),
            seed=folded,
            steps=STEPS.read(steps),
            scale=SCALE.read(scale),
            return_url=bool(return_url),
            require_all=bool(require_all),
            logo_info=logo_info,
            linked_seed=None if folded == seed else int(seed),
        )

    @property
    def draws_logo(self) -> bool:
        """Whether the service draws a watermark into its pictures."""
        logo = self.logo_info
        return logo is not None and logo.add_logo and self.model.knows("logo_info")

    def request(
        self,
        *,
        pictures: tuple[bytes, ...] = (),
        urls: tuple[str, ...] = (),
        size: tuple[int, int] | None = None,
    ) -> Request:
        """What is sent of one picture, for all its variants; of its fields those only that the model takes.

        Args:
            pictures: Encoded files: the image, then the mask.
            urls: The same two as links; instead of `pictures`.
            size: Width and height of the image, px.
        """
        model, logo = self.model, self.logo_info
        fields: dict[str, object] = {**self.sampling(), "return_url": self.return_url}
        if logo is not None:
            # the service draws none unless told to: a watermark turned off is the same paid picture as none
            if logo.add_logo:
                fields["logo_info"] = logo.wire(opacity=model.logo_opacity)
            if label := logo.label():
                fields["aigc_meta"] = label
        parameters = {name: value for name, value in fields.items() if name in model.takes}
        if model.prompt_field:
            parameters = {model.prompt_field: self.prompt, **parameters}
        on_query = {name: value for name, value in fields.items() if name in model.takes_on_query}
        return Request(model, parameters, pictures, urls=urls, on_query=on_query, size=size)

    def jobs(
        self,
        request: Request,
        pixels_key: str,
        image: int = 1,
        refused: VolcengineError | None = None,
    ) -> list[Job]:
        """The jobs of one picture, in the order of the output.

        Args:
            request: What is sent, for all of them.
            pixels_key: Stands for the pixels, or links, as sent.
            image: Number of the picture, from 1; each one before it has as many variants.
            refused: Why nothing can be sent of it.
        """
        drawn = self.seed == -1
        return [
            Job(
                index=(image - 1) * self.variants + variant + 1,
                image=image,
                request=request,
                pixels_key=pixels_key,
                # after the largest comes 0
                seed=(secrets.randbelow(MAX_SEED + 1) if drawn else fold_seed(self.seed + variant)),
                drawn=drawn,
                refused=refused,
            )
            for variant in range(self.variants)
        ]

    def sampling(self) -> dict[str, float]:
        """`steps` and `scale` as the model means them: its own defaults for what was left as it is on the node."""
        defaults = self.model.defaults
        return {
            widget.name: defaults.get(widget.name, value) if value == widget.default else value
            for widget, value in ((STEPS, self.steps), (SCALE, self.scale))
        }


def _prompt(value: Any, model: Model) -> str:
    stripped = values.text("prompt", value).strip()
    if any("\ud800" <= character <= "\udfff" for character in stripped):
        raise InputError(
            "The prompt holds half a character (a lone surrogate), so nothing was sent. Type it again.",
            "提示词含有不完整的字符（孤立代理项），未发送任何请求。请重新输入。",
        )
    if 0 < model.max_prompt < len(stripped):
        raise InputError(
            f"The prompt has {len(stripped)} characters, but {model.req_key} takes {model.max_prompt} at most, so nothing "
            "was sent. Shorten it.",
            f"提示词有 {len(stripped)} 个字符，{model.req_key} 最多支持 {model.max_prompt} 个，未发送任何请求。请缩短提示词。",
        )
    if stripped == "None" and model.prompt_field:
        raise InputError(
            "The prompt is the word None, which is what ComfyUI makes of a script's null, so nothing was sent. Give a "
            "text.",
            "提示词为 None（脚本提交 null 时 ComfyUI 会转换成该文本），未发送任何请求。请提供文本。",
        )
    if not stripped and model.needs_prompt:
        empty = Text(
            "The prompt is empty, so nothing was sent. Write what to paint in the masked area, in Chinese or English.",
            "提示词为空，未发送任何请求。请用中文或英文写明要在遮罩区域绘制的内容。",
        )
        if model.erase_prompt:
            empty += Text(
                f"To remove what is masked, write {model.erase_prompt}.",
                f"如需消除遮罩区域的内容，请填写“{model.erase_prompt}”。",
            )
        raise InputError(empty.english, empty.chinese)
    return stripped
