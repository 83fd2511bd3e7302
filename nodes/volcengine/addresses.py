"""Which addresses may be called."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from ..words import InputError


def check_url(url: str, name: str) -> None:
    """Accept https, and plain http on loopback, where nothing leaves the machine.

    Raises:
        InputError: Anything else; the text names `name`.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    secure = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))
    if host and parts.username is None and secure:
        return
    shown = re.sub(r".*@", "…@", url, flags=re.DOTALL)[:200]
    raise InputError(
        f"{name} is {shown!r}, but must be an https:// address (plain http:// only on this machine, such as "
        "http://127.0.0.1:8000), without user name or password.",
        f"{name} 的值为 {shown!r}，应为 https:// 地址（仅本机可用 http://，如 http://127.0.0.1:8000），且不含用户名和密码。",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
