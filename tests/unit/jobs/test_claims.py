"""Claims within a process and between processes: one holder, a trace of what it was doing, nothing left when all is well."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from volc_inpaint.nodes.jobs.claims import Claim, Trace
from volc_inpaint.nodes.jobs.job import Receipt
from volc_inpaint.nodes.jobs.locks import LockedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TESTS = Path(__file__).resolve().parents[2]
HOLDER = """
import sys
sys.path.insert(0, ".")
import buyer
from pathlib import Path
from volc_inpaint.nodes.jobs.claims import Claim, Trace
for line in sys.stdin:
    words = line.split()
    if words[0] == "make":
        claim = Claim.try_make(Path(words[1]))
        print(claim is not None, flush=True)
    elif words[0] == "write":
        claim.write(Trace(words[1]))
        print(True, flush=True)
    else:
        with claim:
            claim.money = " ".join(words)
        print(True, flush=True)
"""


class Holder:
    """Another process that does with a claim what it is told to."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER],
            cwd=TESTS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def do(self, *words: object) -> bool:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline() == "True\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def holder() -> Iterator[Holder]:
    process = Holder()
    yield process
    process.kill()


def end(claim: Claim, money: Any) -> None:
    """As the block of its holder ends when `money` was said."""
    with claim:
        if money == "cleared":
            claim.clear()
        else:
            claim.money = money


def made(path: Path) -> Claim:
    claim = Claim.try_make(path)
    assert claim is not None
    return claim


def test_one_process_holds_a_claim(holder: Holder, tmp_path: Path) -> None:
    path = tmp_path / "claim"
    assert holder.do("make", path)
    assert Claim.try_make(path) is None

    assert holder.do("kept")
    claim = made(path)
    assert not holder.do("make", path)
    end(claim, "kept")
    assert list(tmp_path.iterdir()) == []


def test_two_runs_of_one_process_cannot_hold_it_both(tmp_path: Path) -> None:
    claim = made(tmp_path / "claim")

    assert Claim.try_make(tmp_path / "claim") is None
    end(claim, "kept")


def test_a_process_that_dies_leaves_its_note(tmp_path: Path) -> None:
    holder = Holder()
    assert holder.do("make", tmp_path / "claim")
    assert holder.do("write", "sent")
    holder.kill()

    claim = made(tmp_path / "claim")
    assert claim.left_behind == Trace("sent")
    end(claim, "kept")
    assert list(tmp_path.iterdir()) == []


OLD, NEW = Trace("sent", seed=1), Trace("sent", seed=2)


@pytest.mark.parametrize(
    ("money", "found"), [("kept", None), ("in doubt", NEW), ("unspent", OLD), ("cleared", None)]
)
def test_each_ending_leaves_what_it_says(tmp_path: Path, money: str, found: Trace | None) -> None:
    path = tmp_path / "claim"
    path.write_bytes(OLD.to_json())
    claim = made(path)
    claim.write(NEW)
    end(claim, money)

    again = made(path)
    assert again.left_behind == found
    end(again, "kept")


def test_what_was_written_is_in_doubt_unless_something_else_is_said(tmp_path: Path) -> None:
    with made(tmp_path / "claim") as claim:
        assert claim.money == "unspent"
        claim.write(NEW)
        assert claim.money == "in doubt"

    with made(tmp_path / "claim") as again:
        assert (again.left_behind, again.money) == (NEW, "in doubt")
    assert made(tmp_path / "claim").left_behind == NEW


def test_a_purchase_that_cost_nothing_leaves_nothing(tmp_path: Path) -> None:
    claim = made(tmp_path / "claim")
    claim.write(NEW)
    end(claim, "unspent")

    assert list(tmp_path.iterdir()) == []


def test_a_long_note_is_replaced_by_a_short_one(tmp_path: Path) -> None:
    path = tmp_path / "claim"
    claim = made(path)
    claim.write(Trace("submitted", task_id="x" * 100_000))
    claim.write(NEW)

    assert Trace.read(path.read_bytes()) == NEW
    end(claim, "kept")


@pytest.mark.parametrize(
    "trace",
    [
        Trace("sent", 1.5, "host", 7, None),
        Trace("submitted", 1.5, "host", 7, 3, task_id="77"),
        Trace("paid", 1.5, "host", 7, 3, receipt=Receipt("r", 10000, "m", 1.0, 3, ("https://a",))),
        Trace("no_picture"),
    ],
)
def test_a_note_reads_as_it_was_written(trace: Trace) -> None:
    assert Trace.read(trace.to_json()) == trace


def test_what_a_note_does_not_tell_nobody_knows() -> None:
    assert Trace.read(b'{"state":"sent"}') == Trace("sent")
    changed = {"at": "noon", "host": 7, "process": "me", "seed": [], "task_id": 5, "report": "r"}
    assert Trace.read(json.dumps({"state": "paid", **changed}).encode()) == Trace("paid")


