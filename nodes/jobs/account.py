"""What the runs of one account share: its client, its limiter, its journal."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING

from ..volcengine.client import Client
from .journal import Journal
from .limiter import Limiter

if TYPE_CHECKING:
    from pathlib import Path

    from ..volcengine.credentials import Credentials


class Account:
    """One account and its journal.

    Attributes:
        as_tasks: Interfaces (`req_key`) whose synchronous call is no more, so that they are submitted as tasks.
        in_doubt: Keys whose last purchase here ended in doubt, and when, in seconds of the monotonic clock.
    """

    def __init__(self, client: Client, limiter: Limiter, journal: Journal) -> None:
        self.client = client
        self.limiter = limiter
        self.journal = journal
        self.as_tasks: set[str] = set()
        self.in_doubt: dict[str, float] = {}


_lock = threading.Lock()
_accounts: dict[tuple[object, ...], Account] = {}
# Of a folder one, whatever the keys: it knows which folder it was, and what still waits to be written into it.
_journal = functools.cache(Journal)


def open_account(
    credentials: Credentials,
    *,
    endpoint: str,
    max_concurrency: int,
    timeout_s: float,
    journal_directory: Path,
    journal_max_bytes: int,
    make_journal: bool = True,
) -> Account:
    """The account of these keys; what it learned of the allowance is kept as long as the process lives.

    Its journal's folder is made if need be, unless not `make_journal`: one that somebody named must be there.

    Raises:
        ValueError: The endpoint is neither https nor http on loopback.
    """
    keys = (credentials.access_key, credentials.secret_key, credentials.session_token)
    with _lock:
        journal = _journal(journal_directory, journal_max_bytes, make=make_journal)
        identity = (*keys, endpoint, max_concurrency, timeout_s, journal)
        if identity not in _accounts:
            client = Client(credentials, endpoint, read_timeout_s=timeout_s)
            _accounts[identity] = Account(client, Limiter(max_concurrency), journal)
        return _accounts[identity]
