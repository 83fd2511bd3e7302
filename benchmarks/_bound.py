"""What a benchmark measured and may measure at most, and whether all of it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Bound(NamedTuple):
    """One line of the result."""

    what: str
    value: float
    limit: float
    detail: str = ""
    at_least: bool = False

    @property
    def kept(self) -> bool:
        """Whether the value is within the limit."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def line(self) -> str:
        """For people."""
        sign, verdict = ("≥" if self.at_least else "≤"), ("ok" if self.kept else "MISSED")
        return f"{self.what:<58} {self.value:6.2f} {sign} {self.limit:<5.2f} {verdict:<7} {self.detail}"


def told(bounds: Sequence[Bound]) -> int:
    """Print them; 0 if every one is kept, for the exit status."""
    for bound in bounds:
        print(bound.line())
    return int(not all(bound.kept for bound in bounds))
