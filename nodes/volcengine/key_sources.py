"""Where the keys come from: the environment, the settings page, the vendor's files; in this order."""

from __future__ import annotations

import codecs
import configparser
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..words import Text
from .credentials import Credentials
from .errors import CredentialsError, MissingCredentialsError

if TYPE_CHECKING:
    from collections.abc import Mapping


def load(
    saved: Path | None = None, environ: Mapping[str, str] = os.environ, home: Path | None = None
) -> Credentials:
    """Find the keys in the first of the sources that has any.

    Args:
        saved: JSON file of the settings page (`access_key`, `secret_key`, `session_token`); need not exist.
        environ: Environment variables.
        home: The folder that holds ``.volcengine`` and ``.volc``; the user's own by default.

    Raises:
        MissingCredentialsError: None found; says what was seen instead.
        CredentialsError: Half a pair or a swapped one found, or a file that cannot be read. Never shows a value.
    """
    home = home or _home()
    seen: list[Text] = []
    keys = (
        # The Python package `volcengine`, which has no name for the token.
        _environment(environ, "VOLC_ACCESSKEY", "VOLC_SECRETKEY", "VOLC_SESSIONTOKEN")
        # The Python package `volcengine-python-sdk`.
        or _environment(
            environ, "VOLCENGINE_ACCESS_KEY", "VOLCENGINE_SECRET_KEY", "VOLCENGINE_SESSION_TOKEN"
        )
        or _settings_page(saved)
        or _command_line(environ, home, seen)
        or _older_credentials_file(home)
        or _older_config_file(home)
    )
    if keys:
        return keys
    raise MissingCredentialsError([*seen, *_near_misses(environ)])


def clean(value: str) -> str:
    """A value without what is around it but never part of a key: blanks, a byte order mark, line breaks, quotes."""
    value = value.strip(" \t\r\n\v\f\ufeff")
    if len(value) > 1 and value[0] + value[-1] in ("''", '""'):
        return clean(value[1:-1])
    return value


def _settings_page(saved: Path | None) -> Credentials | None:
    values = _json(saved, "settings") if saved else {}
    return _pair(values, "access_key", "secret_key", "session_token", "settings")


# Of the newer SDKs and of the command line `ve`, who look for another file and another profile under the same names:
# https://github.com/volcengine/volcengine-java-sdk/blob/master/docs/1-Credentials.md
def _command_line(environ: Mapping[str, str], home: Path, seen: list[Text]) -> Credentials | None:
    named = clean(environ.get("VOLCENGINE_CLI_CONFIG_FILE", ""))
    path = home / ".volcengine" / "config.json"
    if named:
        path = Path(os.path.expanduser(named))  # noqa: PTH111 - Path's raises where a user is not known
    source = "$VOLCENGINE_CLI_CONFIG_FILE" if named else "~/.volcengine/config.json"
    if named and not path.is_file():
        raise _unreadable(source, "FileNotFoundError")
    content = _json(path, source)
    wanted = clean(environ.get("VOLCENGINE_PROFILE", ""))
    name = wanted or str(content.get("current") or "") or "default"
    profiles = content.get("profiles")
    profile = profiles.get(name) if isinstance(profiles, dict) else None
    source = f"{source} [{name[:40]}]"
    if not isinstance(profile, dict):
        if wanted and content:
            seen.append(
                Text(
                    f"There is no profile {source}, which VOLCENGINE_PROFILE names.",
                    f"VOLCENGINE_PROFILE 指定的配置 {source} 不存在。",
                )
            )
        return None
    mode = clean(str(profile.get("mode") or ""))
    if mode.lower() not in ("", "ak", "ststoken"):
        seen.append(
            Text(
                f"The profile {source} logs in by {mode[:40]}, which only Volcengine's own tools can do: the pack needs one "
                "of the modes AK and StsToken.",
                f"配置 {source} 的登录方式为 {mode[:40]}，只有火山引擎自己的工具支持；本插件需要 AK 或 StsToken 方式。",
            )
        )
        return None
    return _pair(profile, "access-key", "secret-key", "session-token", source)


