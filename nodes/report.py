"""The report of a run: what was paid, what came from the journal, what failed and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .jobs.outcome import Outcome


def summary(outcomes: Iterable[Outcome], notes: Iterable[str] = ()) -> dict[str, Any]:
    """The counts of a run and its notes, those of the outcomes included, each once."""
    outcomes = list(outcomes)
    statuses = [outcome.status for outcome in outcomes]
    every_note = [*notes, *(note for outcome in outcomes for note in outcome.notes)]
    return {
        "paid": statuses.count("paid"),
        "from_journal": statuses.count("journal"),
        "failed": statuses.count("failed"),
        "unknown": statuses.count("unknown"),
        "notes": list(dict.fromkeys(every_note)),
    }


def report(
    outcomes: Sequence[Outcome],
    *,
    regions: Sequence[tuple[int, int, int, int]] = (),
    notes: Iterable[str] = (),
    **more: Any,
) -> str:
    """The `report` output of the paying nodes.

    Args:
        outcomes: One per variant, in order.
        regions: What was sent of each picture, (x, y, width, height) in its pixels.
        notes: What the node itself has to say.
        **more: Further fields of one node.

    Returns:
        JSON text, UTF-8 characters unescaped.
    """
    counts = summary(outcomes, notes)
    notes = counts.pop("notes")
    fields: dict[str, Any] = {
        **counts,
        "variants": [
            {
                "index": outcome.index,
                "image": outcome.image,
                "seed": outcome.seed,
                "status": outcome.status,
                "request_id": outcome.request_id,
                "code": outcome.code,
                "message": outcome.message,
                "elapsed_s": outcome.elapsed_s,
                "url": outcome.urls[0] if outcome.urls else "",
            }
            for outcome in outcomes
        ],
    }
    if regions:
        fields["region"] = list(regions[0])
    if len(regions) > 1:
        fields["regions"] = [list(region) for region in regions]
    return json.dumps({**fields, **more, "notes": notes}, ensure_ascii=False, indent=1)


def links(outcomes: Iterable[Outcome]) -> str:
    """The `urls` output: one link a line, in order."""
    return "\n".join(url for outcome in outcomes for url in outcome.urls)
