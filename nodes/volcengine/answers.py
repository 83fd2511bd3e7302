"""The one place that turns an HTTP answer into an `Answer` or an exception."""

from __future__ import annotations

import base64
import binascii
import email.utils
import json
import re
import time
from typing import TYPE_CHECKING, Any

from .errors import (
    APIResponseError,
    AuthenticationError,
    ContentRejectedError,
    InvalidResponseError,
    RateLimitError,
    ServerError,
)
from .explanations import NUMBERS
from .models import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

SUCCESS = 10000

# https://www.volcengine.com/docs/86081/1804490 and https://www.volcengine.com/docs/6369/68677
_KINDS: dict[type[APIResponseError], frozenset[int | str]] = {
    RateLimitError: frozenset({50429, 50430, "FlowLimitExceeded"}),
    AuthenticationError: frozenset(
        {
            50400,
            "MissingAuthenticationToken",
            "MissingSignature",
            "InvalidTimestamp",
            "InvalidAccessKey",
            "SignatureDoesNotMatch",
            "LackPolicy",
            "AccessDenied",
        }
    ),
    ContentRejectedError: frozenset({50411, 50511, 50412, 50512, 50413, 50518, 50519, 201304}),
    ServerError: frozenset(
        {
            50500,
            50501,
            50520,
            50521,
            50522,
            "InternalError",
            "InternalServiceTimeout",
            "ServiceUnavailableTemp",
        }
    ),
}


def parse(status_code: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """Read an answer of the service.

    Args:
        status_code: HTTP status.
        headers: Of the answer, names in any case.
        body: Whole.

    Raises:
        APIResponseError: The service or its gateway refused the call; a subclass says why.
        InvalidResponseError: Anything else: a proxy's page, a cut or empty body, a damaged picture.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise _not_from_the_service(status_code, headers, body)

    metadata = content.get("ResponseMetadata")
    if isinstance(metadata, dict):
        if isinstance(metadata.get("Error"), dict):
            raise _gateway_error(status_code, headers, metadata)
        inner = content.get("Result")
        if isinstance(inner, dict):
            content = {"request_id": metadata.get("RequestId"), **inner}

    code = _number(content.get("code", content.get("status")))
    if code == SUCCESS:
        return _answer(status_code, content)
    if code is None:
        raise _not_from_the_service(status_code, headers, body)
    raise _refusal(
        status_code, headers, code, _text(content.get("message")), _text(content.get("request_id"))
    )


def _answer(status_code: int, content: dict[str, Any]) -> Answer:
    data = content.get("data")
    data = dict(data) if isinstance(data, dict) else {}
    request_id = _text(content.get("request_id") or data.pop("request_id", ""))
    texts = _list(data.pop("binary_data_base64", None))
    urls = _list(data.pop("image_urls", None))
    try:
        pictures = tuple(base64.b64decode(text, validate=True) for text in texts)
    except (binascii.Error, ValueError, TypeError):
        raise InvalidResponseError(
            "The picture was painted, but arrived damaged",
            "图片已生成，但传输中损坏",
            status_code=status_code,
            request_id=request_id,
        ) from None
    return Answer(
        request_id=request_id,
        message=_text(content.get("message")),
        elapsed_s=_seconds(content.get("time_elapsed")),
        pictures=tuple(picture for picture in pictures if picture),
        urls=tuple(url for url in urls if isinstance(url, str) and url),
        data=data,
    )


def _gateway_error(
    status_code: int, headers: Mapping[str, str], metadata: dict[str, Any]
) -> APIResponseError:
    error = metadata["Error"]
    number = _number(error.get("CodeN"))
    word = _text(error.get("Code")) or NUMBERS.get(number or 0, "")
    code: int | str = _number(word) or word or number or 0
    return _refusal(
        status_code, headers, code, _text(error.get("Message")), _text(metadata.get("RequestId"))
    )


def _refusal(
    status_code: int, headers: Mapping[str, str], code: int | str, message: str, request_id: str
) -> APIResponseError:
    return _kind(code, status_code)(
        status_code=status_code,
        code=code,
        message=message[:500],
        request_id=request_id,
        retry_after_s=_retry_after(headers),
        server_date=_header(headers, "Date"),
    )


def _kind(code: int | str, status_code: int) -> type[APIResponseError]:
    for kind, codes in _KINDS.items():
        if code in codes:
            return kind
    if status_code == 429:
        return RateLimitError
    if status_code in (401, 403):
        return AuthenticationError
    return ServerError if status_code >= 500 else APIResponseError


def _not_from_the_service(
    status_code: int, headers: Mapping[str, str], body: bytes
) -> APIResponseError | InvalidResponseError:
    if status_code == 429:
        return _refusal(status_code, headers, 0, "", "")
    what = _header(headers, "Content-Type").split(";")[0] or "no content type"
    size = f"{what}, {len(body)} bytes"
    # A 4xx of a proxy was turned away before the service saw it; a 5xx or a broken 200 may have been billed.
    return InvalidResponseError(
        f"The answer was not one of Volcengine's ({size}); it may come from a proxy in between",
        f"收到的不是火山引擎的应答（{size}），可能来自中间代理",
        status_code=status_code,
        doubtful=not 300 <= status_code < 500,
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = _header(headers, "Retry-After")
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name.lower()), "")


def _list(value: object) -> list[Any]:
    if isinstance(value, str):
        return [value]
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() else None


def _seconds(value: object) -> float | None:
    """`2.17`, `"2.17"`, and Go's `"2.17s"`, `"350ms"`, `"1m2.5s"`."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        return None
    units = {
        "h": 3600.0,
        "m": 60.0,
        "s": 1.0,
        "ms": 1e-3,
        "µs": 1e-6,
        "us": 1e-6,
        "ns": 1e-9,
        "": 1.0,
    }
    parts = re.findall(r"([0-9.]+)(h|ms|m|s|µs|us|ns|)", value)
    try:
        return sum(float(number) * units[unit] for number, unit in parts) if parts else None
    except ValueError:
        return None
