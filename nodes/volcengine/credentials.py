"""A pair of keys that can be used, and shown nowhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from .errors import CredentialsError

# Ids of permanent keys and of temporary ones; a secret, which is base64 of a text, begins with neither.
_ID_PREFIXES = ("AKLT", "AKTP")


@dataclass(frozen=True, repr=False)
class Credentials:
    """A pair of keys. Neither `repr` nor `str` shows the secret or the token, and neither is ever pickled.

    Attributes:
        access_key: The public half.
        secret_key: The secret half, used as the text it is.
        session_token: Of temporary keys; empty for permanent ones.
        source: Where they were found: `environment`, `settings` or a file's name.

    Raises:
        CredentialsError: A part is empty or holds characters that no key has, or the two are swapped.
    """

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    source: str = ""

    def __post_init__(self) -> None:
        origin = f" ({self.source})" if self.source else ""
        for english, chinese, value, needed in (
            ("access key", "Access Key", self.access_key, True),
            ("secret key", "Secret Key", self.secret_key, True),
            ("session token", "Session Token", self.session_token, False),
        ):
            if needed and not value:
                raise CredentialsError(
                    f"The Volcengine {english}{origin} is empty. Enter both keys on the Volcengine page of "
                    "ComfyUI's settings, or set both in the environment.",
                    f"火山引擎 {chinese}{origin} 为空。请在 ComfyUI 设置的 Volcengine 页面填写两个密钥，或在环境变量中同时设置。",
                )
            if not all("!" <= character <= "~" for character in value):
                raise CredentialsError(
                    f"The Volcengine {english}{origin} holds a space, a line break or a character outside ASCII. "
                    "Copy it again from https://console.volcengine.com/iam/keymanage.",
                    f"火山引擎 {chinese}{origin} 含有空格、换行或非 ASCII 字符。"
                    "请从 https://console.volcengine.com/iam/keymanage 重新复制。",
                )
        if self.secret_key.startswith(_ID_PREFIXES) and not self._has_an_id:
            # Never set right silently: the secret stood where ids are shown, and should perhaps be replaced.
            raise CredentialsError(
                f"The two Volcengine keys{origin} are swapped: the access key, which begins with AKLT or AKTP, stands "
                "in the place of the secret key. Enter each in its own place.",
                f"火山引擎的两个密钥{origin}填反了：以 AKLT 或 AKTP 开头的 Access Key 填在了 Secret Key 的位置。"
                "请分别填到各自的位置。",
            )

    def __repr__(self) -> str:
        return f"Credentials(access_key='…{self.tail}', source={self.source!r})"

    def __reduce__(self) -> str:
        raise TypeError("credentials are not pickled")

    @property
    def tail(self) -> str:
        """The last four characters of the access key, to tell keys apart; empty if it does not look like one."""
        return self.access_key[-4:] if self._has_an_id and len(self.access_key) >= 12 else ""

    @property
    def _has_an_id(self) -> bool:
        return self.access_key.startswith(_ID_PREFIXES)
