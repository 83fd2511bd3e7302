"""Single fields of an answer, read leniently: the service writes them in more than one way, and a proxy may write them anew."""

from __future__ import annotations

import base64
import email.utils
import math
import re
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_TEXT = 500
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6, "us": 1e-6, "ns": 1e-9, "": 1.0}


def header(headers: Mapping[str, str], name: str) -> str:
    """The header called `name`, in any case; empty if there is none."""
    return next((value for key, value in headers.items() if key.lower() == name.lower()), "")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from now on, at least 0, of a number or a date; None if neither can be read."""
    value = header(headers, "Retry-After")
    try:
        seconds = float(value)
    except ValueError:
        at = moment(value)
        if at is None:
            return None
        seconds = at - time.time()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def moment(date: str) -> float | None:
    """Seconds since 1970 UTC, as HTTP writes a date; None if it cannot be read."""
    try:
        return email.utils.parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def as_list(value: object) -> list[Any]:
    """A list as it is, a single text as a list of one; empty for anything else."""
    if isinstance(value, str):
        return [value]
    return value if isinstance(value, list) else []


def decoded(text: str) -> bytes:
    """The bytes of a base64 text.

    Raises:
        ValueError: It is none.
        TypeError: It is not even a text.
    """
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        # a data: URL, wrapped lines, the alphabet of addresses: rather than lose what is paid
        _, _, text = text.rpartition("base64,")
        plain = "".join(text.split()).replace("-", "+").replace("_", "/")
        return base64.b64decode(plain, validate=True)


def line(value: object) -> str:
    """One line that can be shown, logged and stored: no line breaks, no lone surrogates, no novel."""
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        return ""
    text = str(value)[:_MAX_TEXT]
    return "".join(character if character.isprintable() else " " for character in text)


def is_plain(value: object) -> bool:
    """Whether it is a text, a number, a boolean, null, or a list of such."""
    inner = value if isinstance(value, list) else [value]
    return all(part is None or isinstance(part, (str, int, float)) for part in inner)


def storable(value: Any) -> Any:
    """What is plain, without lone surrogates."""
    if isinstance(value, list):
        return [storable(part) for part in value]
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def without(content: Any, hidden: Mapping[str, str]) -> Any:
    """Parsed JSON with each text that is a key of `hidden` replaced by its value, wherever it stands, in names too."""
    if isinstance(content, str):
        for text, shown in hidden.items():
            content = content.replace(text, shown)
        return content
    if isinstance(content, list):
        return [without(part, hidden) for part in content]
    if isinstance(content, dict):
        return {without(name, hidden): without(part, hidden) for name, part in content.items()}
    return content


def number(value: object) -> int | None:
    """A whole number, perhaps as a text or a fraction; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)  # 10000.0: written anew by something that knows no whole numbers
    return int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,18}", value) else None


def seconds(value: object) -> float | None:
    """Of `2.17`, `"2.17"`, and Go's `"2.17s"`, `"350ms"`, `"1m2.5s"`; None for anything else."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        parts = [(value, "")]
    elif isinstance(value, str):
        parts = re.findall(r"([0-9]+(?:\.[0-9]*)?)(h|ms|m|s|µs|us|ns|)", value[:100])
    else:
        return None
    try:
        total = sum(float(count) * _UNITS[unit] for count, unit in parts)
    except OverflowError:
        return None
    return total if parts and math.isfinite(total) else None
