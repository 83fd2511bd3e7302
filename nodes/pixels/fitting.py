"""Whether an answer is a picture of what was sent, whatever size it comes in."""

from __future__ import annotations

_MIN_SIDE = 64
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
    if min(answer) < _MIN_SIDE:
        return False
    across, down = map(_scales, answer, sent)
    return max(across[0], down[0]) < min(across[1], down[1])


def is_coarser(answer: tuple[int, int], part: tuple[int, int], sent: tuple[int, int]) -> bool:
    """Whether an answer has fewer pixels than the picture there, although more were sent.

    Args:
        answer: Width and height, px.
        part: The same of the part of the picture.
        sent: The same of what was sent of it.
    """
    return max(answer) + _STEP <= max(map(min, part, sent))


def _scales(side: int, original: int) -> tuple[float, float]:
    """Between which a side was scaled, if only rounding changed it besides."""
    rounded = 1 if side % _STEP else _STEP
    return (side - rounded) / original, (side + rounded) / original
