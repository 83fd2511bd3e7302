"""Signs a prepared request of `requests` at the moment it leaves."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from requests.auth import AuthBase

from . import signing

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import PreparedRequest

    from .credentials import Credentials

# Of the visual services: https://www.volcengine.com/docs/86081/1804490
REGION = "cn-north-1"
SERVICE = "cv"


class VolcengineAuth(AuthBase):
    """Signs the exact bytes of the prepared body, afresh at every attempt.

    Args:
        credentials: The keys.
        region: Of the service.
        service: Its short name.
        clock: Seconds since 1970 UTC, as the service counts them.
    """

    def __init__(
        self,
        credentials: Credentials,
        region: str = REGION,
        service: str = SERVICE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._credentials = credentials
        self._region = region
        self._service = service
        self._clock = clock

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add ``X-Date``, ``X-Content-Sha256``, ``Authorization`` and, with a token, ``X-Security-Token``."""
        url = urlsplit(request.url or "")
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._clock()))
        body_sha256 = signing.sha256_hex(_bytes(request.body))
        headers = {
            "Host": str(request.headers.get("Host") or _host(url.hostname, url.port)),
            "X-Content-Sha256": body_sha256,
            "X-Date": date,
        }
        if self._credentials.session_token:
            headers["X-Security-Token"] = self._credentials.session_token
        request.headers.update(headers)
        if "Content-Type" in request.headers:
            headers["Content-Type"] = str(request.headers["Content-Type"])

        canonical = signing.canonical_request(
            request.method or "GET",
            unquote(url.path),
            parse_qsl(url.query, keep_blank_values=True),
            headers,
            body_sha256,
        )
        scope = signing.credential_scope(date, self._region, self._service)
        key = signing.signing_key(self._credentials.secret_key, date, self._region, self._service)
        signed = signing.signature(key, signing.string_to_sign(date, scope, canonical))
        request.headers["Authorization"] = signing.authorization(
            self._credentials.access_key, scope, signing.signed_header_names(headers), signed
        )
        return request


def _host(name: str | None, port: int | None) -> str:
    host = f"[{name}]" if name and ":" in name else str(name)
    return f"{host}:{port}" if port not in (None, 80, 443) else host


def _bytes(body: Any) -> bytes:
    if isinstance(body, io.BytesIO):
        return body.getvalue()
    return body.encode() if isinstance(body, str) else body or b""
