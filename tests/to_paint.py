"""What a painting node is given, what is made of it, and what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from volc_inpaint.nodes.jobs.job import Job, Outcome, Receipt
from volc_inpaint.nodes.paying.painting import Painting
from volc_inpaint.nodes.volcengine.models import INPAINTING_EDIT
from volc_inpaint.nodes.volcengine.request import LogoInfo, Request
from volc_inpaint.nodes.words import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from volc_inpaint.nodes.volcengine.models import Model

REQUEST = Request(INPAINTING_EDIT, {}, pictures=(b"a", b"b"))
LABEL = LogoInfo(content_producer="me", producer_id="1")
NOTE = Text("note", "甲")
WIDGETS = {
    "prompt": "一只小狗",
    "variants": 4,
    "seed": 1,
    "steps": 25,
    "scale": 5.0,
    "return_url": False,
    "require_all": False,
}


def read(**changes: Any) -> Painting:
    """What is to be painted, with other widgets than the usual ones."""
    return Painting.read(**{**WIDGETS, **changes})


def fields(model: Model, **changes: Any) -> Mapping[str, object]:
    """What is sent to a model."""
    return read(model=model.req_key, **changes).request().parameters


def on_query(model: Model, **changes: Any) -> Mapping[str, object]:
    """What is sent with the question for its task."""
    return read(model=model.req_key, **changes).request().on_query


def job(index: int, image: int, seed: int) -> Job:
    """One of a run."""
    return Job(index, image, Request(INPAINTING_EDIT), "pixels", seed)


SUCCESS = Receipt("R1", 10000, "Success", 2.17, urls=("https://a/1",), received_at=1_755_508_798.0)
PAID = Outcome(job(1, 1, 7), "paid", "picture", SUCCESS, notes=(NOTE,))
KEPT = Outcome(job(2, 1, 8), "journal", "picture", Receipt("R2", 10000, elapsed_s=1.0))
FAILED = Outcome(job(3, 1, 9), "failed", receipt=Receipt("R3", 50413, "line\n行"), notes=(NOTE,))
UNKNOWN = Outcome(job(4, 2, 10), "unknown", receipt=Receipt(message="no answer"))
ALL = [PAID, KEPT, FAILED, UNKNOWN]
