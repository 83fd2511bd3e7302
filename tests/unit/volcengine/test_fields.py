"""Single fields of an answer in every dress, and what is made of them to be shown and stored."""

from __future__ import annotations

import base64
import json
import time
from email.utils import formatdate

import pytest
from volc_inpaint.nodes.volcengine import fields

PICTURE = b"\xff\xd8\xff a picture" + bytes(range(256))


@pytest.mark.parametrize("name", ["Content-Type", "content-type", "CONTENT-TYPE"])
def test_a_header_is_found_in_any_case(name):
    headers = {"X-First": "1", "cOnTeNt-TyPe": "text/html"}

    assert "text/html" == fields.header(headers, name)
    assert "" == fields.header({"X-First": "1"}, name)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("2", 2.0), ("0.5", 0.5), (" 4 ", 4.0), ("0", 0.0), ("-5", 0.0), ("", None), ("soon", None),
     ("inf", None), ("nan", None), ("1e999", None), ("Mon, 99 Foo 2025 00:00:00 GMT", None),
     ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(value, expected):
    assert expected == fields.retry_after({"retry-after": value})


def test_without_a_retry_after_nothing_is_asked_for():
    assert fields.retry_after({}) is None


def test_retry_after_counts_from_now():
    later = {"Retry-After": formatdate(time.time() + 60, usegmt=True)}
    seconds = fields.retry_after(later)

    assert 50 < seconds <= 60


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a", ["a"]), (["a", None], ["a", None]), ([], []), (None, []), ({"a": 1}, []), (5, []), (True, [])],
)  # fmt: skip
def test_a_single_text_counts_as_a_list_of_one_and_anything_else_as_none(value, expected):
    assert expected == fields.as_list(value)


def test_base64_in_wrapped_lines_is_read():
    assert PICTURE * 20 == fields.decoded(base64.encodebytes(PICTURE * 20).decode())


def test_base64_of_an_address_is_read():
    safe = base64.urlsafe_b64encode(PICTURE).decode()
    plain = base64.b64encode(PICTURE).decode()

    assert "-" in safe
    assert "_" in safe
    for text in (plain, safe, f"data:image/jpeg;base64,{plain}"):
        assert PICTURE == fields.decoded(text)


@pytest.mark.parametrize(
    "text", ["cut", "====", "data:image/png;base64,A", "图片", "QU*JD", "QUJD!"]
)
def test_what_is_no_base64_is_not_made_into_bytes(text):
    with pytest.raises(ValueError):  # noqa: PT011 - of base64, whatever it says
        fields.decoded(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("one\ntwo\r\tthree", "one two  three"),
        ("\ud800 狗 \x1b[31m", "  狗  [31m"),
        (50411, "50411"),
        (0.5, "0.5"),
        ("x" * 501, "x" * 500),
        (True, ""),
        (None, ""),
        (["a"], ""),
        ({}, ""),
    ],
)
def test_what_is_shown_is_one_line_and_not_without_end(value, expected):
    assert expected == fields.line(value)


@pytest.mark.parametrize("value", ["a", 1, 0.5, True, None, [], ["a", 1, None]])
def test_texts_numbers_and_lists_of_them_are_plain(value):
    assert fields.is_plain(value)
    assert value == fields.storable(value)


@pytest.mark.parametrize("value", [{}, [[]], ["a", {}], [1, [2]]])
def test_what_is_nested_is_not_plain(value):
    assert not fields.is_plain(value)


def test_what_is_stored_can_be_written_as_utf_8():
    stored = fields.storable(["\ud800x", "狗", 2])

    assert ["?x", "狗", 2] == stored
    json.dumps(stored, ensure_ascii=False).encode()


def test_what_is_to_be_hidden_is_hidden_in_names_too():
    content = {"token": ["a token", 5, {"my token": None}], "other": True}

    expected = {"***": ["a ***", 5, {"my ***": None}], "other": True}
    assert expected == fields.without(content, {"token": "***"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (50411, 50411),
        (-1, -1),
        ("50411", 50411),
        ("9" * 18, 10**18 - 1),
        (10000.0, 10000),
        (10000.5, None),
        (float("inf"), None),
        (float("nan"), None),
        ("9" * 19, None),
        ("-1", None),
        ("5e4", None),
        (" 5", None),
        ("５", None),
        ("", None),
        (True, None),
        (False, None),
        (None, None),
        ([1], None),
    ],
)
def test_a_whole_number_may_be_a_text_or_a_fraction(value, expected):
    actual = fields.number(value)

    assert expected == actual
    assert actual is None or type(actual) is int


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2.5, 2.5),
        (3, 3.0),
        ("2.173378731s", 2.173378731),
        ("350ms", 0.35),
        ("1m2.5s", 62.5),
        ("1h0m1s", 3601.0),
        ("15.5µs", 15.5e-6),
        ("900us", 9e-4),
        ("7ns", 7e-9),
        ("2.5", 2.5),
        ("", None),
        ("soon", None),
        (None, None),
        (True, None),
        ([1], None),
        ({}, None),
        (10**400, None),
        (float("nan"), None),
        (float("inf"), None),
        ("9" * 400, pytest.approx(1e100)),
    ],
)
def test_the_time_is_read_as_a_number_or_as_a_duration_of_go(value, expected):
    actual = fields.seconds(value)

    assert (expected is None) == (actual is None)
    assert expected is None or pytest.approx(expected) == actual
