"""What a run is asked for, what came of it, and how it stands meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..volcengine.errors import VolcengineError
    from ..volcengine.models import Request

Waiting = Literal["", "allowance", "retry", "another_run"]

_WAITING = {
    "allowance": ("waiting for the account's allowance", "等待账号并发额度"),
    "retry": ("trying again after a failure", "失败后重试中"),
    "another_run": ("waiting for an equal run", "等待相同的任务"),
}


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
        index: Of the job.
        image: Of the job.
        seed: As sent; differs from the job's if it was drawn again.
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

    index: int
    image: int
    seed: int | None
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


@dataclass(frozen=True)
class Status:
    """How a run stands."""

    total: int
    delivered: int
    from_journal: int
    failed: int
    unknown: int
    on_wire: int
    waiting_for: Waiting

    def text(self) -> str:
        """One line in English and in Chinese."""
        english = [f"{self.delivered} of {self.total}"]
        chinese = [f"{self.delivered}/{self.total}"]
        for count, word_en, word_zh in (
            (self.from_journal, "from the journal", "来自本地记录"),
            (self.failed, "failed", "失败"),
            (self.unknown, "unknown", "结果未知"),
        ):
            if count:
                english.append(f"{count} {word_en}")
                chinese.append(f"{count} {word_zh}")
        if self.waiting_for:
            english.append(_WAITING[self.waiting_for][0])
            chinese.append(_WAITING[self.waiting_for][1])
        return f"{' · '.join(english)}\n{' · '.join(chinese)}"
