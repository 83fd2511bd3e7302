"""Answers that succeeded, in every dress, and answers that are none: what is billed, what is doubtful."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from volc_inpaint.nodes.volcengine.answers import Answer, parse
from volc_inpaint.nodes.volcengine.errors import (
    APIResponseError,
    InvalidResponseError,
    RateLimitError,
    ServerError,
    VolcengineError,
)

PICTURE = b"\xff\xd8\xff a picture"
LINK = "https://example.com/a.jpg?sign=" + "x" * 1500
# The answer of https://www.volcengine.com/docs/86081/1804490
SUCCESS = {
    "code": 10000,
    "data": {
        "algorithm_base_resp": {"status_code": 0, "status_message": "Success"},
        "binary_data_base64": [base64.b64encode(PICTURE).decode()],
        "image_urls": [LINK],
        "request_id": "R1",
    },
    "message": "Success",
    "request_id": "R1",
    "status": 10000,
    "time_elapsed": "2.173378731s",
}


def success(**changes: object) -> bytes:
    return json.dumps({**SUCCESS, **changes}).encode()


def data(**changes: object) -> bytes:
    fields = {**SUCCESS["data"], **changes}
    return success(data={name: value for name, value in fields.items() if value != "absent"})


def read(body: bytes, status: int = 200, headers: dict | None = None) -> Answer:
    return parse(status, headers or {}, body)


def failure(body: bytes, status: int, headers: dict | None = None) -> VolcengineError:
    with pytest.raises(VolcengineError) as caught:
        parse(status, headers or {}, body)
    return caught.value


def test_the_documented_answer_is_read_whole():
    expected = Answer("R1", 10000, "Success", 2.173378731, (PICTURE,), (LINK,), {})

    assert expected == read(success())


@pytest.mark.parametrize("lead", [b"", b"\xef\xbb\xbf", b"\r\n  "])
def test_white_space_and_a_byte_order_mark_do_not_hide_an_answer(lead):
    assert "R1" == read(lead + success()).request_id


def test_an_answer_wrapped_by_the_gateway_is_the_same_answer():
    body = {"ResponseMetadata": {"RequestId": "G1", "Action": "CVProcess"}, "Result": SUCCESS}
    without_id = {**body, "Result": {**SUCCESS, "request_id": None, "data": None}}

    assert read(success()) == read(json.dumps(body).encode())
    del without_id["Result"]["request_id"]
    assert "G1" == read(json.dumps(without_id).encode()).request_id


@pytest.mark.parametrize("nothing", [None, "absent", [], [None], [""], "", {}, 5, True])
def test_lists_may_be_null_absent_or_of_a_wrong_type(nothing):
    assert () == read(data(binary_data_base64=nothing)).pictures
    assert (PICTURE,) == read(data(image_urls=nothing)).pictures
    assert () == read(data(image_urls=nothing)).urls


@pytest.mark.parametrize("nothing", [None, [], "text", 5, True])
def test_data_may_be_null_or_of_a_wrong_type(nothing):
    answer = read(success(data=nothing))

    assert ("R1", (), (), {}) == (answer.request_id, answer.pictures, answer.urls, answer.data)


def test_a_single_text_counts_as_a_list_of_one():
    answer = read(data(binary_data_base64=base64.b64encode(PICTURE).decode(), image_urls=LINK))

    assert ((PICTURE,), (LINK,)) == (answer.pictures, answer.urls)


def test_a_whole_number_written_as_a_fraction_is_the_same_number():
    assert "R1" == read(success(code=10000.0)).request_id
    assert 50411 == failure(b'{"code":50411.0,"request_id":"R1"}', 400).code
    assert isinstance(failure(b'{"code":10000.5}', 200), InvalidResponseError)


def test_what_is_to_be_hidden_is_hidden_wherever_it_stands():
    hidden = {"Se/cret==": "***", "AKLT0001": "…0001"}
    quoted = "x-token:Se/cret== key AKLT0001"
    error = json.dumps(
        {"ResponseMetadata": {"RequestId": quoted, "Error": {"Code": quoted, "Message": quoted}}}
    )
    bodies = [
        error,
        error.replace("=", r"\u003d").replace("/", r"\/"),
        json.dumps({"code": 50400, "message": quoted, "request_id": "R1"}),
    ]
    for body in bodies:
        with pytest.raises(APIResponseError) as caught:
            parse(401, {}, body.encode(), hidden)
        assert "x-token:*** key …0001" == caught.value.message
        assert "Se/cret" not in f"{caught.value} {vars(caught.value)}"

    answer = parse(200, {}, data(other=[quoted]), hidden)
    assert {"other": ["x-token:*** key …0001"]} == answer.data
    assert (PICTURE,) == answer.pictures


@pytest.mark.parametrize("text", ["cut", "====", "data:image/png;base64,A", "图片", 5, {}, [[]]])
def test_damaged_base64_is_fetched_from_its_link_or_else_doubtful(text):
    broken = data(binary_data_base64=[text], image_urls="absent")
    if text in (5, {}):
        text = [text]

    assert ((), (LINK,)) == (
        read(data(binary_data_base64=[text])).pictures,
        read(data(binary_data_base64=[text])).urls,
    )
    error = failure(broken, 200)
    assert (InvalidResponseError, True, "R1") == (type(error), error.doubtful, error.request_id)
    assert "R1" in error.text.english
    assert "R1" in error.text.chinese


def test_further_fields_of_data_are_kept_if_they_are_plain():
    body = data(entity_num=[2], seg_score=[0.5, 0.25], task_id="T1", done=True, extra={"a": 1})

    expected = {"entity_num": [2], "seg_score": [0.5, 0.25], "task_id": "T1", "done": True}
    assert expected == read(body).data


def test_texts_with_lone_surrogates_or_line_breaks_can_be_stored_and_shown():
    body = data(note="\ud800", notes=["\udfff"], image_urls=["https://a/\ud800", LINK])
    answer = read(body.replace(b'"Success"', b'"one\\ntwo\\ud800"'))

    assert "one two " == answer.message
    assert (LINK,) == answer.urls
    json.dumps([answer.message, dict(answer.data)], ensure_ascii=False).encode()


# What a proxy in between may say, and what it means for the bill.
HTML = b"<html><head><title>504 Gateway Time-out</title></head></html>"


@pytest.mark.parametrize(
    "body", [b"", b" ", HTML, b"null", b"[]", b'"text"', b"5", b"\xff\xfe", b"{}", b'{"code":true}']
)
@pytest.mark.parametrize(
    ("status", "doubtful"),
    [(200, True), (204, True), (299, True), (300, False), (302, False), (399, False), (400, False),
     (404, False), (408, False), (413, False), (500, True), (502, True), (503, True), (504, True), (524, True)],
)  # fmt: skip
def test_an_answer_of_another_is_doubtful_unless_it_turned_the_request_away(body, status, doubtful):
    error = failure(body, status, {"content-type": "text/html; charset=utf-8"})

    assert (InvalidResponseError, doubtful) == (type(error), error.doubtful)
    assert status == error.status_code
    for text in (error.text.english, error.text.chinese):
        assert f"HTTP {status}" in text
    assert f"(text/html, {len(body)} bytes)" in error.text.english
    assert f"（text/html，{len(body)} 字节）" in error.text.chinese
    assert ("may have been billed" in error.text.english) == doubtful
    assert ("可能已计费" in error.text.chinese) == doubtful


@pytest.mark.parametrize("length", [1, 10, 100, 200])
def test_a_cut_answer_is_doubtful(length):
    error = failure(success()[:length], 200)

    assert (InvalidResponseError, True) == (type(error), error.doubtful)


# JSON of somebody else: a number and a request_id together are the service's own shape.
FOREIGN = [
    {"status": 504, "error": "Gateway Timeout", "path": "/", "timestamp": "now"},
    {"code": 502, "message": "Bad Gateway"},
    {"code": "503", "message": "upstream connect error"},
    {"code": -1, "msg": "timeout"},
    {"code": 0, "message": "ok"},
    {"code": 403, "message": "blocked by policy"},
    {"code": 50411, "message": "Pre Img Risk Not Pass"},
    {"request_id": "R1", "message": "no code"},
    {"status": 504, "request_id": "R1"},
    {"code": "blocked", "request_id": "R1"},
]


@pytest.mark.parametrize("body", FOREIGN)
@pytest.mark.parametrize("status", [200, 403, 451, 500, 502, 503, 504])
def test_json_that_is_not_of_the_service_s_shape_is_a_doubt_and_not_its_word(body, status):
    error = failure(json.dumps(body).encode(), status)

    assert (InvalidResponseError, True) == (type(error), error.doubtful)
    assert "The answer was not one of Volcengine's" in error.text.english
    assert "may have been billed" in error.text.english
    assert "可能已计费" in error.text.chinese
    assert "Nothing was billed" not in error.text.english
    assert "未计费" not in error.text.chinese


@pytest.mark.parametrize("body", [*(json.dumps(body).encode() for body in FOREIGN), HTML, b""])
@pytest.mark.parametrize("status", [401, 405, 407, 411, 413, 414, 421, 431])
def test_what_a_proxy_turned_away_never_reached_the_service(body, status):
    error = failure(body, status)

    assert (InvalidResponseError, False) == (type(error), error.doubtful)


@pytest.mark.parametrize("status", [403, 451])
def test_a_page_that_hides_an_answer_is_a_doubt(status):
    error = failure(HTML, status, {"content-type": "text/html"})

    assert (InvalidResponseError, True) == (type(error), error.doubtful)


@pytest.mark.parametrize("code", [1, -1, 50999, 60207, "50999"])
@pytest.mark.parametrize("status", [200, 400, 404, 500, 502, 503, 504])
def test_a_number_in_the_service_s_own_shape_is_definite_whatever_it_is(code, status):
    error = failure(json.dumps({"code": code, "data": None, "request_id": "R1"}).encode(), status)

    assert isinstance(error, APIResponseError)
    assert (int(code), "R1", False) == (error.code, error.request_id, error.doubtful)
    assert "Nothing was billed" in error.text.english
    assert "未计费" in error.text.chinese


@pytest.mark.parametrize(
    ("error", "status", "doubtful"),
    [
        ({"CodeN": 100014, "Code": "InternalError"}, 500, True),
        ({"CodeN": 100016, "Code": "InternalServiceTimeout"}, 504, True),
        ({"Code": "Upstream", "Message": "gone"}, 502, True),
        ({"CodeN": 999999, "Code": ""}, 503, True),
        ({"CodeN": 999999, "Code": "999999"}, 503, True),
        ({"Message": "?"}, 500, True),
        ({"Code": "ServiceUnavailableTemp"}, 503, False),
        ({"Code": "Upstream", "Message": "gone"}, 200, False),
        ({"Code": "Upstream", "Message": "gone"}, 404, False),
        ({"CodeN": 50500, "Code": "50500"}, 500, False),
    ],
)
def test_the_gateway_s_own_5xx_is_a_doubt_for_the_service_behind_it_may_have_painted(
    error, status, doubtful
):
    body = {"ResponseMetadata": {"RequestId": "G1", "Error": error}}
    found = failure(json.dumps(body).encode(), status)

    assert isinstance(found, APIResponseError)
    assert ("G1", doubtful) == (found.request_id, found.doubtful)


@pytest.mark.parametrize("status_code", [201304, 999, "201304"])
def test_success_whose_algorithm_failed_without_a_picture_is_that_failure(status_code):
    told = {"status_code": status_code, "status_message": "AI ghost face"}
    body = data(algorithm_base_resp=told, binary_data_base64=None, image_urls=None)
    error = failure(body, 200)

    assert isinstance(error, APIResponseError)
    assert (int(status_code), "AI ghost face", "R1", False) == (
        error.code, error.message, error.request_id, error.doubtful,
    )  # fmt: skip


@pytest.mark.parametrize("brought", [{"image_urls": None}, {"binary_data_base64": None}])
def test_a_picture_is_kept_although_its_algorithm_reports_a_failure(brought):
    told = {"status_code": 201304, "status_message": "AI ghost face"}
    answer = read(data(algorithm_base_resp=told, **brought))

    assert answer.pictures or answer.urls
    assert {"algorithm_status": 201304, "algorithm_message": "AI ghost face"} == answer.data


@pytest.mark.parametrize(
    "task", [{"task_id": "T1"}, {"status": "in_queue"}, {"status": "generating"}]
)
def test_a_task_that_has_not_ended_has_not_failed(task):
    told = {"status_code": 5, "status_message": ""}
    body = success(data={"algorithm_base_resp": told, **task})

    assert task.items() <= read(body).data.items()


def test_success_without_any_data_holds_no_picture():
    assert ((), (), {}) == (
        read(success(data=None)).pictures, read(success(data=None)).urls, read(success(data=None)).data,
    )  # fmt: skip


@pytest.mark.parametrize("code", [50999, "NewWord"])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429])
def test_a_code_that_no_table_lists_is_a_refusal_in_a_4xx(code, status):
    business = {"code": code, "message": "m", "request_id": "R1"}
    gateway = {"ResponseMetadata": {"RequestId": "R1", "Error": {"Code": code, "Message": "m"}}}
    body = business if isinstance(code, int) else gateway
    error = failure(json.dumps(body).encode(), status)

    assert isinstance(error, APIResponseError)
    assert (code, "R1", "m", False) == (error.code, error.request_id, error.message, error.doubtful)
    assert str(code) in error.text.english
    assert str(code) in error.text.chinese


@pytest.mark.parametrize(
    ("number", "code"), [(100010, "SignatureDoesNotMatch"), (100099, "100099")]
)
def test_a_number_of_the_gateway_stands_for_its_word_or_else_for_itself(number, code):
    body = {"ResponseMetadata": {"RequestId": "G1", "Error": {"CodeN": number, "Code": ""}}}

    # https://www.volcengine.com/docs/6369/68677
    assert code == failure(json.dumps(body).encode(), 401).code


def test_an_error_of_the_gateway_that_names_no_code_is_shown_without_one():
    body = {"ResponseMetadata": {"RequestId": "G1", "Error": {"Message": "gone"}}}
    error = failure(json.dumps(body).encode(), 503)

    assert 0 == error.code
    assert "Volcengine's answer: gone (code -, HTTP 503, request_id G1)." in error.text.english
    assert "火山引擎返回：gone（code -，HTTP 503，request_id G1）。" in error.text.chinese


def test_metadata_with_an_empty_error_is_no_error():
    body = {"ResponseMetadata": {"RequestId": "G1", "Error": {}}, "Result": SUCCESS}

    assert (PICTURE,) == read(json.dumps(body).encode()).pictures


def test_a_429_without_a_code_still_is_the_allowance():
    error = failure(HTML, 429, {"Retry-After": "3"})

    assert (RateLimitError, 3.0, False) == (type(error), error.retry_after_s, error.doubtful)
    assert 0 == error.code


def test_the_date_of_a_refusal_is_kept_for_the_clock():
    body = b'{"ResponseMetadata":{"Error":{"Code":"InvalidTimestamp"}}}'
    date = "Mon, 18 Aug 2025 09:19:58 GMT"

    assert date == failure(body, 400, {"date": date}).server_date


def test_what_the_service_says_is_shown_on_one_line_and_not_without_end():
    message = "line\nbreak \ud800 " + "x" * 10_000
    error = failure(
        json.dumps({"code": 50215, "message": message, "request_id": "R1"}).encode(), 400
    )

    assert error.message.startswith("line break   xxx")
    assert len(error.message) <= 500
    assert 2 == len(str(error).split("\n"))
    str(error).encode()


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from([10000, "10000", 50430, 50500, "9" * 5000, 10**400, "InvalidTimestamp"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["code", "status", "message", "request_id", "data", "time_elapsed", "Result",
                 "ResponseMetadata", "Error", "Code", "CodeN", "Message", "RequestId",
                 "binary_data_base64", "image_urls", "algorithm_base_resp", "other"],
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)  # fmt: skip


def outcome(status: int, headers: dict[str, str], body: bytes) -> Answer | VolcengineError:
    try:
        return parse(status, headers, body)
    except VolcengineError as error:
        return error


def check_hostile(body: bytes, status: int, headers: dict[str, str]) -> None:
    """Either a usable answer or an error of ours, whose texts can be shown, logged and stored."""
    found = outcome(status, headers, body)
    if isinstance(found, Answer):
        assert all(isinstance(picture, bytes) and picture for picture in found.pictures)
        assert all(isinstance(url, str) and url for url in found.urls)
        kept = [found.request_id, found.message, found.elapsed_s, found.urls, found.data]
        json.dumps(kept, ensure_ascii=False).encode()
        return
    assert isinstance(found, (APIResponseError, InvalidResponseError))
    assert 2 == len(str(found).encode().splitlines())
    if isinstance(found, APIResponseError) and status < 500:
        assert not found.doubtful


statuses = st.sampled_from([200, 201, 302, 400, 401, 403, 404, 429, 500, 502, 503, 504])
headers = st.dictionaries(
    st.sampled_from(["Retry-After", "Date", "Content-Type"]), st.text(max_size=12), max_size=3
)


@settings(derandomize=True, max_examples=400, deadline=None)
@given(json_values, statuses, headers)
@example({**SUCCESS, "time_elapsed": 10**400}, 200, {})
@example({"code": "9" * 5000}, 200, {})
@example({"code": 10000, "request_id": {"deep": [[[]]]}, "data": {"x": [[[[]]]]}}, 200, {})
def test_no_json_makes_it_raise_anything_else(value, status, headers):
    check_hostile(json.dumps(value).encode("utf-8", "surrogatepass"), status, headers)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.binary(max_size=60), statuses, headers)
@example(b"[" * 100_000, 200, {})
@example(b'{"code":' + b"9" * 5000 + b"}", 200, {})
@example(b'{"code":10000,"data":{"x":' + b"[" * 900 + b"]" * 900 + b"}}", 200, {})
@example(b'{"code":10000,"request_id":' + b"[" * 900 + b"]" * 900 + b"}", 200, {})
@example("图片".encode("gb18030"), 200, {})
def test_no_bytes_make_it_raise_anything_else(body, status, headers):
    check_hostile(body, status, headers)


def test_errors_of_the_service_are_told_from_those_of_a_proxy():
    ours = failure(b'{"code":50500,"request_id":"R1"}', 500)
    proxys = failure(b'{"code":500}', 500)

    assert (ServerError, False) == (type(ours), ours.doubtful)
    assert (InvalidResponseError, True) == (type(proxys), proxys.doubtful)
