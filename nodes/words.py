"""The ground floor: a text in English and Chinese, and the error of a bad input that is made of one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True)
class Text:
    """What the pack says, in both languages; half a translation cannot be written.

    Attributes:
        english: One or more sentences.
        chinese: The same.

    Raises:
        ValueError: One of both is missing.
    """

    english: str
    chinese: str

    def __post_init__(self) -> None:
        if not self.english.strip() or not self.chinese.strip():
            raise ValueError(f"half a translation: {self.english!r}, {self.chinese!r}")

    def __add__(self, other: Text) -> Text:
        """The one after the other, in each language."""
        return Text(f"{self.english} {other.english}", f"{self.chinese}{other.chinese}")

    def lines(self) -> str:
        """For an error: a line of English, then one of Chinese."""
        return f"{self.english}\n{self.chinese}"

    def line(self) -> str:
        """For the notes of a report: both in one line."""
        return f"{self.english} / {self.chinese}"

    def pair(self) -> dict[str, str]:
        """For the canvas, which shows the language that it speaks."""
        return {"en": self.english, "zh": self.chinese}


def numbers(which: Iterable[int]) -> Text:
    """Rising numbers, at least one, for a reader; runs of three and more cut short: "1-4, 7, 8", "1-4、7、8"."""
    rising = list(which)
    starts = [0, *(at + 1 for at, (a, b) in enumerate(pairwise(rising)) if b != a + 1)]
    parts: list[str] = []
    for start, end in pairwise([*starts, len(rising)]):
        run = rising[start:end]
        parts += [f"{run[0]}-{run[-1]}"] if len(run) > 2 else map(str, run)
    return Text(", ".join(parts), "、".join(parts))


def named(which: Sequence[int], count: int, english: str, chinese: str) -> Text:
    """Those of several by their numbers, "mask 2, 3"; the only one without, "the mask".

    Args:
        which: Their numbers, rising, at least one.
        count: Of how many.
        english: What they are.
        chinese: The same.
    """
    if count == 1:
        return Text(f"the {english}", chinese)
    theirs = numbers(which)
    return Text(f"{english} {theirs.english}", f"{chinese} {theirs.chinese} ")


class InputError(ValueError):
    """A bad input: says what, why and what to do, in both languages, before any money is spent.

    Attributes:
        text: What the user reads.
    """

    def __init__(self, english: str, chinese: str) -> None:
        self.text = Text(english, chinese)
        super().__init__(self.text.lines())
