"""What a journal keeps: a key, files of three kinds, and what the service said of them."""

from __future__ import annotations

from volc_inpaint.nodes.jobs.job import Receipt

KEY = "ab" + "0" * 62
PICTURES = (b"\xff\xd8\xffsome jpeg", b"\x89PNG\r\n\x1a\nsome png", b"something else")
RECEIPT = Receipt(
    request_id="r",
    message="成功 \ud800",  # a lone surrogate, as JSON may hold it
    elapsed_s=1.5,
    seed=3,
    received_at=1.7e9,
)
