"""VolcInpaintURL: as VolcInpaint, of a picture and a mask that the service fetches from links."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from comfy_api.latest import io

from .host import values
from .host.display import Display
from .paying import checkout, inputs, schema
from .paying.model_notes import model_notes
from .paying.report import link_notes, links, report, summary
from .pixels import pictures
from .volcengine import models
from .volcengine.client import check_url
from .volcengine.request import Request

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .jobs.job import Outcome
    from .volcengine.request import LogoInfo

NODE = "VolcInpaintURL"


class VolcInpaintURL(io.ComfyNode):
    """Two links and a prompt become several edited pictures; nothing is uploaded."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The node's inputs and outputs; ids, names and order are a public contract."""
        return io.Schema(
            node_id=NODE,
            display_name="Volc Inpaint by URL",
            category="Volcengine",
            description="Repaints a picture that the service fetches from a link, without an upload. A link of an "
            "earlier edit can be fed back in within 24 hours, so edits chain. The pictures come as the service drew them.",
            search_aliases=["inpaint url", "inpaint link", "链接重绘", "火山引擎"],
            has_intermediate_output=True,
            inputs=[
                io.String.Input(
                    "image_url",
                    default="",
                    tooltip="Link to the picture: JPEG or PNG, up to 5 MB, 64 to 4096 pixels a side. It must be open "
                    "to the internet, because Volcengine fetches it.",
                ),
                io.String.Input(
                    "mask_url",
                    default="",
                    tooltip="Link to the mask: an 8-bit grey PNG of the same size; white is repainted.",
                ),
                *schema.painting(),
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
        image_url: str,
        mask_url: str,
        prompt: str,
        variants: int,
        seed: int,
        steps: int,
        scale: float,
        return_url: bool,
        require_all: bool,
        model: str = models.INPAINTING_EDIT.req_key,
        logo_info: LogoInfo | None = None,
    ) -> io.NodeOutput:
        """Check everything, then buy what the journal does not hold.

        Returns:
            The pictures as the service drew them, [N, H, W, 3] float32; their links, one a line; the report, JSON.

        Raises:
            ValueError: A link that is none, or no prompt.
            VolcengineError: No keys, or no picture arrived.
        """
        chosen = inputs.chosen_model(model)
        logo_info = inputs.logo(logo_info)
        urls = (_link(image_url, "image_url"), _link(mask_url, "mask_url"))
        text = inputs.prompt(prompt, NODE, chosen)
        variants, seed, steps, scale = inputs.numbers(
            variants=variants, seed=seed, steps=steps, scale=scale
        )
        runner = checkout.open_runner()
        request = Request(
            chosen,
            inputs.parameters(
                chosen, text, steps=steps, scale=scale, return_url=return_url, logo_info=logo_info
            ),
            urls=urls,
            on_query=inputs.on_query(chosen, return_url=return_url, logo_info=logo_info),
        )
        key = hashlib.sha256("\n".join(urls).encode()).hexdigest()
        jobs = inputs.variant_jobs(request, key, image=1, variants=variants, seed=seed)

        def decode(files: tuple[bytes, ...]) -> NDArray[np.uint8]:
            return pictures.decode_picture(pictures.first(files))

        def take(outcome: Outcome) -> NDArray[np.uint8]:
            picture: NDArray[np.uint8] = outcome.value
            return picture

        display = Display(cls.hidden.unique_id, len(jobs))
        outcomes = await checkout.buy(runner, jobs, display, decode, take, require_all=require_all)
        notes = model_notes(chosen, text, steps=steps, scale=scale, logo_info=logo_info)
        notes += link_notes(outcomes, return_url=return_url)
        return io.NodeOutput(
            _batch([outcome.value for outcome in outcomes if outcome.value is not None]),
            links(outcomes),
            report(outcomes, notes=notes),
            ui={"images": display.output(), "volc_inpaint": [summary(outcomes, notes)]},
        )


def _link(text: str, name: str) -> str:
    """One link, without the white space around it.

    Raises:
        ValueError: None, several, or not one that the service may fetch.
    """
    found = values.text(name, text).split()
    if not found:
        raise ValueError(
            f"{NODE}: {name} is empty, so nothing was sent. Enter a link; if it comes from `urls` of another node, turn "
            "return_url on there. The report of that node says so if its links have died: they live 24 hours.\n"
            f"{NODE}：{name} 为空，未发送任何请求。请填写链接；如果来自其他节点的 `urls`，请在该节点开启 return_url。"
            "链接有效期为 24 小时，失效时该节点的 report 会说明。"
        )
    if len(found) > 1:
        raise ValueError(
            f"{NODE}: {name} holds {len(found)} links (or one with blanks), so nothing was sent. Give one; set variants "
            "to 1 in the node that it comes from.\n"
            f"{NODE}：{name} 含有 {len(found)} 个链接（或含空格的链接），未发送任何请求。请只提供一个；"
            "可将来源节点的 variants 设为 1。"
        )
    check_url(found[0], name)
    return found[0]


def _batch(painted: list[NDArray[np.uint8]]) -> torch.Tensor:
    """[N, H, W, 3] float32, 0..1, all of the first one's size."""
    height, width = painted[0].shape[:2]
    batch = torch.empty((len(painted), height, width, 3), dtype=torch.float32)
    for slot, picture in zip(batch.numpy(), painted, strict=True):
        np.divide(pictures.resample(picture, height, width), 255, out=slot, dtype=np.float32)
    return batch
