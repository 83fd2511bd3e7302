"""What a run tells at its end: what was paid, what came from the journal, what failed and why; or its error."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ..jobs.job import LINK_LIFE_S
from ..words import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..jobs.job import Outcome
    from ..volcengine.errors import VolcengineError


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
                "request_id": outcome.receipt.request_id,
                "code": outcome.receipt.code,
                "message": outcome.receipt.message,
                "elapsed_s": outcome.receipt.elapsed_s,
                "size": outcome.size,
                "url": outcome.receipt.urls[0] if outcome.receipt.urls else "",
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


def links(outcomes: Iterable[Outcome]) -> str:
    """The `urls` output: one link a line, in order."""
    return "\n".join(url for outcome in outcomes for url in outcome.receipt.urls)


def verdict(outcomes: Sequence[Outcome], missing: Sequence[Outcome]) -> VolcengineError:
    """The error of a run that cannot be used: one that may have cost money before all others, and what it means for them.

    Args:
        outcomes: One per job, in order.
        missing: Those of them whose pictures cannot be used; at least one of them has an error.
    """
    errors = [outcome.error for outcome in missing if outcome.error is not None]
    error = next((error for error in errors if error.doubtful), errors[0])
    doubts = sum(outcome.status == "unknown" for outcome in missing)
    if doubts and len(missing) > 1:
        error.add_context(
            Text(
                f"{doubts} of {len(missing)} missing pictures may have been billed.",
                f"缺少的 {len(missing)} 张图片中有 {doubts} 张可能已计费。",
            ),
        )
    delivered = len(outcomes) - len(missing)
    if delivered:
        error.add_context(
            Text(
                f"{delivered} of {len(outcomes)} pictures arrived and are in the journal; the next run "
                "takes them from there without paying again.",
                f"{len(outcomes)} 张中已有 {delivered} 张到达并保存在本地记录中，下次运行会直接取用，不会重复付费。",
            ),
        )
    # The report, where the notes would stand, is not made.
    for note in _notes(outcomes):
        error.add_context(note)
    return error


def _counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    statuses = [outcome.status for outcome in outcomes]
    return {
        "paid": statuses.count("paid"),
        "from_journal": statuses.count("journal"),
        "failed": statuses.count("failed"),
        "unknown": statuses.count("unknown"),
    }


def _notes(outcomes: Sequence[Outcome], notes: Iterable[Text] = ()) -> list[Text]:
    """The node's notes and those of the outcomes, each once."""
    of_outcomes = [note for outcome in outcomes for note in outcome.notes]
    return list(dict.fromkeys([*notes, *of_outcomes]))


def _expiry(outcome: Outcome) -> str:
    """When the link dies, ISO 8601 in UTC; empty without a link."""
    if not outcome.receipt.urls or not outcome.receipt.received_at:
        return ""
    dies_at = datetime.fromtimestamp(outcome.receipt.received_at + LINK_LIFE_S, timezone.utc)
    return dies_at.strftime("%Y-%m-%dT%H:%M:%SZ")
