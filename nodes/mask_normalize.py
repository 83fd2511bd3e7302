"""MaskNormalize: any mask becomes a hard one of the picture's size, cleaned up in true pixels."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from comfy_api.latest import io

from .host.values import Choice, Number, check_names
from .pixels import mask_notes, masks, matching, morphology, overlay, pictures
from .words import InputError, Text, numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import torch

    Step = Callable[[masks.Mask], masks.Mask]

THRESHOLD = Number("threshold", masks.THRESHOLD, 0.01, 0.99, step=0.01)
CLOSE_GAPS = Number("close_gaps", 0, 0, 256)
REMOVE_SPECKS = Number("remove_specks", 0, 0, 1_000_000)
GROW = Number("grow", 0, -256, 256)
SIZE_MISMATCH = Choice("size_mismatch", ("resize", "stretch", "error"), "resize")
MULTI_MASK = Choice("multi_mask", ("auto", "union", "per_image"), "auto")
ON_EMPTY = Choice("on_empty", ("error", "pass"), "error")


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
                    tooltip="For several masks. auto: as many as there are pictures are one for each, several for one "
                    "picture are united, without a picture each stays by itself; union: one mask with all of them; "
                    "per_image: each by itself, one for each picture.",
                ),
                io.Combo.Input(
                    **ON_EMPTY.widget,
                    tooltip="When nothing is masked. error: stop before anything is paid; pass: hand the black mask on; of "
                    "a batch, that picture then comes back as it was and costs nothing.",
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
            The mask, [N, H, W] contiguous float32 on the CPU, exactly 0 or 1; the preview, [M, h, w, 3] float32,
            of many, h and w smaller than H and W; the coverage, 0..1; the report, JSON.

        Raises:
            InputError: A linked value that is none of the widget's, wrong rank or type, another size than the picture's,
                Load Image's placeholder, as many masks as fit no picture, or nothing masked, unless `on_empty` lets
                that pass.
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
        layers = list(masks.at_least(stack, threshold))
        if on_empty == "error":
            masks.check_not_empty([masks.union(layers)], given, threshold)

        said = [*mask_notes.of_range(given), *mask_notes.faint(stack, threshold)]
        wanted = 1 if image is None else len(image)
        # without a picture nobody knows how many there are, so that each stays by itself
        for_one = multi_mask == "auto" and image is not None and wanted == 1
        if len(layers) > 1 and (multi_mask == "union" or for_one):
            said.append(_became_one(len(layers)))
            layers = [masks.union(layers)]
        elif wanted > 1:
            layers = matching.match_count(layers, wanted)
        if on_empty == "error":
            masks.check_not_empty(layers, given, threshold)

        height, width = stack.shape[1:] if image is None else image.shape[1:3]
        result = pictures.reserve(len(layers), height, width)
        # one by one: the masks of a video, and what each step made of them, would be several videos
        fitted = (_fit(layer, height, width, size_mismatch, invert) for layer in layers)
        steps = _steps(invert, remove_specks, close_gaps, fill_holes, grow)
        changes = _clean(fitted, steps, result)
        shares = [int(np.count_nonzero(slot)) / slot.size for slot in result.numpy()]
        empty = [number for number, share in enumerate(shares, 1) if share == 0]
        if empty and on_empty == "error":
            raise _emptied(empty[0], len(layers), changes)
        if empty:
            said.append(_nothing_in(empty))
        said += mask_notes.mostly_masked(shares)
        preview = overlay.preview(result, image)
        if preview.shape[1:3] != result.shape[1:]:
            said.append(_smaller(preview))
        coverage = sum(shares) / len(shares)
        report = {
            "masks": len(layers),
            "size": [width, height],
            "size_before": [stack.shape[2], stack.shape[1]],
            "threshold": threshold,
            "brightest": masks.brightest(stack),
            "coverage": coverage,
            "steps": changes,
            "notes": [note.line() for note in said],
        }
        return io.NodeOutput(
            result, preview, coverage, json.dumps(report, ensure_ascii=False, indent=1)
        )


def _fit(
    layer: masks.Mask, height: int, width: int, size_mismatch: str, invert: bool
) -> masks.Mask:
    """Bring a mask to the picture's size, as far as `size_mismatch` allows it."""
    if layer.shape == (height, width):
        return layer
    # of what will be masked: one that was inverted before is black again
    matching.check_no_placeholder(~layer if invert else layer, height, width)
    if size_mismatch == "error":
        raise matching.size_error(layer, height, width)
    if size_mismatch == "stretch":
        return matching.resize(layer, height, width)
    return matching.match_size(layer, height, width)


def _steps(
    invert: bool, remove_specks: int, close_gaps: int, fill_holes: bool, grow: int
) -> dict[str, Step]:
    """What is done to each mask, in this order, by its name."""
    every: dict[str, tuple[object, Step]] = {
        "invert": (invert, np.logical_not),
        "remove_specks": (remove_specks, partial(morphology.remove_specks, area=remove_specks)),
        "close_gaps": (close_gaps, partial(morphology.close_gaps, width=close_gaps)),
        "fill_holes": (fill_holes, morphology.fill_holes),
        "grow": (grow, partial(morphology.grow, radius=grow)),
    }
    return {name: step for name, (wanted, step) in every.items() if wanted}


def _clean(
    layers: Iterable[masks.Mask], steps: Mapping[str, Step], result: torch.Tensor
) -> list[dict[str, Any]]:
    """Put masks into `result` as the steps make them; what each step changed in all of them."""
    changes: dict[str, Any] = {name: {"step": name, "added": 0, "removed": 0} for name in steps}
    for slot, layer in zip(result.numpy(), layers, strict=True):
        for name, step in steps.items():
            before, layer = layer, step(layer)
            changes[name]["added"] += int(np.count_nonzero(layer & ~before))
            changes[name]["removed"] += int(np.count_nonzero(before & ~layer))
        slot[...] = layer
    return list(changes.values())


def _became_one(count: int) -> Text:
    return Text(
        f"{count} masks became one; per_image keeps one for each picture.",
        f"{count} 个遮罩已合并为一个；“多个遮罩”（multi_mask）设为 per_image 可为每张图片保留各自的遮罩。",
    )


def _nothing_in(empty: list[int]) -> Text:
    which = numbers(empty)
    return Text(
        f"Nothing is masked in mask {which.english}.", f"遮罩 {which.chinese} 没有遮罩区域。"
    )


def _smaller(preview: torch.Tensor) -> Text:
    size = f"{preview.shape[2]}x{preview.shape[1]}"
    return Text(
        f"The preview of so many masks is smaller than they are, {size}.",
        f"遮罩数量较多，预览图已缩小为 {size}。",
    )


def _emptied(number: int, count: int, changes: list[dict[str, Any]]) -> InputError:
    which_en, which_zh = (f" {number} of {count}", f" {number}/{count}") if count > 1 else ("", "")
    cause = next(change["step"] for change in reversed(changes) if change["removed"])
    return InputError(
        f"Nothing is left of mask{which_en} after {cause}. Use a smaller value there, another mask, or set "
        "on_empty to pass.",
        f"遮罩{which_zh}在 {cause} 之后没有剩余区域。请减小该值、更换遮罩，或将“遮罩为空时”（on_empty）设为 pass。",
    )
