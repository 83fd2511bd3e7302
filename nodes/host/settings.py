"""What the operator of a server sets: environment variables, read once per run and checked."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from ..volcengine.client import DEFAULT_ENDPOINT
from ..volcengine.key_sources import clean
from ..words import InputError, Text

if TYPE_CHECKING:
    from collections.abc import Mapping

N = TypeVar("N", int, float)

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
            endpoint=_endpoint(_text(environ, "VOLC_ENDPOINT") or cls.endpoint),
            max_concurrency=_number(environ, "VOLC_MAX_CONCURRENCY", cls.max_concurrency, 1, 64),
            timeout_s=_number(environ, "VOLC_TIMEOUT_S", cls.timeout_s, 1, 3600),
            journal_dir=_folder(_text(environ, "VOLC_JOURNAL_DIR")),
            journal_max_mb=_number(
                environ, "VOLC_JOURNAL_MAX_MB", cls.journal_max_mb, 1, 10_000_000
            ),
            calls_per_day=_number(environ, "VOLC_MAX_CALLS_PER_DAY", 0, 0, MAX_CALLS_PER_DAY)
            if _text(environ, "VOLC_MAX_CALLS_PER_DAY")
            else None,
        )


def _text(environ: Mapping[str, str], name: str) -> str:
    return clean(environ.get(name, ""))


def _endpoint(text: str) -> str:
    """An address without the query with which the interface's page prints it; every call brings its own."""
    address, _, query = text.partition("?")
    if set(parse_qs(query, keep_blank_values=True)) <= {"Action", "Version"}:
        return address
    raise _wrong(
        "VOLC_ENDPOINT",
        text,
        Text(
            "but must be an address without what follows the question mark",
            "问号及其后的内容不应包含在内",
        ),
        Text(DEFAULT_ENDPOINT, f"默认地址 {DEFAULT_ENDPOINT}"),
    )


def _folder(text: str) -> Path | None:
    """A folder named from the root on. Any other would be a new one inside ComfyUI's, in a container thrown away with it."""
    if not text:
        return None
    path = text
    url = urlsplit(text) if re.match(r"file://", text, re.IGNORECASE) else None
    if url and url.netloc in ("", "localhost") and not (url.query or url.fragment):
        path = re.sub("^/(?=[A-Za-z]:)", "", unquote(url.path))  # file:///D:/journal
    why = Text(
        f"but must be the whole path of a folder, such as {_EXAMPLE}: from the root on, not a URL, without variables",
        f"应为文件夹的完整路径，如 {_EXAMPLE}：从根目录开始，不能是网址，也不能含变量",
    )
    try:
        folder = Path(path).expanduser()
        if folder.is_absolute():
            return folder
    except RuntimeError:
        why = Text("but the home folder it starts with is not known", "但无法确定其中的主目录")
    own = Text("the server's own folder", "服务器自己的文件夹")
    raise _wrong("VOLC_JOURNAL_DIR", text, why, own)


_EXAMPLE = r"D:\volc-journal" if os.name == "nt" else "/srv/volc-journal"


def _number(environ: Mapping[str, str], name: str, default: N, low: N, high: N) -> N:
    """A number in its range; whole if its default is."""
    text, whole = _text(environ, name), isinstance(default, int)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if low <= value <= high and (value.is_integer() or not whole):
        return type(default)(value)
    english, chinese = ("a whole number", "整数") if whole else ("a number", "数字")
    why = Text(
        f"but must be {english} from {low} to {high}", f"应为 {low} 到 {high} 之间的{chinese}"
    )
    raise _wrong(name, text, why, Text(f"{default:g}", f"默认值 {default:g}"))


def _wrong(name: str, text: str, why: Text, default: Text) -> InputError:
    return InputError(
        f"{name} is {text!r}, {why.english}. Correct it in the environment of the ComfyUI server, or unset it for "
        f"{default.english}, and restart.",
        f"环境变量 {name} 的值为 {text!r}，{why.chinese}。请在 ComfyUI 服务器的环境中更正，或删除它以使用{default.chinese}，"
        "然后重启。",
    )
