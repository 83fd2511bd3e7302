"""Where keys are looked for: every source and its order, half pairs, bad files, what stands around a value."""

from __future__ import annotations

import json
import traceback
from pathlib import Path

import pytest
from volc_inpaint.nodes.volcengine import key_sources
from volc_inpaint.nodes.volcengine.errors import CredentialsError, MissingCredentialsError

ACCESS = "AKLTPLANTEDPLANTEDPLANTED7788"
SECRET = "UExBTlRFRC1TRUNSRVQtT0YtQ1JFREVOVElBTFM="

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
    command_line = {
        "mode": "StsToken",
        "access-key": "ve",
        "secret-key": "s6",
        "session-token": "t6",
    }
    write(
        folder / ".volcengine/config.json",
        {"current": "work", "profiles": {"work": command_line, "default": {}}},
    )
    write(folder / ".volc/config", {"ak": "config", "sk": "s5"})
    write(
        folder / ".volc/credentials",
        "[default]\naccess_key_id = ini\nsecret_access_key = s4\nsession_token = t4\n",
    )
    saved = {"access_key": "saved", "secret_key": "s3", "session_token": "t3"}
    return {"saved": write(folder / "saved.json", saved), "home": folder}


def found(**sources: object) -> tuple[str, str, str, str]:
    keys = key_sources.load(**{"environ": {}, "saved": None, **sources})
    return keys.access_key, keys.secret_key, keys.session_token, keys.source


def test_environment_wins_over_settings_over_the_command_lines_file_over_the_older_ones(tmp_path):
    places = fill(tmp_path)

    assert ("older", "s1", "t1", "environment") == found(**places, environ={**OLDER, **NEWER})
    assert ("newer", "s2", "t2", "environment") == found(**places, environ=NEWER)
    assert ("saved", "s3", "t3", "settings") == found(**places)
    places["saved"].unlink()
    assert ("ve", "s6", "t6", "~/.volcengine/config.json [work]") == found(**places)
    (tmp_path / ".volcengine/config.json").unlink()
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

    assert "~/.volcengine/config.json [work]" == found()[3]


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
        assert "~/.volcengine/config.json" in text
        assert "environment there is" not in text
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
        (".volc/config", {"ak": ACCESS, "sk": ' "" '}, "secret key"),
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


# What stands around a value: a text file's end, an editor's mark, what `docker --env-file` keeps, a pasted line.
AROUND = ["%s\n", "%s\r\n", " %s\t", "\ufeff%s", '"%s"', "'%s'", '\ufeff "%s"\n', "\" '%s' \""]


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("names", [tuple(OLDER), tuple(NEWER)])
def test_what_stands_around_a_value_of_the_environment_is_taken_off(tmp_path, names, around):
    environ = {name: around % value for name, value in zip(names, "abc", strict=True)}

    assert ("a", "b", "c", "environment") == found(home=tmp_path, environ=environ)


@pytest.mark.parametrize("around", AROUND)
def test_what_stands_around_a_value_of_a_file_is_taken_off(tmp_path, around):
    a, b, c = (around % value for value in "abc")
    saved = {"access_key": a, "secret_key": b, "session_token": c}
    profile = {"access-key": a, "secret-key": b, "session-token": c}

    assert ("a", "b", "c") == found(saved=write(tmp_path / "saved.json", saved), home=tmp_path)[:3]
    write(tmp_path / ".volcengine/config.json", {"profiles": {"default": profile}})
    assert ("a", "b", "c") == found(home=tmp_path)[:3]
    (tmp_path / ".volcengine/config.json").unlink()
    write(tmp_path / ".volc/config", {"ak": a, "sk": b})
    assert ("a", "b", "") == found(home=tmp_path)[:3]


def test_quotes_in_an_ini_file_are_taken_off(tmp_path):
    write(
        tmp_path / ".volc/credentials",
        "[default]\naccess_key_id = \"a\"\nsecret_access_key = 'b'\n",
    )

    assert ("a", "b", "", "~/.volc/credentials") == found(home=tmp_path)


@pytest.mark.parametrize("value", ['"', "a'b", "'ab", "\"a'"])
def test_a_quote_that_is_no_pair_stays(value):
    assert value == key_sources.clean(value)


@pytest.mark.parametrize("blank", ["", " ", "\n", '""', "' '", "\ufeff"])
def test_a_blank_variable_shadows_nothing(tmp_path, blank):
    environ = dict.fromkeys([*OLDER, *NEWER, "VOLCENGINE_PROFILE"], blank)
    environ["VOLCENGINE_CLI_CONFIG_FILE"] = blank

    assert "saved" == found(**fill(tmp_path), environ=environ)[0]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_file_as_powershell_writes_it_is_read(tmp_path, encoding):
    write(tmp_path / ".volc/config", '{"ak": "a", "sk": "b"}'.encode(encoding))

    assert ("a", "b", "", "~/.volc/config") == found(home=tmp_path)


SWAPPED = {"VOLC_ACCESSKEY": SECRET, "VOLC_SECRETKEY": ACCESS}


def test_swapped_keys_name_the_place_and_are_never_used(tmp_path):
    with pytest.raises(CredentialsError, match=r"keys \(environment\) are swapped"):
        found(**fill(tmp_path), environ=SWAPPED)


# The file of the newer SDKs and of the command line.

PROFILES = {
    "current": "work",
    "profiles": {
        "work": {"name": "work", "mode": "AK", "access-key": "work", "secret-key": "s1", "session-token": ""},
        "default": {"access-key": "default", "secret-key": "s2"},
        "role": {"mode": "ststoken", "access-key": "role", "secret-key": "s3", "session-token": "t3"},
        "login": {"mode": "sso", "sso-session-name": "x"},
    },
}  # fmt: skip


