"""What the lines of the account book say of its calls, read from files written by hand as the format has them."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from volc_inpaint.nodes.jobs.book_lines import (
    Asked,
    BookFile,
    Call,
    Reading,
    day,
    midnight,
    put_together,
    sums,
)

if TYPE_CHECKING:
    from pathlib import Path

A, B = "2026-11-a", "2026-11-b"


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


def sent(number: str, moment: float = 1.0, **more: Any) -> dict[str, Any]:
    return {"state": "sent", "id": number, "at": moment, **more}


def said(state: str, number: str, **more: Any) -> dict[str, Any]:
    """A line that says what became of a call or a reservation."""
    return {"state": state, "id": number, "at": 2.0, **more}


def written(path: Path, *lines: dict[str, Any], end: str = "") -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + end, "utf-8")
    return path


def read(
    folder: Path, *files: list[dict[str, Any]], living: tuple[str, ...] = (), since: float = 0.0
) -> Reading:
    """What the files of the processes "0", "1" and so on say together."""
    found = []
    for number, lines in enumerate(files):
        found.append(BookFile(str(number)))
        found[-1].read(written(folder / str(number), *lines))
    return put_together(found, set(living), since)


def states(reading: Reading) -> dict[str, str]:
    return {number: call.state for number, call in reading.calls.items()}


def test_a_day_is_that_of_beijing() -> None:
    assert ["2026-11-25", "2026-11-26", "2027-01-01"] == [
        day(at("2026-11-25T15:59:59")),
        day(at("2026-11-25T16:00:00")),
        day(at("2026-12-31T16:00:00")),
    ]


def test_a_day_begins_at_midnight_in_beijing_which_is_four_in_the_afternoon_utc() -> None:
    for moment, began in (
        ("2026-11-25T15:59:59.500", "2026-11-24T16:00:00"),
        ("2026-11-25T16:00:00", "2026-11-25T16:00:00"),
        ("2026-11-26T03:00:00", "2026-11-25T16:00:00"),
    ):
        assert at(began) == midnight(at(moment))


def test_all_that_is_known_of_a_call_is_in_its_lines(tmp_path: Path) -> None:
    asked = {
        "model": "m",
        "seed": 7,
        "image": 1,
        "variant": 2,
        "key": "ab" * 32,
        "prompt": "一只小狗",
        "node": "VolcInpaint 5",
        "workflow": "flow",
    }
    reading = read(
        tmp_path,
        [
            sent(A, 1.5, of="2026-11-r", **asked),
            said("submitted", A, task_id="task", request_id="of the submission"),
            said("paid", A, code=10000, request_id="of the answer"),
            sent(B, model="m"),
            said("failed", B, code="LackPolicy"),
        ],
    )

    assert {
        A: Call(
            A, 1.5, "paid",
            Asked("m", 7, 1, 2, "ab" * 32, "一只小狗", "VolcInpaint 5", "flow"),
            10000, "of the answer", "task", "2026-11-r", "0",
        ),
        B: Call(B, 1.0, "failed", Asked("m"), "LackPolicy", process="0"),
    } == reading.calls  # fmt: skip


def test_an_end_without_a_request_id_leaves_that_of_the_submission(tmp_path: Path) -> None:
    lines = [sent(A), said("submitted", A, task_id="t", request_id="r"), said("unknown", A)]

    call = read(tmp_path, lines).calls[A]
    assert ("unknown", 0, "r") == (call.state, call.code, call.request_id)


def test_a_call_that_was_withdrawn_is_none(tmp_path: Path) -> None:
    assert {B: "unknown"} == states(read(tmp_path, [sent(A), sent(B), said("withdrawn", A)]))


def test_a_torn_line_is_passed_over_and_those_around_it_are_read(tmp_path: Path) -> None:
    torn = '{"state": "paid", "id": "2026-11-a", "at": 2.0, "requ'
    path = written(tmp_path / "0", sent(A, model="m"), sent(B, model="m"), end=torn)
    file = BookFile("0")
    file.read(path)
    assert {A: "unknown", B: "unknown"} == states(put_together([file], set()))

    half_a_character = '{"state": "paid", "id": "2026-11-a", "prompt": "狗'.encode()[:-1]
    path.write_bytes(path.read_bytes() + b"\n" + half_a_character + b"\nnull\n[1]\n")
    with path.open("a") as more:
        more.write('{"state": "paid", "id": "2026-11-b", "at": 3.0}\n')
    file.read(path)
    assert {A: "unknown", B: "paid"} == states(put_together([file], set()))


def test_a_file_is_read_on_where_it_was_left_and_each_line_once(tmp_path: Path) -> None:
    path, file = tmp_path / "0", BookFile("0")
    file.read(path)  # which nobody has made yet
    served = {"state": "journal", "at": 5.0, "model": "m"}
    half = json.dumps(sent(A))
    written(path, served, end=half[:20])
    file.read(path)
    file.read(path)
    with path.open("a") as more:
        more.write(half[20:] + "\n" + json.dumps(served) + "\n")
    file.read(path)

    reading = put_together([file], {"0"})
    assert {A: "sent"} == states(reading)
    assert [(5.0, Asked("m"))] * 2 == reading.served


def test_a_call_that_has_not_ended_is_sent_while_its_process_lives_and_unknown_afterwards(
    tmp_path: Path,
) -> None:
    files = [[sent(A), sent(B), said("paid", B)], [sent("2026-11-c")]]

    assert {A: "unknown", B: "paid", "2026-11-c": "sent"} == states(
        read(tmp_path, *files, living=("1",))
    )


def test_a_task_that_another_process_ended_is_one_call_of_the_day_it_was_submitted(
    tmp_path: Path,
) -> None:
    """Whichever file is read first, and also if the process that submitted it lives or had given it up in doubt."""
    submitting: list[dict[str, Any]] = []
    ending: list[dict[str, Any]] = []
    for number, end in ((A, "fetched"), (B, "failed")):
        submitting += [
            sent(number, 5.0),
            said("submitted", number, task_id=f"t{number}", request_id="submission"),
        ]
        ending.append(
            {"state": end, "at": 9.0, "task_id": f"t{number}", "submitted_at": 6.0, "code": 7, "request_id": "r"}
        )  # fmt: skip
    submitting.append(said("unknown", B))
    for files in ((submitting, ending), (ending, submitting)):
        calls = read(tmp_path, *files, living=("0", "1")).calls
        assert [(A, 5.0, "fetched", 7, "r"), (B, 5.0, "failed", 7, "r")] == sorted(
            (call.number, call.at, call.state, call.code, call.request_id)
            for call in calls.values()
        )


def test_a_task_that_is_known_to_be_paid_stays_so_whatever_another_process_was_told_later(
    tmp_path: Path,
) -> None:
    late = {"state": "failed", "at": 9.0, "task_id": "t", "submitted_at": 5.0, "code": 50400}
    submitted = said("submitted", A, task_id="t")

    assert {A: "paid"} == states(read(tmp_path, [sent(A), submitted, said("paid", A)], [late]))


def test_a_task_whose_submission_stands_in_no_file_is_a_call_of_its_own(tmp_path: Path) -> None:
    line = {"state": "fetched", "at": 9.0, "task_id": "t", "submitted_at": 5.0, "model": "m"}

    (call,) = read(tmp_path, [line, said("paid", "2026-10-lost")]).calls.values()
    assert Call("t", 5.0, "fetched", Asked("m"), task_id="t") == call


def test_a_task_whose_process_was_killed_before_it_wrote_down_the_number_is_its_last_equal_call(
    tmp_path: Path,
) -> None:
    """What was sent before or after that one is another call than the task of 5, and so is one that ended or has a number."""
    key, other = "ab" * 32, "cd" * 32
    line = {
        "state": "fetched",
        "at": 20.0,
        "task_id": "t",
        "submitted_at": 5.0,
        "key": key,
        "code": 10000,
    }
    calls = [
        sent("early", 1.0, key=key), sent("it", 4.0, key=key, of="2026-11-r"),
        sent("another", 4.5, key=other), sent("late", 9.0, key=key),
    ]  # fmt: skip
    of_another = {**line, "task_id": "of nothing that is known", "key": "ef" * 32}
    for living in ((), ("0",)):
        reading = read(
            tmp_path, calls, [{**line, "key": "", "task_id": "s"}, of_another, line], living=living
        )
        open_ = "sent" if living else "unknown"
        expected = {"early": open_, "it": "fetched", "another": open_, "late": open_}
        beside = {"s": "fetched", "of nothing that is known": "fetched"}
        assert expected | beside == states(reading)
        it = reading.calls["it"]
        assert (4.0, "t", 10000, "2026-11-r") == (it.at, it.task_id, it.code, it.reservation)

    for known in (
        said("failed", "it"),
        said("unknown", "it"),
        said("submitted", "it", task_id="u"),
    ):
        found = states(read(tmp_path, [*calls, known], [line]))
        assert (5, "fetched") == (len(found), found["t"])
    nameless = read(tmp_path, [sent("it", 4.0)], [{**line, "key": ""}])
    assert {"it": "unknown", "t": "fetched"} == states(nameless)


def test_calls_sent_earlier_than_asked_for_are_left_out(tmp_path: Path) -> None:
    files = [[sent(A, 1.0), sent(B, 2.0)], [sent("2026-11-c", 1.9), sent("2026-11-d", 3.0)]]

    assert {B, "2026-11-d"} == set(read(tmp_path, *files, since=2.0).calls)


def test_no_call_is_hidden_by_a_later_line_of_a_clock_that_was_set_back(tmp_path: Path) -> None:
    assert {A} == set(read(tmp_path, [sent(A, 5.0), sent(B, 1.0)], since=2.0).calls)


def test_the_last_tick_counts_in_whatever_order_the_files_are_read(tmp_path: Path) -> None:
    ticks = [{"state": "ticked", "id": A, "at": 4.0}, {"state": "ticked", "id": B, "at": 8.0}]
    taken_back = [{"state": "unticked", "id": A, "at": 5.0}, {"state": "unticked", "id": B, "at": 7.0}]  # fmt: skip
    calls = [sent(A), sent(B), sent("2026-11-c")]
    for files in ((ticks, taken_back, calls), (calls, taken_back, ticks)):
        found = read(tmp_path, *files).calls
        assert {A: False, B: True, "2026-11-c": False} == {
            number: call.ticked for number, call in found.items()
        }


def test_a_tick_of_a_call_that_stands_in_no_file_is_no_call(tmp_path: Path) -> None:
    assert {} == read(tmp_path, [said("ticked", A)]).calls


def test_reservations_of_the_living_are_open_until_they_are_released(tmp_path: Path) -> None:
    living = [
        said("reserved", "2026-11-r", calls=3),
        said("reserved", "2026-11-s", calls=5),
        said("reserved", "2026-11-r", calls=4),
        said("released", "2026-11-s"),
    ]
    dead = [said("reserved", "2026-11-t", calls=6)]

    reading = read(tmp_path, living, dead, living=("0",))
    assert {"2026-11-r": 4} == reading.reservations
    assert ({}, []) == (reading.calls, reading.served)


def test_what_was_deleted_and_what_a_later_version_says_is_neither_called_nor_served(
    tmp_path: Path,
) -> None:
    lines = [
        {"state": state, "at": 1.0, "id": A, "key": "ab" * 32}
        for state in ("deleted", "zzz", "aaa")
    ]

    assert Reading({}, [], {}) == read(tmp_path, lines, living=("0",))


def test_the_sums_of_a_day_a_month_and_all(tmp_path: Path) -> None:
    """Counted by hand: it is 10 at night of 25 November in Beijing."""
    moments = {
        "today": "2026-11-25T13:00:00",
        "this morning": "2026-11-24T16:00:00",
        "yesterday": "2026-11-24T15:59:59",
        "this month": "2026-10-31T16:00:00",
        "last month": "2026-10-31T15:59:59",
    }
    lines: list[dict[str, Any]] = []
    for number, (moment, state, model) in enumerate(
        [
            ("today", "paid", "a"),
            ("today", "failed", "a"),
            ("today", "unknown", "b"),
            ("this morning", "paid", "b"),
            ("yesterday", "paid", "a"),
            ("this month", "failed", "a"),
            ("last month", "paid", "a"),
        ]
    ):
        about = {"id": f"2026-11-{number}", "at": at(moments[moment])}
        lines += [{"state": "sent", "model": model, **about}, {"state": state, **about}]
    lines.append({"state": "journal", "at": at(moments["today"]), "model": "a"})

    found = sums(read(tmp_path, lines), at("2026-11-25T14:00:00"))
    outcomes = ("paid", "failed", "unknown", "journal", "sent", "fetched")
    counts = {span: [found[span][name] for name in outcomes] for span in ("today", "month", "all")}
    assert {
        "today": [2, 1, 1, 1, 0, 0],
        "month": [3, 2, 1, 1, 0, 0],
        "all": [4, 2, 1, 1, 0, 0],
    } == counts
    assert {
        "a": [3, 2, 0, 1, 0, 0],
        "b": [1, 0, 1, 0, 0, 0],
    } == {name: [of[o] for o in outcomes] for name, of in found["all"]["models"].items()}  # fmt: skip
