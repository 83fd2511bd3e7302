"""Keys: every source and its order, half pairs, bad files, and that no text ever shows a secret."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import traceback
from pathlib import Path

import pytest
from volc_inpaint.nodes.volcengine import credentials
from volc_inpaint.nodes.volcengine.credentials import Credentials
from volc_inpaint.nodes.volcengine.errors import CredentialsError

ACCESS = "AKLTPLANTEDPLANTEDPLANTED7788"
SECRET = "UExBTlRFRC1TRUNSRVQtT0YtQ1JFREVOVElBTFM="
TOKEN = "PLANTEDSESSIONTOKEN"

OLDER = {"VOLC_ACCESSKEY": "older", "VOLC_SECRETKEY": "s1", "VOLC_SESSIONTOKEN": "t1"}
NEWER = {
    "VOLCENGINE_ACCESS_KEY": "newer",
    "VOLCENGINE_SECRET_KEY": "s2",
    "VOLCENGINE_SESSION_TOKEN": "t2",
}


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def fill(folder: Path) -> dict:
    """A home and a settings file with different keys in every place."""
    write(folder / ".volc/config", {"ak": "config", "sk": "s5"})
    write(
        folder / ".volc/credentials",
        "[default]\naccess_key_id = ini\nsecret_access_key = s4\nsession_token = t4\n",
    )
    saved = {"access_key": "saved", "secret_key": "s3", "session_token": "t3"}
    return {"saved": write(folder / "saved.json", saved), "home": folder}


def found(**sources: object) -> tuple[str, str, str, str]:
    keys = credentials.load(**{"environ": {}, "saved": None, **sources})
    return keys.access_key, keys.secret_key, keys.session_token, keys.source


def test_environment_wins_over_settings_over_ini_over_json(tmp_path):
    places = fill(tmp_path)

    assert ("older", "s1", "t1", "environment") == found(**places, environ={**OLDER, **NEWER})
    assert ("newer", "s2", "t2", "environment") == found(**places, environ=NEWER)
    assert ("saved", "s3", "t3", "settings") == found(**places)
    places["saved"].unlink()
    assert ("ini", "s4", "t4", "~/.volc/credentials") == found(**places)
    (tmp_path / ".volc/credentials").unlink()
    assert ("config", "s5", "", "~/.volc/config") == found(**places)


def test_a_config_with_the_names_of_the_environment_is_read_too(tmp_path):
    write(tmp_path / ".volc/config", {"VOLC_ACCESSKEY": "tool", "VOLC_SECRETKEY": "s6"})

    assert ("tool", "s6", "", "~/.volc/config") == found(home=tmp_path)


def test_the_users_own_home_is_the_default(tmp_path, monkeypatch):
    fill(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))

    assert "~/.volc/credentials" == found()[3]


def test_a_user_without_a_home_has_no_files(tmp_path, monkeypatch):
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)

    with pytest.raises(CredentialsError, match="No Volcengine keys are configured"):
        found()


def test_without_keys_both_languages_say_where_to_put_them(tmp_path):
    with pytest.raises(CredentialsError) as caught:
        found(home=tmp_path)

    english, chinese = str(caught.value).split("\n")
    for text in (english, chinese):
        for place in ("VOLC_ACCESSKEY", "VOLC_SECRETKEY", "~/.volc/credentials", "Volcengine"):
            assert place in text
    assert "nothing was sent" in english
    assert "没有发送任何请求" in chinese
    assert not caught.value.doubtful


@pytest.mark.parametrize("names", [tuple(OLDER), tuple(NEWER)])
@pytest.mark.parametrize("present", [0, 1])
def test_half_a_pair_in_the_environment_is_an_error_that_names_the_other_half(
    tmp_path, names, present
):
    with pytest.raises(CredentialsError) as caught:
        found(**fill(tmp_path), environ={names[present]: SECRET})

    assert f"{names[present]} is set" in str(caught.value)
    assert f"but {names[1 - present]} is not" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "content", "missing"),
    [
        (".volc/credentials", f"[default]\naccess_key_id={ACCESS}\n", "secret key"),
        (".volc/credentials", f"[default]\nsecret_access_key={SECRET}\n", "access key"),
        (".volc/config", {"ak": ACCESS}, "secret key"),
        (".volc/config", {"sk": SECRET, "ak": ""}, "access key"),
    ],
)
def test_half_a_pair_in_a_file_names_the_file_and_the_missing_half(
    tmp_path, place, content, missing
):
    write(tmp_path / place, content)

    with pytest.raises(CredentialsError) as caught:
        found(home=tmp_path)

    assert f"{missing} (~/{place}) is empty" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_half_a_saved_pair_names_the_settings(tmp_path):
    with pytest.raises(CredentialsError, match=r"secret key \(settings\) is empty"):
        found(saved=write(tmp_path / "saved.json", {"access_key": ACCESS}), home=tmp_path)


@pytest.mark.parametrize(
    ("place", "content"),
    [
        (".volc/config", f'{{"sk": "{SECRET}"'),
        (".volc/config", f'["{SECRET}"]'),
        (".volc/config", "[" * 5000),
        (".volc/config", b"\xff\xfe\x00\xd8"),
        (".volc/credentials", f"secret_access_key = {SECRET}\n"),
        (".volc/credentials", f"[default]\n{SECRET[:-1]}\n"),
        (".volc/credentials", b"[default]\nsecret_access_key = \xe9\n"),
    ],
    ids=["cut", "list", "deep", "utf-16", "no section", "no value", "latin-1"],
)
def test_a_bad_file_is_named_and_not_quoted(tmp_path, place, content):
    write(tmp_path / place, content)

    with pytest.raises(CredentialsError) as caught:
        found(home=tmp_path)

    english, chinese = str(caught.value).split("\n")
    assert f"~/{place} could not be read" in english
    assert f"无法读取 ~/{place}" in chinese
    assert SECRET.rstrip("=") not in "".join(traceback.format_exception(caught.value))


def test_a_folder_in_place_of_a_file_is_named(tmp_path):
    (tmp_path / ".volc/credentials").mkdir(parents=True)

    with pytest.raises(CredentialsError, match="could not be read"):
        found(home=tmp_path)


@pytest.mark.parametrize(
    ("place", "content", "source"),
    [
        (".volc/config", '\ufeff{"ak": "a", "sk": "b"}', "~/.volc/config"),
        (
            ".volc/credentials",
            "\ufeff[default]\r\naccess_key_id=a\r\nsecret_access_key=b\r\n",
            "~/.volc/credentials",
        ),
    ],
)
def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path, place, content, source):
    write(tmp_path / place, content)

    assert ("a", "b", "", source) == found(home=tmp_path)


@pytest.mark.parametrize(
    ("place", "content"),
    [
        (".volc/credentials", "[other]\naccess_key_id=a\nsecret_access_key=b\n"),
        (".volc/credentials", "[default]\nregion=cn-north-1\n"),
        (".volc/config", {"region": "cn-north-1"}),
    ],
)
def test_a_file_without_keys_is_passed_over(tmp_path, place, content):
    write(tmp_path / place, content)

    with pytest.raises(CredentialsError, match="No Volcengine keys are configured"):
        found(home=tmp_path)


def test_a_percent_sign_in_a_secret_is_a_percent_sign(tmp_path):
    write(
        tmp_path / ".volc/credentials", "[default]\naccess_key_id=a\nsecret_access_key=x%(y)z%%\n"
    )

    assert "x%(y)z%%" == found(home=tmp_path)[1]


@pytest.mark.parametrize("bad", ["with space", "line\nbreak", "tab\t", "密钥", "\x00", "\x7f"])
@pytest.mark.parametrize("part", ["access_key", "secret_key", "session_token"])
def test_a_key_with_a_character_that_no_key_has_is_refused_and_not_shown(part, bad):
    values = {"access_key": "a", "secret_key": "b", "session_token": "c", part: f"hidden{bad}"}

    with pytest.raises(CredentialsError) as caught:
        Credentials(**values, source="environment")

    english, chinese = str(caught.value).split("\n")
    assert f"{part.replace('_', ' ')} (environment) holds" in english
    assert "含有空格、换行或非 ASCII 字符" in chinese
    assert "hidden" not in "".join(traceback.format_exception(caught.value))


def test_credentials_are_frozen():
    keys = Credentials(ACCESS, SECRET)

    with pytest.raises(dataclasses.FrozenInstanceError):
        keys.secret_key = "other"


def test_no_text_of_credentials_shows_a_secret():
    keys = Credentials(ACCESS, SECRET, TOKEN, "settings")
    error = ValueError(keys)
    texts = [
        repr(keys),
        str(keys),
        f"{keys}",
        f"{keys!r:>99}",
        "%s" % keys,  # noqa: UP031 - a way in which it might be logged
        repr([keys]),
        repr({"keys": keys}),
        str(error),
        "".join(traceback.format_exception(error)),
    ]

    assert "Credentials(access_key='…7788', source='settings')" == repr(keys)
    assert [] == [text for text in texts if SECRET in text or TOKEN in text or ACCESS in text]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_credentials_are_never_pickled(protocol):
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Credentials(ACCESS, SECRET), protocol)
    with pytest.raises(TypeError, match="not pickled"):
        copy.deepcopy({"keys": Credentials(ACCESS, SECRET)})


@pytest.mark.parametrize(("access", "tail"), [(ACCESS, "7788"), ("short", ""), ("AKLT", "")])
def test_the_tail_tells_keys_apart_without_giving_away_short_ones(access, tail):
    assert tail == Credentials(access, SECRET).tail
