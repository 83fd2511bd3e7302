"""One connection, and the limit after which an answer on it is cut off."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from .errors import NotSentError
from .unreachable import Surroundings

if TYPE_CHECKING:
    from collections.abc import Callable


class Connection(requests.Session):
    """One connection, used by one thread at a time; another may `cut` it.

    Args:
        url: Where it leads.
        may_send: Asked whenever it was opened, before the first byte of a request leaves.
    """

    def __init__(self, url: str, may_send: Callable[[], bool] = lambda: True) -> None:
        super().__init__()
        self._may_send = may_send
        # Plain http is for this machine only; a proxy of the environment would carry it elsewhere.
        self.trust_env = urlsplit(url).scheme == "https"
        self._url = url
        self._socket: socket.socket | None = None
        # As ComfyUI's own nodes do; `requests` alone follows other names only, and those before this one.
        bundle = os.environ.get("SSL_CERT_FILE", "")
        if self.trust_env and os.path.isfile(bundle):  # noqa: PTH113 - an empty name is the current folder to Path
            self.verify = bundle
        for scheme in ("https://", "http://"):
            self.mount(scheme, _Adapter(self._connected))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere: without this, `requests` prepares for a redirect, and rewinds the body, even if told not to follow."""

    def close(self) -> None:
        """Close it now. `requests` leaves that to the garbage collector, which a kept error's traceback keeps waiting."""
        super().close()
        if self._socket is not None:
            self._socket.close()

    def cut(self) -> None:
        """End what is under way; whoever waits for it wakes up with an error."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def surroundings(self, waited_s: float) -> Surroundings:
        """What it has around it, to tell why it failed after `waited_s` seconds."""
        proxies = requests.utils.get_environ_proxies(self._url) if self.trust_env else {}
        trusts = [name for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if os.environ.get(name)]
        trusts += ["certifi" if self.verify is True else "SSL_CERT_FILE"]
        return Surroundings(
            proxy=requests.utils.select_proxy(self._url, proxies) or "",
            trusts=trusts[0],
            stands=self._socket is not None,
            waited_s=waited_s,
        )

    def _connected(self, opened: socket.socket) -> None:
        self._socket = opened
        if not self._may_send():
            raise NotSentError


class Deadline:
    """Cuts a connection when its answer takes too long as a whole: a timeout of `requests` begins anew at every byte.

    Args:
        connection: In use by the caller alone until `finish`.
        limit_s: From `start` on, in seconds.

    Attributes:
        passed: Whether the connection was cut.
        elapsed_s: Seconds between `start` and `finish`; 0 without both.
    """

    def __init__(self, connection: Connection, limit_s: float) -> None:
        self.passed = False
        self.elapsed_s = 0.0
        self._started_s = 0.0
        self._connection = connection
        self._over = False
        self._lock = threading.Lock()
        self._timer = threading.Timer(limit_s, self._pass)
        self._timer.name = "volc-inpaint-deadline"
        self._timer.daemon = True

    def start(self) -> None:
        """Let the time run."""
        self._started_s = time.monotonic()
        # Python 3.12 starts no thread any more while it ends; what is on the wire then must land all the same.
        with contextlib.suppress(RuntimeError):
            self._timer.start()

    def finish(self) -> None:
        """The call is over; the connection is never cut after this."""
        with self._lock:
            self._over = True
        self._timer.cancel()
        if self._started_s:
            self.elapsed_s = time.monotonic() - self._started_s

    def _pass(self) -> None:
        with self._lock:
            if not self._over:
                self.passed = True
                self._connection.cut()


class CountedBody(io.BytesIO):
    """A body that knows whether its last block was handed to the connection.

    Until then the service cannot have the whole request, and does not act on a part.

    Args:
        data: The body.
        on_sent: Called once, with the last block.
    """

    def __init__(self, data: bytes, on_sent: Callable[[], None]) -> None:
        super().__init__(data)
        self._size = len(data)
        self._on_sent = on_sent

    def __len__(self) -> int:
        return self._size

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file."""
        before, block = self.sent, super().read(size)
        if self.sent and not before:
            self._on_sent()
        return block

    @property
    def sent(self) -> bool:
        """See above."""
        return self.tell() >= self._size


class _Adapter(requests.adapters.HTTPAdapter):
    """Tells which socket a connection uses, also behind a proxy; `requests` itself does not."""

    def __init__(self, connected: Callable[[socket.socket], None]) -> None:
        self._connected = connected
        super().__init__(max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self._watch(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **options)
        if not known:
            self._watch(manager)
        return manager

    def _watch(self, manager: Any) -> None:
        manager.pool_classes_by_scheme = {
            scheme: type(
                pool.__name__, (pool,), {"ConnectionCls": self._watched(pool.ConnectionCls)}
            )
            for scheme, pool in manager.pool_classes_by_scheme.items()
        }

    def _watched(self, kind: Any) -> Any:
        connected = self._connected

        class Watched(kind):
            def connect(self) -> None:
                super().connect()
                connected(self.sock)

        return Watched
