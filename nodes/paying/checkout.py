"""What every paying node does between its requests and its pictures: keys, runner, waiting, verdict."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ..host import server
from ..host.display import follow
from ..host.settings import Settings
from ..jobs import account
from ..volcengine import credentials
from ..words import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from ..host.display import Display
    from ..jobs.job import Job, Outcome
    from ..jobs.run import Runner
    from ..volcengine.errors import VolcengineError


# Runs of each node that did not get all of their pictures.
_incomplete: Counter[str] = Counter()


def open_runner() -> Runner:
    """The runner of the configured account; asks for the keys before anything is encoded.

    Raises:
        CredentialsError: No usable keys; the text says where to put them.
        ValueError: An environment variable of this server is out of its range.
    """
    settings = Settings.from_environment()
    return account.runner_for(
        credentials.load(saved=server.credentials_file()),
        endpoint=settings.endpoint,
        max_concurrency=settings.max_concurrency,
        timeout_s=settings.timeout_s,
        journal_directory=settings.journal_dir or server.journal_directory(),
        journal_max_bytes=settings.journal_max_mb * 1_000_000,
    )


async def buy(
    runner: Runner,
    jobs: Sequence[Job],
    display: Display,
    decode: Callable[[tuple[bytes, ...]], Any],
    take: Callable[[Outcome], np.ndarray[Any, Any]],
    *,
    require_all: bool = False,
) -> list[Outcome]:
    """Have `jobs` done and take their pictures as they arrive.

    Args:
        runner: From `open_runner`.
        jobs: What is wanted, in order.
        display: Where to show the run.
        decode: Makes the value of an outcome of the pictures' bytes, on a thread of the run; a ValueError means that they
            are no pictures.
        take: Called once for each outcome with a value; returns what to preview, uint8 [H, W, 3].
        require_all: Whether one missing picture is an error. It is raised after the others are in the journal.

    Returns:
        One outcome per job, in order; at least one has a value.

    Raises:
        VolcengineError: No picture arrived, or one is missing and all are required.
        InterruptProcessingException: The user cancelled.
    """
    run = runner.start(jobs, decode)
    await follow(run, display, take)
    outcomes = run.results()
    missing = [outcome for outcome in outcomes if outcome.value is None]
    if missing:
        _incomplete[display.node_id] += 1
    if missing and (require_all or len(missing) == len(outcomes)):
        raise _verdict(outcomes, missing)
    return outcomes


def fingerprint(node_id: str, seed: int | None) -> float:
    """What a paying node's `fingerprint_inputs` answers: ComfyUI runs the node when it differs from that of its cached run.

    A seed of -1 runs anew each time. Any other only when an input changed, or to get what its last run missed.
    """
    return float("nan") if seed == -1 else _incomplete[node_id]


def _verdict(outcomes: Sequence[Outcome], missing: Sequence[Outcome]) -> VolcengineError:
    """The error to show for a run that cannot be used: one that may have cost money before all others."""
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
    notes = dict.fromkeys(note for outcome in outcomes for note in outcome.notes)
    if notes:
        # The report, where they would stand, is not made.
        error.text = Text(error.text.english, "\n".join([error.text.chinese, *notes]))
    return error
