"""Where the keys come from: the environment, the settings page, the vendor's files; in this order."""

from __future__ import annotations

import configparser
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..words import Text
from .errors import CredentialsError, MissingCredentialsError

if TYPE_CHECKING:
    from collections.abc import Mapping

# Names of the older SDK (which has none for the token) and of the newer one:
# the Python packages `volcengine` and `volcengine-python-sdk`.
_ENVIRONMENT = (
    ("VOLC_ACCESSKEY", "VOLC_SECRETKEY", "VOLC_SESSIONTOKEN"),
    ("VOLCENGINE_ACCESS_KEY", "VOLCENGINE_SECRET_KEY", "VOLCENGINE_SESSION_TOKEN"),
)


@dataclass(frozen=True, repr=False)
class Credentials:
    """A pair of keys. Neither `repr` nor `str` shows the secret or the token, and neither is ever pickled.

    Attributes:
        access_key: The public half.
        secret_key: The secret half, used as the text it is.
        session_token: Of temporary keys; empty for permanent ones.
        source: Where they were found: `environment`, `settings` or a file's name.

    Raises:
        CredentialsError: A part is empty or holds characters that no key has.
    """

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    source: str = ""

    def __post_init__(self) -> None:
        for english, chinese, value, needed in (
            ("access key", "Access Key", self.access_key, True),
            ("secret key", "Secret Key", self.secret_key, True),
            ("session token", "Session Token", self.session_token, False),
        ):
            origin = f" ({self.source})" if self.source else ""
            if needed and not value:
                raise CredentialsError(
                    Text(
                        f"The Volcengine {english}{origin} is empty. Enter both keys on the Volcengine page of "
                        "ComfyUI's settings, or set both in the environment.",
                        f"火山引擎 {chinese}{origin} 为空。请在 ComfyUI 设置的 Volcengine 页面填写两个密钥，或在环境变量中同时设置。",
                    ),
                )
            if not all("!" <= character <= "~" for character in value):
                raise CredentialsError(
                    Text(
                        f"The Volcengine {english}{origin} holds a space, a line break or a character outside ASCII. "
                        "Copy it again from https://console.volcengine.com/iam/keymanage.",
                        f"火山引擎 {chinese}{origin} 含有空格、换行或非 ASCII 字符。"
                        "请从 https://console.volcengine.com/iam/keymanage 重新复制。",
                    ),
                )

    def __repr__(self) -> str:
        return f"Credentials(access_key='…{self.tail}', source={self.source!r})"

    def __reduce__(self) -> str:
        raise TypeError("credentials are not pickled")

    @property
    def tail(self) -> str:
        """The last four characters of the access key, to tell keys apart."""
        return self.access_key[-4:] if len(self.access_key) >= 12 else ""


def load(
    saved: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    home: Path | None = None,
) -> Credentials:
    """Find the keys: environment, `saved`, ``~/.volc/credentials``, ``~/.volc/config``.

    Args:
        saved: JSON file of the settings page (`access_key`, `secret_key`, `session_token`); need not exist.
        environ: Environment variables.
        home: The folder that holds ``.volc``; the user's own by default.

    Raises:
        MissingCredentialsError: None found.
        CredentialsError: Half a pair found, or a file that cannot be read. Never shows a value.
    """
    for access_name, secret_name, token_name in _ENVIRONMENT:
        access, secret = environ.get(access_name, ""), environ.get(secret_name, "")
        if access and secret:
            return Credentials(access, secret, environ.get(token_name, ""), "environment")
        if access or secret:
            present, missing = (access_name, secret_name) if access else (secret_name, access_name)
            raise CredentialsError(
                Text(
                    f"{present} is set in the environment of the ComfyUI server, but {missing} is not. Set both or neither.",
                    f"ComfyUI 服务器的环境变量中只有 {present}，缺少 {missing}。请同时设置，或都不设置。",
                ),
            )
    if saved is not None and (found := _from_json(saved, ("access_key", "secret_key"), "settings")):
        return found
    folder = (home or _home()) / ".volc"
    if found := _from_ini(folder / "credentials", "~/.volc/credentials"):
        return found
    for names in (("ak", "sk"), ("VOLC_ACCESSKEY", "VOLC_SECRETKEY")):
        if found := _from_json(folder / "config", names, "~/.volc/config"):
            return found
    raise MissingCredentialsError(
        Text(
            "No Volcengine keys are configured, so nothing was sent. Enter them in ComfyUI's Settings › Volcengine, or set "
            "VOLC_ACCESSKEY and VOLC_SECRETKEY in the environment of the ComfyUI server, or put them into "
            "~/.volc/credentials. Keys are made at https://console.volcengine.com/iam/keymanage.",
            "尚未配置火山引擎密钥，没有发送任何请求。请在 ComfyUI 设置 › Volcengine 页面填写，或在 ComfyUI 服务器的环境变量中设置 "
            "VOLC_ACCESSKEY 和 VOLC_SECRETKEY，或写入 ~/.volc/credentials。"
            "密钥可在 https://console.volcengine.com/iam/keymanage 创建。",
        ),
    )


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a container's user without a home
        return Path(os.devnull)


def _read(path: Path, source: str) -> str | None:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(source, type(error).__name__) from None


def _unreadable(source: str, why: str) -> CredentialsError:
    return CredentialsError(
        Text(
            f"The Volcengine keys in {source} could not be read ({why}). Correct or remove that file, or enter the keys "
            "on the Volcengine page of ComfyUI's settings.",
            f"无法读取 {source} 中的火山引擎密钥（{why}）。请修正或删除该文件，或在 ComfyUI 设置的 Volcengine 页面填写密钥。",
        ),
    )


def _from_json(path: Path, names: tuple[str, str], source: str) -> Credentials | None:
    text = _read(path, source)
    if text is None:
        return None
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise _unreadable(source, "JSON")
    if not any(values.get(name) for name in names):
        return None
    access, secret = (str(values.get(name) or "") for name in names)
    return Credentials(access, secret, str(values.get("session_token") or ""), source)


def _from_ini(path: Path, source: str) -> Credentials | None:
    text = _read(path, source)
    if text is None:
        return None
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise _unreadable(source, type(error).__name__) from None
    if not parser.has_section("default"):
        return None
    section = parser["default"]
    access, secret = section.get("access_key_id", ""), section.get("secret_access_key", "")
    if not (access or secret):
        return None
    return Credentials(access, secret, section.get("session_token", ""), source)
