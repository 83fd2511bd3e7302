"""What a painting run says beside its counts: what was not sent as it stands on the node, and what came otherwise."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from ..words import Text, numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..jobs.job import Outcome
    from .painting import Painting


def of_run(wanted: Painting, outcomes: Sequence[Outcome], painted: Sequence[Outcome]) -> list[Text]:
    """All of them.

    Args:
        wanted: What was to be painted.
        outcomes: One per job, in order.
        painted: Those of them whose pictures are in the batch.
    """
    return [
        *of_copies(outcomes),
        *of_missing(outcomes, painted),
        *of_widgets(wanted),
        *of_links(painted, return_url=wanted.return_url),
    ]


def of_copies(outcomes: Iterable[Outcome]) -> Iterator[Text]:
    """That equal pictures of a batch, with equal masks, are one purchase."""
    seen: dict[str, dict[int, None]] = {}
    for job in (outcome.job for outcome in outcomes):
        if not job.drawn:
            seen.setdefault(job.pixels_key, {})[job.image] = None
    for copies in seen.values():
        if len(copies) > 1:
            which = numbers(copies)
            yield Text(
                f"Pictures {which.english} are the same with the same mask: they are bought once and come back alike. "
                "For more to choose from, raise variants.",
                f"图片 {which.chinese} 及其遮罩完全相同：只购买一次，结果也相同。需要更多选择时请增大“变体数”（variants）。",
            )


def of_missing(outcomes: Iterable[Outcome], painted: Iterable[Outcome]) -> Iterator[Text]:
    """Which pictures are not in the batch, so that those behind them have moved up.

    Args:
        outcomes: One per job, in order.
        painted: Those of them whose pictures are in the batch.
    """
    there = {outcome.job.index for outcome in painted}
    english, chinese = [], []
    for image, jobs in groupby((outcome.job for outcome in outcomes), lambda job: job.image):
        gone = [job.index not in there for job in jobs]
        if any(gone):
            which = numbers(variant for variant, is_gone in enumerate(gone, 1) if is_gone)
            whole = all(gone)
            english.append(f"picture {image}" + ("" if whole else f" variant {which.english}"))
            chinese.append(f"图片 {image}" + ("" if whole else f" 的变体 {which.chinese}"))
    if english:
        yield Text(
            f"Not in the batch: {'; '.join(english)}. What is behind has moved up; `batch` in the report says which place is "
            "which. With require_all on, this is an error.",
            f"批次中缺少：{'；'.join(chinese)}。其后的图片依次前移，report 的 `batch` 列出每个位置对应的图片和变体。"
            "开启 require_all 则改为报错。",
        )


def of_links(painted: Iterable[Outcome], *, return_url: bool) -> Iterator[Text]:
    """Which of the pictures that came have no link although one was asked for, and what to do."""
    bare = [outcome.job.index for outcome in painted if not outcome.receipt.urls]
    if return_url and bare:
        yield Text(
            f"No living link for variant {', '.join(map(str, bare))}: the picture comes from the journal, and either no link "
            "was asked for when it was bought, or its 24 hours are over. Another seed buys a new picture with a link.",
            f"变体 {'、'.join(map(str, bare))} 没有有效链接：图片取自本地记录，购买时未要求链接，或链接已超过 24 小时。"
            "更换种子可购买带链接的新图片。",
        )


def of_widgets(wanted: Painting) -> Iterator[Text]:
    """What a model takes less than the node offers, or means otherwise; nothing if all was sent as it stands there."""
    model, name = wanted.model, wanted.model.req_key
    if wanted.linked_seed is not None:
        yield Text(
            f"The seed {wanted.linked_seed} is beyond the interface's range, so {wanted.seed} stands for it, "
            "the same at every run.",
            f"种子 {wanted.linked_seed} 超出接口范围，改用 {wanted.seed}，每次运行都相同。",
        )

    length = len(wanted.prompt)
    # words are left to the canvas: what they count for is not said exactly
    if wanted.prompt and not model.prompt_field:
        yield Text(
            f"{name} takes no prompt: it removes what is masked. The prompt was not sent.",
            f"{name} 不使用提示词，只消除遮罩区域的内容；提示词未发送。",
        )
    elif model.prompt_counted == "characters" and length > model.advised_prompt:
        yield Text(
            f"The prompt has {length} characters; {name} advises {model.advised_prompt} at most.",
            f"提示词有 {length} 个字符；{name} 建议不超过 {model.advised_prompt} 个。",
        )

    sent = wanted.sampling()
    left_out = [widget for widget in sent if not model.knows(widget)]
    changed = [
        f"{widget} {value:g}"
        for widget, value in sent.items()
        if widget not in left_out and value != getattr(wanted, widget)
    ]
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

    logo = wanted.logo_info
    if logo is None:
        return
    if logo.add_logo and not model.logo_opacity:
        yield Text(
            f"The watermark of {name} has an opacity of its own: that of Logo Info was not sent.",
            f"{name} 的水印透明度固定，水印信息中的 opacity 未发送。",
        )
    if logo.label() and model.knows("aigc_meta"):
        yield Text(
            "The implicit label is in the files in the journal and behind `urls`, but in none that ComfyUI saves.",
            "隐式标识位于本地记录及 `urls` 链接的文件中；ComfyUI 另存的文件不含该标识。",
        )
    elif logo.label():
        yield Text(
            f"{name} takes no implicit label: it was not sent.",
            f"{name} 不支持隐式标识，未发送。",
        )
