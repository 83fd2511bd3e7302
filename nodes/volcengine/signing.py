r"""The signature of a request: HMAC-SHA256 in the manner of AWS V4, one pure function per stage.

The grammar (https://www.volcengine.com/docs/6369/67269 and 67270)::

    CanonicalRequest = METHOD "\n" URI "\n" CanonicalQuery "\n" CanonicalHeaders "\n" SignedHeaders "\n" hex(sha256(body))
    CanonicalHeaders = (lower(name) ":" trim(value) "\n")*
    StringToSign     = "HMAC-SHA256" "\n" X-Date "\n" CredentialScope "\n" hex(sha256(CanonicalRequest))
    CredentialScope  = YYYYMMDD "/" region "/" service "/request"
    SigningKey       = HMAC(HMAC(HMAC(HMAC(secret, YYYYMMDD), region), service), "request")
    Authorization    = "HMAC-SHA256 Credential=" AccessKey "/" CredentialScope
                       ", SignedHeaders=" SignedHeaders ", Signature=" hex(HMAC(SigningKey, StringToSign))
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ALGORITHM = "HMAC-SHA256"


def sha256_hex(data: bytes) -> str:
    """The lower-case hexadecimal SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    """The query string, percent-encoded but for ``A-Za-z0-9-_.~`` and sorted by encoded key."""
    return "&".join(
        f"{name}={value}"
        for name, value in sorted(
            (quote(name, safe=""), quote(value, safe="")) for name, value in pairs
        )
    )


def signed_header_names(headers: Mapping[str, str]) -> str:
    """The names of `headers`, lower case, sorted, joined by semicolons."""
    return ";".join(sorted(name.lower() for name in headers))


def canonical_request(
    method: str,
    path: str,
    query: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
    body_sha256: str,
) -> str:
    """The text that stands for a whole request.

    Args:
        method: In upper case.
        path: Of the URL, not encoded; empty means ``/``.
        query: Name and value, not encoded.
        headers: Those that are signed, and no others: proxies add headers.
        body_sha256: From `sha256_hex` of the exact bytes that are sent.
    """
    lines = sorted((name.lower(), value.strip()) for name, value in headers.items())
    canonical_headers = "".join(f"{name}:{value}\n" for name, value in lines)
    return "\n".join(
        (
            method,
            quote(path or "/"),
            canonical_query(query),
            canonical_headers,
            signed_header_names(headers),
            body_sha256,
        )
    )


def credential_scope(date: str, region: str, service: str) -> str:
    """The scope of a signature made at `date` (``YYYYMMDDTHHMMSSZ``)."""
    return f"{date[:8]}/{region}/{service}/request"


def string_to_sign(date: str, scope: str, request: str) -> str:
    """What is signed for the canonical `request` at `date` (``YYYYMMDDTHHMMSSZ``)."""
    return "\n".join((ALGORITHM, date, scope, sha256_hex(request.encode())))


def signing_key(secret_key: str, date: str, region: str, service: str) -> bytes:
    """The key of a day. The secret is used as the text it is, although it looks like base64."""
    key = secret_key.encode()
    for part in (date[:8], region, service, "request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def signature(key: bytes, to_sign: str) -> str:
    """The lower-case hexadecimal signature of `to_sign`."""
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


def authorization(access_key: str, scope: str, signed_headers: str, signed: str) -> str:
    """The value of the ``Authorization`` header."""
    return (
        f"{ALGORITHM} Credential={access_key}/{scope}, "
        f"SignedHeaders={signed_headers}, Signature={signed}"
    )
