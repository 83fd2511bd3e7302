"""The pack as ComfyUI sees it: its nodes and its routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfy_api.latest import ComfyExtension

from .host import book_page, console, daily_limit, gallery, keys_page, older, other_copy, server
from .inpaint import VolcInpaint
from .inpaint_url import VolcInpaintURL
from .jobs import ending
from .logo_info import LogoInfo
from .mask_normalize import MaskNormalize
from .pick_variant import VolcPickVariant
from .segment import VolcSegment

if TYPE_CHECKING:
    from comfy_api.latest import io


class VolcInpaintExtension(ComfyExtension):
    """Hands ComfyUI the list of nodes.

    Raises:
        TooOldError: Of this ComfyUI the pack is not to be used.
    """

    def __init__(self) -> None:
        console.guard(__package__)
        older.check()

    async def on_load(self) -> None:
        """Called once, before the server starts and asks for the nodes.

        Raises:
            InstalledTwiceError: Another copy of the pack is to be used.
        """
        routes, private = server.routes(), server.private_directory()
        other_copy.check(routes)
        keys_page.register(routes, server.credentials_file())
        gallery.register(routes, server.configured_journal)
        book_page.register(routes, server.configured_journal)
        daily_limit.register(routes, private, server.configured_journal)
        server.log_journal()
        ending.install()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """The nodes, in the order of the menu."""
        return [VolcInpaint, MaskNormalize, LogoInfo, VolcPickVariant, VolcSegment, VolcInpaintURL]
