"""The limit of calls a day: kept on the server, told to the page, set by the environment first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests
from bought import get, pages
from volc_inpaint.nodes.host import daily_limit

if TYPE_CHECKING:
    from pathlib import Path


def test_the_limit_is_kept_on_the_server_and_its_change_is_logged(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert {"calls": 0, "left": None, "source": ""} == get(f"{url}/limit").json()
    with caplog.at_level("INFO"):
        answer = requests.post(f"{url}/limit", json={"calls": 50}, timeout=10)

    assert {"calls": 50, "left": 49, "source": "settings"} == answer.json()
    assert "50 calls a day" in caplog.text
    assert 50 == daily_limit.load(tmp_path / "private", {}).calls
    for wrong in (-1, 1.5, True, "5", None, 10**9):
        answer = requests.post(f"{url}/limit", json={"calls": wrong}, timeout=10)
        assert 400 == answer.status_code
        assert {"en", "zh"} == set(answer.json()["message"])
    assert 50 == get(f"{url}/limit").json()["calls"]


def test_the_environments_limit_comes_first(tmp_path: Path) -> None:
    with pages(tmp_path, {"VOLC_MAX_CALLS_PER_DAY": "3"}) as url:
        answer = requests.post(f"{url}/limit", json={"calls": 50}, timeout=10)
        assert {"calls": 3, "left": 3, "source": "environment"} == answer.json()
    assert (0, "environment") == daily_limit.load(
        tmp_path / "private", {"VOLC_MAX_CALLS_PER_DAY": "0"}
    )


def test_a_limit_that_cannot_be_read_lets_nothing_be_bought(tmp_path: Path) -> None:
    for content in ("", "{}", '{"calls_per_day": "many"}', "[]", '{"calls_per_day": -1}'):
        (tmp_path / "limit.json").write_text(content)
        with pytest.raises(ValueError, match="nothing is bought"):
            daily_limit.load(tmp_path, {})


def test_of_a_folder_that_cannot_be_read_the_folder_is_told_and_not_the_limit(
    tmp_path: Path,
) -> None:
    (tmp_path / "private").write_text("a file in place of the folder")

    with pytest.raises(ValueError, match="nothing is bought") as error:
        daily_limit.load(tmp_path / "private", {})

    assert "user/__volc_inpaint" in str(error.value)
    assert "Set it again" not in str(error.value)
    assert 0 == daily_limit.load(tmp_path / "private", {"VOLC_MAX_CALLS_PER_DAY": "0"}).calls
