"""Who called, what was answered, and above all what was billed."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Call:
    """One request as the service saw it.

    Attributes:
        sequence: 1 for the first of its kind.
        kind: `call` if it asks for a picture, be it by submitting a task; `query` if it asks for a task, which costs nothing.
        state: `received`, `on_wire` (that is, a task is under way), `billed`, `refused` or `failed`; `answered` for a query.
        code: Answered, or the fault's name.
        fields: The body without its pictures.
        pictures: Format, mode, size and bytes of each picture.
    """

    sequence: int
    started_s: float
    action: str = ""
    req_key: str = ""
    seed: int | None = None
    state: str = "received"
    code: int | str = ""
    request_id: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    pictures: list[dict[str, Any]] = field(default_factory=list)
    header_names: list[str] = field(default_factory=list)
    connection: int = 0
    kind: str = "call"


class Ledger:
    """All calls, safe between threads; tests await its changes."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._calls: list[Call] = []
        self._running = 0
        self._sequence: Counter[str] = Counter()
        self.peak = 0

    def open(
        self, action: str, header_names: list[str], connection: int, kind: str = "call"
    ) -> Call:
        """Note an arriving call."""
        with self._changed:
            self._sequence[kind] += 1
            call = Call(self._sequence[kind], time.time(), action, header_names=header_names)
            call.connection, call.kind = connection, kind
            self._calls.append(call)
            self._changed.notify_all()
            return call

    def admit(self, call: Call, allowance: int | None) -> bool:
        """Count `call` as running, unless `allowance` calls are running already."""
        with self._changed:
            if allowance is not None and self._running >= allowance:
                return False
            self._running += 1
            self.peak = max(self.peak, self._running)
            call.state = "on_wire"
            self._changed.notify_all()
            return True

    def leave(self) -> None:
        """A running call ended."""
        with self._changed:
            self._running -= 1
            self._changed.notify_all()

    def settle(self, call: Call, state: str, code: int | str) -> None:
        """Note how a call ended."""
        with self._changed:
            call.state, call.code = state, code
            self._changed.notify_all()

    def count(self, state: str | None = None, kind: str = "call") -> int:
        """How many calls of a kind are in `state`, or were received at all."""
        return sum(1 for call in self.calls(kind) if state in (None, call.state))

    def recent(self, seconds: float) -> int:
        """How many calls were admitted within the last `seconds`."""
        now = time.time()
        with self._changed:
            return sum(
                1
                for call in self._calls
                if call.state in ("on_wire", "billed") and now - call.started_s < seconds
            )

    def wait(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until `condition` holds; it is looked at after every change."""
        with self._changed:
            return self._changed.wait_for(condition, timeout_s)

    def clear(self) -> None:
        """Forget all calls, and count anew."""
        with self._changed:
            self._calls.clear()
            self._sequence.clear()
            self.peak = self._running

    def calls(self, kind: str = "call") -> list[Call]:
        """All calls of a kind, first to last."""
        with self._changed:
            return [call for call in self._calls if call.kind == kind]

    def as_dict(self) -> dict[str, Any]:
        """For the control interface."""
        calls = self.calls()
        states = [call.state for call in calls]
        counts = {
            state: states.count(state) for state in ("billed", "refused", "failed", "on_wire")
        }
        queries = [asdict(call) for call in self.calls("query")]
        return {
            **counts,
            "peak": self.peak,
            "calls": [asdict(call) for call in calls],
            "queries": queries,
        }
