"""What is wanted, and what came of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..volcengine.errors import VolcengineError
    from ..volcengine.request import Request
    from .journal import Entry

# How long the service keeps its links: https://www.volcengine.com/docs/86081/1804490
LINK_LIFE_S = 24 * 3600.0


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
    """

    index: int
    image: int
    request: Request
    pixels_key: str
    seed: int | None = None
    drawn: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of a job.

    Attributes:
        job: As bought: its seed is another than that of the job that was wanted if it was drawn again.
        status: `paid`: bought now. `journal`: bought earlier. `failed`: not billed. `unknown`: perhaps billed.
        value: What the run's `decode` made of the pictures; None without pictures.
        urls: Links to the same pictures that still live.
        data: Further fields of the answer.
        request_id: Of the call.
        code: Of the answer; 0 without one.
        message: As received, or the error's first line.
        elapsed_s: The service's own time, in seconds.
        received_at: Seconds since 1970 UTC.
        error: Why there is no picture.
        notes: What the user should know.
    """

    job: Job
    status: Literal["paid", "journal", "failed", "unknown"]
    value: Any = None
    urls: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    request_id: str = ""
    code: int | str = 0
    message: str = ""
    elapsed_s: float | None = None
    received_at: float | None = None
    error: VolcengineError | None = None
    notes: tuple[str, ...] = ()


def delivered(
    job: Job, entry: Entry, value: Any, status: Literal["paid", "journal"], notes: Iterable[str]
) -> Outcome:
    """The outcome of a job whose picture is there; `value` is what the run's `decode` made of it."""
    report = entry.report
    fresh = time.time() - float(report.get("received_at") or 0) < LINK_LIFE_S
    return Outcome(
        job=job,
        status=status,
        value=value,
        urls=tuple(report.get("urls") or ()) if fresh else (),
        data=report.get("data") or {},
        request_id=report.get("request_id", ""),
        code=report.get("code", 0),
        message=report.get("message", ""),
        elapsed_s=report.get("elapsed_s"),
        received_at=report.get("received_at"),
        notes=tuple(notes),
    )


def failed(job: Job, error: VolcengineError, notes: Iterable[str]) -> Outcome:
    """The outcome of a job without a picture: `unknown` if it may have been billed all the same."""
    return Outcome(
        job=job,
        status="unknown" if error.doubtful else "failed",
        urls=getattr(error, "urls", ()),
        request_id=str(getattr(error, "request_id", "")),
        code=getattr(error, "code", 0),
        message=str(error),
        error=error,
        notes=tuple(notes),
    )
