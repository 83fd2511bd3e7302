"""What the lines of the account book say of its calls, and what they come to."""

from __future__ import annotations

import contextlib
import json
import sys
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

# The bill's days are Beijing's, wherever the server stands.
BEIJING = timezone(timedelta(hours=8))
DAY_S = 24 * 3600.0

# `sent`: on the wire. `paid`: the service says so. `failed`: not billed. `unknown`: perhaps billed. `fetched`: paid, and
# the picture was fetched by a later run.
State = Literal["sent", "paid", "failed", "unknown", "fetched"]


def midnight(at: float) -> float:
    """When the day of the bill that `at` falls on began; both in seconds since 1970 UTC."""
    return at - (at + 8 * 3600.0) % DAY_S


def day(at: float) -> str:
    """The day of the bill, `2026-11-25`, that `at` (seconds since 1970 UTC) falls on."""
    return datetime.fromtimestamp(at, BEIJING).strftime("%Y-%m-%d")


class Asked(NamedTuple):
    """What a call asks for.

    Attributes:
        model: Its `req_key`.
        seed: As sent; None for interfaces without one.
        image: Which picture of the node's input, from 1.
        variant: The picture's place in the node's output, from 1.
        key: Of the journal's entry.
        prompt: Empty if the model takes none.
        node: That asked, as the host names it.
        workflow: The same.
    """

    model: str = ""
    seed: int | None = None
    image: int = 0
    variant: int = 0
    key: str = ""
    prompt: str = ""
    node: str = ""
    workflow: str = ""


class Call(NamedTuple):
    """What the book knows of one call.

    Attributes:
        number: Its own.
        at: When it was sent, in seconds since 1970 UTC.
        state: What became of it.
        asked: What it asked for.
        code: Of the answer; 0 without one.
        request_id: The same.
        task_id: Of a submitted task.
        reservation: Of which it was a part; empty without a limit.
        process: That sent it.
        ticked: Whether somebody compared it with the bill.
    """

    number: str
    at: float
    state: State
    asked: Asked
    code: int | str = 0
    request_id: str = ""
    task_id: str = ""
    reservation: str = ""
    process: str = ""
    ticked: bool = False


class Reading(NamedTuple):
    """All that the book says at one moment.

    Attributes:
        calls: By their numbers.
        served: When the journal served a picture, and what was asked for.
        reservations: How many calls each open one of a living process holds, by their numbers.
    """

    calls: dict[str, Call]
    served: list[tuple[float, Asked]]
    reservations: dict[str, int]


class BookFile:
    """What one file says; reads on where it stopped.

    Attributes:
        process: That writes it.
        complete: Whether nothing can come to it any more.
        tasks: How tasks of earlier runs ended, by the service's names for them.
        ticks: When a call was ticked or unticked, and which of both.
        reserved: Calls in all of each reservation that is open.
    """

    def __init__(self, process: str) -> None:
        self.process = process
        self.complete = False
        self.calls: dict[str, Call] = {}
        self.tasks: dict[str, Call] = {}
        self.ticks: dict[str, tuple[float, bool]] = {}
        self.served: list[tuple[float, Asked]] = []
        self.reserved: dict[str, int] = {}
        self._offset = 0

    def read(self, path: Path) -> None:
        """Take in what was added, up to the last whole line."""
        try:
            with path.open("rb") as file:
                file.seek(self._offset)
                content = file.read()
        except FileNotFoundError:
            return
        whole = content.rfind(b"\n") + 1
        self._offset += whole
        for line in content[:whole].splitlines():
            # A line that a full disk or a power cut tore says nothing; those around it do.
            with contextlib.suppress(ValueError, TypeError, KeyError):
                self._take(json.loads(line))

    def _take(self, line: dict[str, Any]) -> None:
        state, at, number = str(line["state"]), float(line["at"]), str(line.get("id", ""))
        if state == "sent":
            self.calls[number] = Call(
                number,
                at,
                "sent",
                _asked(line),
                reservation=str(line.get("of", "")),
                process=self.process,
            )
        elif state == "withdrawn":
            self.calls.pop(number, None)
        elif state == "submitted":
            task_id, request_id = str(line["task_id"]), str(line.get("request_id", ""))
            self.calls[number] = self.calls[number]._replace(task_id=task_id, request_id=request_id)
        elif state in ("paid", "failed", "unknown", "fetched"):
            calls, name = (self.calls, number) if number else (self.tasks, str(line["task_id"]))
            if not number:
                submitted_at = float(line["submitted_at"])
                calls[name] = Call(name, submitted_at, "sent", _asked(line), task_id=name)
            calls[name] = calls[name]._replace(
                state=state,  # type: ignore[arg-type]
                code=line.get("code", 0),
                request_id=str(line.get("request_id", "")) or calls[name].request_id,
            )
        elif state == "journal":
            self.served.append((at, _asked(line)))
        elif state in ("ticked", "unticked"):
            self.ticks[number] = (at, state == "ticked")
        elif state == "reserved":
            self.reserved[number] = int(line["calls"])
        elif state == "released":
            self.reserved.pop(number, None)


