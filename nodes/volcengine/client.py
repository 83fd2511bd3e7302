"""Speaks to the service: one pooled session, no redirects, and an exact answer to "was it sent?"."""

from __future__ import annotations

import email.utils
import io
import ipaddress
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from . import answers
from .auth import VolcengineAuth
from .errors import APIConnectionError, APITimeoutError, InvalidResponseError

if TYPE_CHECKING:
    from .credentials import Credentials
    from .models import Answer

# https://www.volcengine.com/docs/86081/1804490
DEFAULT_ENDPOINT = "https://visual.volcengineapi.com"

# A connection that idled this long may be closed by the far side at any moment; a request sent into it would end in
# doubt although the service never saw it.
_MAX_IDLE_S = 20.0
_MAX_ANSWER_BYTES = 256_000_000


class _CountedBody(io.BytesIO):
    """A body that knows whether all of it was handed to the connection."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._size = len(data)

    def __len__(self) -> int:
        return self._size

    @property
    def sent(self) -> bool:
        return self.tell() >= self._size


class Client:
    """The service as seen by one account. Safe to use from several threads.

    Args:
        credentials: The keys.
        endpoint: Base URL; https, or plain http on loopback only.
        connect_timeout_s: For the connection, in seconds.
        read_timeout_s: For the answer, in seconds.
        pool_size: Connections kept open.

    Raises:
        ValueError: The endpoint is not such a URL.
    """

    def __init__(
        self,
        credentials: Credentials,
        endpoint: str = DEFAULT_ENDPOINT,
        *,
        connect_timeout_s: float = 10.0,
        read_timeout_s: float = 120.0,
        pool_size: int = 8,
    ) -> None:
        check_url(endpoint, "VOLC_ENDPOINT")
        self.endpoint = endpoint.rstrip("/")
        self._timeout = (connect_timeout_s, read_timeout_s)
        self._clock_offset_s = 0.0
        self._auth = VolcengineAuth(credentials, clock=lambda: time.time() + self._clock_offset_s)
        self._pool_size = pool_size
        self._lock = threading.Lock()
        self._session: requests.Session | None = None
        self._last_used_s = 0.0

    def call(self, action: str, version: str, body: bytes) -> Answer:
        """Send one signed request and wait for its answer.

        Args:
            action: Query parameter `Action`.
            version: Query parameter `Version`.
            body: JSON; exactly these bytes are hashed, signed and sent.

        Raises:
            APIConnectionError: No answer; `doubtful` says whether the call may have been billed.
            APIResponseError: The service refused the call.
            InvalidResponseError: The answer cannot be used.
        """
        counted = _CountedBody(body)
        try:
            response = self._connection().post(
                f"{self.endpoint}/",
                params={"Action": action, "Version": version},
                data=counted,
                headers={"Content-Type": "application/json"},
                auth=self._auth,
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.exceptions.ConnectTimeout as error:
            raise APIConnectionError(_reason(error), sent=False) from None
        except requests.exceptions.ReadTimeout:
            raise _timed_out(counted, self._timeout[1]) from None
        except requests.exceptions.RequestException as error:
            # Also a body cut short: `content` was read inside `post`.
            raise APIConnectionError(_reason(error), sent=counted.sent) from None
        finally:
            self._last_used_s = time.monotonic()
        return answers.parse(response.status_code, response.headers, response.content)

    def download(self, url: str, max_bytes: int = _MAX_ANSWER_BYTES) -> bytes:
        """Fetch a picture that the service handed out as a link. Carries no keys and follows no redirect.

        Raises:
            ValueError: The link is neither https nor http on loopback.
            APIConnectionError: Not reachable; asking again costs nothing.
            InvalidResponseError: Any other status than 200, or more than `max_bytes`.
        """
        check_url(url, "image_urls")
        try:
            with requests.get(
                url, timeout=self._timeout, allow_redirects=False, stream=True, auth=_no_auth
            ) as got:
                if got.status_code != 200:
                    raise _bad_link(got.status_code, f"HTTP {got.status_code}")
                parts, size = [], 0
                for part in got.iter_content(1 << 16):
                    size += len(part)
                    if size > max_bytes:
                        raise _bad_link(200, f"> {max_bytes} bytes")
                    parts.append(part)
                return b"".join(parts)
        except requests.exceptions.RequestException as error:
            raise APIConnectionError(_reason(error), sent=False) from None

    def set_clock_from(self, server_date: str) -> bool:
        """Sign from now on by the clock of the service.

        Args:
            server_date: The `Date` header of its answer.

        Returns:
            Whether it could be read.
        """
        try:
            moment = email.utils.parsedate_to_datetime(server_date)
        except (TypeError, ValueError):
            return False
        self._clock_offset_s = moment.timestamp() - time.time()
        return True

    def close(self) -> None:
        """Close idle connections; the client can be used again."""
        with self._lock:
            if self._session is not None:
                self._session.close()
                self._session = None

    def _connection(self) -> requests.Session:
        with self._lock:
            now = time.monotonic()
            if self._session is not None and now - self._last_used_s > _MAX_IDLE_S:
                # Calls on the wire hold their connections; only idle ones are closed.
                self._session.close()
                self._session = None
            if self._session is None:
                self._session = requests.Session()
                adapter = requests.adapters.HTTPAdapter(
                    pool_connections=1, pool_maxsize=self._pool_size, max_retries=0
                )
                self._session.mount("https://", adapter)
                self._session.mount("http://", adapter)
            self._last_used_s = now
            return self._session


def check_url(url: str, name: str) -> None:
    """Accept https, and plain http on loopback, where nothing leaves the machine.

    Raises:
        ValueError: Anything else; the text names `name`.
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
    raise ValueError(
        f"{name} is {url[:200]!r}, but must be an https:// address (plain http:// only on this machine, such as "
        "http://127.0.0.1:8000), without user name or password.\n"
        f"{name} 的值为 {url[:200]!r}，应为 https:// 地址（仅本机可用 http://，如 http://127.0.0.1:8000），且不含用户名和密码。"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps `requests` from adding a password out of a .netrc file."""
    return request


def _timed_out(body: _CountedBody, timeout_s: float) -> APIConnectionError:
    if body.sent:
        return APITimeoutError(timeout_s)
    return APIConnectionError(f"could not send within {timeout_s:g} s", sent=False)


def _bad_link(status_code: int, why: str) -> InvalidResponseError:
    return InvalidResponseError(
        f"The link to the painted picture does not work ({why})",
        f"生成图片的链接无法使用（{why}）",
        status_code=status_code,
        doubtful=False,
    )


def _reason(error: Exception) -> str:
    """The innermost cause, without the object addresses and URLs of the outer texts."""
    inner: BaseException = error
    while True:
        cause = getattr(inner, "reason", None) or next(
            (part for part in inner.args if isinstance(part, BaseException)), None
        )
        if not isinstance(cause, BaseException):
            break
        inner = cause
    text = inner.strerror if isinstance(inner, OSError) and inner.strerror else ""
    return f"{type(inner).__name__}: {text}" if text else type(inner).__name__
