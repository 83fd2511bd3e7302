"""Sending: runs one after another, whose connections the far side closed in between or closes at the next request."""

from __future__ import annotations

import base64
import json
import re
from argparse import Namespace
from typing import TYPE_CHECKING

import buyer as here
import pytest
from peer import KEYS, http, once, peer, read_request, reset, through

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from peer import Peer
    from simulated_service import SimulatedService

RUNS = 20
PICTURE = base64.b64encode(here.png(here.pixels())).decode()


def replies(request: bytes) -> bytes:
    """The service's answer to a call, a submission or a question."""
    data = {"binary_data_base64": [PICTURE], "status": "done"}
    if b"CVSync2AsyncSubmitTask" in request:
        data = {"task_id": "7"}
    return http(json.dumps({"code": 10000, "request_id": "R1", "data": data}).encode())


def closes_between(connection: socket.socket, seen: Peer) -> None:
    request = read_request(connection)
    connection.sendall(replies(request))


def closes_at_the_next(connection: socket.socket, seen: Peer) -> None:
    closes_between(connection, seen)
    connection.recv(1)
    reset(connection)


@pytest.mark.parametrize("model", [here.ANSWERED, here.SUBMITTED], ids=["answered", "submitted"])
@pytest.mark.parametrize("serve", [closes_between, closes_at_the_next])
def test_a_connection_that_the_far_side_closes_costs_no_doubt_in_twenty_runs(
    tmp_path: Path, serve: Callable[[socket.socket, Peer], None], model: str
) -> None:
    with peer(serve) as seen:
        keys = Namespace(endpoint=seen.url, access_key=KEYS.access_key, secret_key=KEYS.secret_key)
        account = here.make_account(keys, tmp_path)
        outcomes = []
        for number in range(RUNS):
            seen.closed.clear()
            outcomes += here.buy(account, here.jobs(2, number=number, model=model))
            assert seen.closed.wait(10)

    assert ["paid"] * 2 * RUNS == [outcome.status for outcome in outcomes]


def test_what_only_a_person_can_mend_is_tried_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with peer(once(http(b"", "407 Proxy Authentication Required"))) as proxy:
        through(monkeypatch, proxy.url)
        keys = Namespace(
            endpoint="https://service.test", access_key=KEYS.access_key, secret_key=KEYS.secret_key
        )
        (outcome,) = here.buy(here.make_account(keys, tmp_path), here.jobs(1))

    assert (outcome.status, len(proxy.requests)) == ("failed", 1)
    assert "wants a user name and a password" in outcome.message


CLASSIC = here.ANSWERED


@pytest.mark.parametrize("code", ["InvalidActionOrVersion", 50402])
def test_a_classic_whose_synchronous_call_is_no_more_goes_through_its_pair_once_and_for_all(
    service: SimulatedService, tmp_path: Path, code: int | str
) -> None:
    bought = here.buy(here.make_account(service, tmp_path), here.jobs(1))
    service.reset()
    service.configure({"pair_only": code})
    account = here.make_account(service, tmp_path)
    outcomes = here.buy(account, here.jobs(3))
    service.configure({"pair_only": code})
    more = here.buy(account, here.jobs(1, seed=50, return_url=True))

    assert [outcome.status for outcome in [*bought, *outcomes]] == [
        "paid", "journal", "paid", "paid",
    ]  # fmt: skip
    assert [outcome.status for outcome in more] == ["paid"]
    for outcome in (*outcomes[1:], *more):
        assert "submitted as a task" in outcome.notes[0].english
        assert "提交任务" in outcome.notes[0].chinese
    actions = [call.action for call in service.ledger.calls()]
    # the synchronous call is tried once a place at most, and never after that
    assert actions.count("CVProcess") <= 2
    assert actions.count("CVSync2AsyncSubmitTask") == service.billed == 3
    assert actions[-1] == "CVSync2AsyncSubmitTask"
    wishes = service.ledger.calls("query")[-1].fields["req_json"]
    assert json.loads(wishes) == {"return_url": True}
    # the key is the same either way
    service.configure({"pair_only": None})
    again = here.buy(here.make_account(service, tmp_path), here.jobs(3))
    assert [outcome.status for outcome in again] == ["journal"] * 3


def test_a_task_of_the_classic_that_was_left_behind_is_fetched_by_the_next_process(
    service: SimulatedService, tmp_path: Path
) -> None:
    service.configure({"pair_only": 50402, "latency_s": 60.0})
    (left,) = here.buy(here.make_account(service, tmp_path, timeout_s=0.3), here.jobs(1))
    service.hangs.set()
    (fetched,) = here.buy(here.make_account(service, tmp_path), here.jobs(1))

    assert (left.status, fetched.status) == ("unknown", "journal")
    assert service.billed == 1


