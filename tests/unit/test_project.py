"""What users read and install: README, changelog, metadata, examples hold together."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from harness import archive

ROOT = Path(__file__).resolve().parents[2]
README = {name: (ROOT / name).read_text("utf-8") for name in ("README.md", "README.zh.md")}
PYPROJECT = (ROOT / "pyproject.toml").read_text("utf-8")


def tracked() -> list[Path]:
    """The files that a clone holds."""
    try:
        listing = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("name", README)
def test_the_two_commands_come_first(name: str) -> None:
    block = README[name].split("```")[1]

    assert [line.split("#")[0].strip() for line in block.strip().splitlines()] == [
        "python3 dev.py demo",
        "python3 dev.py test",
    ]


@pytest.mark.parametrize("name", README)
def test_every_file_that_the_readme_points_to_is_there(name: str) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)\s]+)\)", README[name])

    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_the_readme_explains_every_code_of_the_service_in_both_languages() -> None:
    from volc_inpaint.nodes.volcengine import codes

    # gateway words that tell of a bug of ours rather than of anything a user can mend
    ours = {
        "MissingParameter", "MissingAuthenticationToken", "MissingRequestInfo", "MissingSignature",
        "ServiceNotFound", "InvalidActionOrVersion", "InternalServiceTimeout", "ServiceUnavailableTemp",
    }  # fmt: skip
    for text in README.values():
        table = "\n".join(line for line in text.splitlines() if line.startswith("| "))
        missing = [code for code in codes.ROWS if code not in ours and str(code) not in table]
        assert missing == []


def test_the_changelog_begins_with_the_version_of_the_package() -> None:
    (version,) = re.findall(r'^version = "([\d.]+)"$', PYPROJECT, re.MULTILINE)
    versions = re.findall(
        r"^## \[([\d.]+)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )

    assert versions[0] == version


def test_installing_the_pack_can_change_nobody_s_environment() -> None:
    (dependencies,) = re.findall(r"^dependencies = (\[.*\])$", PYPROJECT, re.MULTILINE)

    # names without versions, each of them in ComfyUI's own requirements
    assert set(json.loads(dependencies)) == {"numpy", "Pillow", "requests", "scipy", "torch"}
    assert not (ROOT / "requirements.txt").exists()


def test_the_registry_s_archive_holds_what_a_user_of_the_nodes_needs_and_nothing_else() -> None:
    names = archive.files()
    if not names:
        pytest.skip("not a git checkout")

    assert {name.split("/")[0] for name in names} == {
        "__init__.py", "CHANGELOG.md", "LICENSE", "README.md", "README.zh.md", "example_workflows", "locales", "nodes",
        "pyproject.toml", "web",
    }  # fmt: skip
    for folder in ("nodes", "web", "locales", "example_workflows"):
        here = {path for path in tracked() if path.is_relative_to(ROOT / folder)}
        assert {ROOT / name for name in names if name.startswith(f"{folder}/")} == here


def test_every_example_has_its_thumbnail() -> None:
    examples = sorted((ROOT / "example_workflows").glob("*.json"))

    assert examples
    for example in examples:
        thumbnail = example.with_suffix(".jpg")
        assert thumbnail.read_bytes()[:3] == b"\xff\xd8\xff", thumbnail


def test_no_file_names_a_folder_of_one_machine() -> None:
    forbidden = re.compile(rb"/root/|/home/[a-z]|/work/main|/tmp/")
    allowed = {ROOT / "tests" / "unit" / "test_project.py"}
    found = [
        f"{path.relative_to(ROOT)}: {match.group().decode()}"
        for path in tracked()
        if path not in allowed
        and path.suffix in {".py", ".md", ".json", ".toml", ".yml", ".js", ".css", ""}
        for match in forbidden.finditer(path.read_bytes())
    ]

    assert found == []