def test_a_process_knows_its_own_note() -> None:
    ours = Trace.now("sent", 1)
    assert ours.is_ours()
    for host in ("", "\U0010ffff"):  # in any order of names
        assert not ours._replace(host=host).is_ours()
    for process in (os.getpid() - 1, os.getpid() + 1):
        assert not ours._replace(process=process).is_ours()


def test_a_paid_picture_is_noted_with_its_task_and_the_time_of_its_submission(
    tmp_path: Path,
) -> None:
    receipt = Receipt("R1", urls=("https://pictures.example/a",))
    with made(tmp_path / "claim") as claim:
        claim.write(Trace("submitted", 1000.0, "host", 7, 3, task_id="77"))
        claim.paid(receipt, 3)

    left = made(tmp_path / "claim").left_behind
    assert left is not None
    assert (left.state, left.at, left.task_id) == ("paid", 1000.0, "77")
    assert (left.seed, left.receipt) == (3, receipt)


@pytest.mark.parametrize("noted", [None, Trace("sent", 1000.0, "host", 7, 3)])
def test_a_paid_picture_without_a_task_is_noted_with_the_time_of_its_answer(
    tmp_path: Path, noted: Trace | None
) -> None:
    receipt, before = Receipt("R1"), time.time()
    with made(tmp_path / "claim") as claim:
        if noted is not None:
            claim.write(noted)
        claim.paid(receipt, 3)

    left = made(tmp_path / "claim").left_behind
    assert left is not None
    assert before <= (left.at or 0.0) <= time.time()
    assert (left.state, left.task_id, left.receipt) == ("paid", "", receipt)


def test_a_note_that_cannot_be_read_at_the_moment_stays_and_is_held_by_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a shared folder fails between two looks."""
    path = tmp_path / "claim"
    path.write_bytes(OLD.to_json())

    def fail(_: LockedFile) -> bytes:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(LockedFile, "read", fail)
        with pytest.raises(OSError, match="Input/output"):
            Claim.try_make(path)

    assert made(path).left_behind == OLD


def test_a_look_at_a_note_claims_nothing(tmp_path: Path) -> None:
    path = tmp_path / "claim"
    assert Claim.peek(path) is None
    claim = made(path)
    claim.write(NEW)

    assert Claim.peek(path) == NEW
    assert Claim.peek(tmp_path) is None  # a folder cannot be read
    end(claim, "in doubt")
    assert Claim.peek(path) == made(path).left_behind == NEW


@pytest.mark.parametrize("content", [b"", b"\0\0\0\0"])
def test_an_empty_file_is_no_trace(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "claim"
    path.write_bytes(content)

    assert made(path).left_behind is None


@pytest.mark.parametrize(
    "content", [b'{"state":"se', b"[1]", b"\xff\xfe", b"null", b"{}", b'{"state":7}']
)
def test_a_note_that_cannot_be_read_is_still_a_trace(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "claim"
    path.write_bytes(content)

    assert made(path).left_behind == Trace("unreadable")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_a_forked_child_does_not_hold_what_its_parent_gave_up(tmp_path: Path) -> None:
    script = (
        "import sys, os, time; sys.path.insert(0, '.'); import buyer\n"
        "from pathlib import Path\n"
        "from volc_inpaint.nodes.jobs.claims import Claim, Trace\n"
        f"claim = Claim.try_make(Path({str(tmp_path / 'claim')!r}))\n"
        "claim.write(Trace('sent'))\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    time.sleep(60)\n"
        "claim.__exit__()\n"
        "print(child, flush=True)\n"
        "os._exit(0)\n"
    )
    told = subprocess.Popen([sys.executable, "-c", script], cwd=TESTS, stdout=subprocess.PIPE)
    assert told.stdout is not None
    child = int(told.stdout.readline())
    told.wait()
    try:
        assert made(tmp_path / "claim").left_behind == Trace("sent")
    finally:
        os.kill(child, 9)
        told.stdout.close()


def race(threads: int, work: Callable[[int], None]) -> None:
    started = threading.Barrier(threads)

    def run(number: int) -> None:
        started.wait()
        work(number)

    running = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


def test_of_many_at_once_one_gets_the_claim_each_time(tmp_path: Path) -> None:
    held, most, got = 0, 0, 0
    lock = threading.Lock()

    def work(_: int) -> None:
        nonlocal held, most, got
        for _ in range(200):
            claim = Claim.try_make(tmp_path / "claim")
            if claim is None:
                continue
            with lock:
                held += 1
                got += 1
                most = max(most, held)
            with lock:
                held -= 1
            end(claim, "kept")

    race(4, work)
    assert most == 1
    assert got > 0
