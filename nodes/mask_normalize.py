"""MaskNormalize: any mask becomes a hard one of the picture's size, cleaned up in true pixels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from comfy_api.latest import io

from .host.values import Choice, Number, check_names
from .pixels import masks, morphology, overlay, pictures
from .words import InputError, Text

if TYPE_CHECKING:
    from collections.abc import Callable

THRESHOLD = Number("threshold", masks.THRESHOLD, 0.01, 0.99, step=0.01)
CLOSE_GAPS = Number("close_gaps", 0, 0, 256)
REMOVE_SPECKS = Number("remove_specks", 0, 0, 1_000_000)
GROW = Number("grow", 0, -256, 256)
SIZE_MISMATCH = Choice("size_mismatch", ("resize", "stretch", "error"), "resize")
MULTI_MASK = Choice("multi_mask", ("union", "per_image"), "union")
ON_EMPTY = Choice("on_empty", ("error", "pass"), "error")

_MOSTLY_MASKED = 0.95


class MaskNormalize(io.ComfyNode):
    """Thresholds, fits and cleans masks; calls nothing and costs nothing."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The node's inputs and outputs; ids, names and order are a public contract."""
        return io.Schema(
            node_id="MaskNormalize",
            display_name="Mask Normalize (Volc)",
            category="Volcengine",
            description="Makes a hard mask of the picture's size from any mask, in this order: threshold, unite, "
            "resize, invert, remove specks, close gaps, fill holes, grow.",
            search_aliases=["mask cleanup", "grow mask", "threshold mask", "遮罩规范化", "遮罩"],
            inputs=[
                io.Mask.Input("mask", tooltip="One mask or several. White (1) is repainted."),
                io.Float.Input(
                    **THRESHOLD.widget,
                    tooltip="This bright or brighter counts as masked.",
                ),
                io.Boolean.Input(
                    "invert",
                    default=False,
                    tooltip="Swap masked and unmasked, after the threshold.",
                ),
                io.Boolean.Input(
                    "fill_holes",
                    default=False,
                    tooltip="Fill holes enclosed on all sides; one open to the picture's edge stays open.",
                ),
                io.Int.Input(
                    **CLOSE_GAPS.widget,
                    tooltip="Bridge gaps up to this many pixels wide.",
                ),
                io.Int.Input(
                    **REMOVE_SPECKS.widget,
                    tooltip="Remove islands of up to this many pixels in area.",
                ),
                io.Int.Input(
                    **GROW.widget,
                    tooltip="Widen the mask by this many pixels on all sides; a negative number narrows it.",
                ),
                io.Combo.Input(
                    **SIZE_MISMATCH.widget,
                    tooltip="For a mask that is not of the picture's size. resize: scale it, only if the aspect "
                    "ratio is the same; stretch: scale it anyway; error: stop.",
                ),
                io.Combo.Input(
                    **MULTI_MASK.widget,
                    tooltip="For several masks. union: one mask with all of them; per_image: each by itself, one for "
                    "each picture.",
                ),
                io.Combo.Input(
                    **ON_EMPTY.widget,
                    tooltip="When nothing is masked. error: stop before anything is paid; pass: hand the black mask on.",
                ),
                io.Image.Input(
                    "image", optional=True, tooltip="The picture whose size the mask must have."
                ),
            ],
            outputs=[
                io.Mask.Output("mask", tooltip="The mask: every pixel exactly 0 or 1."),
                io.Image.Output(
                    "preview",
                    tooltip="The mask in red over the picture, or by itself in black and white.",
                ),
                io.Float.Output("coverage", tooltip="The masked share of all pixels, 0 to 1."),
                io.String.Output("report", tooltip="What each step changed, and notes, as JSON."),
            ],
        )

    @classmethod
    def execute(
        cls,
        mask: torch.Tensor,
        threshold: float,
        invert: bool,
        fill_holes: bool,
        close_gaps: int,
        remove_specks: int,
        grow: int,
        size_mismatch: str,
        multi_mask: str,
        on_empty: str,
        image: torch.Tensor | None = None,
        **others: Any,
    ) -> io.NodeOutput:
        """Normalise one mask or several.

        Returns:
            The mask, [N, H, W] contiguous float32 on the CPU, exactly 0 or 1; the preview, [M, H, W, 3] float32;
            the coverage, 0..1; the report, JSON.

        Raises:
            ValueError: A linked value that is none of the widget's, wrong rank or type, another size than the picture's, as many masks as fit no picture, or
                nothing masked, unless `on_empty` lets that pass.
        """
        check_names(others)
        size_mismatch = SIZE_MISMATCH.read(size_mismatch)
        multi_mask, on_empty = MULTI_MASK.read(multi_mask), ON_EMPTY.read(on_empty)
        threshold, grow = THRESHOLD.read(threshold), GROW.read(grow)
        close_gaps, remove_specks = CLOSE_GAPS.read(close_gaps), REMOVE_SPECKS.read(remove_specks)
        given = masks.read(mask)
        stack = given.stack
        if image is not None:
            pictures.check_images(image)
        layers = masks.binarise(stack, threshold)
        if on_empty == "error":
            masks.check_not_empty([masks.union(layers)], stack, threshold)

        notes: list[Text] = []
        wanted = len(image) if image is not None else 1
        if multi_mask == "union" and len(layers) > 1:
            notes.append(
                Text(
                    f"{len(layers)} masks became one; per_image keeps one for each picture.",
                    f"{len(layers)} 个遮罩已合并为一个；“多个遮罩”（multi_mask）设为 per_image 可为每张图片保留各自的遮罩。",
                )
            )
            layers = [masks.union(layers)]
        elif wanted > 1:
            layers = masks.match_count(layers, wanted)
        if on_empty == "error":
            masks.check_not_empty(layers, stack, threshold)
        if image is not None:
            height, width = image.shape[1:3]
            layers = [_fit(layer, height, width, size_mismatch) for layer in layers]

        steps: list[tuple[str, Callable[[masks.Mask], masks.Mask]]] = []
        if invert:
            steps.append(("invert", np.logical_not))
        if remove_specks:
            steps.append(
                ("remove_specks", lambda layer: morphology.remove_specks(layer, remove_specks))
            )
        if close_gaps:
            steps.append(("close_gaps", lambda layer: morphology.close_gaps(layer, close_gaps)))
        if fill_holes:
            steps.append(("fill_holes", morphology.fill_holes))
        if grow:
            steps.append(("grow", lambda layer: morphology.grow(layer, grow)))

        changes: list[dict[str, Any]] = []
        for name, step in steps:
            before, layers = layers, [step(layer) for layer in layers]
            added = sum(
                int(np.count_nonzero(new & ~old)) for old, new in zip(before, layers, strict=True)
            )
            removed = sum(
                int(np.count_nonzero(old & ~new)) for old, new in zip(before, layers, strict=True)
            )
            changes.append({"step": name, "added": added, "removed": removed})
        empty = [number for number, layer in enumerate(layers, 1) if not layer.any()]
        if empty and on_empty == "error":
            raise _emptied(empty[0], len(layers), changes)

        result = torch.from_numpy(np.stack(layers)).to(torch.float32)
        coverage = sum(int(np.count_nonzero(layer)) for layer in layers) / result.numel()
        if empty:
            notes.append(
                Text(
                    f"Nothing is masked in mask {', '.join(map(str, empty))}.",
                    f"遮罩 {'、'.join(map(str, empty))} 没有遮罩区域。",
                )
            )
        if coverage > _MOSTLY_MASKED:
            notes.append(
                Text(
                    f"{coverage:.0%} of the pixels are masked. Is the mask inverted?",
                    f"{coverage:.0%} 的像素被遮罩，遮罩是否反了？",
                )
            )
        report = {
            "masks": len(layers),
            "size": [result.shape[2], result.shape[1]],
            "size_before": [stack.shape[2], stack.shape[1]],
            "threshold": threshold,
            "brightest": float(stack.nan_to_num(nan=0.0).max()),
            "coverage": coverage,
            "steps": changes,
            "notes": [note.line() for note in notes],
        }
        return io.NodeOutput(
            result,
            overlay.preview(result, image),
            coverage,
            json.dumps(report, ensure_ascii=False, indent=1),
        )


def _fit(layer: masks.Mask, height: int, width: int, size_mismatch: str) -> masks.Mask:
    if size_mismatch == "resize" and not layer.any():
        # nothing that could be distorted: Load Image's 64x64 zeros, let through by `on_empty`
        return np.zeros((height, width), bool)
    if size_mismatch == "stretch":
        return masks.resize(layer, height, width)
    if size_mismatch == "error" and layer.shape != (height, width):
        raise masks.size_error(layer, height, width)
    return masks.match_size(layer, height, width)


def _emptied(number: int, count: int, changes: list[dict[str, Any]]) -> InputError:
    which_en, which_zh = (f" {number} of {count}", f" {number}/{count}") if count > 1 else ("", "")
    cause = next(change["step"] for change in reversed(changes) if change["removed"])
    return InputError(
        Text(
            f"Nothing is left of mask{which_en} after {cause}. Use a smaller value there, another mask, or set "
            "on_empty to pass.",
            f"遮罩{which_zh}在 {cause} 之后没有剩余区域。请减小该值、更换遮罩，或将“遮罩为空时”（on_empty）设为 pass。",
        )
    )
