"""VolcInpaint: repaints the masked part of a picture and returns several variants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from .host.display import PREVIEW_SIDE
from .host.memory import free_memory
from .host.older import keeps_preview
from .host.server import as_core_does, in_background
from .host.values import Choice, Number, error
from .jobs.job import MadeWhenNeeded
from .paying import painting_notes, painting_widgets
from .paying.answered import look
from .paying.checkout import Checkout, PaintingNode
from .paying.painting import Painting
from .paying.report import batch, links
from .pixels import encode, mask_notes, masks, matching, picture_notes, pictures, region
from .pixels.canvas import Canvas, check_fits
from .pixels.parts import Parts
from .volcengine.errors import VolcengineError
from .words import InputError, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from .jobs.job import Job, Outcome
    from .paying.answered import Answered

FEATHER = Number("feather", 8, 0, 256)
FIT = Choice("fit", region.FITS)
CONTEXT = Number("context", 0.0, 0, 10, step=0.5)


class VolcInpaint(PaintingNode):
    """An image, a mask and a prompt become several edited pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The node's inputs and outputs; ids, names and order are a public contract."""
        return io.Schema(
            node_id="VolcInpaint",
            display_name="Volc Inpaint",
            category="Volcengine",
            description="Repaints the masked part of a picture with Volcengine's inpainting interface and returns "
            "several variants. Each variant is one paid call; what was paid once is never paid again.",
            search_aliases=[
                "inpaint",
                "inpainting",
                "volcengine",
                "火山引擎",
                "涂抹编辑",
                "局部重绘",
            ],
            **keeps_preview(),
            inputs=[
                io.Image.Input(
                    "image", tooltip="The picture to edit; a batch edits every picture."
                ),
                io.Mask.Input(
                    "mask",
                    tooltip="White (1) is repainted, black (0) stays as it is. A soft mask becomes a hard one: 0.5 and "
                    "brighter is repainted wholly, the rest not at all. A picture of a batch in which nothing is "
                    "masked comes back as it was and costs nothing.",
                ),
                *painting_widgets.inputs(),
                io.Boolean.Input(
                    "paste_back",
                    default=True,
                    tooltip="Take only the masked part from the service; everything else stays as it was, bit for bit.",
                ),
                io.Int.Input(
                    **FEATHER.widget,
                    tooltip="Width of the blend around the mask, in pixels, running outward.",
                ),
                io.Combo.Input(
                    **FIT.widget,
                    tooltip="What to do with a picture over the interface's limits: send a crop around the mask, "
                    "scale it down, or stop with an error.",
                ),
                *painting_widgets.delivery(),
                io.Float.Input(
                    **CONTEXT.widget,
                    optional=True,
                    tooltip="0 sends the whole picture. From 1 on, a part around the mask is sent, so many times its box, "
                    "enlarged to what the model paints best: more detail for a small mask in a large picture.",
                ),
                io.Boolean.Input(
                    "match_colors",
                    default=True,
                    optional=True,
                    tooltip="The service gives back the whole picture with slightly other colours. Measure that where nothing "
                    "was masked, and take it out of the masked part.",
                ),
            ],
            outputs=painting_widgets.outputs(),
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    async def execute(
        cls,
        image: torch.Tensor,
        mask: torch.Tensor,
        paste_back: bool,
        feather: int,
        fit: str,
        context: float = 0,
        match_colors: bool = False,
        **widgets: Any,
    ) -> io.NodeOutput:
        """Check everything, then buy what the journal does not hold, then put the pictures together.

        `image` is [B, H, W, C] float, 0..1; `mask` [H, W] or [N, H, W], one for all pictures or one each. `widgets` are those of
        every painting node; see `Painting.read`.

        Returns:
            The pictures, image-major [N, H, W, 3]; their links, one a line; the report, JSON.

        Raises:
            InputError: One of the inputs is not what it must be.
            VolcengineError: No keys, or no picture arrived.
        """
        wanted = Painting.read(**widgets)
        fit, feather, context = FIT.read(fit), FEATHER.read(feather), CONTEXT.read(context)
        if 0 < context < 1:
            raise error(
                "context", context, "0, or a number from 1 to 10", "0，或 1 到 10 之间的数字"
            )
        pictures.check_images(image)
        check_fits(image, wanted.variants, free_memory())
        given = masks.read(mask)
        selected = matching.prepare(given, image)
        model, widened = wanted.model, wanted.model.widens_mask_px
        pasted = paste_back and not wanted.draws_logo
        limits, reach = region.Limits(model.min_side, model.max_side), feather + widened

        def plan(layer: masks.Mask) -> region.Region:
            if not context:
                return region.plan(layer, fit, limits, reach)
            return region.close_up(layer, fit, limits, reach, context, model.best_side)

        parts = Parts(image, selected, plan, match_colors=match_colors and pasted, widened=widened)
        said = await in_background(picture_notes.brought, image, selected)
        said += await in_background(mask_notes.brought, given, selected)
        checkout = Checkout(cls.hidden.unique_id)
        canvas = Canvas(
            image, wanted.variants, selected, parts.regions, feather, pasted, widened=widened
        )

        def judge(outcome: Outcome) -> Answered:
            part = parts.sent[outcome.job.image - 1]
            return look(outcome.value.size, part.sent_size, (part.width, part.height))

        def take(outcome: Outcome) -> NDArray[np.uint8]:
            drift = parts.drift(outcome.job.image - 1, outcome.value)
            canvas.put(outcome.job.index - 1, outcome.value, drift)
            return canvas.preview(outcome.job.index - 1, PREVIEW_SIDE)

        wishes = MadeWhenNeeded(
            len(parts.sent) * wanted.variants,
            _jobs(wanted, parts, checkout),
            _jobs(wanted, parts, checkout, encoded=False),
        )
        painted = await checkout.buy(
            wishes, pictures.open_picture, take, judge=judge, require_all=wanted.require_all
        )
        kept = await in_background(canvas.keep)
        places = sorted([*kept, *(outcome.job.index - 1 for outcome in painted)])
        said += [note for part in parts.sent.values() for note in part.notes]
        said += painting_notes.of_run(wanted, checkout.outcomes, painted)
        if paste_back and not pasted:
            said.append(
                Text(
                    "A watermark was asked for, so nothing was pasted back: the part that was sent is returned as the service "
                    "drew it, and what was not masked may differ slightly.",
                    "已要求添加水印，因此未贴回原图：发送的区域按服务返回的结果输出，未遮罩部分可能略有变化。",
                )
            )
        return checkout.output(
            as_core_does(canvas.batch(places)),
            links(checkout.outcomes),
            notes=said,
            regions=[part and part.box for part in parts.regions],
            sent=[part and part.sent_size for part in parts.regions],
            scale=[part and round(part.scale, 3) for part in parts.regions],
            batch=batch(places, wanted.variants, kept),
        )


def _jobs(
    wanted: Painting, parts: Parts, checkout: Checkout, *, encoded: bool = True
) -> Iterator[Job]:
    """The jobs of one picture after the other; unencoded, what their keys need and no more."""
    model = wanted.model
    for number, (place, part) in enumerate(parts.sent.items(), 1):
        refused: VolcengineError | None = None
        files: tuple[bytes, ...] = ()
        with checkout.encoding(number, len(parts.sent)):
            rgb, white = parts.cut(place)
            if encoded:
                parts.remember(place, rgb, white)
                try:
                    picture = encode.picture(rgb, model.max_file_bytes, model.safe_file_bytes)
                    files = picture.data, encode.mask(white)
                except InputError as error:  # the others can be sent all the same
                    refused = VolcengineError(error.text)
            key = pictures.pixels_key(rgb, white)
            del rgb, white
        request = wanted.request(pictures=files, size=part.sent_size)
        yield from wanted.jobs(request, key, place + 1, refused)
