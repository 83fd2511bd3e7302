"""Judges a signature, written from the vendor's pages (https://www.volcengine.com/docs/6369/67269)."""

from __future__ import annotations

import calendar
import hashlib
import hmac
import re
import time
import urllib.parse
from typing import TYPE_CHECKING

from .refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

VALID_S = 900
_AUTHORIZATION = re.compile(
    r"HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)
_MUST_BE_SIGNED = {"content-type", "host", "x-content-sha256", "x-date"}


def check(
    *,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    keys: Mapping[str, tuple[str, str]],
    now_s: float,
) -> str:
    """Return the access key if the request is signed as it must be.

    Args:
        method: Of the request.
        target: Path and query as on the request line.
        headers: With lower-case names.
        body: As received.
        keys: Access key -> (secret key, session token or "").
        now_s: The service's clock.
    """
    text = headers.get("authorization", "")
    if not text:
        raise Refusal("MissingAuthenticationToken")
    match = _AUTHORIZATION.fullmatch(text)
    if match is None:
        raise Refusal("MissingSignature", "malformed Authorization")
    access_key, day, region, service, names, given = match.groups()

    date = headers.get("x-date", "")
    if not date.startswith(day) or abs(_seconds(date) - now_s) > VALID_S:
        raise Refusal("InvalidTimestamp", f"X-Date {date!r}")
    if access_key not in keys:
        raise Refusal("InvalidAccessKey", access_key[:4])
    if (region, service) != ("cn-north-1", "cv"):
        raise Refusal("SignatureDoesNotMatch", "scope")

    secret, token = keys[access_key]
    signed = names.split(";")
    needed = _MUST_BE_SIGNED | ({"x-security-token"} if token else set())
    if signed != sorted(signed) or not needed <= set(signed):
        raise Refusal("SignatureDoesNotMatch", f"SignedHeaders {names}")
    if token and headers.get("x-security-token") != token:
        raise Refusal("InvalidAccessKey", "session token")
    digest = hashlib.sha256(body).hexdigest()
    if headers.get("x-content-sha256") != digest:
        raise Refusal("SignatureDoesNotMatch", "X-Content-Sha256")

    wanted = expected(
        method=method, target=target, headers=headers, signed=signed, digest=digest, secret=secret,
        date=date, scope=(day, region, service, "request"),
    )  # fmt: skip
    if not hmac.compare_digest(wanted, given):
        raise Refusal("SignatureDoesNotMatch")
    return access_key


def expected(
    *,
    method: str,
    target: str,
    headers: Mapping[str, str],
    signed: list[str],
    digest: str,
    secret: str,
    date: str,
    scope: tuple[str, ...],
) -> str:
    """The one right signature of a request.

    Args:
        method: Of the request.
        target: Path and query as on the request line.
        headers: With lower-case names.
        signed: Names of the signed ones, sorted.
        digest: Hexadecimal SHA-256 of the body.
        secret: The secret key.
        date: `X-Date`.
        scope: Day, region, service and `request`.
    """
    url = urllib.parse.urlsplit(target)
    pairs = sorted(
        (urllib.parse.quote(name, safe="-_.~"), urllib.parse.quote(value, safe="-_.~"))
        for name, value in urllib.parse.parse_qsl(url.query, keep_blank_values=True)
    )
    lines = [method, url.path or "/", "&".join("=".join(pair) for pair in pairs)]
    lines += [f"{name}:{headers.get(name, '').strip()}" for name in signed]
    lines += ["", ";".join(signed), digest]
    canonical = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    key = secret.encode()
    for part in scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = f"HMAC-SHA256\n{date}\n{'/'.join(scope)}\n{canonical}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _seconds(date: str) -> float:
    """Since 1970 UTC; minus infinity, and so long out of date, for what is no date."""
    try:
        return calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        return float("-inf")
