"""VolcSegment: the subject, the background or every entity of a picture as hard masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from .host.older import keeps_preview
from .host.server import in_background
from .host.values import Choice, Number, check_names
from .jobs.job import Job
from .paying.checkout import Checkout
from .pixels import picture_notes, pictures, region, segmentation
from .pixels.segmentation import Found
from .volcengine import models
from .volcengine.request import Request
from .words import InputError, Text, numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from .jobs.job import Outcome

# https://www.volcengine.com/docs/6793/1330693: `only_mask` 1 answers a mask of the picture's size, `refine_mask` is 0, 1, 2.
_WHOLE_MASK = 1
_REFINE = {"none": 0, "light": 1, "strong": 2}
# https://www.volcengine.com/docs/6793/1317296: `return_format` 0 answers an index map, `refine_mask` is 0 or 1.
_INDEX_MAP = 0

TARGET = Choice("target", ("subject", "background", "entities"))
MAX_ENTITIES = Number("max_entities", 20, 1, 100)
REFINE = Choice("refine", tuple(_REFINE))


class VolcSegment(io.ComfyNode):
    """Has a picture segmented, one paid call each, and returns masks of its size."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The node's inputs and outputs; ids, names and order are a public contract."""
        return io.Schema(
            node_id="VolcSegment",
            display_name="Volc Segment",
            category="Volcengine",
            description="Makes a mask of the subject, of the background, or one of every entity of a picture. One paid "
            "call per picture; subject and background of a picture are one and the same call.",
            search_aliases=[
                "segment",
                "segmentation",
                "matting",
                "抠图",
                "主体分割",
                "实体分割",
                "分割",
            ],
            **keeps_preview(),
            inputs=[
                io.Image.Input(
                    "image", tooltip="The picture, or a batch; for entities exactly one picture."
                ),
                io.Combo.Input(
                    **TARGET.widget,
                    tooltip="subject: one mask per picture; background: all but the subject; entities: one mask for "
                    "each thing in the picture, the largest first.",
                ),
                io.Int.Input(
                    **MAX_ENTITIES.widget,
                    tooltip="How many entities at most. Has no effect on subject and background.",
                ),
                io.Combo.Input(
                    **REFINE.widget,
                    tooltip="How much the service refines the mask's edge. For entities, strong is the same as light.",
                ),
            ],
            outputs=[
                io.Mask.Output(
                    "mask",
                    tooltip="Hard masks of the picture's size: one per picture, or one per entity, the largest first.",
                ),
                io.Image.Output(
                    "preview",
                    tooltip="The masks in colour over the pictures; entities with numbers.",
                ),
                io.String.Output(
                    "report", tooltip="What was paid, and each mask's size and score, as JSON."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    async def execute(
        cls, image: torch.Tensor, target: str, max_entities: int, refine: str, **others: Any
    ) -> io.NodeOutput:
        """Check everything, buy what the journal does not hold, then bring the masks to the picture's size.

        Returns:
            The masks, [N, H, W] contiguous float32 on the CPU, exactly 0 or 1; the preview, [B, H, W, 3] float32; the
            report, JSON.

        Raises:
            InputError: No picture, several for entities, a linked value that is none of the widget's, or nothing was found.
            VolcengineError: No keys, or one of the masks is missing.
        """
        check_names(others)
        pictures.check_images(image)
        target, refine = TARGET.read(target), REFINE.read(refine)
        max_entities = MAX_ENTITIES.read(max_entities)
        count = len(image)
        if target == "entities" and count > 1:
            raise InputError(
                f"Target entities takes exactly one picture, but {count} arrived; nothing was sent. Pick one (e.g. with "
                "Pick Variant), or use target subject for batches.",
                f"target 为 entities 时只接受一张图片，但收到 {count} 张，未发送任何请求。"
                "请选择一张（例如用“挑选变体”节点），批量处理请将 target 设为 subject。",
            )
        model, parameters = _call(target, max_entities, refine)
        said = picture_notes.check_numbers(image, range(1, count + 1))
        checkout = Checkout(cls.hidden.unique_id)

        # The tensor is read here, on the node's own thread; what takes long runs beside it.
        originals = [pictures.to_uint8(picture) for picture in image]
        limits = region.Limits(model.min_side, model.max_side)
        jobs: list[Job] = []
        as_sent: list[NDArray[np.uint8]] = []
        for number, rgb in enumerate(originals, 1):
            sent = await in_background(segmentation.fit, rgb, limits, model.max_file_bytes)
            as_sent.append(sent.rgb)
            request = Request(model, parameters, (sent.data,))
            key = pictures.pixels_key(sent.rgb)
            jobs.append(Job(index=number, image=number, request=request, pixels_key=key))

        found = Found(originals, as_sent, target, max_entities)

        def take(outcome: Outcome) -> NDArray[np.uint8]:
            # the service may give no scores of the entities
            scores = outcome.receipt.data.get("seg_score")
            scores = scores if isinstance(scores, list) else []
            return found.put(outcome.job.image, outcome.value, scores)

        # A batch of masks has one for each picture: one missing would shift the others.
        await checkout.buy(jobs, pictures.decode_grey, take, require_all=True)
        # a frame of a batch in which nothing was found gets an empty mask
        empty = found.nothing_in()
        if len(empty) == count:
            raise InputError(
                f"Nothing was found for target {target}, so there is no mask. Use another picture or target, or paint "
                "the mask by hand (Open in MaskEditor). Running the same again pays nothing.",
                f"图片中未找到 {target} 对应的区域，因此没有遮罩。请更换图片或 target，"
                "或手动绘制遮罩（在遮罩编辑器中打开）。相同内容再次运行不会重复付费。",
            )
        if empty:
            which = numbers(empty)
            said.append(
                Text(
                    f"Nothing was found for target {target} in picture {which.english}: its mask is empty.",
                    f"第 {which.chinese} 张图片中未找到 {target} 对应的区域，其遮罩为空。",
                )
            )
        said += _notes(originals, as_sent)
        masks, facts = found.masks()
        return checkout.output(masks, found.preview(), notes=said, masks=facts)


def _call(target: str, max_entities: int, refine: str) -> tuple[models.Model, dict[str, object]]:
    """The interface and its fields. Subject and background are the same call, so that both cost one."""
    if target == "entities":
        return models.ENTITY_SEGMENTATION, {
            "max_entity": max_entities,
            "refine_mask": min(_REFINE[refine], 1),
            "return_format": _INDEX_MAP,
        }
    return models.SUBJECT_SEGMENTATION, {"only_mask": _WHOLE_MASK, "refine_mask": _REFINE[refine]}


def _notes(
    originals: Sequence[NDArray[np.uint8]], as_sent: Sequence[NDArray[np.uint8]]
) -> Iterator[Text]:
    """Which pictures were scaled."""
    for number, (rgb, sent) in enumerate(zip(originals, as_sent, strict=True), 1):
        was, now = (f"{pixels.shape[1]}x{pixels.shape[0]}" for pixels in (rgb, sent))
        if was != now:
            yield Text(
                f"Picture {number} was sent at {now} instead of {was}, for the interface's limits; its mask was scaled "
                "back.",
                f"第 {number} 张图片因接口限制以 {now} 发送（原为 {was}），遮罩已缩放回原尺寸。",
            )
