"""What is said of an answer's size, and what becomes of one that cannot be used."""

from __future__ import annotations

from volc_inpaint.nodes.jobs.job import Job, Receipt, delivered
from volc_inpaint.nodes.paying.answered import UnfitAnswerError, judged, look
from volc_inpaint.nodes.volcengine.models import INPAINTING_EDIT
from volc_inpaint.nodes.volcengine.request import Request

JOB = Job(index=3, image=1, request=Request(INPAINTING_EDIT), pixels_key="k", seed=7)
PAID = delivered(JOB, Receipt(request_id="R1", code=10000), "a picture", "paid")


def test_an_answer_of_another_shape_keeps_its_status_and_loses_its_picture() -> None:
    outcome = judged(PAID, look((800, 800), (800, 600), (800, 600)))

    assert (outcome.status, outcome.value, outcome.size) == ("paid", None, (800, 800))
    (note,) = outcome.notes
    assert note.english.startswith("Variant 3: ")
    for text in (note.english, note.chinese):
        assert "800x800" in text
        assert "800x600" in text
    assert isinstance(outcome.error, UnfitAnswerError)
    assert not outcome.error.doubtful
    assert "no run pays for it again" in str(outcome.error)


def test_an_answer_too_small_for_any_use_is_unfit_though_nobody_knows_what_was_sent() -> None:
    assert look((60, 60)).unfit is not None
    assert look((64, 64)).unfit is None


def test_a_coarse_answer_is_used_and_said_once_for_all_of_its_size() -> None:
    first, second = (judged(PAID, look((512, 384), (1024, 768), (1024, 768))) for _ in range(2))

    assert (first.value, first.size) == ("a picture", (512, 384))
    assert first.notes == second.notes
    assert "coarser" in first.notes[0].english


def test_of_an_answer_as_large_as_what_was_sent_nothing_is_said() -> None:
    outcome = judged(PAID, look((1024, 768), (1024, 768), (1024, 768)))

    assert (outcome.value, outcome.size, outcome.notes) == ("a picture", (1024, 768), ())
