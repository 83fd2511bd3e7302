"""The routes behind the page of paid pictures: listed, shown small and whole, deleted; each by its key only."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import uuid
from typing import TYPE_CHECKING

from aiohttp import web
from PIL import Image, ImageOps

from ..jobs.book import open_book
from ..jobs.files import open_private
from ..jobs.gallery import KEY, Gallery
from . import guard

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Longest side of a thumbnail, in pixels.
THUMBNAIL_SIDE = 256
_TYPES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png", b"RIFF": "image/webp"}
# A key stands for one picture, but for one that was deleted and bought again.
_CACHED = {**guard.HEADERS, "Cache-Control": "private, max-age=3600"}


def register(routes: web.RouteTableDef, journal: Callable[[], Path]) -> None:
    """Add the routes of pictures below `/volc_inpaint/`; `journal` tells its folder, and its error is told to the page."""
    one = f"/volc_inpaint/pictures/{{key:{KEY.pattern}}}"

    @routes.get("/volc_inpaint/pictures")
    @guard.guarded
    async def show_all(_: web.Request) -> web.Response:
        gallery = gallery_of(journal())
        pictures = await asyncio.to_thread(gallery.pictures)
        answer = guard.answer(
            {
                "pictures": [
                    {
                        "key": picture.key,
                        "at": picture.at,
                        "request_id": picture.request_id,
                        "model": picture.asked.model,
                        "seed": picture.asked.seed,
                        "prompt": picture.asked.prompt,
                        "node": picture.asked.node,
                    }
                    for picture in pictures
                ]
            }
        )
        answer.enable_compression()
        asyncio.get_running_loop().run_in_executor(None, gallery.drop_thumbnails)
        return answer

    @routes.get(one)
    @guard.guarded
    async def show(request: web.Request) -> web.Response:
        data = await asyncio.to_thread(gallery_of(journal()).open, request.match_info["key"])
        kind = _type(data or b"")
        if not data or not kind:
            raise web.HTTPNotFound
        return web.Response(body=data, content_type=kind, headers=_CACHED)

    @routes.get(one + "/thumbnail")
    @guard.guarded
    async def show_small(request: web.Request) -> web.Response:
        data = await asyncio.to_thread(thumbnail, gallery_of(journal()), request.match_info["key"])
        if data is None:
            raise web.HTTPNotFound
        return web.Response(body=data, content_type="image/jpeg", headers=_CACHED)

    @routes.delete(one)
    @guard.guarded
    async def delete(request: web.Request) -> web.Response:
        if not await asyncio.to_thread(gallery_of(journal()).delete, request.match_info["key"]):
            raise web.HTTPNotFound
        return guard.answer({})


@functools.lru_cache(maxsize=4)
def gallery_of(journal: Path) -> Gallery:
    """The gallery of a journal; it remembers what it read."""
    return Gallery(journal, open_book(journal))


def thumbnail(gallery: Gallery, key: str) -> bytes | None:
    """A picture in a JPEG of at most 256x256 pixels, made once; None if there is no picture.

    Raises:
        OSError: It is there, but cannot be read.
    """
    path = gallery.thumbnail(key)
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    data = gallery.open(key)
    if data is None or not _type(data):
        return None
    try:
        with Image.open(io.BytesIO(data)) as picture:
            picture.draft("RGB", (THUMBNAIL_SIDE * 2, THUMBNAIL_SIDE * 2))
            picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), reducing_gap=2)
            # A map of entities holds small numbers, which would all look black.
            small = ImageOps.autocontrast(picture) if picture.mode == "L" else picture
            buffer = io.BytesIO()
            small.convert("RGB").save(buffer, "JPEG", quality=80)
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    made = buffer.getvalue()
    with contextlib.suppress(OSError):  # a full disk costs no more than making it again
        for folder in (path.parent.parent, path.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        partial = path.with_name(f"{uuid.uuid4().hex}.partial")
        try:
            with open(partial, "xb", opener=open_private) as file:
                file.write(made)
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
    return made


def _type(data: bytes) -> str:
    return next((kind for magic, kind in _TYPES.items() if data.startswith(magic)), "")
