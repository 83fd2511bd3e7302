"""Who is buying what, within a process and between processes: the right to buy one picture, and a note of what is under way."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from . import heartbeat
from .job import Receipt, of_kinds
from .locks import LockedFile

if TYPE_CHECKING:
    from pathlib import Path

    from .job import Kinds

# What is known of the money for one picture: none was spent, perhaps it was, or it was and the picture is kept.
Money = Literal["unspent", "in doubt", "kept"]
State = Literal["sent", "submitted", "paid", "no_picture"]
_KINDS: Kinds = {"at": (int, float), "host": str, "process": int, "seed": int, "task_id": str}


class Trace(NamedTuple):
    """What a later run finds of a call if its process dies; holds no secret.

    Attributes:
        state: `sent`: perhaps billed. `submitted`: as the task `task_id`. `paid`: its picture is behind the links of
            `receipt`. `no_picture`: what came was none. `unreadable`: a note that nobody can read is still a trace.
        at: When, in seconds since 1970 UTC; None if nobody knows. Of what was submitted: when it was.
        host: Name of the machine.
        process: Number of the process.
        seed: As sent.
        task_id: The service's name for the task.
        receipt: Of the paid picture.
    """

    state: State | Literal["unreadable"]
    at: float | None = None
    host: str = ""
    process: int = 0
    seed: int | None = None
    task_id: str = ""
    receipt: Receipt | None = None

    @classmethod
    def now(
        cls, state: State, seed: int | None, *, task_id: str = "", receipt: Receipt | None = None
    ) -> Trace:
        """Of this moment and this process."""
        return cls(state, time.time(), platform.node(), os.getpid(), seed, task_id, receipt)

    @classmethod
    def read(cls, content: bytes) -> Trace | None:
        """From a file; None if it is empty, or of zeros as a power cut leaves them."""
        if not content.strip(b"\0"):
            return None
        try:
            fields = json.loads(content)
        except ValueError:
            fields = None
        if not isinstance(fields, dict) or fields.get("state") not in get_args(State):
            return cls("unreadable")
        report = fields.get("report")
        receipt = Receipt.read(report) if isinstance(report, dict) else None
        return cls(fields["state"], receipt=receipt, **of_kinds(fields, _KINDS))

    def to_json(self) -> bytes:
        """As it is written down."""
        fields = {name: getattr(self, name) for name in ("state", *_KINDS)}
        if not self.task_id:
            del fields["task_id"]
        if self.receipt is not None:
            fields["report"] = self.receipt.to_json()
        return json.dumps(fields).encode()

    def is_ours(self) -> bool:
        """Whether this process left it."""
        return (self.host, self.process) == (platform.node(), os.getpid())


class Claim:
    """A claim that is held, for a `with` block. What is known of the money at its end says what becomes of the note.

    Attributes:
        left_behind: The note of an earlier claim that never got its picture.
        money: For the holder to set. `unspent`: all is as it was found. `in doubt`: the note stays, for the next claim to
            read. `kept`: the picture is in the journal, and no note is needed any more.
    """

    def __init__(self, path: Path, file: LockedFile) -> None:
        self._path = path
        self._file = file
        self._found = file.read()
        self._written = False
        self.left_behind = self._noted = Trace.read(self._found)
        self.money: Money = "in doubt" if self.left_behind else "unspent"
        heartbeat.pulse.add(path)

    @classmethod
    def try_make(cls, path: Path) -> Claim | None:
        """Claim what the file `path` stands for; None while another holds it.

        Raises:
            OSError: The file can be neither made nor locked.
        """
        file = LockedFile.try_open(path)
        if file is None:
            return None
        try:
            return cls(path, file)
        except BaseException:
            file.close(remove=False)
            raise

    @staticmethod
    def peek(path: Path) -> Trace | None:
        """The note in what the file `path` stands for, whoever holds it; None if there is none that can be read."""
        try:
            return Trace.read(path.read_bytes())
        except OSError:
            return None

    def __enter__(self) -> Claim:
        return self

    def __exit__(self, *_: object) -> None:
        heartbeat.pulse.remove(self._path)
        if self.money == "unspent" and self.left_behind and self._written:
            with contextlib.suppress(OSError):
                self._file.write(self._found)
        self._file.close(
            remove=self.money == "kept" or (self.money == "unspent" and not self.left_behind)
        )

    def write(self, trace: Trace) -> None:
        """Note what is about to happen: from now on the money is in doubt. On the disk when this returns.

        Raises:
            OSError: It cannot be written, so it must not happen.
        """
        self._written = True
        self._file.write(trace.to_json())
        self._noted = trace
        self.money = "in doubt"

    def paid(self, receipt: Receipt, seed: int | None) -> None:
        """Note that the picture is behind the links of `receipt`; its task, if it has one, can still be asked for.

        Raises:
            OSError: It cannot be written.
        """
        trace = Trace.now("paid", seed, receipt=receipt)
        if self._noted is not None and self._noted.task_id:
            trace = trace._replace(at=self._noted.at, task_id=self._noted.task_id)
        self.write(trace)

    def clear(self) -> None:
        """What was left behind came to an end that costs nothing; as if it had never been."""
        self.left_behind, self._found = None, b""
        self.money = "unspent"
