"""Volc Inpaint: Volcengine's inpainting interface as ComfyUI nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from comfy_api.latest import ComfyExtension

WEB_DIRECTORY = "./web"


async def comfy_entrypoint() -> ComfyExtension:
    """Called once by ComfyUI; everything else is imported only then."""
    from .nodes.extension import VolcInpaintExtension

    return VolcInpaintExtension()
