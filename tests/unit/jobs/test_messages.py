"""What a purchase has to tell: whole in both languages, with what a person needs to act."""

from __future__ import annotations

import errno
import inspect
from pathlib import Path
from typing import Any

import buyer
import pytest
from volc_inpaint.nodes.jobs import messages
from volc_inpaint.nodes.jobs.claims import Trace
from volc_inpaint.nodes.volcengine.errors import VolcengineError
from volc_inpaint.nodes.words import Text

AT = 1_764_072_000.0  # 2025-11-25 12:00:00 UTC


def chinese_only(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


@pytest.mark.parametrize(
    ("trace", "said"),
    [
        (Trace("paid", AT), "was paid, but its link could not be fetched in time"),
        (Trace("no_picture", AT), "was answered, but not with a picture"),
        (
            Trace("submitted", AT, task_id="77"),
            "an earlier task (2025-11-25 12:00:00 UTC, number 77)",
        ),
        (Trace("sent", AT), "an earlier call (2025-11-25 12:00:00 UTC) was sent"),
        (Trace("unreadable"), "an earlier call (at an unknown time) was sent"),
    ],
)
def test_what_was_left_behind_is_told_by_its_state(trace: Trace, said: str) -> None:
    text = messages.left_behind(trace)

    assert said in text.english
    assert "compare the bill" in text.english
    assert text.english.endswith("This run asks for the picture anew.")
    assert "账单" in text.chinese
    assert text.chinese.endswith("本次重新请求该图片。")


def test_a_time_that_nobody_knows_is_said_in_the_language_around_it() -> None:
    text = messages.left_behind(Trace("sent", at=-1.0))

    assert "(at an unknown time)" in text.english
    assert "（时间未知）" in text.chinese
    assert "unknown" not in text.chinese


def test_a_note_names_its_variant_in_both_languages() -> None:
    (_, job) = buyer.jobs(2)

    assert messages.note(job, Text("so it is.", "如此。")) == Text(
        "Variant 2: so it is.", "变体 2：如此。"
    )


def test_an_equal_call_is_told_of_by_whose_it_was() -> None:
    ours = messages.elsewhere(Trace.now("sent", 1)).text
    theirs = messages.elsewhere(Trace("sent", AT, "another machine", 1)).text

    assert ours.english.startswith("This ComfyUI server sent an equal call")
    assert ours.chinese.startswith("本 ComfyUI 服务器")
    assert theirs.english.startswith("Another ComfyUI server sent an equal call")
    assert theirs.chinese.startswith("另一台 ComfyUI 服务器")


@pytest.mark.parametrize(
    ("money", "doubtful", "said"),
    [
        ("unspent", False, "server's log."),
        ("in doubt", True, "The call may have been billed"),
        ("kept", True, "The picture is paid and in the journal"),
    ],
)
def test_a_bug_says_what_it_means_for_the_money(money: Any, doubtful: bool, said: str) -> None:
    error = messages.unexpected(KeyError("x"), money)

    assert said in error.text.english
    assert "KeyError" in error.text.chinese
    assert error.doubtful == doubtful


def test_a_cause_holds_no_path() -> None:
    error = PermissionError(errno.EACCES, "Permission denied", "/srv/somebody/journal")

    assert messages.reason(error) == "Permission denied"
    assert messages.reason(ValueError("/srv/somebody")) == "ValueError"


def test_a_line_of_the_log_is_ascii_whatever_the_service_answers() -> None:
    class Refused:
        code = "图片\n"
        request_id = "编号"

    line = messages.log_line("model", 7, Refused(), 1.5, "given up")

    assert line.isascii()
    assert "\n" not in line
    expected = r"model: seed 7, code \u56fe\u7247\n, request_id \u7f16\u53f7, 1.50 s; given up"
    assert line == expected


def test_a_line_of_the_log_names_an_error_that_is_no_answer_by_its_type() -> None:
    line = messages.log_line("link", None, TimeoutError(), 0.25, "again in 0.5 s")

    assert line == "link: code TimeoutError, request_id -, 0.25 s; again in 0.5 s"


LINKS = ["https://pictures.example/a", "https://pictures.example/b"]


@pytest.mark.parametrize(("urls", "link"), [(LINKS[:1], LINKS[0]), (LINKS, LINKS[0]), ([], "-")])
def test_a_picture_that_was_not_fetched_is_told_of_with_its_link(
    urls: list[str], link: str
) -> None:
    error = messages.PaidButNotFetchedError(urls, TimeoutError("x"))

    assert "could not be fetched (TimeoutError). Run again within 24 hours" in error.text.english
    assert error.text.english.endswith(f"Link: {link}")
    assert "（TimeoutError）。请在 24 小时内再次运行" in error.text.chinese
    assert error.text.chinese.endswith(f"链接：{link}")
    assert error.urls == tuple(urls)


BROKE = VolcengineError(Text("It broke.", "出错。"))


@pytest.mark.parametrize(
    ("status", "cause", "last"),
    [
        ("in_queue", None, ("status: in_queue", "状态：in_queue")),
        ("", None, ("status: unknown", "状态：未知")),
        ("", BROKE, ("status: unknown; It broke.", "状态：未知；出错。")),
        ("generating", BROKE, ("status: generating; It broke.", "状态：generating；出错。")),
    ],
)
def test_a_task_that_is_not_done_is_told_of_with_what_was_last_known_of_it(
    status: str, cause: VolcengineError | None, last: tuple[str, str]
) -> None:
    error = messages.TaskPendingError("77", status, cause)

    assert error.text.english.startswith("Task 77 was submitted, but its picture is not here yet.")
    assert error.text.chinese.startswith("任务 77 已提交，但尚未取得图片。")
    assert error.text.english.endswith(last[0])
    assert error.text.chinese.endswith(last[1])
    assert error.doubtful


@pytest.mark.parametrize(("request_id", "said"), [("R1", "R1"), ("", "-")])
def test_a_task_that_is_lost_is_told_of_with_the_answer_that_said_so(
    request_id: str, said: str
) -> None:
    error = messages.TaskLostError("77", "expired", request_id)

    assert "The service answers expired for task 77" in error.text.english
    assert "任务 77 已提交，但服务返回 expired" in error.text.chinese
    assert error.text.english.endswith(f"(request_id {said}).")
    assert error.text.chinese.endswith(f"（request_id {said}）。")
    assert error.request_id == request_id


@pytest.mark.parametrize(("message", "said"), [("AI ghost face", "AI ghost face"), ("", "-")])
def test_a_failed_algorithm_is_told_of_with_its_number_and_what_it_says(
    message: str, said: str
) -> None:
    text = messages.algorithm(201304, message)

    assert f"(201304: {said})" in text.english
    assert f"（201304：{said}）" in text.chinese


@pytest.mark.parametrize("error", [messages.no_task("R1"), messages.no_picture("ab", "R1")])
def test_an_answer_without_what_was_paid_for_is_told_of_as_the_success_that_it_claims_to_be(
    error: VolcengineError,
) -> None:
    assert "(HTTP 200, request_id R1)" in str(error)
    assert error.doubtful


EXAMPLES: dict[str, Any] = {
    "error": OSError(errno.ENOSPC, "No space left on device"),
    "request_id": "R1",
    "task_id": "77",
    "at": AT,
    "key": "ab" * 32,
    "folder": Path("/srv/journal"),
    "trace": Trace("sent", AT),
    "money": "kept",
    "urls": ["https://pictures.example/a"],
    "cause": VolcengineError(Text("It broke", "出错")),
    "status": "generating",
    "there": True,
    "text": Text("so", "如此"),
}


def test_every_error_is_two_lines_english_then_chinese() -> None:
    told = []
    for _, make in inspect.getmembers(messages, callable):
        if getattr(make, "__module__", "") != messages.__name__ or make is messages.DoubtError:
            continue
        names = inspect.signature(make).parameters
        if not set(names) <= set(EXAMPLES):
            continue
        made = make(**{name: EXAMPLES[name] for name in names})
        if isinstance(made, VolcengineError):
            english, chinese = str(made).splitlines()
            assert not chinese_only(english), english
            assert chinese_only(chinese), chinese
            told.append(make)

    assert len(told) > 8
