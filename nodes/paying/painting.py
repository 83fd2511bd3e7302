"""What is to be painted: the widgets of the painting nodes, read once and made into requests, jobs and notes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ..host import values
from ..jobs.job import Job
from ..volcengine.models import INPAINTING, INPAINTING_EDIT
from ..volcengine.request import LogoInfo, Request
from ..words import InputError, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..volcengine.errors import VolcengineError
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
    return [
        io.String.Input(
            "prompt",
            multiline=True,
            default="",
            tooltip=" ".join(
                (
                    "What to paint there, in Chinese or English, short and exact.",
                    *(
                        f"With {name}, {model.erase_prompt} removes what is masked."
                        for name, model in INPAINTING.items()
                        if model.erase_prompt
                    ),
                )
            )
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
            **MODEL.widget,
            optional=True,
            tooltip=" ".join(
                (
                    "Which interface repaints.",
                    *(f"{name}: {model.says.english}" for name, model in INPAINTING.items()),
                )
            ),
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


def _unused(model: Model) -> list[str]:
    """The widgets that say nothing to a model."""
    knows = {
        "prompt": bool(model.prompt_field),
        **{name: model.knows(name) for name in ("steps", "scale")},
    }
    return [name for name, known in knows.items() if not known]


def _not_for(widget: str) -> str:
    """The end of a tooltip: which models take none."""
    names = [name for name, model in INPAINTING.items() if widget in _unused(model)]
    return f" Not used by {', '.join(names)}." if names else ""


def outputs() -> list[Any]:
    """`images`, `urls`, `report`."""
    return [
        io.Image.Output(
            "images", tooltip="All variants of the first picture, then of the second, and so on."
        ),
        io.String.Output("urls", tooltip="One link a line, if return_url is on."),
        io.String.Output("report", tooltip="What was paid, reused or failed, as JSON."),
    ]


@dataclass(frozen=True)
class Painting:
    """What one run is to paint, checked.

    Attributes:
        model: The interface.
        prompt: Without the white space around it.
        variants: Of each picture.
        seed: Of the first variant; -1 draws one for each.
        steps: Of the widget.
        scale: Of the widget.
        return_url: Whether links are wanted.
        require_all: Whether one missing picture is an error.
        logo_info: The watermark and the implicit label, if any.
        linked_seed: As it came, if it lies beyond the interface's range and `seed` stands for it.
    """

    model: Model
    prompt: str
    variants: int = 4
    seed: int = 1
    steps: int = 25
    scale: float = 5.0
    return_url: bool = False
    require_all: bool = False
    logo_info: LogoInfo | None = None
    linked_seed: int | None = None

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
        """Check what the node was given, whatever a link brings.

        Args:
            prompt: As typed.
            variants: 1..8.
            seed: -1 or larger; one beyond the interface's range is folded into it, the same way at every run.
            steps: 1..100.
            scale: 1..20.
            return_url: Anything true or false.
            require_all: The same.
            model: A `req_key`.
            logo_info: Of Logo Info, or None.
            **others: Must be empty.

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
        fields: dict[str, object] = {
            "steps": self._own_default(STEPS, self.steps),
            "scale": self._own_default(SCALE, self.scale),
            **self._of_the_picture(),
        }
        parameters = {name: value for name, value in fields.items() if name in self.model.takes}
        if self.model.prompt_field:
            parameters = {self.model.prompt_field: self.prompt, **parameters}
        on_query = self._of_the_picture().items()
        return Request(
            self.model,
            parameters,
            pictures=pictures,
            urls=urls,
            on_query={name: value for name, value in on_query if name in self.model.takes_on_query},
            size=size,
        )

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

    def notes(self) -> list[Text]:
        """What a model takes less than the node offers, or means otherwise; nothing if all was sent as it stands there."""
        return [
            *self._seed_notes(),
            *self._prompt_notes(),
            *self._sampling_notes(),
            *self._logo_notes(),
        ]

    def _own_default(self, widget: values.Number, value: float) -> float:
        """The value of a widget, or the model's own default if the widget was left as it is."""
        return self.model.defaults.get(widget.name, value) if value == widget.default else value

    def _of_the_picture(self) -> dict[str, object]:
        """What is asked of the finished picture."""
        fields: dict[str, object] = {"return_url": self.return_url}
        if self.logo_info is not None:
            # the service draws none unless told to: a watermark turned off is the same paid picture as none
            if self.logo_info.add_logo:
                fields["logo_info"] = self.logo_info.wire(opacity=self.model.logo_opacity)
            if label := self.logo_info.label():
                fields["aigc_meta"] = label
        return fields

    def _seed_notes(self) -> Iterator[Text]:
        if self.linked_seed is not None:
            yield Text(
                f"The seed {self.linked_seed} is beyond the interface's range, so {self.seed} stands for it, "
                "the same at every run.",
                f"种子 {self.linked_seed} 超出接口范围，改用 {self.seed}，每次运行都相同。",
            )

    def _prompt_notes(self) -> Iterator[Text]:
        name, length, advised = self.model.req_key, len(self.prompt), self.model.advised_prompt
        # words are left to the canvas: what they count for is not said exactly
        if self.prompt and not self.model.prompt_field:
            yield Text(
                f"{name} takes no prompt: it removes what is masked. The prompt was not sent.",
                f"{name} 不使用提示词，只消除遮罩区域的内容；提示词未发送。",
            )
        elif self.model.prompt_counted == "characters" and length > advised:
            yield Text(
                f"The prompt has {length} characters; {name} advises {advised} at most.",
                f"提示词有 {length} 个字符；{name} 建议不超过 {advised} 个。",
            )

    def _sampling_notes(self) -> Iterator[Text]:
        name = self.model.req_key
        left_out, changed = [], []
        for widget, value in ((STEPS, self.steps), (SCALE, self.scale)):
            sent = self._own_default(widget, value)
            if not self.model.knows(widget.name):
                left_out.append(widget.name)
            elif sent != value:
                changed.append(f"{widget.name} {sent:g}")
        if left_out:
            yield Text(
                f"{name} takes no {' and no '.join(left_out)}: not sent.",
                f"{name} 不使用 {'、'.join(left_out)}，未发送。",
            )
        if changed:
            yield Text(
                f"Left as they are on the node, they mean the defaults of {name}: {', '.join(changed)} was sent.",
                f"节点上保持默认值时使用 {name} 自己的默认值：已发送 {'、'.join(changed)}。",
            )

    def _logo_notes(self) -> Iterator[Text]:
        name, logo = self.model.req_key, self.logo_info
        if logo is None:
            return
        if logo.add_logo and not self.model.logo_opacity:
            yield Text(
                f"The watermark of {name} has an opacity of its own: that of Logo Info was not sent.",
                f"{name} 的水印透明度固定，水印信息中的 opacity 未发送。",
            )
        if logo.label() and self.model.knows("aigc_meta"):
            yield Text(
                "The implicit label is in the files in the journal and behind `urls`, but in none that ComfyUI saves.",
                "隐式标识位于本地记录及 `urls` 链接的文件中；ComfyUI 另存的文件不含该标识。",
            )
        elif logo.label():
            yield Text(
                f"{name} takes no implicit label: it was not sent.",
                f"{name} 不支持隐式标识，未发送。",
            )


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


def _prompt(value: Any, model: Model) -> str:
    stripped = values.text("prompt", value).strip()
    if any("\ud800" <= character <= "\udfff" for character in stripped):
        raise InputError(
            Text(
                "The prompt holds half a character (a lone surrogate), so nothing was sent. Type it again.",
                "提示词含有不完整的字符（孤立代理项），未发送任何请求。请重新输入。",
            )
        )
    if 0 < model.max_prompt < len(stripped):
        raise InputError(
            Text(
                f"The prompt has {len(stripped)} characters, but {model.req_key} takes {model.max_prompt} at most, so nothing "
                "was sent. Shorten it.",
                f"提示词有 {len(stripped)} 个字符，{model.req_key} 最多支持 {model.max_prompt} 个，未发送任何请求。请缩短提示词。",
            )
        )
    if stripped == "None" and model.prompt_field:
        raise InputError(
            Text(
                "The prompt is the word None, which is what ComfyUI makes of a script's null, so nothing was sent. Give a "
                "text.",
                "提示词为 None（脚本提交 null 时 ComfyUI 会转换成该文本），未发送任何请求。请提供文本。",
            )
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
        raise InputError(empty)
    return stripped
