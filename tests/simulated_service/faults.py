"""Failures on demand."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .refusals import BUSINESS, GATEWAY

if TYPE_CHECKING:
    from .ledger import Call

# Beside every code of the tables.
NAMES = frozenset(
    {
        "reset_before_body",  # the connection is reset before the body was read; never billed
        "reset_after_body",
        "hang",  # no answer until the service is told to let go
        "cut_json",
        "cut_base64",
        "not_a_picture",
        "html_504",
        "empty",
        "wrong_size",
        "redirect",  # from a proxy in front of the service; never billed
        "link_only",
        "no_data",  # success with `data: null`
        "algorithm_failed",  # success whose `algorithm_base_resp` is not 0, without a picture; never billed
        "algorithm_odd",  # the same, with one
        "loose",  # a valid answer in other clothes: wrapped, time as a number, lists null where possible
    }
)
# Those of an answer that brings a picture; they wait for one.
OF_PICTURES = frozenset(
    {
        "cut_base64",
        "not_a_picture",
        "wrong_size",
        "link_only",
        "no_data",
        "algorithm_failed",
        "algorithm_odd",
    }
)
# What becomes of a task beside failing with a code: it is gone for whoever asks; or one question is answered so.
LOSSES = frozenset({"not_found", "expired"})


@dataclass
class Fault:
    """One rule: which calls fail, how, and how often.

    Attributes:
        fault: One of `NAMES`, or a code of the tables.
        nth: Only the n-th call since the last reset.
        seed: Only calls with this seed.
        req_key: Only this interface.
        times: How many calls it hits.
        billed: Whether the lost answer, or task, was paid for (for faults that lose one).
        on: What it hits: a `call` that asks for a picture (a submission too), a `query` for a task, or the `task` itself
            at its end.
    """

    fault: int | str
    nth: int | None = None
    seed: int | None = None
    req_key: str | None = None
    times: int = 1
    billed: bool = True
    on: str = "call"

    def __post_init__(self) -> None:
        names = {
            "call": NAMES,
            "query": (NAMES | LOSSES) - {"algorithm_failed"},
            "task": LOSSES | {"algorithm_failed"},
        }[self.on]
        if self.fault not in names and self.fault not in BUSINESS and self.fault not in GATEWAY:
            raise ValueError(f"unknown fault {self.fault!r}")

    def hits(self, call: Call) -> bool:
        """Whether `call` is meant."""
        return (
            self.times > 0
            and self.nth in (None, call.sequence)
            and self.seed in (None, call.seed)
            and self.req_key in (None, call.req_key)
        )


class Faults:
    """The rules in force, safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Fault] = []

    def set(self, rules: list[Fault]) -> None:
        """Replace all rules."""
        with self._lock:
            self._rules = list(rules)

    def take(
        self,
        call: Call,
        *,
        before_body: bool = False,
        on: str | None = None,
        pictureless: bool = False,
    ) -> Fault | None:
        """The fault that hits `call` now, or its task, used up once; `pictureless` if the answer brings no picture."""
        with self._lock:
            for rule in self._rules:
                if (
                    rule.on == (on or call.kind)
                    and (rule.fault == "reset_before_body") == before_body
                    and not (pictureless and rule.fault in OF_PICTURES)
                    and rule.hits(call)
                ):
                    rule.times -= 1
                    return rule
        return None