def put_together(files: list[BookFile], living: set[str], since: float = 0.0) -> Reading:
    """What several files, in any order, say of the same calls; of those only that were sent at `since` or later.

    Of a process that is not `living`, what was on the wire is unknown and what was reserved is free.
    """
    calls: dict[str, Call] = {}
    tasks: dict[str, Call] = {}
    ticks: dict[str, tuple[float, bool]] = {}
    for file in files:
        # not in the order of the file, which is another one where a clock was set back
        calls.update((number, call) for number, call in file.calls.items() if call.at >= since)
        tasks.update(file.tasks)
        for number, tick in file.ticks.items():
            ticks[number] = max(tick, ticks.get(number, tick))
    _number_the_killed(calls, tasks)
    for number, call in calls.items():
        later = tasks.pop(call.task_id, None)
        if call.state in ("sent", "unknown"):
            if later is not None:
                calls[number] = call._replace(
                    state=later.state, code=later.code, request_id=later.request_id
                )
            elif call.process not in living:
                calls[number] = call._replace(state="unknown")
    # Tasks that were submitted before there was a book, or in a month that was not asked for.
    calls.update({task.number: task for task in tasks.values()})
    for number, (_, ticked) in ticks.items():
        if number in calls:
            calls[number] = calls[number]._replace(ticked=ticked)
    reservations: dict[str, int] = {}
    for file in files:
        if file.process in living:
            reservations.update(file.reserved)
    return Reading(calls, [served for file in files for served in file.served], reservations)


def _number_the_killed(calls: dict[str, Call], tasks: dict[str, Call]) -> None:
    """Give a call its task where its process was killed once a later run could fetch it, but before it wrote that here.

    Equal calls go one after another. So it is the last one before the task's number came, if nothing else is known of it.
    """
    known = {call.task_id for call in calls.values()}
    for task in tasks.values():
        if task.task_id in known or not task.asked.key:
            continue
        equal = [c for c in calls.values() if c.asked.key == task.asked.key and c.at <= task.at]
        last = max(equal, key=lambda call: call.at, default=None)
        if last is not None and last.state == "sent" and not last.task_id:
            calls[last.number] = last._replace(task_id=task.task_id)


def sums(reading: Reading, now: float) -> dict[str, Any]:
    """What the day and the month of `now` (seconds since 1970 UTC) and the whole book come to.

    Returns:
        For each of `today`, `month` and `all` the counts of calls by state, `journal` for what was served from there
        without a call, and the same for each model under `models`.
    """
    today = day(now)
    spans = {"today": today, "month": today[:7], "all": ""}
    totals: dict[str, Any] = {span: {**_zeros(), "models": defaultdict(_zeros)} for span in spans}
    happened = [(call.at, call.asked.model, str(call.state)) for call in reading.calls.values()]
    happened += [(at, asked.model, "journal") for at, asked in reading.served]
    for at, model, outcome in happened:
        on = day(at)
        for span, beginning in spans.items():
            if on.startswith(beginning):
                totals[span][outcome] += 1
                totals[span]["models"][model][outcome] += 1
    return totals


def _asked(line: dict[str, Any]) -> Asked:
    """What a line asks for; equal texts are kept once."""
    texts = ("model", "key", "prompt", "node", "workflow")
    return Asked(
        seed=line.get("seed"),
        image=int(line.get("image", 0)),
        variant=int(line.get("variant", 0)),
        **{name: sys.intern(str(line.get(name, ""))) for name in texts},
    )


def _zeros() -> dict[str, Any]:
    return dict.fromkeys(("sent", "paid", "fetched", "failed", "unknown", "journal"), 0)
