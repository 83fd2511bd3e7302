"""Older versions of ComfyUI, by what their `comfy_api.latest` offers.

`comfyui_api.json` was read out of each version's own source: the parameters of what our nodes call, and the names in `io`.
"""

from __future__ import annotations

import ast
import inspect
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from volc_inpaint.nodes.host import older

ROOT = Path(__file__).resolve().parents[3]
RECORDED = json.loads(Path(__file__).with_name("comfyui_api.json").read_text("utf-8"))
CARRIED = [version for version in RECORDED if version != "0.13.0"]
# What `**number.widget` and `**choice.widget` hand to an input.
WIDGET = {
    "Int.Input": {"id", "default", "min", "max"},
    "Float.Input": {"id", "default", "min", "max", "step"},
    "Combo.Input": {"id", "options", "default"},
}


@pytest.fixture
def become(monkeypatch):
    """Has `older` see the `io` of another version."""

    def as_in(version: str) -> None:
        def schema() -> None: ...

        kind = inspect.Parameter.KEYWORD_ONLY
        names = [inspect.Parameter(name, kind) for name in RECORDED[version]["Schema"]]
        schema.__signature__ = inspect.Signature(names)  # type: ignore[attr-defined]
        api = SimpleNamespace(**{**dict.fromkeys(RECORDED[version]["io"]), "Schema": schema})
        monkeypatch.setattr(older, "io", api)
        monkeypatch.setattr(older, "version", version)

    return as_in


def trees() -> list[ast.Module]:
    """Of the files whose `io` is ComfyUI's."""
    texts = (file.read_text("utf-8") for file in (ROOT / "nodes").rglob("*.py"))
    return [ast.parse(text) for text in texts if "from comfy_api.latest import io" in text]


def calls() -> list[tuple[str, set[str], bool]]:
    """What our files call in `io`: `Int.Input` and the like, by which keywords, and whether with a widget of `values`."""
    found = []
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("io."):
                keywords = {keyword.arg for keyword in node.keywords if keyword.arg}
                spread = [ast.unparse(one.value) for one in node.keywords if not one.arg]
                widget = any(text.endswith(".widget") for text in spread)
                found.append((ast.unparse(node.func).removeprefix("io."), keywords, widget))
    return found


def test_the_reader_of_calls_finds_them():
    names = {name for name, _, _ in calls()}

    assert {
        "Schema",
        "Int.Input",
        "Float.Input",
        "Combo.Input",
        "Image.Output",
        "NodeOutput",
    } <= names
    assert any(widget for name, _, widget in calls() if name == "Float.Input")


@pytest.mark.parametrize("version", CARRIED)
def test_a_carried_version_knows_every_keyword_that_our_nodes_use(version):
    known = RECORDED[version]
    for name, keywords, widget in calls():
        if name in known:
            used = keywords | (WIDGET[name] if widget else set())
            # `NodeOutput` takes its values one by one
            assert set() == used - set(known[name]), name
        else:
            assert name.split(".")[0] in known["io"], name


@pytest.mark.parametrize("version", CARRIED)
def test_a_carried_version_has_every_name_that_our_nodes_use(version):
    used = set()
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "io":
                used.add(node.attr)

    assert {"Schema", "ControlAfterGenerate"} <= used
    assert set() == used - set(RECORDED[version]["io"])


@pytest.mark.parametrize(
    ("version", "known"), [("0.14.0", False), ("0.18.5", False), ("0.19.0", True)]
)
def test_pictures_outlive_a_reload_where_the_version_can_do_it(become, version, known):
    become(version)

    assert ({"has_intermediate_output": True} if known else {}) == older.keeps_preview()


@pytest.mark.parametrize("version", CARRIED)
def test_a_carried_version_is_loaded(become, version):
    become(version)

    older.check()


def test_a_version_that_pays_at_every_run_is_refused_in_both_languages(become):
    become("0.13.0")

    with pytest.raises(
        older.TooOldError, match=r"needs ComfyUI 0\.14\.0 or newer, and this is 0\.13\.0"
    ) as caught:
        older.check()
    assert "需要 ComfyUI 0.14.0 或更高版本，当前为 0.13.0" in str(caught.value).split("\n")[1]


def test_the_registry_is_told_the_same_version():
    text = (ROOT / "pyproject.toml").read_text("utf-8")

    assert f'requires-comfyui = ">={older.LEAST}"' in text
    for name in ("README.md", "README.zh.md"):
        assert f"ComfyUI {older.LEAST}" in (ROOT / name).read_text("utf-8")
