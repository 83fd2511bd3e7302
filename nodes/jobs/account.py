"""One runner for each account and journal, shared by all nodes of the process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ..volcengine.client import Client
from .journal import Journal
from .limiter import Limiter
from .run import Runner

if TYPE_CHECKING:
    from pathlib import Path

    from ..volcengine.credentials import Credentials

_lock = threading.Lock()
_runners: dict[tuple[object, ...], Runner] = {}


def runner_for(
    credentials: Credentials,
    *,
    endpoint: str,
    max_concurrency: int,
    timeout_s: float,
    journal_directory: Path,
    journal_max_bytes: int,
) -> Runner:
    """The runner of an account; what it learned of the allowance is kept as long as the process lives.

    Args:
        credentials: The account.
        endpoint: Base URL of the service.
        max_concurrency: Calls at once, at most.
        timeout_s: For an answer, in seconds.
        journal_directory: The folder of paid pictures.
        journal_max_bytes: Its size limit.

    Raises:
        ValueError: The endpoint is neither https nor http on loopback.
    """
    identity = (
        credentials.access_key,
        credentials.secret_key,
        credentials.session_token,
        endpoint,
        max_concurrency,
        timeout_s,
        journal_directory,
        journal_max_bytes,
    )
    with _lock:
        if identity not in _runners:
            client = Client(credentials, endpoint, read_timeout_s=timeout_s)
            _runners[identity] = Runner(
                client, Limiter(max_concurrency), Journal(journal_directory, journal_max_bytes)
            )
        return _runners[identity]
