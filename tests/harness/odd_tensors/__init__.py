"""A pack for test servers: nodes that do what those of other packs do, and no file could."""

from __future__ import annotations

import json
from typing import Any

import torch
from comfy_execution.graph_utils import GraphBuilder


class OddTensor:
    """Works an expression out; `image` and `mask` are what is connected."""

    RETURN_TYPES = ("IMAGE", "MASK")
    FUNCTION = "make"
    CATEGORY = "testing"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - ComfyUI's name
        """As ComfyUI asks for it."""
        return {
            "required": {"expression": ("STRING", {"default": ""})},
            "optional": {"image": ("IMAGE",), "mask": ("MASK",)},
        }

    def make(self, expression: str, image: Any = None, mask: Any = None) -> tuple[Any, Any]:
        """The same tensor for both outputs."""
        found = eval(expression, {"torch": torch, "image": image, "mask": mask})
        return found, found


class Loop:
    """Repaints a picture several times, one after the other: it grows into nodes of that many."""

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "grow"
    CATEGORY = "testing"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - ComfyUI's name
        """As ComfyUI asks for it."""
        inputs = {"image": ("IMAGE",), "mask": ("MASK",), "times": ("INT",), "widgets": ("STRING",)}
        return {"required": inputs}

    def grow(self, image: Any, mask: Any, times: int, widgets: str) -> dict[str, Any]:
        """As ComfyUI wants it."""
        graph = GraphBuilder()
        for _ in range(times):
            node = graph.node("VolcInpaint", image=image, mask=mask, **json.loads(widgets))
            image = node.out(0)
        return {"result": (image,), "expand": graph.finalize()}


NODE_CLASS_MAPPINGS = {"OddTensor": OddTensor, "Loop": Loop}
