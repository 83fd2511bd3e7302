"""A pack for test servers: a node that hands out tensors as other packs do, which no file could hold."""

from __future__ import annotations

from typing import Any

import torch


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


NODE_CLASS_MAPPINGS = {"OddTensor": OddTensor}
