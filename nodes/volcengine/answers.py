"""The one place that turns an HTTP answer into an `Answer` or an exception. Whatever arrives, it raises nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ..words import Text
from . import fields
from .codes import ROWS, SUCCESS, WORDS, Kind, look_up
from .errors import (
    APIResponseError,
    AuthenticationError,
    ContentRejectedError,
    InvalidResponseError,
    RateLimitError,
    ServerError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class Answer(NamedTuple):
    """A call that succeeded.

    Attributes:
        request_id: What the service's support asks for.
        code: 10000.
        message: As received.
        elapsed_s: The service's own time, in seconds, if it told.
        pictures: Encoded files.
        urls: Links to the same; they live 24 hours.
        data: The other fields of `data`: texts, numbers, booleans, and lists of such; and `algorithm_status` with
            `algorithm_message` where the algorithm reports a failure beside its picture.
    """

    request_id: str
    code: int = 10000
    message: str = ""
    elapsed_s: float | None = None
    pictures: tuple[bytes, ...] = ()
    urls: tuple[str, ...] = ()
    data: Mapping[str, Any] = {}


# Fields of `data` that have a place of their own in an `Answer`.
_READ = frozenset({"binary_data_base64", "image_urls", "request_id"})
# A task that has not ended, and so has no picture yet: https://www.volcengine.com/docs/85621/1976207
_UNENDED = frozenset({"in_queue", "generating", "not_found", "expired"})
# Whoever answers so did not pass the request on, or took no whole one.
_NEVER_REACHED = frozenset({400, 401, 404, 405, 407, 408, 411, 413, 414, 421, 431})

_CLASSES: Mapping[Kind, type[APIResponseError]] = {
    Kind.PICTURE: ContentRejectedError,
    Kind.PROMPT: ContentRejectedError,
    Kind.RESULT: ContentRejectedError,
    Kind.FILE: APIResponseError,
    Kind.REQUEST: APIResponseError,
    Kind.INTERFACE: APIResponseError,
    Kind.ACCOUNT: AuthenticationError,
    Kind.RATE: RateLimitError,
    Kind.CONCURRENCY: RateLimitError,
    Kind.SERVICE: ServerError,
}


def parse(
    status_code: int, headers: Mapping[str, str], body: bytes, hidden: Mapping[str, str] = {}
) -> Answer:
    """Read an answer of the service.

    What is of its own shape is definite: a whole number `code` and a `request_id`, or `ResponseMetadata` with an `Error`.
    Anything else may come from a proxy, which may have lost the answer to a call that is billed.

    Args:
        status_code: HTTP status.
        headers: Of the answer, names in any case.
        body: Whole.
        hidden: Texts that must not be shown, and what stands in for each: a gateway that refuses a signature may quote
            what was signed.

    Raises:
        APIResponseError: The service or its gateway refused the call; a subclass says why.
        InvalidResponseError: Anything else: a proxy's page, a cut or empty body, a damaged picture.
    """
    try:
        content = fields.without(json.loads(body), hidden)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise _not_from_the_service(status_code, headers, body)

    metadata = content.get("ResponseMetadata")
    if isinstance(metadata, dict):
        error = metadata.get("Error")
        if error and isinstance(error, dict):
            raise _gateway_error(
                status_code, headers, error, fields.line(metadata.get("RequestId"))
            )
        inner = content.get("Result")
        if isinstance(inner, dict):
            content = {"request_id": metadata.get("RequestId"), **inner}

    code = fields.number(content.get("code", content.get("status")))
    if code == SUCCESS:
        return _answer(status_code, headers, content)
    code, request_id = fields.number(content.get("code")), fields.line(content.get("request_id"))
    if code is None or not request_id:
        raise _not_from_the_service(status_code, headers, body)
    raise _refusal(status_code, headers, code, fields.line(content.get("message")), request_id)


def _answer(status_code: int, headers: Mapping[str, str], content: dict[str, Any]) -> Answer:
    data = content.get("data")
    data = data if isinstance(data, dict) else {}
    request_id = fields.line(content.get("request_id") or data.get("request_id"))
    urls = tuple(
        url
        for url in fields.as_list(data.get("image_urls"))
        if isinstance(url, str) and url and url.isprintable()
    )
    try:
        pictures = tuple(
            fields.decoded(text)
            for text in fields.as_list(data.get("binary_data_base64"))
            if text not in (None, "")
        )
    except (ValueError, TypeError):
        if not urls:
            raise InvalidResponseError(
                Text(
                    "The picture was painted, but arrived damaged", "图片已生成，但收到的数据已损坏"
                ),
                status_code=status_code,
                request_id=request_id,
            ) from None
        pictures = ()  # the links lead to the same pictures
    told = data.get("algorithm_base_resp")
    told = told if isinstance(told, dict) else {}
    algorithm = fields.number(told.get("status_code")) or 0
    why = fields.line(told.get("status_message"))
    awaited = "task_id" in data or str(data.get("status")) in _UNENDED
    if algorithm and not (pictures or urls or awaited):
        raise _refusal(status_code, headers, algorithm, why, request_id)
    return Answer(
        request_id=request_id,
        message=fields.line(content.get("message")),
        elapsed_s=fields.seconds(content.get("time_elapsed")),
        pictures=pictures,
        urls=urls,
        data={
            fields.line(name): fields.storable(value)
            for name, value in data.items()
            if name not in _READ and fields.is_plain(value)
        }
        | ({"algorithm_status": algorithm, "algorithm_message": why} if algorithm else {}),
    )


def _gateway_error(
    status_code: int, headers: Mapping[str, str], error: dict[str, Any], request_id: str
) -> APIResponseError:
    number = fields.number(error.get("CodeN")) or 0
    word = fields.line(error.get("Code"))
    code: int | str = word or WORDS.get(number) or (str(number) if number else 0)
    business = fields.number(word)
    if business is not None and business in ROWS:
        code = business
    return _refusal(status_code, headers, code, fields.line(error.get("Message")), request_id)


def _refusal(
    status_code: int, headers: Mapping[str, str], code: int | str, message: str, request_id: str
) -> APIResponseError:
    return _CLASSES[look_up(code, status_code).kind](
        status_code=status_code,
        code=code,
        message=message,
        request_id=request_id,
        retry_after_s=fields.retry_after(headers),
        server_date=fields.header(headers, "Date"),
    )


def _not_from_the_service(
    status_code: int, headers: Mapping[str, str], body: bytes
) -> APIResponseError | InvalidResponseError:
    if status_code == 429:
        return _refusal(status_code, headers, 0, "", "")
    kind = fields.line(fields.header(headers, "Content-Type").split(";")[0])
    # A 403 or 451 may be what a company's proxy makes of an answer whose content it does not let pass.
    return InvalidResponseError(
        Text(
            f"The answer was not one of Volcengine's ({kind or 'no content type'}, {len(body)} bytes); it may come from a "
            "proxy in between",
            f"收到的不是火山引擎的响应（{kind or '无内容类型'}，{len(body)} 字节），可能来自中间代理",
        ),
        status_code=status_code,
        doubtful=not (300 <= status_code < 400 or status_code in _NEVER_REACHED),
    )
