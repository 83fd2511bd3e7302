"""What every paying node does alike: asks for the account, buys, shows how it stands, judges, and puts its output together."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ..host import daily_limit, server
from ..host.display import Display, follow
from ..host.settings import Settings
from ..jobs import account, folders, workers
from ..jobs.job import MadeWhenNeeded
from ..pixels import pictures
from ..volcengine import key_sources
from .answered import judged, look
from .painting_widgets import check_seed
from .report import report, summary, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from ..jobs.job import Outcome, Wanted
    from ..words import Text
    from .answered import Answered


# Runs of each node that did not get all of their pictures.
_incomplete: Counter[str] = Counter()


class Checkout:
    """One run of a paying node. Made before anything is encoded, so that missing keys cost no time.

    Args:
        node_id: Of the node in the graph (`cls.hidden.unique_id`).

    Attributes:
        outcomes: One per job, in order, once they are bought.

    Raises:
        CredentialsError: No usable keys; the text says where to put them.
        ValueError: An environment variable of this server is out of its range.
    """

    def __init__(self, node_id: str) -> None:
        settings = Settings.from_environment()
        self._account = account.open_account(
            key_sources.load(saved=server.credentials_file()),
            endpoint=settings.endpoint,
            max_concurrency=settings.max_concurrency,
            timeout_s=settings.timeout_s,
            journal_directory=server.journal_of(settings),
            journal_max_bytes=settings.journal_max_mb * 1_000_000,
            make_journal=settings.journal_dir is None,
        )
        self._calls_per_day = daily_limit.load(server.private_directory()).calls
        self._node_id = node_id
        self._previews: list[dict[str, str]] = []
        self._encoding: tuple[int, int] | None = None
        self.outcomes: list[Outcome] = []

    async def buy(
        self,
        jobs: Wanted,
        decode: Callable[[bytes], Any],
        take: Callable[[Outcome], NDArray[np.uint8]],
        *,
        judge: Callable[[Outcome], Answered] | None = None,
        one_shape: bool = False,
        require_all: bool = False,
    ) -> list[Outcome]:
        """Have `jobs` done and take their pictures as they arrive.

        Args:
            jobs: What is wanted, in order; made on a thread of the run where they are made when needed.
            decode: Makes the value of an outcome of its picture's file, on a thread of the run; a ValueError means that it
                is no picture.
            take: Called once for each outcome with a value; returns what to preview, uint8 [H, W, 3].
            judge: Asked before that; what it says is unfit is not taken.
            one_shape: Whether what is not of the shape of the first picture is unfit, too.
            require_all: Whether one missing picture is an error. It is raised after the others are in the journal.

        Returns:
            The outcomes whose pictures were taken, in order and without their values; at least one.

        Raises:
            VolcengineError: No picture arrived, or one is missing and all are required.
            InterruptProcessingException: The user cancelled.
        """
        display = Display(self._node_id, len(jobs))
        if self._calls_per_day and isinstance(jobs, MadeWhenNeeded):
            # what is long about them is done beside the graph, and before anything can be bought
            jobs.drafts = await server.in_background(list, jobs.drafts)
        run = workers.start(
            self._account,
            jobs,
            lambda files: decode(pictures.first(files)),
            calls_per_day=self._calls_per_day,
            origin=server.origin(self._node_id),
            check=server.throw_if_interrupted,
        )
        looked: dict[int, Answered] = {}

        def take_what_fits(outcome: Outcome) -> NDArray[np.uint8] | None:
            if judge is not None:
                answered = looked[outcome.job.index] = judge(outcome)
                if answered.unfit:
                    return None
            return take(outcome)

        taken = await follow(run, display, take_what_fits, lambda: self._encoding)
        if one_shape and taken:
            first = looked[min(taken)].size
            looked |= {index: look(looked[index].size, first) for index in taken}
            taken = {index for index in taken if not looked[index].unfit}
        self._previews = display.output()
        self.outcomes = [
            judged(outcome, looked[outcome.job.index]) if outcome.job.index in looked else outcome
            for outcome in run.results()
        ]
        missing = [outcome for outcome in self.outcomes if outcome.job.index not in taken]
        if any(outcome.status in ("failed", "unknown") for outcome in missing):
            _incomplete[self._node_id] += 1
        if missing and (require_all or len(missing) == len(self.outcomes)):
            raise verdict(self.outcomes, missing)
        return [outcome for outcome in self.outcomes if outcome.job.index in taken]

    @contextlib.contextmanager
    def encoding(self, number: int, count: int) -> Iterator[None]:
        """Show that picture `number` of `count` is being encoded, for as long as the block lasts."""
        self._encoding = (number, count)
        try:
            yield
        finally:
            self._encoding = None

    def output(self, *values: Any, notes: Iterable[Text] = (), **fields: Any) -> io.NodeOutput:
        """The node's output: `values`, then the report; and what the canvas shows.

        Args:
            *values: Of the outputs before the report.
            notes: What the node itself has to say.
            **fields: Further ones of the report.
        """
        notes = list(notes)
        bought = any(outcome.status in ("paid", "unknown") for outcome in self.outcomes)
        if bought and (warning := folders.warning(self._account.journal.directory)):
            notes.append(warning)
        return io.NodeOutput(
            *values,
            report(self.outcomes, notes=notes, **fields),
            ui={"images": self._previews, "volc_inpaint": [summary(self.outcomes, notes)]},
        )


class PaintingNode(io.ComfyNode):
    """A node with a `seed`: one beyond the widget's range is folded into it, and -1 runs anew each time."""

    @classmethod
    def validate_inputs(cls, seed: int | None) -> bool | str:
        """Stands in for ComfyUI's own check of the seed's range."""
        return check_seed(seed)

    @classmethod
    def fingerprint_inputs(cls, seed: int | None, **_: Any) -> float:
        """ComfyUI runs the node when this differs from what it was at the cached run.

        A seed of -1 runs anew each time. Any other only when an input changed, or to get what its last run missed.
        """
        return float("nan") if seed == -1 else _incomplete[cls.hidden.unique_id]
