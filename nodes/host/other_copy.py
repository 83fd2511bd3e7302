"""The pack installed twice, by ComfyUI Manager and by git for instance: ComfyUI would take the nodes of one copy and the routes of the other.

Then the one whose nodes pay is not the one that answers the end of the process.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from ..words import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

_OURS = "/volc_inpaint/"


class InstalledTwiceError(RuntimeError):
    """Another copy of the pack is loaded already."""


def check(routes: Iterable[web.AbstractRouteDef]) -> None:
    """Leave everything to the copy that was loaded first, whose routes are among `routes`. This one may be loaded again.

    Raises:
        InstalledTwiceError: There is such a copy; names both folders.
    """
    here = _pack(__file__)
    for route in routes:
        if isinstance(route, web.RouteDef) and route.path.startswith(_OURS):
            other = _pack(inspect.getfile(inspect.unwrap(route.handler)))
            if other != here:
                text = Text(
                    f"Volc Inpaint is installed twice. The copy in {other} is used, and nothing of the one in {here} was loaded. "
                    "Delete one of the two folders and restart ComfyUI; the keys and what was paid are in neither.",
                    f"Volc Inpaint 安装了两份。正在使用 {other} 中的一份，未加载 {here} 中的任何内容。"
                    "请删除其中一个文件夹并重启 ComfyUI；密钥和已付费的图片不在这两个文件夹中。",
                )
                raise InstalledTwiceError(text.lines())


def _pack(file: str) -> Path:
    """The folder of the pack that a file of `nodes/host` is in."""
    return Path(file).parents[2]
