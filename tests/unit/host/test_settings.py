"""What the environment of a server may say, and how it is told that it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from volc_inpaint.nodes.host.settings import Settings


def read(**environ: str) -> Settings:
    return Settings.from_environment(environ)


def test_the_defaults_are_the_documented_ones():
    expected = Settings("https://visual.volcengineapi.com", 8, 120.0, None, 2048)

    assert expected == read() == Settings()


@pytest.mark.parametrize("nothing", ["", " ", "\n"])
def test_empty_is_as_good_as_unset(nothing):
    names = (
        "VOLC_ENDPOINT", "VOLC_MAX_CONCURRENCY", "VOLC_TIMEOUT_S", "VOLC_JOURNAL_DIR", "VOLC_JOURNAL_MAX_MB",
    )  # fmt: skip

    assert Settings() == read(**dict.fromkeys(names, nothing))


def test_every_variable_is_read():
    actual = read(
        VOLC_ENDPOINT=" http://127.0.0.1:8000 ",
        VOLC_MAX_CONCURRENCY="2",
        VOLC_TIMEOUT_S="7.5",
        VOLC_JOURNAL_DIR="/data/journal",
        VOLC_JOURNAL_MAX_MB=" 100 ",
        VOLC_OTHER="ignored",
    )

    assert Settings("http://127.0.0.1:8000", 2, 7.5, Path("/data/journal"), 100) == actual
    assert (int, int) == (type(actual.max_concurrency), type(actual.journal_max_mb))


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("VOLC_MAX_CONCURRENCY", "1", "64"), ("VOLC_TIMEOUT_S", "1", "3600"),
     ("VOLC_JOURNAL_MAX_MB", "1", "10000000")],
)  # fmt: skip
def test_the_ends_of_a_range_belong_to_it_and_beyond_is_an_error(name, low, high):
    read(**{name: low})
    read(**{name: high})
    for bad in ("0", "-1", f"{high}1", "nan", "inf", "many", "1,5", "0x10"):
        with pytest.raises(ValueError, match=f"{name} is '{bad}'") as caught:
            read(**{name: bad})
        english, chinese = str(caught.value).split("\n")
        assert f"from {low} to {high}" in english
        assert f"{name} 的值为 '{bad}'，应为 {low} 到 {high} 之间的" in chinese


@pytest.mark.parametrize("name", ["VOLC_MAX_CONCURRENCY", "VOLC_JOURNAL_MAX_MB"])
def test_half_a_call_or_megabyte_is_an_error(name):
    with pytest.raises(ValueError, match=f"{name} is '2.5', but must be a whole number") as caught:
        read(**{name: "2.5"})

    assert "整数" in str(caught.value)


def test_a_tilde_is_the_users_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))

    assert tmp_path / "journal" == read(VOLC_JOURNAL_DIR="~/journal").journal_dir


def test_the_home_of_an_unknown_user_is_an_error(monkeypatch):
    def unknown(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", unknown)

    with pytest.raises(ValueError, match="VOLC_JOURNAL_DIR is '~nobody/x'") as caught:
        read(VOLC_JOURNAL_DIR="~nobody/x")
    assert "VOLC_JOURNAL_DIR 的值为 '~nobody/x'" in str(caught.value).split("\n")[1]