def command_line(folder: Path, content: object = PROFILES, **environ: str) -> tuple[str, ...]:
    write(folder / ".volcengine/config.json", content)
    return found(home=folder, environ=environ)


def test_the_current_profile_counts_and_another_one_may_be_named(tmp_path):
    place = "~/.volcengine/config.json"

    assert ("work", "s1", "", f"{place} [work]") == command_line(tmp_path)
    chosen = command_line(tmp_path, VOLCENGINE_PROFILE=' "role" ')
    assert ("role", "s3", "t3", f"{place} [role]") == chosen
    without = {"profiles": PROFILES["profiles"]}
    assert ("default", "s2", "", f"{place} [default]") == command_line(tmp_path, without)


def test_another_file_may_be_named(tmp_path):
    elsewhere = write(tmp_path / "elsewhere.json", PROFILES)
    source = "$VOLCENGINE_CLI_CONFIG_FILE [work]"
    environ = {"VOLCENGINE_CLI_CONFIG_FILE": f'"{elsewhere}"'}

    assert ("work", "s1", "", source) == found(home=tmp_path, environ=environ)


def test_a_named_file_that_is_not_there_is_an_error(tmp_path):
    environ = {"VOLCENGINE_CLI_CONFIG_FILE": str(tmp_path / "nothing")}

    with pytest.raises(CredentialsError, match=r"\$VOLCENGINE_CLI_CONFIG_FILE could not be read"):
        found(**fill(tmp_path) | {"saved": None}, environ=environ)


@pytest.mark.parametrize("mode", ["sso", "console-login", "RamRoleArn", "OIDC", "EcsRole"])
def test_a_profile_that_only_the_vendors_tools_can_log_in_with_is_named_where_nothing_else_is(
    tmp_path, mode
):
    content = {
        "current": "x",
        "profiles": {"x": {"mode": mode, "access-key": "a", "secret-key": "b"}},
    }
    with pytest.raises(MissingCredentialsError) as caught:
        command_line(tmp_path, content)

    english, chinese = str(caught.value).split("\n")
    assert f"~/.volcengine/config.json [x] logs in by {mode}" in english
    assert f"登录方式为 {mode}" in chinese
    write(tmp_path / ".volc/config", {"ak": "older", "sk": "s"})
    assert "older" == command_line(tmp_path, content)[0]


def test_a_profile_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingCredentialsError) as caught:
        command_line(tmp_path, VOLCENGINE_PROFILE="other")

    english, chinese = str(caught.value).split("\n")
    assert "no profile ~/.volcengine/config.json [other]" in english
    assert "[other] 不存在" in chinese


@pytest.mark.parametrize(
    "content",
    [{}, {"current": "x"}, {"profiles": []}, {"current": 1, "profiles": {"default": 1}},
     {"profiles": {"default": {"mode": "AK"}}}, {"current": "x", "profiles": {"default": {"access-key": "a"}}}],
)  # fmt: skip
def test_a_command_lines_file_without_keys_is_passed_over(tmp_path, content):
    with pytest.raises(MissingCredentialsError) as caught:
        command_line(tmp_path, content)

    assert () == caught.value.seen


# Names that are almost right.


@pytest.mark.parametrize(
    "name",
    ["VOLC_ACCESS_KEY", "VOLC_SECRET_KEY", "VOLC_ACCESS_KEY_ID", "VOLC_SECRET_ACCESS_KEY", "VOLC_AK", "VOLC_SK",
     "VOLCENGINE_AK", "VOLCENGINE_SK", "VOLCENGINE_ACCESSKEY", "VOLCENGINE_ACCESS_KEY_ID", "volc_accesskey"],
)  # fmt: skip
def test_a_near_miss_is_named_without_its_value(tmp_path, name):
    with pytest.raises(MissingCredentialsError) as caught:
        found(home=tmp_path, environ={name: SECRET, "PATH": "/bin"})

    english, chinese = str(caught.value).split("\n")
    assert (
        f"In the environment there is {name}; the names that are read are VOLC_ACCESSKEY" in english
    )
    assert f"环境变量中有 {name}，" in chinese
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["VOLC_REGION", "MY_VOLC_AK", "VOLC_ENDPOINT", "VOLC_SESSIONTOKEN"]
)
def test_other_variables_are_no_near_misses(tmp_path, name):
    with pytest.raises(MissingCredentialsError) as caught:
        found(home=tmp_path, environ={name: "x", "VOLC_AK": " "})

    assert () == caught.value.seen


def test_half_a_pair_names_the_other_half_under_its_wrong_name(tmp_path):
    with pytest.raises(CredentialsError, match="there is VOLC_SECRET_KEY; the names"):
        found(home=tmp_path, environ={"VOLC_ACCESSKEY": "a", "VOLC_SECRET_KEY": "b"})


def test_of_a_long_profiles_name_forty_characters_are_shown(tmp_path):
    name = "x" * 41
    content = {"current": name, "profiles": {name: {"access-key": "a", "secret-key": "b"}}}

    assert f"[{'x' * 40}]" == command_line(tmp_path, content)[3].split()[1]


def test_of_a_long_mode_forty_characters_are_shown(tmp_path):
    content = {"profiles": {"default": {"mode": "m" * 41}}}
    with pytest.raises(MissingCredentialsError) as caught:
        command_line(tmp_path, content)

    english, chinese = str(caught.value).split("\n")
    assert f"logs in by {'m' * 40}, which" in english
    assert f"登录方式为 {'m' * 40}，" in chinese


def test_a_home_in_the_name_of_another_file_is_the_users(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write(tmp_path / "elsewhere.json", PROFILES)

    assert "work" == found(environ={"VOLCENGINE_CLI_CONFIG_FILE": "~/elsewhere.json"})[0]
