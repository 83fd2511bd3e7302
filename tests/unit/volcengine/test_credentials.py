"""A pair of keys: what it refuses, and that no text ever shows a secret."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import traceback

import pytest
from volc_inpaint.nodes.volcengine.credentials import Credentials
from volc_inpaint.nodes.volcengine.errors import CredentialsError

ACCESS = "AKLTPLANTEDPLANTEDPLANTED7788"
SECRET = "UExBTlRFRC1TRUNSRVQtT0YtQ1JFREVOVElBTFM="
TOKEN = "PLANTEDSESSIONTOKEN"


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


@pytest.mark.parametrize(
    ("part", "english", "chinese"),
    [
        ("access_key", "access key (settings) is empty", "Access Key (settings) 为空"),
        ("secret_key", "secret key (settings) is empty", "Secret Key (settings) 为空"),
    ],
)
def test_half_a_pair_is_refused_and_the_missing_half_named(part, english, chinese):
    with pytest.raises(CredentialsError) as caught:
        Credentials(**{"access_key": ACCESS, "secret_key": SECRET, part: ""}, source="settings")

    assert english in caught.value.text.english
    assert chinese in caught.value.text.chinese


def test_a_permanent_pair_has_no_token():
    assert "" == Credentials(ACCESS, SECRET, "").session_token


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


@pytest.mark.parametrize(
    ("access", "tail"),
    [(ACCESS, "7788"), ("short", ""), ("AKLT", ""), ("AKLT5678901", ""), ("AKLT56789012", "9012")],
)
def test_the_tail_tells_keys_apart_without_giving_away_short_ones(access, tail):
    assert tail == Credentials(access, SECRET).tail


@pytest.mark.parametrize("access", [ACCESS, "AKTP" + ACCESS[4:]])
def test_swapped_keys_are_an_error_that_says_so_and_shows_neither(access):
    with pytest.raises(CredentialsError) as caught:
        Credentials(SECRET, access, source="settings")

    english, chinese = str(caught.value).split("\n")
    assert "keys (settings) are swapped" in english
    assert "(settings)填反了" in chinese
    shown = "".join(traceback.format_exception(caught.value))
    assert [] == [part for part in (SECRET, access, SECRET[-4:], access[-4:]) if part in shown]


def test_the_tail_of_what_does_not_look_like_an_id_may_be_the_secrets_and_is_not_shown():
    keys = Credentials(SECRET, "c2hvcnQ=")

    assert "" == keys.tail
    assert SECRET[-4:] not in repr(keys)
