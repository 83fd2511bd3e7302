"""The table of codes: each row agrees with itself, and every code has its row."""

from __future__ import annotations

import pytest
from volc_inpaint.nodes.volcengine.codes import (
    ROWS,
    SUCCESS,
    WORDS,
    Again,
    Check,
    EndsTask,
    Kind,
    look_up,
)

# https://www.volcengine.com/docs/86081/1804490, https://www.volcengine.com/docs/6444/69728 and, the last,
# https://www.volcengine.com/docs/6791/1223709
BUSINESS = {
    50200, 50201, 50204, 50205, 50206, 50207, 50213, 50215, 50218, 50400, 50402, 50411, 50412, 50413,
    50429, 50430, 50500, 50501, 50511, 50512, 50518, 50519, 50520, 50521, 50522, 60102, 60208, 201304,
}  # fmt: skip
# https://www.volcengine.com/docs/6369/68677
GATEWAY = {
    "MissingParameter": 100002, "MissingAuthenticationToken": 100003, "MissingRequestInfo": 100004,
    "MissingSignature": 100005, "InvalidTimestamp": 100006, "ServiceNotFound": 100007,
    "InvalidActionOrVersion": 100008, "InvalidAccessKey": 100009, "SignatureDoesNotMatch": 100010,
    "LackPolicy": 100012, "AccessDenied": 100013, "InternalError": 100014,
    "InternalServiceTimeout": 100016, "FlowLimitExceeded": 0, "ServiceUnavailableTemp": 0,
}  # fmt: skip


def codes(**wanted: object) -> set[int | str]:
    """The codes whose rows have all these values."""
    return {
        code
        for code, row in ROWS.items()
        if all(getattr(row, name) is value for name, value in wanted.items())
    }


def test_every_code_of_the_service_has_a_row_and_no_other() -> None:
    assert BUSINESS | set(GATEWAY) == set(ROWS)


def test_success_has_the_documented_code() -> None:
    # https://www.volcengine.com/docs/86081/1804490
    assert 10000 == SUCCESS


def test_each_word_of_the_gateway_has_its_number() -> None:
    assert GATEWAY == {code: row.number for code, row in ROWS.items() if isinstance(code, str)}
    assert {number: word for word, number in GATEWAY.items() if number} == dict(WORDS)


def test_only_the_gateway_s_own_failures_leave_a_doubt() -> None:
    assert {"InternalError", "InternalServiceTimeout"} == codes(definite=False)


def test_what_may_be_sent_again() -> None:
    assert {50429, 50430, "FlowLimitExceeded"} == codes(again=Again.WHEN_ALLOWED)
    assert {50500, 50501} == codes(again=Again.IF_QUICK)
    assert {50511, 50519} == codes(again=Again.ANOTHER_SEED)
    assert {"InvalidTimestamp"} == codes(again=Again.ANOTHER_CLOCK)


def test_what_ends_a_task() -> None:
    about_the_question = {50400, 50402, 50429, 50430, *GATEWAY}

    assert about_the_question == codes(ends_task=EndsTask.NO)
    assert {50500, 50501} == codes(ends_task=EndsTask.IF_REPEATED)
    assert BUSINESS - about_the_question - {50500, 50501} == codes(ends_task=EndsTask.YES)


def test_what_a_check_of_the_keys_makes_of_an_interface() -> None:
    assert {50400, 50402} == codes(check=Check.NOT_ACTIVATED)
    assert {50204, 50215, 50429, 50430} == codes(check=Check.CANNOT_TELL)
    assert {50200, 50201, 50206, 50411} <= codes(check=Check.ACTIVATED)
    assert {"InvalidAccessKey"} == codes(check=Check.UNKNOWN_KEY)
    assert {"SignatureDoesNotMatch"} == codes(check=Check.WRONG_PAIR)
    assert {"InvalidTimestamp"} == codes(check=Check.CLOCK)
    assert {"LackPolicy", "AccessDenied"} == codes(check=Check.NO_PERMISSION)


def test_what_a_retired_interface_may_answer() -> None:
    assert {50204, 50215, 50400, 50402, "InvalidActionOrVersion"} == codes(may_be_retired=True)


def test_no_two_kinds_mean_the_same() -> None:
    assert len(Kind) == len({kind.value for kind in Kind})
    assert {row.kind for row in ROWS.values()} == set(Kind)


@pytest.mark.parametrize("row", ROWS.values(), ids=map(str, ROWS))
def test_each_row_says_cause_and_remedy_in_whole_sentences(row) -> None:
    for text in (row.cause, row.remedy):
        assert text.english.endswith(".")
        assert text.chinese.endswith("。")
        assert "billed" not in text.english  # the error says it, once


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize("code", [59999, 1, -1])
def test_a_number_that_no_table_lists_is_definite(code: int, status: int) -> None:
    assert look_up(code, status).definite


@pytest.mark.parametrize(
    ("status", "definite"), [(200, True), (404, True), (500, False), (503, False)]
)
def test_an_answer_without_a_code_ends_no_task_and_is_a_doubt_where_the_server_failed(
    status: int, definite: bool
) -> None:
    row = look_up(0, status)

    assert (definite, EndsTask.NO) == (row.definite, row.ends_task)


@pytest.mark.parametrize(
    ("status", "kind", "ends_task"),
    [
        (200, Kind.REQUEST, EndsTask.YES), (400, Kind.REQUEST, EndsTask.YES),
        (401, Kind.ACCOUNT, EndsTask.NO), (403, Kind.ACCOUNT, EndsTask.NO),
        (429, Kind.RATE, EndsTask.NO), (500, Kind.SERVICE, EndsTask.YES), (503, Kind.SERVICE, EndsTask.YES),
    ],
)  # fmt: skip
def test_a_number_that_no_table_lists_ends_a_task_unless_its_status_is_about_the_question(
    status: int, kind: Kind, ends_task: EndsTask
) -> None:
    row = look_up(59999, status)

    assert (kind, ends_task) == (row.kind, row.ends_task)


@pytest.mark.parametrize(
    ("status", "definite"), [(200, True), (404, True), (499, True), (500, False), (504, False)]
)
def test_a_word_that_no_table_lists_is_the_gateway_s(status: int, definite: bool) -> None:
    row = look_up("NewWord", status)

    assert (definite, EndsTask.NO, Check.REFUSED) == (row.definite, row.ends_task, row.check)


@pytest.mark.parametrize(
    ("status", "english", "chinese"),
    [
        (429, "Run it again later.", "请稍后重试。"),
        (401, "Activate the service: ", "请开通服务："),
        (403, "Activate the service: ", "请开通服务："),
        (500, "Run it again in a moment.", "请稍后重试。"),
        (
            400,
            "Look the code up at https://www.volcengine.com/docs/86081/1804490.",
            "查询该错误码。",
        ),
    ],
)
def test_a_code_that_no_table_lists_gets_the_remedy_of_its_status(
    status: int, english: str, chinese: str
) -> None:
    remedy = look_up(59999, status).remedy

    assert remedy.english.startswith(english)
    assert chinese in remedy.chinese
