"""Another Python process that a test orders about: a line in, a line out."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TESTS = Path(__file__).resolve().parent


class Another:
    """One that runs `code`, which reads orders and prints answers.

    Args:
        code: Python; `import conftest` makes the pack importable there.
        *arguments: In its `sys.argv`.
    """

    def __init__(self, code: str, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=TESTS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def order(self, *words: object) -> None:
        """Give it a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        """Wait for its next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


@contextmanager
def others(code: str, *arguments: object) -> Iterator[Callable[[], Another]]:
    """Starts as many as are asked for; none outlives the block."""
    started: list[Another] = []

    def start() -> Another:
        started.append(Another(code, *arguments))
        return started[-1]

    try:
        yield start
    finally:
        for one in started:
            one.kill()
