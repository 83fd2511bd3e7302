"""What the report says about a model that takes less than the node offers, or has defaults of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import inputs

if TYPE_CHECKING:
    from ..volcengine.models import Model
    from ..volcengine.request import LogoInfo

_SAMPLING = ("steps", "scale")


def model_notes(
    model: Model, text: str, *, steps: int, scale: float, logo_info: LogoInfo | None
) -> list[str]:
    """The notes of one run, each in English and Chinese; none if all was sent as it stands on the node.

    Args:
        model: The one that was chosen.
        text: The prompt.
        steps: Of the node.
        scale: Of the node.
        logo_info: The watermark and the implicit label, if any.
    """
    return [
        f"{english} / {chinese}"
        for english, chinese in (
            *_prompt(model, text),
            *_sampling(model, {"steps": steps, "scale": scale}),
            *_logo(model, logo_info),
        )
    ]


def _prompt(model: Model, text: str) -> list[tuple[str, str]]:
    if text and not model.prompt_field:
        return [
            (
                f"{model.req_key} takes no prompt: it removes what is masked. The prompt was not sent.",
                f"{model.req_key} 不使用提示词，只消除遮罩区域的内容；提示词未发送。",
            )
        ]
    if model.prompt_counted == "characters" and len(text) > model.advised_prompt:
        return [
            (
                f"The prompt has {len(text)} characters; {model.req_key} advises {model.advised_prompt} at most.",
                f"提示词有 {len(text)} 个字符；{model.req_key} 建议不超过 {model.advised_prompt} 个。",
            )
        ]
    return []


def _sampling(model: Model, widgets: dict[str, float]) -> list[tuple[str, str]]:
    notes = []
    left_out = [name for name in _SAMPLING if not model.knows(name)]
    if left_out:
        notes.append(
            (
                f"{model.req_key} takes no {' and no '.join(left_out)}: not sent.",
                f"{model.req_key} 不使用 {'、'.join(left_out)}，未发送。",
            )
        )
    own = {
        name: inputs.own_default(model, name, widgets[name])
        for name in _SAMPLING
        if model.knows(name)
    }
    changed = [f"{name} {value:g}" for name, value in own.items() if value != widgets[name]]
    if changed:
        notes.append(
            (
                f"Left as they are on the node, they mean the defaults of {model.req_key}: {', '.join(changed)} was sent.",
                f"节点上保持默认值时使用 {model.req_key} 自己的默认值：已发送 {'、'.join(changed)}。",
            )
        )
    return notes


def _logo(model: Model, logo_info: LogoInfo | None) -> list[tuple[str, str]]:
    if logo_info is None:
        return []
    notes = []
    if logo_info.add_logo and not model.knows("logo_info"):
        notes.append(
            (
                f"{model.req_key} takes no watermark: not sent, none was drawn.",
                f"{model.req_key} 不支持水印：未发送，图片上没有水印。",
            )
        )
    if logo_info.label() and model.knows("aigc_meta"):
        notes.append(
            (
                "The implicit label is in the files in the journal and behind `urls`, but in none that ComfyUI saves.",
                "隐式标识位于本地记录及 `urls` 链接的文件中；ComfyUI 另存的文件不含该标识。",
            )
        )
    elif logo_info.label():
        notes.append(
            (
                f"{model.req_key} takes no implicit label: it was not sent.",
                f"{model.req_key} 不支持隐式标识，未发送。",
            )
        )
    return notes
