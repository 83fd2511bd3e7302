"""Speaks to the service: a connection for each call, no redirects, and an exact answer to "was it sent?"."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import requests

from ..words import Text
from . import answers, fields
from .addresses import check_url
from .auth import VolcengineAuth
from .connection import Connection, CountedBody, Deadline
from .errors import (
    APIConnectionError,
    APIResponseError,
    APITimeoutError,
    InvalidResponseError,
    NotSentError,
)
from .models import VERSION
from .unreachable import reason, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from .answers import Answer
    from .credentials import Credentials

# https://www.volcengine.com/docs/86081/1804490
DEFAULT_ENDPOINT = "https://visual.volcengineapi.com"

# An answer that began in time is paid, and a slow line may need longer for it than the service for painting; but no call
# holds its place forever.
_WHOLE_ANSWER = 5
# Far above the largest picture as base64, far below what would exhaust a server's memory.
_MAX_ANSWER_BYTES = 256_000_000


class Client:
    """The service as seen by one account. Safe to use from several threads.

    Args:
        credentials: The keys.
        endpoint: Base URL; https, or plain http on loopback only. Kept without a slash at its end.
        connect_timeout_s: For the connection, in seconds.
        read_timeout_s: For the answer to begin, in seconds; the whole of it may take five times as long.

    Raises:
        InputError: The endpoint is not such a URL.
    """

    def __init__(
        self,
        credentials: Credentials,
        endpoint: str = DEFAULT_ENDPOINT,
        *,
        connect_timeout_s: float = 10.0,
        read_timeout_s: float = 120.0,
    ) -> None:
        check_url(endpoint, "VOLC_ENDPOINT")
        self.endpoint = endpoint.rstrip("/")
        self.read_timeout_s = read_timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._clock_offset_s = 0.0
        self._hidden = {
            credentials.secret_key: "***",
            credentials.session_token: "***",
            credentials.access_key: f"…{credentials.tail}",
        }
        self._hidden.pop("", None)
        self._auth = VolcengineAuth(credentials, clock=lambda: time.time() + self._clock_offset_s)

    def call(
        self,
        action: str,
        body: bytes,
        *,
        read_timeout_s: float | None = None,
        may_send: Callable[[], bool] = lambda: True,
        over: Connection | None = None,
    ) -> Answer:
        """Send one signed request and wait for its answer.

        A call that costs gets a connection of its own. One that was used before may have died unseen; a request sent into
        it would end in doubt although the service never saw it.

        Args:
            action: Query parameter `Action`.
            body: JSON; exactly these bytes are hashed, signed and sent.
            read_timeout_s: For this answer; that of the client if None.
            may_send: Asked once the connection of its own stands, before the first byte of the request leaves.
            over: From `connection`, for what may be asked again and again; None for one of its own.

        Raises:
            NotSentError: `may_send` said no.
            APIConnectionError: No answer; `doubtful` says whether the call may have been billed.
            APIResponseError: The service refused the call.
            InvalidResponseError: The answer cannot be used.
        """
        if over is None:
            with Connection(self.endpoint, may_send) as own:
                return self.call(action, body, read_timeout_s=read_timeout_s, over=own)
        timeout_s = read_timeout_s or self.read_timeout_s
        whole_s = _WHOLE_ANSWER * timeout_s
        started = time.monotonic()
        deadline = Deadline(over, whole_s)
        counted = CountedBody(body, on_sent=deadline.start)
        try:
            with over.post(
                f"{self.endpoint}/",
                params={"Action": action, "Version": VERSION},
                data=counted,
                headers={"Content-Type": "application/json"},
                auth=self._auth,
                timeout=(self._connect_timeout_s, timeout_s),
                allow_redirects=False,
                stream=True,
            ) as response:
                content = _read(response, _MAX_ANSWER_BYTES)
        except NotSentError:
            raise
        except Exception as error:  # noqa: BLE001 - `requests` raises anything, and what counts is whether it was sent
            if deadline.passed:
                raise APITimeoutError(whole_s, whole=True) from None
            if not counted.sent:
                raise _unreachable(error, over, started) from None
            if isinstance(error, requests.exceptions.ReadTimeout):
                raise APITimeoutError(timeout_s) from None
            raise APIConnectionError(told(error), sent=True) from None
        finally:
            deadline.finish()
        if content is None:
            raise InvalidResponseError(
                Text(
                    f"The answer is larger than {_MAX_ANSWER_BYTES} bytes, so it was not read to its end",
                    f"响应超过 {_MAX_ANSWER_BYTES} 字节，未完整读取",
                ),
                status_code=response.status_code,
            )
        try:
            return answers.parse(response.status_code, response.headers, content, self._hidden)
        except APIResponseError as error:
            error.elapsed_s = deadline.elapsed_s
            raise
        except InvalidResponseError:
            if deadline.passed:  # what ends with its connection looks whole when it is cut
                raise APITimeoutError(whole_s, whole=True) from None
            raise

    def connection(self) -> Connection:
        """For calls one after another that cost nothing; stays open until it is closed, as by `with`."""
        return Connection(self.endpoint)

    def download(self, url: str, max_bytes: int = _MAX_ANSWER_BYTES) -> bytes:
        """Fetch a picture that the service handed out as a link. Carries no keys and follows no redirect.

        Raises:
            InputError: The link is neither https nor http on loopback.
            APIConnectionError: Not reachable; asking again costs nothing.
            InvalidResponseError: Any other status than 200, or more than `max_bytes`.
        """
        check_url(url, "image_urls")
        started, session = time.monotonic(), Connection(url)
        deadline = Deadline(session, _WHOLE_ANSWER * self.read_timeout_s)
        deadline.start()
        try:
            with session.get(
                url,
                timeout=(self._connect_timeout_s, self.read_timeout_s),
                allow_redirects=False,
                stream=True,
                auth=lambda request: request,  # or a .netrc file's password is added
            ) as got:
                content = _read(got, max_bytes) if got.status_code == 200 else b""
        except Exception as error:  # noqa: BLE001 - as above
            raise _unreachable(error, session, started) from None
        finally:
            deadline.finish()  # before it is closed, as after a call
            session.close()
        if deadline.passed:  # a file that ends with its connection looks whole when it is cut
            raise _unreachable(TimeoutError(), session, started)
        if got.status_code != 200:
            raise _bad_link(got.status_code, f"HTTP {got.status_code}")
        if content is None:
            raise _bad_link(200, f"> {max_bytes} bytes")
        return content

    def set_clock_from(self, server_date: str) -> bool:
        """Sign from now on by the clock of the service, as in the header `Date`; False if that cannot be read."""
        moment_s = fields.moment(server_date)
        if moment_s is None:
            return False
        self._clock_offset_s = moment_s - time.time()
        return True


def _read(response: requests.Response, max_bytes: int) -> bytes | None:
    """The whole body; None if there is more than `max_bytes` of it."""
    parts, size = [], 0
    for part in response.iter_content(65_536):
        size += len(part)
        if size > max_bytes:
            return None
        parts.append(part)
    return b"".join(parts)


def _unreachable(error: Exception, session: Connection, started: float) -> APIConnectionError:
    """Nothing was sent. `started` is of the monotonic clock."""
    why = reason(error, session.surroundings(time.monotonic() - started))
    return APIConnectionError(why.why, sent=False, remedy=why.remedy, permanent=why.permanent)


def _bad_link(status_code: int, why: str) -> InvalidResponseError:
    return InvalidResponseError(
        Text(
            f"The link to the painted picture does not work ({why})",
            f"生成图片的链接无法使用（{why}）",
        ),
        status_code=status_code,
        doubtful=False,
    )
