"""The error of a run that cannot be used: which of its failures is shown, and what it means for the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..words import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..jobs.job import Outcome
    from ..volcengine.errors import VolcengineError


def verdict(outcomes: Sequence[Outcome], missing: Sequence[Outcome]) -> VolcengineError:
    """The error to show: one that may have cost money before all others.

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
    for note in dict.fromkeys(note for outcome in outcomes for note in outcome.notes):
        error.add_context(note)
    return error
