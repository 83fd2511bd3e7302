"""The routes behind the page's account: sums, calls that may have been billed, and all calls as a table."""

from __future__ import annotations

import asyncio
import csv
import io
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web

from ..jobs.book import open_book
from ..jobs.book_lines import BEIJING, sums
from ..volcengine.models import INTERFACES
from ..words import Text
from . import guard

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..jobs.book import Book

# The first three are what the bill shows of a call.
_COLUMNS = {
    "en": ("Time (UTC+8)", "Interface", "Request ID", "Action", "Outcome", "Code", "Seed",
           "Task ID", "Picture", "Node", "Compared"),
    "zh": ("时间（UTC+8）", "接口", "请求 ID", "Action", "结果", "错误码", "种子",
           "任务 ID", "图片", "节点", "已核对"),
}  # fmt: skip
_OUTCOMES = {
    "sent": Text("under way", "进行中"),
    "paid": Text("paid", "已付费"),
    "fetched": Text("paid, fetched later", "已付费，后来取回"),
    "failed": Text("failed", "失败"),
    "unknown": Text("unknown", "结果未知"),
}


def register(routes: web.RouteTableDef, journal: Callable[[], Path]) -> None:
    """Add the routes of the account book below `/volc_inpaint/`; `journal` tells its folder, and its error is told to the page."""

    @routes.get("/volc_inpaint/book")
    @guard.guarded
    async def show(_: web.Request) -> web.Response:
        return guard.answer(await asyncio.to_thread(account, open_book(journal())))

    @routes.post("/volc_inpaint/book/ticks")
    @guard.guarded
    async def tick(request: web.Request) -> web.Response:
        book = open_book(journal())
        values = await guard.read_json(request)
        if not isinstance(values, dict) or set(values) != {"call", "ticked"}:
            raise web.HTTPBadRequest(text="an object of call and ticked expected")
        reading = await asyncio.to_thread(book.read)
        call = reading.calls.get(values["call"]) if isinstance(values["call"], str) else None
        if call is None or call.state != "unknown":
            raise web.HTTPNotFound
        await asyncio.to_thread(book.tick, call.number, ticked=values["ticked"] is True)
        return guard.answer(await asyncio.to_thread(account, book))

    @routes.get("/volc_inpaint/book.csv")
    @guard.guarded
    async def export(request: web.Request) -> web.Response:
        language = "zh" if request.query.get("lang") == "zh" else "en"
        text = await asyncio.to_thread(table, open_book(journal()), language)
        name = datetime.now(BEIJING).strftime("volcengine-calls-%Y-%m-%d.csv")
        headers = {**guard.UNCACHED, "Content-Disposition": f'attachment; filename="{name}"'}
        return web.Response(text=text, content_type="text/csv", charset="utf-8", headers=headers)


def account(book: Book) -> dict[str, Any]:
    """The sums of the book, and the calls that may have been billed, newest first.

    Raises:
        OSError: It cannot be read.
    """
    reading = book.read()
    unknown = [call for call in reading.calls.values() if call.state == "unknown"]
    return {
        "sums": sums(reading, time.time()),
        "unknown": [
            {
                "call": call.number,
                "at": call.at,
                "model": call.asked.model,
                "seed": call.asked.seed,
                "prompt": call.asked.prompt,
                "request_id": call.request_id,
                "task_id": call.task_id,
                "node": call.asked.node,
                "ticked": call.ticked,
            }
            for call in sorted(unknown, key=lambda call: -call.at)
        ],
    }


def table(book: Book, language: str) -> str:
    """The calls as CSV in a `language`, en or zh, newest first, with the mark by which spreadsheets know UTF-8.

    Raises:
        OSError: The book cannot be read.
    """
    text = io.StringIO()
    text.write("\ufeff")
    writer = csv.writer(text)
    writer.writerow(_COLUMNS[language])
    for call in sorted(book.read().calls.values(), key=lambda call: -call.at):
        asked = call.asked
        row = (
            datetime.fromtimestamp(call.at, BEIJING).strftime("%Y-%m-%d %H:%M:%S"),
            asked.model,
            call.request_id,
            INTERFACES[asked.model].action if asked.model in INTERFACES else "",
            _OUTCOMES[call.state].pair()[language],
            call.code or "",
            "" if asked.seed is None else asked.seed,
            call.task_id,
            asked.key,
            asked.node,
            "x" if call.ticked else "",
        )
        writer.writerow([_text(value) for value in row])
    return text.getvalue()


def _text(value: object) -> str:
    """A cell that no spreadsheet takes for a formula: names and ids come from elsewhere."""
    text = str(value)
    return f"'{text}" if text[:1] in tuple("=+-@\t\r") else text
