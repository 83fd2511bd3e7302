"""What a painting node is given, what is made of it, and what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from volc_inpaint.nodes.jobs.job import Job, Outcome
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


PAID = Outcome(
    job(1, 1, 7), "paid", value="picture", urls=("https://a/1",), request_id="R1", code=10000,
    message="Success", elapsed_s=2.17, received_at=1_755_508_798.0, notes=(NOTE,),
)  # fmt: skip
KEPT = Outcome(job(2, 1, 8), "journal", value="picture", request_id="R2", code=10000, elapsed_s=1.0)
FAILED = Outcome(
    job(3, 1, 9),
    "failed",
    request_id="R3",
    code=50413,
    message="line\n行",
    notes=(NOTE,),
)
UNKNOWN = Outcome(job(4, 2, 10), "unknown", code=0, message="no answer")
ALL = [PAID, KEPT, FAILED, UNKNOWN]
