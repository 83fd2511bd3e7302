"""The limit of calls a day as the settings page sees it: kept on the server, unless its environment sets it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from aiohttp import web

from ..jobs.book import open_book
from ..jobs.limit import Limit
from ..words import InputError
from . import guard
from .private_file import write
from .settings import MAX_CALLS_PER_DAY, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

FILE_NAME = "limit.json"
_LOG = logging.getLogger(__name__)


class DailyLimit(NamedTuple):
    """How many calls a day, and who says so.

    Attributes:
        calls: 0 for no limit.
        source: `environment`, `settings`, or empty.
    """

    calls: int
    source: str


def load(directory: Path, environ: Mapping[str, str] = os.environ) -> DailyLimit:
    """The limit: the environment's, else what the settings page saved in the pack's private folder, else none.

    Raises:
        InputError: What is set or saved is no number of calls; nothing may be bought then, for a limit was meant.
    """
    limit = Settings.from_environment(environ).calls_per_day
    if limit is not None:
        return DailyLimit(limit, "environment")
    try:
        calls = json.loads((directory / FILE_NAME).read_bytes())["calls_per_day"]
    except FileNotFoundError:
        return DailyLimit(0, "")
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InputError(
            f"Whether a limit of calls a day was set cannot be read from user/__volc_inpaint of the ComfyUI server ({why}), so "
            "nothing is bought. Correct its rights, or set VOLC_MAX_CALLS_PER_DAY in the server's environment (0: no limit) and "
            "restart.",
            f"无法从 ComfyUI 服务器的 user/__volc_inpaint 文件夹读取是否设置了每日调用上限（{why}），因此不会购买。请修正其权限，"
            "或在服务器环境变量中设置 VOLC_MAX_CALLS_PER_DAY（0 表示不限）后重启。",
        ) from error
    except (ValueError, KeyError, TypeError):
        calls = None
    if not _possible(calls):
        raise InputError(
            "The limit of calls a day that was saved on the settings page cannot be read, so nothing is bought. Set it again "
            "in Settings › Volcengine.",
            "无法读取在设置页面保存的每日调用上限，因此不会购买。请在“设置 › Volcengine”中重新设置。",
        )
    return DailyLimit(calls, "settings" if calls else "")


def register(
    routes: web.RouteTableDef,
    directory: Path,
    journal: Callable[[], Path],
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Add the route below `/volc_inpaint/` that reads and sets the limit; `journal` tells its folder, and its error is told to the page."""

    def state() -> dict[str, Any]:
        limit = load(directory, environ)
        left = Limit(open_book(journal()), limit.calls).left() if limit.calls else None
        return {"calls": limit.calls, "left": left, "source": limit.source}

    @routes.get("/volc_inpaint/limit")
    @guard.guarded
    async def show(_: web.Request) -> web.Response:
        return guard.answer(await asyncio.to_thread(state))

    @routes.post("/volc_inpaint/limit")
    @guard.guarded
    async def save(request: web.Request) -> web.Response:
        values = await guard.read_json(request)
        if not isinstance(values, dict) or set(values) != {"calls"}:
            raise web.HTTPBadRequest(text="an object of calls expected")
        calls = values["calls"]
        if not _possible(calls):
            raise InputError(
                f"The limit must be a whole number from 0 (none) to {MAX_CALLS_PER_DAY}.",
                f"上限应为 0（不限）到 {MAX_CALLS_PER_DAY} 之间的整数。",
            )
        content = json.dumps({"calls_per_day": calls}).encode()
        await asyncio.to_thread(write, directory / FILE_NAME, content)
        _LOG.info("Volc Inpaint: the settings page set the limit to %d calls a day", calls)
        return guard.answer(await asyncio.to_thread(state))


def _possible(calls: Any) -> bool:
    return type(calls) is int and 0 <= calls <= MAX_CALLS_PER_DAY