@pytest.mark.parametrize("model", [CLASSIC, here.SUBMITTED])
def test_an_interface_that_is_no_more_in_either_way_is_refused_and_names_what_is(
    service: SimulatedService, tmp_path: Path, model: str
) -> None:
    service.configure({"retired": {model: 50402}})
    outcomes = here.buy(here.make_account(service, tmp_path), here.jobs(4, model=model))

    assert {(outcome.status, outcome.code) for outcome in outcomes} == {("failed", 50402)}
    named = "choose jimeng_image2image_dream_inpaint as `model`" in outcomes[0].message
    assert named == (model == CLASSIC)
    assert service.billed == 0
    assert service.ledger.count() <= 8  # each of them in both ways, at most


def test_a_picture_beside_a_failed_algorithm_is_kept_and_said_at_every_run(
    service: SimulatedService, tmp_path: Path
) -> None:
    service.fail("algorithm_odd")
    account = here.make_account(service, tmp_path)
    outcomes = [*here.buy(account, here.jobs(1)), *here.buy(account, here.jobs(1))]

    assert [outcome.status for outcome in outcomes] == ["paid", "journal"]
    for outcome in outcomes:
        (note,) = outcome.notes
        assert "201304: AI ghost face" in note.english
        assert "201304：AI ghost face" in note.chinese


@pytest.mark.parametrize("model", [CLASSIC, here.SUBMITTED])
def test_a_success_whose_algorithm_failed_without_a_picture_failed_and_is_bought_anew(
    service: SimulatedService, tmp_path: Path, model: str
) -> None:
    service.fail("algorithm_failed", on="task" if model == here.SUBMITTED else "call")
    account = here.make_account(service, tmp_path)
    (failed,) = here.buy(account, here.jobs(1, model=model))
    (paid,) = here.buy(account, here.jobs(1, model=model))

    assert (failed.status, failed.code, paid.status) == ("failed", 201304, "paid")
    assert service.billed == 1


class Unreachable(dict[str, bytes]):
    """Pictures whose links lead nowhere."""

    def get(self, name: str, default: object = None) -> None:
        return None


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What an operator reads of the calls, without the times."""
    of_calls = ("nodes.jobs.sending", "nodes.jobs.tasks")
    told = [record.getMessage() for record in caplog.records if record.name.endswith(of_calls)]
    return [re.sub(r"[0-9]+\.[0-9]+ s", "x s", line) for line in told]


def test_the_log_has_a_line_for_each_call_and_each_retry(
    service: SimulatedService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    service.fail(50500, seed=7)
    here.buy(here.make_account(service, tmp_path), here.jobs(1, seed=7))
    first, second = service.ledger.calls()

    assert lines(caplog) == [
        f"{here.ANSWERED}: seed 7, code 50500, request_id {first.request_id}, x s; again in x s: the service",
        f"{here.ANSWERED}: seed 7, code 10000, request_id {second.request_id}, x s; into the journal",
    ]


@pytest.mark.parametrize(
    ("fault", "then"),
    [(50413, "given up"), ("reset_after_body", "may be billed, not sent again")],
)
def test_the_log_says_what_comes_of_a_failure(
    service: SimulatedService,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    fault: int | str,
    then: str,
) -> None:
    service.fail(fault)
    here.buy(here.make_account(service, tmp_path), here.jobs(1))

    (line,) = lines(caplog)
    assert line.endswith(f"x s; {then}")


def test_the_log_tells_of_a_task_when_it_is_submitted_and_when_it_is_done(
    service: SimulatedService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    here.buy(here.make_account(service, tmp_path), here.jobs(1, model=here.SUBMITTED))

    assert [line.rpartition("; ")[2] for line in lines(caplog)] == [
        "asks for its task",
        "into the journal",
    ]


def test_the_log_has_a_line_for_each_question_that_is_asked_again(
    service: SimulatedService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service.fail("html_504", on="query")
    here.buy(here.make_account(service, tmp_path), here.jobs(1, model=here.SUBMITTED))
    (call, *_) = service.ledger.calls("query")

    (line,) = lines(caplog)
    task = call.fields["task_id"]
    assert line.startswith(f"question for task {task}: code InvalidResponseError, request_id -")
    assert line.endswith("; asked again in x s")


def test_no_secret_prompt_or_link_is_in_the_log_and_any_console_can_show_it(
    service: SimulatedService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="volc_inpaint")
    service.fail("link_only", times=9)
    service.pictures = Unreachable()
    account = here.make_account(service, tmp_path)
    here.buy(account, here.jobs(2, return_url=True, custom_prompt="一只小狗"))
    service.fail("SignatureDoesNotMatch", times=9)
    here.buy(account, here.jobs(2, seed=9, custom_prompt="一只小狗"))

    service.pictures = {}

    told = "\n".join(lines(caplog))
    assert told.isascii()
    assert "link: code InvalidResponseError, request_id -, x s; again" in told
    for secret in (service.secret_key, service.access_key, "小狗", "u5c0f", "http", "/pictures/"):
        assert secret not in told