def _older_credentials_file(home: Path) -> Credentials | None:
    source = "~/.volc/credentials"
    text = _read(home / ".volc" / "credentials", source)
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text or "")
    except configparser.Error as error:
        raise _unreadable(source, type(error).__name__) from None
    values = parser["default"] if parser.has_section("default") else {}
    return _pair(values, "access_key_id", "secret_access_key", "session_token", source)


def _older_config_file(home: Path) -> Credentials | None:
    source = "~/.volc/config"
    values = _json(home / ".volc" / "config", source)
    return _pair(values, "ak", "sk", "session_token", source) or _pair(
        values, "VOLC_ACCESSKEY", "VOLC_SECRETKEY", "session_token", source
    )


def _environment(
    environ: Mapping[str, str], access_name: str, secret_name: str, token_name: str
) -> Credentials | None:
    access, secret = (clean(environ.get(name, "")) for name in (access_name, secret_name))
    if bool(access) == bool(secret):
        return _pair(environ, access_name, secret_name, token_name, "environment")
    present, missing = (access_name, secret_name) if access else (secret_name, access_name)
    error = CredentialsError(
        f"{present} is set in the environment of the ComfyUI server, but {missing} is not. Set both or neither.",
        f"ComfyUI 服务器的环境变量中只有 {present}，缺少 {missing}。请同时设置，或都不设置。",
    )
    for near_miss in _near_misses(environ):
        error.add_context(near_miss)
    raise error


def _pair(
    values: Mapping[str, Any], access_name: str, secret_name: str, token_name: str, source: str
) -> Credentials | None:
    """The keys of a source; None if it has neither."""
    access, secret, token = (
        clean(str(values.get(name) or "")) for name in (access_name, secret_name, token_name)
    )
    return Credentials(access, secret, token, source) if access or secret else None


_KNOWN = re.compile("VOLC_(ACCESS|SECRET)KEY|VOLCENGINE_(ACCESS|SECRET)_KEY")
_NEAR = re.compile(
    r"(VOLC|VOLCENGINE|VOLCSTACK)_?(AK|SK|ACCESS_?KEY|ACCESS_?KEY_?ID|SECRET_?KEY|SECRET_?ACCESS_?KEY)",
    re.IGNORECASE,
)


def _near_misses(environ: Mapping[str, str]) -> list[Text]:
    """A text on variables whose names are almost those that are looked for."""
    names = sorted(
        name
        for name, value in environ.items()
        if clean(value) and _NEAR.fullmatch(name) and not _KNOWN.fullmatch(name)
    )
    if not names:
        return []
    listed = ", ".join(names)
    return [
        Text(
            f"In the environment there is {listed}; the names that are read are VOLC_ACCESSKEY and VOLC_SECRETKEY, or "
            "VOLCENGINE_ACCESS_KEY and VOLCENGINE_SECRET_KEY.",
            f"环境变量中有 {listed}，而读取的名称是 VOLC_ACCESSKEY 和 VOLC_SECRETKEY，或 VOLCENGINE_ACCESS_KEY 和 VOLCENGINE_SECRET_KEY。",
        )
    ]


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a container's user without a home
        return Path(os.devnull)


def _read(path: Path, source: str) -> str | None:
    try:
        data = path.read_bytes()
        # Windows PowerShell writes UTF-16 where a command's output goes into a file.
        wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return data.decode("utf-16" if wide else "utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(source, type(error).__name__) from None


def _json(path: Path, source: str) -> dict[str, Any]:
    """The object in a file; an empty one if there is no file."""
    text = _read(path, source)
    try:
        values = {} if text is None else json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise _unreadable(source, "JSON")
    return values


def _unreadable(source: str, why: str) -> CredentialsError:
    return CredentialsError(
        f"The Volcengine keys in {source} could not be read ({why}). Correct or remove that file, or enter the keys "
        "on the Volcengine page of ComfyUI's settings.",
        f"无法读取 {source} 中的火山引擎密钥（{why}）。请修正或删除该文件，或在 ComfyUI 设置的 Volcengine 页面填写密钥。",
    )
