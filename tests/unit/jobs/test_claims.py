"""Claims within a process and between processes: one holder, a trace of what it was doing, nothing left when all is well."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from volc_inpaint.nodes.jobs.claims import Claim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TESTS = Path(__file__).resolve().parents[2]
HOLDER = """
import sys
sys.path.insert(0, ".")
import buyer
from pathlib import Path
from volc_inpaint.nodes.jobs.claims import Claim
for line in sys.stdin:
    words = line.split()
    if words[0] == "make":
        claim = Claim.try_make(Path(words[1]))
        print(claim is not None, flush=True)
    elif words[0] == "write":
        claim.write({"state": words[1]})
        print(True, flush=True)
    else:
        getattr(claim, words[0])()
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


def made(path: Path) -> Claim:
    claim = Claim.try_make(path)
    assert claim is not None
    return claim


def test_one_process_holds_a_claim(holder: Holder, tmp_path: Path) -> None:
    path = tmp_path / "claim"
    assert holder.do("make", path)
    assert Claim.try_make(path) is None

    assert holder.do("settle")
    claim = made(path)
    assert not holder.do("make", path)
    claim.settle()
    assert list(tmp_path.iterdir()) == []


def test_two_runs_of_one_process_cannot_hold_it_both(tmp_path: Path) -> None:
    claim = made(tmp_path / "claim")

    assert Claim.try_make(tmp_path / "claim") is None
    claim.settle()


def test_a_process_that_dies_leaves_its_note(tmp_path: Path) -> None:
    holder = Holder()
    assert holder.do("make", tmp_path / "claim")
    assert holder.do("write", "sent")
    holder.kill()

    claim = made(tmp_path / "claim")
    assert claim.left_behind == {"state": "sent"}
    claim.settle()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("ending", "found"), [("settle", {}), ("leave", {"new": 2}), ("withdraw", {"old": 1})]
)
def test_each_ending_leaves_what_it_says(
    tmp_path: Path, ending: str, found: dict[str, int]
) -> None:
    path = tmp_path / "claim"
    path.write_text(json.dumps({"old": 1}))
    claim = made(path)
    claim.write({"new": 2})
    getattr(claim, ending)()

    again = made(path)
    assert again.left_behind == found
    again.settle()


def test_withdrawing_without_an_earlier_note_leaves_nothing(tmp_path: Path) -> None:
    claim = made(tmp_path / "claim")
    claim.write({"new": 2})
    claim.withdraw()

    assert list(tmp_path.iterdir()) == []


def test_a_long_note_is_replaced_by_a_short_one(tmp_path: Path) -> None:
    path = tmp_path / "claim"
    claim = made(path)
    claim.write({"text": "x" * 100_000})
    claim.write({"text": "y"})

    assert json.loads(path.read_bytes()) == {"text": "y"}
    claim.settle()


@pytest.mark.parametrize("content", [b"", b"\0\0\0\0"])
def test_an_empty_file_is_no_trace(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "claim"
    path.write_bytes(content)

    assert made(path).left_behind == {}


@pytest.mark.parametrize("content", [b'{"state":"se', b"[1]", b"\xff\xfe", b"null"])
def test_a_note_that_cannot_be_read_is_still_a_trace(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "claim"
    path.write_bytes(content)

    assert made(path).left_behind != {}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_a_forked_child_does_not_hold_what_its_parent_gave_up(tmp_path: Path) -> None:
    script = (
        "import sys, os, time; sys.path.insert(0, '.'); import buyer\n"
        "from pathlib import Path\n"
        "from volc_inpaint.nodes.jobs.claims import Claim\n"
        f"claim = Claim.try_make(Path({str(tmp_path / 'claim')!r}))\n"
        "claim.write({'state': 'sent'})\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    time.sleep(60)\n"
        "claim.leave()\n"
        "print(child, flush=True)\n"
        "os._exit(0)\n"
    )
    told = subprocess.Popen([sys.executable, "-c", script], cwd=TESTS, stdout=subprocess.PIPE)
    assert told.stdout is not None
    child = int(told.stdout.readline())
    told.wait()
    try:
        assert made(tmp_path / "claim").left_behind == {"state": "sent"}
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
            claim.settle()

    race(4, work)
    assert most == 1
    assert got > 0
