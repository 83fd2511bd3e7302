"""Which error a run ends with, and what it says of the other pictures."""

from __future__ import annotations

from to_paint import PAID, job
from volc_inpaint.nodes.jobs.job import failed
from volc_inpaint.nodes.paying.report import verdict
from volc_inpaint.nodes.volcengine.errors import APITimeoutError, NotSentError
from volc_inpaint.nodes.words import Text

NOTE = Text("a note", "说明")


def unsent(index: int, *notes: Text):
    return failed(job(index, 1, index), NotSentError(), notes)


def doubtful(index: int):
    return failed(job(index, 1, index), APITimeoutError(9))


def test_what_may_have_cost_money_is_told_before_all_else():
    missing = [unsent(1), doubtful(2), unsent(3)]

    error = verdict(missing, missing)
    assert missing[1].error is error
    assert "1 of 3 missing pictures may have been billed." in error.text.english
    assert "缺少的 3 张图片中有 1 张可能已计费。" in error.text.chinese


def test_of_failures_that_cost_nothing_the_first_is_told_and_nobody_speaks_of_a_bill():
    missing = [unsent(1), unsent(2)]

    error = verdict(missing, missing)
    assert missing[0].error is error
    assert NotSentError().text == error.text


def test_a_single_doubt_says_by_itself_what_it_may_have_cost():
    missing = [doubtful(1)]

    assert APITimeoutError(9).text == verdict(missing, missing).text


def test_what_arrived_all_the_same_is_not_lost():
    missing = [unsent(2)]

    error = verdict([PAID, *missing], missing)
    assert "1 of 2 pictures arrived and are in the journal" in error.text.english
    assert "2 张中已有 1 张到达并保存在本地记录中" in error.text.chinese


def test_the_notes_of_a_run_that_gives_no_report_stand_in_its_error_each_once():
    missing = [unsent(1, NOTE), unsent(2, NOTE)]

    error = verdict(missing, missing)
    assert (NotSentError().text + NOTE) == error.text
