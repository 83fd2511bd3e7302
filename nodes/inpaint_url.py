"""VolcInpaintURL: as VolcInpaint, of a picture and a mask that the service fetches from links."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
from comfy_api.latest import io

from .host import values
from .host.older import keeps_preview
from .host.server import as_core_does
from .paying import painting_notes, painting_widgets
from .paying.answered import look
from .paying.checkout import Checkout, PaintingNode
from .paying.painting import Painting
from .paying.report import batch, links
from .pixels import pictures
from .volcengine.addresses import check_url
from .words import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .jobs.job import Outcome


class VolcInpaintURL(PaintingNode):
    """Two links and a prompt become several edited pictures; nothing is uploaded."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The node's inputs and outputs; ids, names and order are a public contract."""
        return io.Schema(
            node_id="VolcInpaintURL",
            display_name="Volc Inpaint by URL",
            category="Volcengine",
            description="Repaints a picture that the service fetches from a link, without an upload. A link of an "
            "earlier edit can be fed back in within 24 hours, so edits chain. The pictures come as the service drew them.",
            search_aliases=["inpaint url", "inpaint link", "链接重绘", "火山引擎"],
            **keeps_preview(),
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
                *painting_widgets.inputs(),
                *painting_widgets.delivery(),
            ],
            outputs=painting_widgets.outputs(),
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    async def execute(cls, image_url: str, mask_url: str, **widgets: Any) -> io.NodeOutput:
        """Check everything, then buy what the journal does not hold. `widgets` are those of every painting node.

        Returns:
            The pictures as the service drew them, [N, H, W, 3] float32; their links, one a line; the report, JSON.

        Raises:
            InputError: A link that is none, or another input is not what it must be.
            VolcengineError: No keys, or no picture arrived.
        """
        wanted = Painting.read(**widgets)
        urls = (_link(image_url, "image_url"), _link(mask_url, "mask_url"))
        checkout = Checkout(cls.hidden.unique_id)
        key = hashlib.sha256("\n".join(urls).encode()).hexdigest()

        taken: dict[int, NDArray[np.uint8]] = {}

        def take(outcome: Outcome) -> NDArray[np.uint8]:
            return taken.setdefault(outcome.job.index, np.asarray(outcome.value))

        jobs = wanted.jobs(wanted.request(urls=urls), key)
        painted = await checkout.buy(
            jobs,
            pictures.open_picture,
            take,
            # nobody here knows the size of what was sent
            judge=lambda outcome: look(outcome.value.size),
            one_shape=True,
            require_all=wanted.require_all,
        )
        places = [outcome.job.index - 1 for outcome in painted]
        drawn = [taken[outcome.job.index] for outcome in painted]
        images = pictures.to_images([pictures.resample(one, *drawn[0].shape[:2]) for one in drawn])
        return checkout.output(
            as_core_does(images),
            links(checkout.outcomes),
            notes=painting_notes.of_run(wanted, checkout.outcomes, painted),
            batch=batch(places, wanted.variants),
        )


def _link(text: str, name: str) -> str:
    """One link, without the white space around it.

    Raises:
        InputError: None, several, or not one that the service may fetch.
    """
    found = values.text(name, text).split()
    if not found:
        raise InputError(
            f"{name} is empty, so nothing was sent. Enter a link; if it comes from `urls` of another node, turn "
            "return_url on there. The report of that node says so if its links have died: they live 24 hours.",
            f"{name} 为空，未发送任何请求。请填写链接；如果来自其他节点的 `urls`，请在该节点开启 return_url。"
            "链接有效期为 24 小时，失效时该节点的 report 会说明。",
        )
    if len(found) > 1:
        raise InputError(
            f"{name} holds {len(found)} links (or one with blanks), so nothing was sent. Give one; set variants to 1 in "
            "the node that it comes from.",
            f"{name} 含有 {len(found)} 个链接（或含空格的链接），未发送任何请求。请只提供一个；"
            "可将来源节点的“变体数”（variants）设为 1。",
        )
    check_url(found[0], name)
    return found[0]
