"""Routes of aiohttp on a loopback port, without a ComfyUI around them."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def serving(routes: web.RouteTableDef) -> Iterator[str]:
    """Answer them; yields where those of the pack begin."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    ports: list[int] = []

    async def start() -> web.AppRunner:
        app = web.Application()
        app.add_routes(routes)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ports.append(runner.addresses[0][1])
        ready.set()
        return runner

    def serve() -> None:
        runner = loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())

    thread = threading.Thread(target=serve)
    thread.start()
    ready.wait()
    try:
        yield f"http://127.0.0.1:{ports[0]}/volc_inpaint"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
