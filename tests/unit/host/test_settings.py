"""What the environment of a server may say, and how it is told that it is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from volc_inpaint.nodes.host.settings import Settings
from volc_inpaint.nodes.words import InputError

FOLDER = r"D:\data\journal" if os.name == "nt" else "/data/journal"


def read(**environ: str) -> Settings:
    return Settings.from_environment(environ)


def test_the_defaults_are_the_documented_ones():
    expected = Settings("https://visual.volcengineapi.com", 8, 120.0, None, 2048)

    assert expected == read() == Settings()


@pytest.mark.parametrize("nothing", ["", " ", "\n"])
def test_empty_is_as_good_as_unset(nothing):
    names = (
        "VOLC_ENDPOINT", "VOLC_MAX_CONCURRENCY", "VOLC_TIMEOUT_S", "VOLC_JOURNAL_DIR", "VOLC_JOURNAL_MAX_MB",
        "VOLC_MAX_CALLS_PER_DAY",
    )  # fmt: skip

    assert Settings() == read(**dict.fromkeys(names, nothing))


def test_every_variable_is_read():
    actual = read(
        VOLC_ENDPOINT=" http://127.0.0.1:8000 ",
        VOLC_MAX_CONCURRENCY="2",
        VOLC_TIMEOUT_S="7.5",
        VOLC_JOURNAL_DIR=FOLDER,
        VOLC_JOURNAL_MAX_MB=" 100 ",
        VOLC_MAX_CALLS_PER_DAY="50",
        VOLC_OTHER="ignored",
    )

    assert Settings("http://127.0.0.1:8000", 2, 7.5, Path(FOLDER), 100, 50) == actual
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


def test_no_calls_a_day_are_no_limit_and_fewer_an_error():
    assert 0 == read(VOLC_MAX_CALLS_PER_DAY="0").calls_per_day
    for bad in ("-1", "1000001", "many"):
        with pytest.raises(ValueError, match=f"VOLC_MAX_CALLS_PER_DAY is '{bad}'"):
            read(VOLC_MAX_CALLS_PER_DAY=bad)


@pytest.mark.parametrize(
    "name", ["VOLC_MAX_CONCURRENCY", "VOLC_JOURNAL_MAX_MB", "VOLC_MAX_CALLS_PER_DAY"]
)
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


@pytest.mark.parametrize("around", ['"%s"', "'%s'", " %s\n", '\ufeff"%s" '])
def test_what_docker_and_editors_leave_around_a_value_is_taken_off(around):
    values = {
        "VOLC_ENDPOINT": "http://127.0.0.1:8000",
        "VOLC_MAX_CONCURRENCY": "2",
        "VOLC_TIMEOUT_S": "7.5",
        "VOLC_JOURNAL_DIR": FOLDER,
        "VOLC_JOURNAL_MAX_MB": "100",
    }
    actual = read(**{name: around % value for name, value in values.items()})

    assert Settings("http://127.0.0.1:8000", 2, 7.5, Path(FOLDER), 100) == actual


@pytest.mark.parametrize("start", ["file://", "file://localhost", "FILE://"])
def test_a_folder_may_be_given_as_a_file_url(start):
    slash = "/" if os.name == "nt" else ""
    url = f"{start}{slash}{FOLDER}/a%20b".replace("\\", "/")

    assert Path(FOLDER) / "a b" == read(VOLC_JOURNAL_DIR=url).journal_dir


@pytest.mark.parametrize(
    "text",
    ["journal", "./journal", "../journal", "$HOME/journal", "${DATA}/journal", "%APPDATA%/journal", "s3://bucket/journal",
     "file://server/share", "file:journal", "file:///srv/journal?x", "https://127.0.0.1/journal"],
)  # fmt: skip
def test_a_folder_that_is_not_named_from_the_root_on_is_refused(text):
    with pytest.raises(InputError) as caught:
        read(VOLC_JOURNAL_DIR=text)

    english, chinese = str(caught.value).split("\n")
    assert f"VOLC_JOURNAL_DIR is {text!r}, but must be the whole path" in english
    assert f"VOLC_JOURNAL_DIR 的值为 {text!r}，应为文件夹的完整路径" in chinese


@pytest.mark.parametrize(
    "query", ["", "?", "?Action=CVProcess&Version=2022-08-31", "?Version=2022-08-31", "?Action="]
)
@pytest.mark.parametrize("address", ["https://visual.volcengineapi.com", "https://x.example:1/"])
def test_the_query_with_which_the_manual_prints_the_address_is_taken_off(address, query):
    assert address == read(VOLC_ENDPOINT=address + query).endpoint


@pytest.mark.parametrize("query", ["?key=value", "?Action=CVProcess&x=1", "?x"])
def test_an_address_with_another_query_is_refused(query):
    with pytest.raises(InputError, match=r"VOLC_ENDPOINT is 'https://x\.example") as caught:
        read(VOLC_ENDPOINT=f"https://x.example/{query}")

    assert "问号" in str(caught.value).split("\n")[1]
