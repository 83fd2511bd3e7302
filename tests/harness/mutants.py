"""Changes product code a little and asks whether the tests that bear the file's name notice: `dev.py mutants [FILE …]`.

Cosmic Ray makes the mutants; here a sample of them is drawn, the same at every run, and tried in copies of the tree.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cosmic_ray.plugins  # type: ignore[import-untyped]
from cosmic_ray.ast import ast_nodes, get_ast  # type: ignore[import-untyped]
from cosmic_ray.mutating import MutationVisitor  # type: ignore[import-untyped]

from . import launch

ROOT = launch.ROOT
PARTS = ("jobs", "volcengine", "pixels")
# A copy of the tree needs what the unit tests read.
_COPIED = ("__init__.py", "nodes", "tests", "web", "locales", "pyproject.toml")
_SEED = 20251125


@dataclass(frozen=True)
class Mutant:
    """One change of one file.

    Attributes:
        line: Where it is.
        source: The whole file with it.
    """

    line: int
    source: str


def main() -> int:
    """Print a line for each file and the changes that nobody noticed; 1 if a file is below the bound."""
    parser = argparse.ArgumentParser(prog="dev.py mutants", description=__doc__)
    parser.add_argument(
        "files",
        nargs="*",
        type=Path,
        help="product files; all of jobs, volcengine and pixels by default",
    )
    parser.add_argument("--each", type=int, default=12, help="mutants of a file (12)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--bound", type=float, default=0.9, help="share that must be noticed (0.9)")
    options = parser.parse_args()
    files = [file.resolve() for file in options.files] or [
        file for part in PARTS for file in sorted((ROOT / "nodes" / part).glob("[!_]*.py"))
    ]
    missed = 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for number in range(options.workers):
            copies.put(_copy(Path(folder) / str(number)))
        for file in files:
            missed += (
                _try(file.relative_to(ROOT), options.each, copies, options.workers) < options.bound
            )
    return int(missed > 0)


def mutants(source: str, count: int) -> list[Mutant]:
    """A sample of the mutants of a file, at most one for a place in it, the same at every call."""
    left_out = _unnoticed(source)
    places: dict[tuple[int, int], list[tuple[Any, int]]] = defaultdict(list)
    for name in sorted(cosmic_ray.plugins.operator_names()):
        if "Variable" in name or "Is" in name.partition("_")[2] or "RemoveDecorator" in name:
            continue  # wants arguments; is only worth what `==` is; nearly always breaks the import
        operator = cosmic_ray.plugins.get_operator(name)()
        occurrence = 0
        for node in ast_nodes(get_ast(source)):
            for start, _ in operator.mutation_positions(node):
                signature = node.parent is not None and node.parent.type in ("parameters", "param")
                if start[0] not in left_out and not signature:  # its `*` and `/` are no operators
                    places[start].append((operator, occurrence))
                occurrence += 1
    chance = random.Random(_SEED)
    found: list[Mutant] = []
    for start in chance.sample(sorted(places), k=len(places)):
        operator, occurrence = chance.choice(places[start])
        try:
            changed = MutationVisitor.mutate_code(source, operator, occurrence)
        except AttributeError:  # it cannot replace an exception that is named with its module
            continue
        if changed is not None and changed != source and len(found) < count:
            found.append(Mutant(start[0], changed))
    return found


def _unnoticed(source: str) -> set[int]:
    """Lines that decide nothing at run time: annotations, whose `|` is a type's, `if TYPE_CHECKING`, decorators' `frozen`."""
    lines: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        kinds = [getattr(node, name, None) for name in ("annotation", "returns")]
        if isinstance(node, ast.ClassDef):
            kinds += node.decorator_list
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            kinds.append(node.test)
        for kind in kinds:
            if isinstance(kind, ast.expr):
                lines |= set(range(kind.lineno, (kind.end_lineno or kind.lineno) + 1))
    return lines


def _copy(target: Path) -> Path:
    target.mkdir()
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target / name)
    return target


def _tests(file: Path) -> list[str]:
    """The unit tests that bear the file's name."""
    folder = ROOT / "tests" / "unit" / file.parent.name
    named = sorted({*folder.glob(f"test_{file.stem}.py"), *folder.glob(f"test_{file.stem}_*.py")})
    return [str(test.relative_to(ROOT)) for test in named]


def _try(file: Path, count: int, copies: queue.SimpleQueue[Path], workers: int) -> float:
    """The share of a file's mutants that was noticed."""
    tests = _tests(file)
    if not tests:
        print(f"{file}: no tests of its name")
        return 0.0
    source = (ROOT / file).read_text("utf-8")
    copy = copies.get()
    started = time.monotonic()
    whole = _passes(copy, tests, 600)
    limit_s = 10 + 4 * (time.monotonic() - started)
    copies.put(copy)
    if not whole:
        print(f"{file}: its tests fail as it stands")
        return 0.0
    left: queue.SimpleQueue[Mutant] = queue.SimpleQueue()
    for mutant in mutants(source, count):
        left.put(mutant)
    wanted, alive = left.qsize(), list[Mutant]()

    def work() -> None:
        copy = copies.get()
        try:
            while not left.empty():
                try:
                    mutant = left.get_nowait()
                except queue.Empty:
                    return
                (copy / file).write_text(mutant.source, "utf-8")
                if _passes(copy, tests, limit_s):
                    alive.append(mutant)
        finally:
            (copy / file).write_text(source, "utf-8")
            copies.put(copy)

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{file}: {wanted - len(alive)} of {wanted} noticed", flush=True)
    for mutant in sorted(alive, key=lambda mutant: mutant.line):
        lines = difflib.unified_diff(
            source.splitlines(), mutant.source.splitlines(), lineterm="", n=0
        )
        print(f"  line {mutant.line}")
        print("\n".join(f"    {line}" for line in lines if line[:3] not in ("---", "+++", "@@ ")))
    return 1 - len(alive) / wanted if wanted else 1.0


def _passes(copy: Path, tests: list[str], limit_s: float) -> bool:
    env = {**os.environ, "PYTHONPATH": str(copy / "tests"), "PYTHONDONTWRITEBYTECODE": "1"}
    line = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    with subprocess.Popen(
        line,
        cwd=copy,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as run:
        try:
            return run.wait(limit_s) == 0
        except subprocess.TimeoutExpired:
            run.kill()
            return False


if __name__ == "__main__":
    sys.exit(main())
