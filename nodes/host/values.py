"""What a node takes: default, range, widget and check of a value in one place.

ComfyUI checks what a widget holds, but not what comes over a link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ..words import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

N = TypeVar("N", int, float)


class Number(NamedTuple):
    """A number that a node takes.

    Attributes:
        name: Of the input.
        default: Of its widget.
        low: Smallest allowed.
        high: Largest allowed.
        step: Of a widget for fractions; 0 if the number must be whole.
    """

    name: str
    default: float
    low: float
    high: float
    step: float = 0

    @property
    def widget(self) -> dict[str, Any]:
        """For `io.Int.Input`, or `io.Float.Input` if it has a step."""
        options = {"id": self.name, "default": self.default, "min": self.low, "max": self.high}
        return {**options, "step": self.step} if self.step else options

    def read(self, value: Any) -> Any:
        """The number as the widget would give it, whatever a link brings: 3.0 or one of numpy's is the same as 3.

        Returns:
            An int, or a float if the widget has a step.

        Raises:
            InputError: It is no number, none that is whole, or out of its range.
        """
        found = _as(float if self.step else int, value)
        if found is None or not self.low <= found <= self.high:
            english, chinese = ("a number", "数字") if self.step else ("a whole number", "整数")
            raise error(
                self.name,
                value,
                f"{english} from {self.low} to {self.high}",
                f"{self.low} 到 {self.high} 之间的{chinese}",
            )
        return found


class Choice(NamedTuple):
    """One of several texts that a node takes.

    Attributes:
        name: Of the input.
        options: In the order of its widget.
        default: Of its widget; the first option if empty.
    """

    name: str
    options: tuple[str, ...]
    default: str = ""

    @property
    def widget(self) -> dict[str, Any]:
        """For `io.Combo.Input`."""
        options = {"id": self.name, "options": list(self.options)}
        return {**options, "default": self.default} if self.default else options

    def read(self, value: Any) -> str:
        """The text, if the widget offers it.

        Raises:
            InputError: It does not.
        """
        if not isinstance(value, str) or value not in self.options:
            raise error(
                self.name,
                value,
                f"one of {', '.join(self.options)}",
                f"{'、'.join(self.options)} 之一",
            )
        return value


def text(name: str, value: Any) -> str:
    """A text.

    Raises:
        InputError: It is none.
    """
    if not isinstance(value, str):
        raise error(name, value, "a text", "文本")
    return value


def whole(value: Any) -> int | None:
    """The whole number that `value` is, whatever its type; None if it is none."""
    return _as(int, value)


def error(name: str, value: Any, english: str, chinese: str) -> InputError:
    """The error of the input `name` whose `value` is not what it must be: `english`, said in Chinese as `chinese`."""
    shown = repr(value)[:100]
    return InputError(
        f"{name} is {shown}, but must be {english}, so nothing was sent. Correct the value that is linked to it.",
        f"{name} 的值为 {shown}，应为{chinese}，未发送任何请求。请更正连接到该输入的值。",
    )


def check_names(unknown: Mapping[str, object]) -> None:
    """Refuse what no input of the node takes: ComfyUI hands on what a script links to any name.

    Raises:
        InputError: `unknown`, what was left over by its name, is not empty.
    """
    if unknown:
        raise InputError(
            f"The node has no input called {', '.join(unknown)}, so nothing was sent. Take it out of the prompt, or "
            "correct its name.",
            f"节点没有名为 {'、'.join(unknown)} 的输入，未发送任何请求。请从提交的工作流中删除该输入或更正其名称。",
        )


def _as(kind: type[N], value: Any) -> N | None:
    try:
        found = kind(value)
        return found if found == value else None
    except (TypeError, ValueError, OverflowError, RuntimeError):  # the last is torch's
        return None
