"""VolcInpaint: repaints the masked part of a picture and returns several variants."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from .host import server, values
from .host.display import PREVIEW_SIDE, Display
from .paying import checkout, inputs, schema
from .paying.model_notes import model_notes
from .paying.report import link_notes, links, report, summary
from .pixels import encode, masks, pictures, region
from .pixels.canvas import Canvas
from .volcengine import models
from .volcengine.request import Request

if TYPE_CHECKING:
    import torch
    from PIL import Image

    from .jobs.job import Job, Outcome
    from .volcengine.request import LogoInfo


class VolcInpaint(io.ComfyNode):
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
            has_intermediate_output=True,
            inputs=[
                io.Image.Input(
                    "image", tooltip="The picture to edit; a batch edits every picture."
                ),
                io.Mask.Input("mask", tooltip="White (1) is repainted, black (0) stays as it is."),
                *schema.painting(),
                io.Boolean.Input(
                    "paste_back",
                    default=True,
                    tooltip="Take only the masked part from the service; everything else stays as it was, bit for bit.",
                ),
                io.Int.Input(
                    "feather",
                    default=8,
                    **schema.limits("feather"),
                    tooltip="Width of the blend around the mask, in pixels, running outward.",
                ),
                io.Combo.Input(
                    "fit",
                    options=list(region.FITS),
                    tooltip="What to do with a picture over the interface's limits: send a crop around the mask, "
                    "scale it down, or stop with an error.",
                ),
                *schema.delivery(),
                *schema.choices(),
            ],
            outputs=schema.pictures(),
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def fingerprint_inputs(cls, seed: int | None, **_: Any) -> float:
        """Looked at before each run; another value runs the node anew."""
        return checkout.fingerprint(cls.hidden.unique_id, seed)

    @classmethod
    async def execute(
        cls,
        image: torch.Tensor,
        mask: torch.Tensor,
        prompt: str,
        variants: int,
        seed: int,
        steps: int,
        scale: float,
        paste_back: bool,
        feather: int,
        fit: str,
        return_url: bool,
        require_all: bool,
        model: str = models.INPAINTING_EDIT.req_key,
        logo_info: LogoInfo | None = None,
    ) -> io.NodeOutput:
        """Check everything, then buy what the journal does not hold, then put the pictures together."""
        chosen = inputs.chosen_model(model)
        text = inputs.prompt(prompt, "VolcInpaint", chosen)
        fit = values.choice("fit", fit, region.FITS)
        logo_info = inputs.logo(logo_info)
        variants, seed, steps, scale, feather = inputs.numbers(
            variants=variants, seed=seed, steps=steps, scale=scale, feather=feather
        )
        pictures.check_images(image)
        selected = masks.prepare(mask, image)
        limits = region.Limits(chosen.min_side, chosen.max_side)
        regions = [region.plan(layer, fit, limits, feather) for layer in selected]
        runner = checkout.open_runner()
        drawn_on = logo_info is not None and logo_info.add_logo and chosen.knows("logo_info")
        prototype = Request(
            chosen,
            inputs.parameters(
                chosen, text, steps=steps, scale=scale, return_url=return_url, logo_info=logo_info
            ),
            on_query=inputs.on_query(chosen, return_url=return_url, logo_info=logo_info),
        )

        jobs: list[Job] = []
        for number, (picture, layer, part) in enumerate(
            zip(image, selected, regions, strict=True), 1
        ):
            # The tensor is read here, on the node's own thread; what takes long runs beside it.
            rgb = pictures.to_uint8(picture[part.slices])
            request, pixels_key = await server.in_background(_request, prototype, part, rgb, layer)
            jobs += inputs.variant_jobs(
                request, pixels_key, image=number, variants=variants, seed=seed
            )

        canvas = Canvas(image, variants, selected, regions, feather, paste_back and not drawn_on)

        def decode(files: tuple[bytes, ...]) -> Image.Image:
            return pictures.open_picture(pictures.first(files))

        def take(outcome: Outcome) -> Any:
            canvas.put(outcome.index - 1, outcome.value)
            return canvas.preview(outcome.index - 1, PREVIEW_SIDE)

        display = Display(cls.hidden.unique_id, len(jobs))
        outcomes = await checkout.buy(runner, jobs, display, decode, take, require_all=require_all)
        notes = [note.line() for part in regions for note in part.notes]
        notes += model_notes(chosen, text, steps=steps, scale=scale, logo_info=logo_info)
        notes += link_notes(outcomes, return_url=return_url)
        if drawn_on and paste_back:
            notes.append(_LOGO_NOTE)
        return io.NodeOutput(
            canvas.batch(outcome.index - 1 for outcome in outcomes if outcome.value is not None),
            links(outcomes),
            report(outcomes, regions=[part.box for part in regions], notes=notes),
            ui={"images": display.output(), "volc_inpaint": [summary(outcomes, notes)]},
        )


_LOGO_NOTE = (
    "A watermark was asked for, so nothing was pasted back: the part that was sent is returned as the service drew it, "
    "and what was not masked may differ slightly. / 已要求添加水印，因此未贴回原图：发送的区域按服务返回的结果输出，"
    "未遮罩部分可能略有变化。"
)


def _request(
    prototype: Request, part: region.Region, rgb: Any, layer: masks.Mask
) -> tuple[Request, str]:
    """Encode what is sent of one picture, once for all its variants, and name it by its pixels."""
    model = prototype.model
    rgb, white = part.picture(rgb), part.mask(layer)
    picture = encode.picture(rgb, model.max_file_bytes, model.safe_file_bytes)
    request = replace(prototype, pictures=(picture.data, encode.mask(white)))
    return request, pictures.pixels_key(rgb, white)
