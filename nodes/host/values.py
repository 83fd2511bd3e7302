"""Checks values that come over a link: ComfyUI checks the ranges and the choices of widgets only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


def number(name: str, value: Any, low: float, high: float, *, whole: bool = True) -> Any:
    """A number as a widget would give it, whatever a link brings: 3.0 or one of numpy's is the same as 3.

    Args:
        name: Of the input.
        value: What came.
        low: Smallest allowed.
        high: Largest allowed.
        whole: Whether it must be whole.

    Returns:
        An int if `whole`, else a float.

    Raises:
        ValueError: It is no number, none that is whole, or out of its range.
    """
    try:
        found = int(value) if whole else float(value)
        fits = bool(found == value) and low <= found <= high
    except (TypeError, ValueError, OverflowError, RuntimeError):  # the last is torch's
        fits = False
    if not fits:
        english, chinese = ("a whole number", "整数") if whole else ("a number", "数字")
        raise error(
            name, value, f"{english} from {low} to {high}", f"{low} 到 {high} 之间的{chinese}"
        )
    return found


def choice(name: str, value: Any, allowed: Iterable[str]) -> str:
    """One of the texts that the widget offers.

    Raises:
        ValueError: It is none of `allowed`.
    """
    allowed = tuple(allowed)
    if not isinstance(value, str) or value not in allowed:
        raise error(name, value, f"one of {', '.join(allowed)}", f"{'、'.join(allowed)} 之一")
    return value


def text(name: str, value: Any) -> str:
    """A text.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(value, str):
        raise error(name, value, "a text", "文本")
    return value


def error(name: str, value: Any, english: str, chinese: str) -> ValueError:
    """The error for a value that is not what it must be.

    Args:
        name: Of the input.
        value: What came.
        english: What it must be.
        chinese: The same.
    """
    shown = repr(value)[:100]
    return ValueError(
        f"{name} is {shown}, but must be {english}, so nothing was sent. Correct the value that is linked to it.\n"
        f"{name} 的值为 {shown}，应为{chinese}，未发送任何请求。请更正连接到该输入的值。"
    )
