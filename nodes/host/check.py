"""Asks the service which of its interfaces the configured keys may use, without buying anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..volcengine import key_sources
from ..volcengine.client import Client
from ..volcengine.codes import Check, Kind
from ..volcengine.errors import (
    APIConnectionError,
    APIResponseError,
    CredentialsError,
    InvalidResponseError,
)
from ..volcengine.models import INTERFACES
from ..volcengine.request import to_json
from ..words import InputError, Text
from .settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ..volcengine.connection import Connection
    from ..volcengine.models import Model

_TIMEOUT_S = 20.0

_GOOD = (Check.ACTIVATED, Check.CANNOT_TELL)
# They hold for every interface: asking for another one would only take time.
_OF_ALL = (
    Check.UNKNOWN_KEY, Check.WRONG_PAIR, Check.CLOCK, Check.NO_NETWORK, Check.NO_SERVICE,
)  # fmt: skip


class _Row(NamedTuple):
    """What one interface answered."""

    model: Model
    verdict: Check
    message: Text | None = None

    def shown(self) -> dict[str, Any]:
        missing = self.verdict is Check.NOT_ACTIVATED
        reason = None if missing or self.verdict in _GOOD else self.message
        return {
            "model": self.model.req_key,
            "says": self.model.says.pair(),
            "verdict": self.verdict.value,
            "message": reason.pair() if reason else None,
            "link": self.model.activated_at if missing else "",
        }


def check_keys(saved: Path, environ: Mapping[str, str], home: Path | None = None) -> dict[str, Any]:
    """Ask for each interface that the nodes use.

    The requests carry no picture. The gateway looks at keys, signature, clock and rights first; only a request that
    passes reaches the service, which refuses it for its parameters. The keys are looked for as by `key_sources.load`.

    Returns:
        `ok`, true where any interface may be used; `code`: ok, no_keys, unknown_key, wrong_secret, clock, no_permission,
        not_activated, no_network, no_service or refused; `message` in English and Chinese, None if ok; `rows`, one for
        each interface where they differ or are to be activated, with `model`, what it `says` it does, a `verdict`
        (activated, cannot_tell or one of the codes), a `message` with the reason of a refusal, and a `link` to where it is
        activated.
    """
    try:
        settings = Settings.from_environment(environ)
        keys = key_sources.load(saved=saved, environ=environ, home=home)
        timeout_s = min(settings.timeout_s, _TIMEOUT_S)
        client = Client(keys, settings.endpoint, read_timeout_s=timeout_s)
    except CredentialsError as error:
        return _summary("no_keys", error.text)
    except InputError as error:
        return _summary("refused", error.text)
    rows: list[_Row] = []
    with client.connection() as shared:  # one after the other: the account may have one place only
        for model in INTERFACES.values():
            alike = rows and rows[-1].verdict in _OF_ALL
            rows.append(rows[-1]._replace(model=model) if alike else _ask(client, model, shared))
    if any(row.verdict in _GOOD for row in rows):
        return _summary("ok", rows=rows)
    for row in rows:
        if row.verdict is Check.NOT_ACTIVATED:
            return _summary(row.verdict.value, row.message, rows)
    return _summary(rows[0].verdict.value, rows[0].message)


def _summary(code: str, message: Text | None = None, rows: Iterable[_Row] = ()) -> dict[str, Any]:
    return {
        "ok": code == "ok",
        "code": code,
        "message": message.pair() if message else None,
        "rows": [row.shown() for row in rows],
    }


def _ask(client: Client, model: Model, shared: Connection) -> _Row:
    try:
        client.call(model.action, to_json({"req_key": model.req_key}), over=shared)
    except APIResponseError as error:
        if error.row.kind is Kind.INTERFACE and model.as_pair:
            pair = _ask(client, model.as_pair, shared)
            if pair.verdict is Check.ACTIVATED:
                return pair._replace(model=model)
        return _Row(model, error.row.check, error.text)
    except APIConnectionError as error:
        unreached = Text(
            f"Volcengine could not be reached ({error.why.english}), so the keys were not checked.",
            f"无法连接火山引擎（{error.why.chinese}），密钥未能检查。",
        )
        return _Row(model, Check.NO_NETWORK, unreached + error.remedy)
    except InvalidResponseError as error:
        another = Text(
            f"Something else than Volcengine answered (HTTP {error.status_code}), so the keys were not checked. Check "
            "VOLC_ENDPOINT and any proxy in between.",
            f"应答并非来自火山引擎（HTTP {error.status_code}），密钥未能检查。请检查 VOLC_ENDPOINT 及中间代理。",
        )
        return _Row(model, Check.NO_SERVICE, another)
    return _Row(model, Check.ACTIVATED)
