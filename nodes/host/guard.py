"""What every route of the pack does alike: it turns other sites' pages away, reads no more than it expects, says why not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aiohttp import web

from ..volcengine.errors import CredentialsError
from ..words import InputError, Text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MAX_BODY_BYTES = 8192
# Nobody else may embed an answer or guess its type; and nothing in it may run.
HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
_USUAL_PORTS = {"http": ":80", "https": ":443"}
UNCACHED = {**HEADERS, "Cache-Control": "no-store"}


def answer(content: dict[str, Any], status: int = 200) -> web.Response:
    """An answer in JSON that no cache keeps."""
    return web.json_response(content, status=status, headers=UNCACHED)


def _unreadable(why: str) -> Text:
    return Text(
        f"The folder of paid pictures, or user/__volc_inpaint of the ComfyUI server, cannot be read or changed ({why}). "
        "Correct its rights, or make room on its disk.",
        f"无法读取或更改已付费图片的文件夹或 ComfyUI 服务器的 user/__volc_inpaint 文件夹（{why}）。请修正其权限或清理磁盘空间。",
    )


_FOREIGN = Text(
    "This was asked for by a page of another site, by what the request says of itself. If it was not, a proxy before ComfyUI "
    "changes the name of the server: have it pass on the Host header (nginx: proxy_set_header Host $http_host).",
    "根据请求头，该请求来自其他网站的页面，已拒绝。若并非如此，则是 ComfyUI 前的反向代理改变了服务器名称：请让它传递 Host 请求头"
    "（nginx：proxy_set_header Host $http_host）。",
)


def guarded(handler: Handler, failed: Callable[[str], Text] = _unreadable) -> Handler:
    """Turn away what another site's page sends, also where ComfyUI's own check is switched off; tell the page what failed.

    Where the operating system refuses, `failed` makes what is told of its reason.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        if _foreign(request):
            return answer({"message": _FOREIGN.pair()}, status=403)
        try:
            return await handler(request)
        except (InputError, CredentialsError) as error:
            why = error.text
        except OSError as error:
            why = failed(error.strerror or type(error).__name__)
        return answer({"message": why.pair()}, status=400)

    return handle


def _foreign(request: web.Request) -> bool:
    """By the word of the browser; of one that gives none, as over plain http, by whether it went where its page is from."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site not in ("same-origin", "none")
    if (origin := request.headers.get("Origin")) is None:
        return False
    page = urlsplit(origin.lower())
    # which a proxy may add
    host = request.host.lower().removesuffix(_USUAL_PORTS.get(page.scheme, ""))
    return page.netloc != host


async def read_json(request: web.Request) -> Any:
    """The JSON of a request.

    Raises:
        HTTPException: It is none, is larger than 8 kB, or comes as what a page of another site can send without asking.
    """
    # a page of another site can send a form without asking, but not this type
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="application/json expected")
    # aiohttp unpacks: 8 kB of gzip may be 8 MB of text
    if "Content-Encoding" in request.headers:
        raise web.HTTPUnsupportedMediaType(text="no Content-Encoding expected")
    if request.content_length is None:
        raise web.HTTPLengthRequired(text="Content-Length expected")
    if request.content_length > MAX_BODY_BYTES:
        raise web.HTTPRequestEntityTooLarge(MAX_BODY_BYTES, request.content_length)
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(text="not JSON") from None
