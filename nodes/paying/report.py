"""The report of a run: what was paid, what came from the journal, what failed and why."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ..jobs.job import LINK_LIFE_S
from ..words import Text, numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..jobs.job import Outcome


def summary(outcomes: Sequence[Outcome], notes: Iterable[Text] = ()) -> dict[str, Any]:
    """What the canvas shows of a run: its counts and its notes, which it reads in the language that it speaks."""
    return {
        **_counts(outcomes),
        "pictures": len({outcome.job.image for outcome in outcomes}),
        "notes": [note.pair() for note in _notes(outcomes, notes)],
    }


def report(
    outcomes: Sequence[Outcome],
    *,
    regions: Sequence[tuple[int, int, int, int] | None] = (),
    notes: Iterable[Text] = (),
    **more: Any,
) -> str:
    """The `report` output of the paying nodes.

    Args:
        outcomes: One per variant, in order.
        regions: What was sent of each picture, (x, y, width, height) in its pixels; None for one that was not sent.
        notes: What the node itself has to say.
        **more: Further fields of one node.

    Returns:
        JSON text, UTF-8 characters unescaped.
    """
    fields: dict[str, Any] = {
        **_counts(outcomes),
        "variants": [
            {
                "index": outcome.job.index,
                "image": outcome.job.image,
                "seed": outcome.job.seed,
                "status": outcome.status,
                "request_id": outcome.request_id,
                "code": outcome.code,
                "message": outcome.message,
                "elapsed_s": outcome.elapsed_s,
                "size": outcome.size,
                "url": outcome.urls[0] if outcome.urls else "",
                "url_expires_at": _expiry(outcome),
            }
            for outcome in outcomes
        ],
    }
    if regions:
        fields["region"] = next(region for region in regions if region)
    if len(regions) > 1:
        fields["regions"] = regions
    fields |= {**more, "notes": [note.line() for note in _notes(outcomes, notes)]}
    return json.dumps(fields, ensure_ascii=False, indent=1)


def link_notes(painted: Iterable[Outcome], *, return_url: bool) -> list[Text]:
    """Which of the pictures that came have no link although one was asked for, and what to do."""
    if not return_url:
        return []
    bare = [outcome.job.index for outcome in painted if not outcome.urls]
    if not bare:
        return []
    return [
        Text(
            f"No living link for variant {', '.join(map(str, bare))}: the picture comes from the journal, and either no link "
            "was asked for when it was bought, or its 24 hours are over. Another seed buys a new picture with a link.",
            f"变体 {'、'.join(map(str, bare))} 没有有效链接：图片取自本地记录，购买时未要求链接，或链接已超过 24 小时。"
            "更换种子可购买带链接的新图片。",
        )
    ]


def batch(
    places: Iterable[int], variants: int, kept: Sequence[int] = ()
) -> list[dict[str, object]]:
    """The field `batch` of the report: which picture of the input, and which variant, is at which place of the output.

    Args:
        places: Of the full batch, from 0, rising: those that the output holds.
        variants: Of each picture.
        kept: Those of them that come back as they were.
    """
    return [
        {
            "place": number,
            "image": place // variants + 1,
            "variant": place % variants + 1,
            "untouched": place in kept,
        }
        for number, place in enumerate(places, 1)
    ]


def missing_notes(outcomes: Iterable[Outcome], painted: Iterable[Outcome]) -> list[Text]:
    """Which pictures are not in the batch, so that those behind them have moved up.

    Args:
        outcomes: One per job, in order.
        painted: Those of them whose pictures are in the batch.
    """
    there = {outcome.job.index for outcome in painted}
    per_image: dict[int, list[bool]] = {}
    for outcome in outcomes:
        per_image.setdefault(outcome.job.image, []).append(outcome.job.index not in there)
    english, chinese = [], []
    for image, gone in per_image.items():
        if any(gone):
            which = numbers(variant for variant, is_gone in enumerate(gone, 1) if is_gone)
            whole = all(gone)
            english.append(f"picture {image}" + ("" if whole else f" variant {which.english}"))
            chinese.append(f"图片 {image}" + ("" if whole else f" 的变体 {which.chinese}"))
    if not english:
        return []
    return [
        Text(
            f"Not in the batch: {'; '.join(english)}. What is behind has moved up; `batch` in the report says which place is "
            "which. With require_all on, this is an error.",
            f"批次中缺少：{'；'.join(chinese)}。其后的图片依次前移，report 的 `batch` 列出每个位置对应的图片和变体。"
            "开启 require_all 则改为报错。",
        )
    ]


def copies_notes(outcomes: Iterable[Outcome]) -> list[Text]:
    """That equal pictures of a batch, with equal masks, are one purchase."""
    seen: dict[str, dict[int, None]] = {}
    for job in (outcome.job for outcome in outcomes):
        if not job.drawn:
            seen.setdefault(job.pixels_key, {})[job.image] = None
    notes = []
    for copies in seen.values():
        if len(copies) > 1:
            which = numbers(copies)
            notes.append(
                Text(
                    f"Pictures {which.english} are the same with the same mask: they are bought once and come back alike. "
                    "For more to choose from, raise variants.",
                    f"图片 {which.chinese} 及其遮罩完全相同：只购买一次，结果也相同。需要更多选择时请增大“变体数”（variants）。",
                )
            )
    return notes


def links(outcomes: Iterable[Outcome]) -> str:
    """The `urls` output: one link a line, in order."""
    return "\n".join(url for outcome in outcomes for url in outcome.urls)


def _counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    statuses = [outcome.status for outcome in outcomes]
    return {
        "paid": statuses.count("paid"),
        "from_journal": statuses.count("journal"),
        "failed": statuses.count("failed"),
        "unknown": statuses.count("unknown"),
    }


def _notes(outcomes: Sequence[Outcome], notes: Iterable[Text]) -> list[Text]:
    """The node's notes and those of the outcomes, each once."""
    of_outcomes = [note for outcome in outcomes for note in outcome.notes]
    return list(dict.fromkeys([*notes, *of_outcomes]))


def _expiry(outcome: Outcome) -> str:
    """When the link dies, ISO 8601 in UTC; empty without a link."""
    if not outcome.urls or not outcome.received_at:
        return ""
    dies_at = datetime.fromtimestamp(outcome.received_at + LINK_LIFE_S, timezone.utc)
    return dies_at.strftime("%Y-%m-%dT%H:%M:%SZ")
