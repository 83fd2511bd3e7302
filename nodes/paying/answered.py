"""What a painting node says of an answer's size: whether it can be used, and whether it is coarse."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..jobs import messages
from ..volcengine.errors import VolcengineError
from ..words import Text

if TYPE_CHECKING:
    from ..jobs.job import Outcome

Size = tuple[int, int]

_MIN_SIDE = 64
"""Shortest side of an answer that can be of use, px: none that is sent is shorter (volcengine.com/docs/86081/1804490)."""

_STEP = 16
"""Sides of what models paint are multiples of it, px."""


class UnfitAnswerError(VolcengineError):
    """The picture is paid and kept, but of another shape than what was sent; it is never stretched in silently."""


class Answered(NamedTuple):
    """What is said of one answer.

    Attributes:
        size: Width and height, px.
        unfit: Why it comes into no output.
        note: What else the user should know; of several answers alike, once.
    """

    size: Size
    unfit: Text | None = None
    note: Text | None = None


def look(size: Size, sent: Size | None = None, part: Size | None = None) -> Answered:
    """Judge an answer by its size.

    Args:
        size: Width and height of the answer, px.
        sent: The same of what was sent; None if nobody here knows.
        part: The same of the part of the picture that was sent.
    """
    if not fits(size, sent or size):
        return Answered(size, unfit=_unfit(size, sent or size))
    if sent and part and is_coarser(size, part, sent):
        return Answered(size, note=_coarse(size, part))
    return Answered(size)


def fits(answer: Size, sent: Size) -> bool:
    """Whether an answer can take the place of what was sent without being stretched.

    Returns:
        False if its shape differs by more than rounding to multiples of 16, or to whole pixels, explains; or if it is too
        small to be one.
    """
    if min(answer) < _MIN_SIDE:
        return False
    across, down = map(_scales, answer, sent)
    return max(across[0], down[0]) < min(across[1], down[1])


def is_coarser(answer: Size, part: Size, sent: Size) -> bool:
    """Whether an answer has fewer pixels than the part of the picture, although more were sent of it."""
    return max(answer) + _STEP <= max(map(min, part, sent))


def judged(outcome: Outcome, answered: Answered) -> Outcome:
    """The outcome with what is said of its picture; without its picture if that cannot be used."""
    if answered.unfit is None:
        notes = (*outcome.notes, answered.note) if answered.note else outcome.notes
        return outcome._replace(size=answered.size, notes=notes)
    return outcome._replace(
        value=None,
        size=answered.size,
        error=UnfitAnswerError(answered.unfit),
        notes=(*outcome.notes, messages.note(outcome.job, answered.unfit)),
    )


def _scales(side: int, original: int) -> tuple[float, float]:
    """Between which a side was scaled, if only rounding changed it besides."""
    rounded = 1 if side % _STEP else _STEP
    return (side - rounded) / original, (side + rounded) / original


def _unfit(size: Size, sent: Size) -> Text:
    (width, height), (sent_width, sent_height) = size, sent
    return Text(
        f"The service answered a picture of {width}x{height} for one of {sent_width}x{sent_height}. It would have to be "
        "stretched to take that one's place, so it is in no output. It is paid and in the journal; no run pays for it again. "
        "A part of another shape (`context`, or a crop of the picture) or another model may be answered in its own shape.",
        f"发送的图片为 {sent_width}x{sent_height}，服务返回 {width}x{height}，需要拉伸才能贴回，因此未输出。该图片已付费并保存在"
        "本地记录中，之后的运行不会重复付费。可改变发送区域的形状（`context` 或先裁剪图片），或选择其他 model。",
    )


def _coarse(size: Size, part: Size) -> Text:
    (width, height), (part_width, part_height) = size, part
    return Text(
        f"The service answered {width}x{height} for a part of {part_width}x{part_height} px: the repainted part is coarser "
        "than the picture there. A smaller part around the mask helps: set `context` to 1.5 or so.",
        f"服务对 {part_width}x{part_height} 像素的区域返回了 {width}x{height}：重绘部分比原图粗糙。缩小发送区域可改善："
        "将 `context` 设为 1.5 左右。",
    )
