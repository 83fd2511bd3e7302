"""What the operator of a server sets: environment variables, read once per run and checked."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from ..volcengine.client import DEFAULT_ENDPOINT
from ..volcengine.key_sources import clean
from ..words import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping


MAX_CALLS_PER_DAY = 1_000_000


@dataclass(frozen=True)
class Settings:
    """Operational settings of this server; none of them is a node input, so none costs a cached run.

    Attributes:
        endpoint: Base URL of the service; https, or plain http on loopback only (checked by the client).
        max_concurrency: Calls this process may have on the wire at once, 1..64.
        timeout_s: Until an answer must begin, and for a submitted task in each of its states, in seconds; all of an answer
            may take five times as long.
        journal_dir: Where paid pictures are kept, absolute; None = the server's own folder.
        journal_max_mb: Size at which the least recently used pictures leave the journal, in MB (10^6 bytes).
        calls_per_day: Calls that all servers of the journal may send on one day of Beijing (UTC+8); 0 = no limit, None =
            what the settings page says.
    """

    endpoint: str = DEFAULT_ENDPOINT
    max_concurrency: int = 8
    timeout_s: float = 120.0
    journal_dir: Path | None = None
    journal_max_mb: int = 2048
    calls_per_day: int | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read `VOLC_ENDPOINT`, `VOLC_MAX_CONCURRENCY`, `VOLC_TIMEOUT_S`, `VOLC_JOURNAL_DIR`, `VOLC_JOURNAL_MAX_MB`, `VOLC_MAX_CALLS_PER_DAY`.

        Quotes around a value, which `docker --env-file` keeps, are taken off.

        Raises:
            InputError: A number is not a number or out of its range, a folder is not named from the root on, or the address
                has a query of its own; names the variable, the value and what it should be.
        """
        return cls(
            endpoint=_endpoint("VOLC_ENDPOINT", _text(environ, "VOLC_ENDPOINT") or cls.endpoint),
            max_concurrency=_whole(environ, "VOLC_MAX_CONCURRENCY", cls.max_concurrency, 1, 64),
            timeout_s=_number(environ, "VOLC_TIMEOUT_S", cls.timeout_s, 1, 3600),
            journal_dir=_folder("VOLC_JOURNAL_DIR", _text(environ, "VOLC_JOURNAL_DIR")),
            journal_max_mb=_whole(
                environ, "VOLC_JOURNAL_MAX_MB", cls.journal_max_mb, 1, 10_000_000
            ),
            calls_per_day=_whole(environ, "VOLC_MAX_CALLS_PER_DAY", 0, 0, MAX_CALLS_PER_DAY)
            if _text(environ, "VOLC_MAX_CALLS_PER_DAY")
            else None,
        )


def _text(environ: Mapping[str, str], name: str) -> str:
    return clean(environ.get(name, ""))


def _endpoint(name: str, text: str) -> str:
    """An address without the query with which the interface's page prints it; every call brings its own."""
    address, _, query = text.partition("?")
    if set(parse_qs(query, keep_blank_values=True)) <= {"Action", "Version"}:
        return address
    raise InputError(
        f"{name} is {text!r}, but must be an address without what follows the question mark. Correct it in the "
        f"environment of the ComfyUI server, or unset it for {DEFAULT_ENDPOINT}, and restart.",
        f"环境变量 {name} 的值为 {text!r}，问号及其后的内容不应包含在内。请在 ComfyUI 服务器的环境中更正，"
        f"或删除它以使用 {DEFAULT_ENDPOINT}，然后重启。",
    )


def _folder(name: str, text: str) -> Path | None:
    """A folder named from the root on. Any other would be a new one inside ComfyUI's, in a container thrown away with it."""
    if not text:
        return None
    path = text
    url = urlsplit(text) if re.match(r"file://", text, re.IGNORECASE) else None
    if url and url.netloc in ("", "localhost") and not (url.query or url.fragment):
        path = re.sub("^/(?=[A-Za-z]:)", "", unquote(url.path))  # file:///D:/journal
    try:
        folder = Path(path).expanduser()
    except RuntimeError:
        raise InputError(
            f"{name} is {text!r}, but the home folder it starts with is not known. Correct it in the environment of "
            "the ComfyUI server, or unset it for the server's own folder, and restart.",
            f"环境变量 {name} 的值为 {text!r}，但无法确定其中的主目录。请在 ComfyUI 服务器的环境中更正，"
            "或删除它以使用服务器自己的文件夹，然后重启。",
        ) from None
    if folder.is_absolute():
        return folder
    raise InputError(
        f"{name} is {text!r}, but must be the whole path of a folder, such as {_EXAMPLE}: from the root on, not a URL, "
        "without variables. Correct it in the environment of the ComfyUI server, or unset it for the server's own folder, "
        "and restart.",
        f"环境变量 {name} 的值为 {text!r}，应为文件夹的完整路径，如 {_EXAMPLE}：从根目录开始，不能是网址，也不能含变量。"
        "请在 ComfyUI 服务器的环境中更正，或删除它以使用服务器自己的文件夹，然后重启。",
    )


_EXAMPLE = r"D:\volc-journal" if os.name == "nt" else "/srv/volc-journal"


def _number(
    environ: Mapping[str, str], name: str, default: float, low: float, high: float
) -> float:
    text = _text(environ, name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise _out_of_range(name, text, ("a number", "数字"), low, high, default)
    return value


def _whole(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    value = _number(environ, name, default, low, high)
    if value != int(value):
        text = _text(environ, name)
        raise _out_of_range(name, text, ("a whole number", "整数"), low, high, default)
    return int(value)


def _out_of_range(
    name: str, text: str, kind: tuple[str, str], low: float, high: float, default: float
) -> InputError:
    return InputError(
        f"{name} is {text!r}, but must be {kind[0]} from {low} to {high}. Correct it in the environment of "
        f"the ComfyUI server, or unset it for {default:g}, and restart.",
        f"环境变量 {name} 的值为 {text!r}，应为 {low} 到 {high} 之间的{kind[1]}。请在 ComfyUI 服务器的环境中更正"
        f"或删除它（默认 {default:g}），然后重启。",
    )
