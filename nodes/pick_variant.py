"""VolcPickVariant: one of several pictures, chosen by its number or by clicking on the node."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from .host.older import keeps_preview
from .host.previews import previews
from .host.values import Number, check_names, error, whole
from .pixels.pictures import to_uint8
from .words import InputError

if TYPE_CHECKING:
    import torch

PICK = Number("pick", 0, 0, 2**31 - 1)
# As many as a grid shows that a person can still click on; a larger number is typed.
SHOWN = 64

# The grid shows the small one, so that eight pictures of 2048² cost the canvas nothing; the larger view the other.
_SIDES = {"small": 512, "large": 1600}


class VolcPickVariant(io.ComfyNode):
    """Passes one picture of a batch on, or all of them; calls nothing and costs nothing."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The node's inputs and outputs; ids, names and order are a public contract."""
        return io.Schema(
            node_id="VolcPickVariant",
            display_name="Pick Variant (Volc)",
            category="Volcengine",
            description="Shows the pictures of a batch with their numbers; click one to pass only that one on, click "
            "it again for all. Picking never pays: only what hangs behind this node runs again.",
            search_aliases=["choose", "select image", "image picker", "挑选", "选图"],
            **keeps_preview(),
            inputs=[
                io.Image.Input("images", tooltip="The pictures to choose from."),
                io.Int.Input(
                    **PICK.widget,
                    tooltip="The number of the picture to pass on, counted from 1; 0 passes all.",
                ),
            ],
            outputs=[
                io.Image.Output("images", tooltip="The picked picture, or all of them."),
                io.Int.Output("index", tooltip="The number that was picked; 0 for all."),
            ],
        )

    @classmethod
    def execute(cls, images: torch.Tensor, pick: int, **others: Any) -> io.NodeOutput:
        """Return picture `pick` of `images` [B, H, W, C], or all of them for 0.

        Raises:
            InputError: There is no picture with that number.
        """
        check_names(others)
        count = len(images)
        number = whole(pick)
        if number is None:
            raise error("pick", pick, "a whole number", "整数")
        if not 0 <= number <= count:  # a linked number may be anything
            raise InputError(
                f"Picture {number} was picked, but only {count} arrived. Pick a number from 1 to {count}, or 0 for all.",
                f"选择了第 {number} 张，但只收到 {count} 张图片。请选择 1 到 {count}，或用 0 表示全部。",
            )
        picked = images if number == 0 else images[number - 1 : number]
        shown = []
        with contextlib.suppress(OSError):  # a full disk costs the thumbnails, not the run
            for image in images[:SHOWN]:
                files = previews(to_uint8(image), *_SIDES.values())
                shown.append(dict(zip(_SIDES, files, strict=True)))
        return io.NodeOutput(picked, number, ui={"volc_pick": shown, "volc_pick_count": [count]})
