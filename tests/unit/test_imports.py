"""The house: who may import what. Read from the source, so that a lazy import counts too."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "nodes").rglob("*.py"))

COMFYUI = {
    "comfy",
    "comfy_api",
    "comfy_execution",
    "comfy_extras",
    "comfyui_version",
    "folder_paths",
    "server",
    "nodes",
}
PIXELS = {"torch", "numpy", "PIL", "scipy"}


def part_of(file: Path) -> str:
    """The folder below `nodes`, or `nodes` itself."""
    parts = file.relative_to(ROOT / "nodes").parts
    return parts[0] if len(parts) > 1 else "nodes"


def modules_imported(file: Path) -> set[Path]:
    """The files of the pack that a file imports, lazily and for types, too."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = file.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            if node.module and not folder.is_dir():
                found.add(folder.with_suffix(".py"))
            else:
                found |= {folder / f"{alias.name}.py" for alias in node.names}
    return found


def circle(graph: dict[Path, set[Path]]) -> list[Path]:
    """One way that leads from a file back to it; empty if there is none."""
    done: set[Path] = set()

    def search(file: Path, way: list[Path]) -> list[Path]:
        if file in way:
            return [*way[way.index(file) :], file]
        if file not in done:
            for other in sorted(graph.get(file, ())):
                if found := search(other, [*way, file]):
                    return found
            done.add(file)
        return []

    return next(filter(None, (search(file, []) for file in sorted(graph))), [])


def imports(source: str, package: tuple[str, ...]) -> set[str]:
    """What a module imports: top-level names of packages, and `.part` for parts of the pack.

    Args:
        source: Of the module.
        package: Folders it stands in, from `nodes` on.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            assert base, f"line {node.lineno} reaches out of nodes/"
            for alias in node.names:
                inner = (*base, *(node.module or alias.name).split("."))[1:]
                folder = (ROOT / "nodes" / inner[0]).is_dir()
                ground = inner[0] == "words"
                found.add(f".{inner[0]}" if folder or ground else ".nodes")
        elif isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            assert name not in ("__import__", "import_module"), (
                f"line {node.lineno} hides an import"
            )
    return found


def standard(found: set[str]) -> set[str]:
    """What of `found` is neither of the standard library nor of the pack."""
    return {name for name in found if name[0] != "." and name not in sys.stdlib_module_names}


def of(file: Path) -> set[str]:
    package = file.relative_to(ROOT).parent.parts
    return imports(file.read_text("utf-8"), package)


every_file = pytest.mark.parametrize(
    "file", FILES, ids=[str(file.relative_to(ROOT)) for file in FILES]
)


@every_file
def test_a_file_imports_only_what_its_part_may(file):
    found = of(file)
    part = part_of(file)
    outside, inside = standard(found), {name for name in found if name[0] == "."}
    speaks = file.stem in ("auth", "client", "connection", "unreachable")
    allowed = {
        "volcengine": ({"requests"} if speaks else set(), {".volcengine"}),
        "jobs": (set(), {".volcengine", ".jobs"}),
        "pixels": (PIXELS, {".pixels"}),
        "host": (
            PIXELS | COMFYUI | {"aiohttp", "psutil"},
            {".volcengine", ".jobs", ".pixels", ".host"},
        ),
        "paying": (
            PIXELS | {"comfy_api"},
            {".volcengine", ".jobs", ".pixels", ".host", ".paying"},
        ),
        "nodes": (
            PIXELS | {"comfy_api"},
            {".volcengine", ".jobs", ".pixels", ".host", ".paying", ".nodes"},
        ),
    }[part]

    assert (set(), set()) == (outside - allowed[0], inside - allowed[1] - {".words"})


def test_no_import_leads_back_to_where_it_came_from():
    graph = {file: modules_imported(file) for file in FILES}

    assert set() == {other for found in graph.values() for other in found} - set(FILES)
    assert [] == [str(file.relative_to(ROOT)) for file in circle(graph)]


def test_the_reader_of_circles_sees_one_that_is_for_types_only(tmp_path):
    house = tmp_path / "nodes"
    for name, source in {
        "one.py": "from .jobs import run\n",
        "jobs/run.py": "if TYPE_CHECKING:\n    from .account import Account\n",
        "jobs/account.py": "def f():\n    from ..two import x\n",
        "two.py": "from .jobs.run import Run\n",
    }.items():
        (house / name).parent.mkdir(parents=True, exist_ok=True)
        (house / name).write_text(source)
    graph = {file: modules_imported(file) for file in house.rglob("*.py")}

    found = [file.relative_to(house).as_posix() for file in circle(graph)]
    assert {"jobs/run.py", "jobs/account.py", "two.py"} == set(found)
    graph[house / "two.py"] = set()
    assert [] == circle(graph)


@every_file
def test_only_the_signature_uses_hmac_and_only_the_client_speaks_http(file):
    found = of(file)
    name = str(file.relative_to(ROOT / "nodes").as_posix())

    assert "hmac" not in found or name == "volcengine/signing.py"
    http = found & {"requests", "http", "httpx", "urllib3", "socket", "ssl"}
    allowed = {
        "volcengine/auth.py": {"requests"},
        "volcengine/client.py": {"requests"},
        "volcengine/connection.py": {"requests", "socket"},
        "volcengine/unreachable.py": {"requests", "ssl"},
    }
    assert http <= allowed.get(name, set())
    # `urllib.parse` reads addresses; `urllib.request` would call them
    assert "urllib.request" not in file.read_text("utf-8")


@every_file
def test_no_file_holds_a_tool_that_runs_or_loads_code(file):
    calls = {
        node.func.id
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }

    assert set() == calls & {"eval", "exec", "compile"}
    # of Windows, the end of a console reaches Python by no other way
    may = {"ctypes"} if file.relative_to(ROOT).as_posix() == "nodes/jobs/ending.py" else set()
    assert set() == (of(file) & {"pickle", "marshal", "shelve", "subprocess", "ctypes"}) - may


def test_the_root_defines_what_comfyui_asks_for_and_nothing_else():
    tree = ast.parse((ROOT / "__init__.py").read_text("utf-8"))
    names = []
    for node in tree.body:
        if isinstance(node, ast.Assign):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.append(node.name)
        elif isinstance(node, ast.ImportFrom):
            assert node.module in ("__future__", "typing")
        elif isinstance(node, ast.If):
            assert "TYPE_CHECKING" == ast.unparse(node.test)
        else:
            assert isinstance(node, ast.Expr)
            assert isinstance(node.value, ast.Constant)

    assert ["WEB_DIRECTORY", "comfy_entrypoint"] == names


def test_importing_the_root_imports_none_of_the_nodes():
    code = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('pack', {str(ROOT / '__init__.py')!r}, "
        f"submodule_search_locations=[{str(ROOT)!r}])\n"
        "pack = sys.modules['pack'] = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(pack)\n"
        "print([name for name in sys.modules if name.startswith('pack.') or name in "
        "('torch', 'numpy', 'requests', 'PIL')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]" == done.stdout.strip()


def test_the_reader_of_imports_sees_each_way_to_import():
    source = (
        "import a.b, c\nfrom d.e import f\nfrom . import journal\nfrom ..volcengine import client\n"
        "from ..pixels.pictures import x\nfrom .. import inputs\ndef g():\n    import lazy\n"
    )

    expected = {"a", "c", "d", ".jobs", ".volcengine", ".pixels", ".nodes", "lazy"}
    assert expected == imports(source, ("nodes", "jobs"))
