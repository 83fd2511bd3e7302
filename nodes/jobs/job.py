"""What is wanted, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..volcengine.answers import Answer
    from ..volcengine.errors import VolcengineError
    from ..volcengine.request import Request
    from ..words import Text

# How long the service keeps its links: https://www.volcengine.com/docs/86081/1804490
LINK_LIFE_S = 24 * 3600.0
# Of a picture that is there: bought now, or earlier.
Bought = Literal["paid", "journal"]
Kinds = dict[str, type | tuple[type, ...]]


@dataclass(frozen=True)
class Job:
    """One picture that is wanted.

    Attributes:
        index: Its place in the output, from 1.
        image: Which picture of the input it belongs to, from 1.
        request: What to send.
        pixels_key: Stands for the pixels, or links, as sent.
        seed: To send; None for interfaces without one.
        drawn: Whether the seed was drawn and may be drawn again.
        refused: Why nothing can be sent for it, if that showed when it was made.
    """

    index: int
    image: int
    request: Request
    pixels_key: str
    seed: int | None = None
    drawn: bool = False
    refused: VolcengineError | None = None


class MadeWhenNeeded:
    """Jobs, `total` of them, that are made one after the other as they are asked for, once.

    Attributes:
        drafts: Makes the same without the pictures that they send, which is all that their keys need.
    """

    def __init__(self, total: int, jobs: Iterator[Job], drafts: Iterable[Job]) -> None:
        self._total = total
        self._jobs = jobs
        self.drafts = drafts

    def __len__(self) -> int:
        return self._total

    def __iter__(self) -> Iterator[Job]:
        return self._jobs


Wanted = Sequence[Job] | MadeWhenNeeded


def drafts(jobs: Wanted) -> Iterable[Job]:
    """What the keys of all of them need, with none of them made yet."""
    return jobs.drafts if isinstance(jobs, MadeWhenNeeded) else jobs


class Receipt(NamedTuple):
    """What the service said; of a picture that it painted, kept beside it.

    Attributes:
        request_id: Of the call.
        code: Of the answer; 0 without one.
        message: As received.
        elapsed_s: The service's own time, in seconds.
        seed: As sent.
        urls: Links to the same pictures.
        data: Further fields of the answer.
        received_at: Seconds since 1970 UTC; None if nobody knows.
    """

    request_id: str = ""
    code: int | str = 0
    message: str = ""
    elapsed_s: float | None = None
    seed: int | None = None
    urls: tuple[str, ...] = ()
    data: Mapping[str, Any] = {}
    received_at: float | None = None

    @classmethod
    def of(cls, answer: Answer, seed: int | None) -> Receipt:
        """For an answer that arrived just now."""
        return cls(
            answer.request_id,
            answer.code,
            answer.message,
            answer.elapsed_s,
            seed,
            tuple(answer.urls),
            dict(answer.data),
            time.time(),
        )

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> Receipt:
        """From `to_json`, without what somebody changed by hand into something else: the picture counts all the same."""
        usable = of_kinds(fields, _KINDS)
        usable["urls"] = tuple(url for url in usable.get("urls", ()) if isinstance(url, str))
        return cls(**usable)

    def to_json(self) -> dict[str, Any]:
        """As it is written down."""
        return {name: getattr(self, name) for name in _KINDS}

    def living_urls(self) -> tuple[str, ...]:
        """The links, while the service keeps them."""
        return self.urls if time.time() - (self.received_at or 0.0) < LINK_LIFE_S else ()


_KINDS: Kinds = {
    "request_id": str,
    "code": (int, str),
    "message": str,
    "elapsed_s": (int, float),
    "seed": int,
    "urls": (list, tuple),
    "data": dict,
    "received_at": (int, float),
}


def of_kinds(fields: Mapping[str, Any], kinds: Kinds) -> dict[str, Any]:
    """Those of `fields` that are what they should be: a file may have been changed by hand."""
    return {
        name: fields[name] for name, kind in kinds.items() if isinstance(fields.get(name), kind)
    }


class Outcome(NamedTuple):
    """What came of a job.

    Attributes:
        job: As bought, but without the pictures it sent: its seed is another than that of the job that was wanted if it
            was drawn again.
        status: `paid`: bought now. `journal`: bought earlier. `failed`: not billed. `unknown`: perhaps billed.
        value: What the run's `decode` made of the pictures; None without pictures.
        receipt: What the service said, with the links that still live; of a failure the error's text as its message.
        error: Why there is no picture.
        notes: What the user should know.
        size: Width and height of the picture, px, if the node looked at them.
    """

    job: Job
    status: Bought | Literal["failed", "unknown"]
    value: Any = None
    receipt: Receipt = Receipt()
    error: VolcengineError | None = None
    notes: tuple[Text, ...] = ()
    size: tuple[int, int] | None = None


def delivered(
    job: Job, receipt: Receipt, value: Any, status: Bought, notes: Iterable[Text] = ()
) -> Outcome:
    """The outcome of a job whose picture is there; `value` is what the run's `decode` made of it."""
    receipt = receipt._replace(urls=receipt.living_urls())
    return Outcome(_without_pictures(job), status, value, receipt, notes=tuple(notes))


def failed(job: Job, error: VolcengineError, notes: Iterable[Text] = ()) -> Outcome:
    """The outcome of a job without a picture: `unknown` if it may have been billed all the same."""
    receipt = Receipt(
        request_id=str(getattr(error, "request_id", "")),
        code=getattr(error, "code", 0),
        message=str(error),
        urls=getattr(error, "urls", ()),
    )
    status: Literal["failed", "unknown"] = "unknown" if error.doubtful else "failed"
    return Outcome(_without_pictures(job), status, None, receipt, error, tuple(notes))


def _without_pictures(job: Job) -> Job:
    """A run of many pictures would keep all that it sent until its end."""
    return replace(job, request=replace(job.request, pictures=()))
