"""The keys as the settings page sees them: they can be saved, checked and removed, never read."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import stat
from typing import TYPE_CHECKING

from aiohttp import web

from ..volcengine import key_sources
from ..volcengine.credentials import Credentials
from ..volcengine.errors import CredentialsError, MissingCredentialsError
from ..words import Text
from . import guard
from .check import check_keys
from .private_file import write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FIELDS = ("access_key", "secret_key", "session_token")


def register(
    routes: web.RouteTableDef,
    saved: Path,
    environ: Mapping[str, str] = os.environ,
    home: Path | None = None,
) -> None:
    """Add the routes below `/volc_inpaint/` that the settings page calls.

    Args:
        routes: ComfyUI's (`PromptServer.instance.routes`), before the server starts.
        saved: Where keys are kept, in a folder that the server never serves; made with mode 0700 when keys are saved.
        environ: Where keys and settings of the operator are looked up.
        home: The folder that holds ``.volc``; the user's own by default.
    """
    guarded = functools.partial(guard.guarded, failed=_unwritable)

    async def state() -> web.Response:
        """Read beside the server's loop: the files may lie on a share."""
        return guard.answer(await asyncio.to_thread(_state, saved, environ, home))

    @routes.get("/volc_inpaint/credentials")
    @guarded
    async def show(_: web.Request) -> web.Response:
        return await state()

    @routes.post("/volc_inpaint/credentials")
    @guarded
    async def save(request: web.Request) -> web.Response:
        values = await guard.read_json(request)
        if not isinstance(values, dict) or not set(values) <= set(_FIELDS):
            raise web.HTTPBadRequest(text=f"an object of {', '.join(_FIELDS)} expected")
        if not all(isinstance(value, str) for value in values.values()):
            raise web.HTTPBadRequest(text="texts expected")
        keys = {name: key_sources.clean(values.get(name, "")) for name in _FIELDS}
        Credentials(**keys)
        await asyncio.to_thread(write, saved, json.dumps(keys).encode())
        return await state()

    @routes.delete("/volc_inpaint/credentials")
    @guarded
    async def remove(_: web.Request) -> web.Response:
        await asyncio.to_thread(saved.unlink, missing_ok=True)
        return await state()

    @routes.post("/volc_inpaint/check")
    @guarded
    async def check(request: web.Request) -> web.Response:
        await guard.read_json(request)
        return guard.answer(await asyncio.to_thread(check_keys, saved, environ, home))


def _state(saved: Path, environ: Mapping[str, str], home: Path | None) -> dict[str, object]:
    """What the page may know; of the keys, the last four characters of the public one."""
    tail, source, message = "", "", None
    try:
        keys = key_sources.load(saved=saved, environ=environ, home=home)
        tail, source = keys.tail, keys.source
    except CredentialsError as error:
        # that there are none, the page says in its own words
        if not isinstance(error, MissingCredentialsError) or error.seen:
            message = error.text.pair()
    return {
        "configured": bool(source),
        "tail": tail,
        "source": source,
        "message": message,
        "saved": saved.exists(),
        "readable": _readable(saved),
    }


def _readable(saved: Path) -> bool:
    """Whether the mode of the file lets others than its owner read it: so on Windows and on its file systems, always.

    There the rights of the folder count instead; Python 3.12.4 and later gives a new one to its maker alone
    (https://docs.python.org/3/library/os.html#os.mkdir).
    """
    try:
        return bool(saved.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
    except OSError:
        return False


def _unwritable(why: str) -> Text:
    return Text(
        f"The saved keys cannot be changed ({why}). Correct the rights of the folder user/__volc_inpaint of the ComfyUI "
        "server, or set the keys in its environment.",
        f"无法更改已保存的密钥（{why}）。请修正 ComfyUI 服务器上 user/__volc_inpaint 文件夹的权限，或在其环境变量中设置密钥。",
    )
