"""One account for all nodes of the process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from volc_inpaint.nodes.jobs.account import open_account
from volc_inpaint.nodes.jobs.entries import Entry
from volc_inpaint.nodes.jobs.journal import Journal
from volc_inpaint.nodes.volcengine.credentials import Credentials

if TYPE_CHECKING:
    from pathlib import Path

KEYS = Credentials("AKLT" + "a" * 40, "b" * 40 + "==")


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    return {
        "endpoint": "http://127.0.0.1:9",
        "max_concurrency": 3,
        "timeout_s": 7.0,
        "journal_directory": tmp_path,
        "journal_max_bytes": 10**6,
    }


def test_the_same_account_is_one_so_that_what_it_learned_is_kept(settings: dict[str, Any]) -> None:
    assert open_account(KEYS, **settings) is open_account(KEYS, **settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("endpoint", "http://127.0.0.1:10"),
        ("max_concurrency", 4),
        ("timeout_s", 8.0),
        ("journal_max_bytes", 10**7),
    ],
)
def test_what_is_set_otherwise_is_another(
    settings: dict[str, Any], name: str, value: object
) -> None:
    assert open_account(KEYS, **settings) is not open_account(KEYS, **{**settings, name: value})


def test_what_is_set_reaches_what_it_is_for(settings: dict[str, Any], tmp_path: Path) -> None:
    account = open_account(KEYS, **settings)

    assert account.client.endpoint == "http://127.0.0.1:9"
    assert account.client.read_timeout_s == 7.0
    assert account.limiter.cap == 3
    assert account.journal.directory == tmp_path


def test_new_keys_find_what_is_paid_and_not_on_the_disk_yet(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Temporary keys change every few hours; the disk is full the whole day."""

    def refuse(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Journal, "_write", refuse)
    first = open_account(Credentials("AKTP", "b", "token"), **settings)
    with pytest.raises(OSError, match="No space"):
        first.journal.add("ab" * 32, Entry((b"picture",)), 1)
    later = open_account(Credentials("AKTP", "b", "another"), **settings)

    assert later.limiter is not first.limiter
    assert later.journal.find("ab" * 32, 2) == Entry((b"picture",))
    with pytest.raises(OSError, match="No space"):
        later.journal.try_claim("cd" * 32)
