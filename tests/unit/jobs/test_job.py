"""What came of a job, and what is kept of an answer."""

from __future__ import annotations

import json
import time

import buyer
import pytest
from volc_inpaint.nodes.jobs.job import MadeWhenNeeded, Receipt, delivered, drafts, failed
from volc_inpaint.nodes.jobs.messages import PaidButNotFetchedError
from volc_inpaint.nodes.volcengine import answers
from volc_inpaint.nodes.volcengine.answers import Answer
from volc_inpaint.nodes.volcengine.errors import APITimeoutError, VolcengineError
from volc_inpaint.nodes.words import Text

LINK = "https://pictures.example/a.jpg"
NOTE = Text("so it is", "如此")


def receipt(received_at: float) -> Receipt:
    return Receipt("R1", 10000, "Success", 2.5, 7, (LINK,), {"score": 0.5}, received_at)


def test_what_the_keys_of_jobs_need_makes_none_of_those_that_are_made_when_needed() -> None:
    made, light = buyer.jobs(2), buyer.jobs(2)
    later = MadeWhenNeeded(2, iter(made), light)

    assert drafts(made) is made
    assert drafts(later) is light
    assert (len(later), list(later)) == (2, made)


def test_a_receipt_is_of_the_answer_and_of_this_moment() -> None:
    answer = Answer("R1", message="Success", elapsed_s=2.5, urls=(LINK,), data={"score": 0.5})
    before = time.time()
    made = Receipt.of(answer, 7)

    assert before <= (made.received_at or 0.0) <= time.time()
    assert made == receipt(made.received_at or 0.0)


def test_a_receipt_reads_as_it_was_written() -> None:
    for one in (receipt(1.5), Receipt(), Receipt(code="InternalError", urls=(LINK, LINK))):
        assert Receipt.read(json.loads(json.dumps(one.to_json()))) == one


def test_of_its_links_only_texts_count() -> None:
    assert Receipt.read({"urls": [LINK, 7, None, {"a": 1}]}).urls == (LINK,)


@pytest.mark.parametrize(
    ("age_s", "living"), [(0.0, (LINK,)), (24 * 3600.0 - 10, (LINK,)), (24 * 3600.0 + 1, ())]
)
def test_links_live_for_a_day(age_s: float, living: tuple[str, ...]) -> None:
    # https://www.volcengine.com/docs/86081/1804490
    assert receipt(time.time() - age_s).living_urls() == living


def test_links_of_an_unknown_time_are_dead() -> None:
    assert Receipt(urls=(LINK,)).living_urls() == ()


def test_a_picture_comes_with_what_its_receipt_says() -> None:
    (job,) = buyer.jobs(1, seed=7)
    now = time.time()
    outcome = delivered(job, receipt(now), "picture", "paid", [NOTE])

    assert (outcome.job.index, outcome.job.seed) == (1, 7)
    assert (outcome.status, outcome.value) == ("paid", "picture")
    assert (outcome.receipt.request_id, outcome.receipt.code, outcome.receipt.message) == (
        "R1",
        10000,
        "Success",
    )
    assert (outcome.receipt.elapsed_s, outcome.receipt.received_at) == (2.5, now)
    assert (outcome.receipt.urls, outcome.receipt.data, outcome.notes) == (
        (LINK,),
        {"score": 0.5},
        (NOTE,),
    )
    assert outcome.error is None


def test_a_refusal_is_failed_and_a_doubt_unknown() -> None:
    (job,) = buyer.jobs(1)
    body = b'{"code":50413,"data":null,"message":"m","request_id":"R2"}'
    with pytest.raises(VolcengineError) as caught:
        answers.parse(400, {}, body)
    refused, doubt = failed(job, caught.value, [NOTE]), failed(job, APITimeoutError(1.0))

    assert (refused.status, refused.receipt.code, refused.receipt.request_id) == (
        "failed",
        50413,
        "R2",
    )
    assert (refused.receipt.message, refused.notes) == (str(caught.value), (NOTE,))
    assert (doubt.status, doubt.receipt.code, doubt.value) == ("unknown", 0, None)


def test_a_picture_that_was_not_fetched_leaves_its_link() -> None:
    (job,) = buyer.jobs(1)
    outcome = failed(job, PaidButNotFetchedError([LINK], OSError()))

    assert (outcome.status, outcome.receipt.urls) == ("unknown", (LINK,))
