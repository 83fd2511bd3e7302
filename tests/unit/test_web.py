"""What the scripts may do to ComfyUI's page, by their text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[2] / "web"
SCRIPTS = sorted(WEB.rglob("*.js"))
# Of ComfyUI's own modules only these two are there for packs; the others print a deprecation warning.
ALLOWED = {"../../../scripts/app.js", "../../../scripts/api.js"}


def test_there_are_scripts():
    assert len(SCRIPTS) >= 4


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_is_small_and_keeps_to_itself(script):
    text = script.read_text("utf-8")
    imported = set(re.findall(r"""(?:from|import)\s*\(?\s*["']([^"']+)["']""", text))
    own = {f"./{other.name}" for other in SCRIPTS}

    assert len(text.splitlines()) <= 250
    assert imported <= ALLOWED | own
    for patching in (
        r"\.prototype\b",
        r"__proto__",
        r"setPrototypeOf",
        r"\beval\(",
        r"\bFunction\(",
    ):
        assert re.findall(patching, text) == []
    # beforeRegisterNodeDef is where packs patch the classes of nodes
    assert "beforeRegisterNodeDef" not in text
    assert re.findall(r"localStorage|sessionStorage|indexedDB|document\.cookie", text) == []
    assert re.findall(r"innerHTML|insertAdjacentHTML|document\.write", text) == []
    assert re.findall(r"https?://[^\s\"'`]+", text.split("*/")[-1]) in (
        [],
        *(
            [url]
            for url in (
                "https://console.volcengine.com/iam/keymanage",
                "https://www.volcengine.com/docs/86081/1804490",
                "https://console.volcengine.com/finance",
            )
        ),
    )


def test_everything_under_web_is_meant_to_be_served():
    kinds = {file.suffix for file in WEB.rglob("*") if file.is_file()}

    assert kinds <= {".js", ".css", ".md", ".jpg", ".png"}
