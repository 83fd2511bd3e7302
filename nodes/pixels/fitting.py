"""Whether an answer is a picture of what was sent, whatever size it comes in."""

from __future__ import annotations

MIN_SIDE = 64
"""Shortest side of an answer that can be of use, px: none that is sent is shorter (volcengine.com/docs/86081/1804490)."""

_STEP = 16
"""Sides of what models paint are multiples of it, px."""


def fits(answer: tuple[int, int], sent: tuple[int, int]) -> bool:
    """Whether an answer can take the place of what was sent without being stretched.

    Args:
        answer: Width and height, px.
        sent: The same of what was sent.

    Returns:
        False if its shape differs by more than rounding to multiples of 16, or to whole pixels, explains; or if it is too
        small to be one.
    """
    if min(answer) < MIN_SIDE:
        return False
    low, high = 0.0, float("inf")  # between which it was scaled
    for side, original in zip(answer, sent, strict=True):
        rounded = 1 if side % _STEP else _STEP
        low = max(low, (side - rounded) / original)
        high = min(high, (side + rounded) / original)
    return low < high


def is_coarser(answer: tuple[int, int], part: tuple[int, int], sent: tuple[int, int]) -> bool:
    """Whether an answer has fewer pixels than the picture there, although more were sent.

    Args:
        answer: Width and height, px.
        part: The same of the part of the picture.
        sent: The same of what was sent of it.
    """
    wanted = max(min(a, b) for a, b in zip(part, sent, strict=True))
    return max(answer) + _STEP <= wanted
