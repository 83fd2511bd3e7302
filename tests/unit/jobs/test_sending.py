"""Sending: closed connections, interfaces that are no more, tasks that are submitted and asked for."""

from __future__ import annotations

import base64
import json
import threading
from argparse import Namespace
from typing import TYPE_CHECKING, Any

import buyer as here
import pytest
from peer import KEYS, http, once, peer, read_request, reset, through
from simulated_service.faults import Fault
from volc_inpaint.nodes.jobs import workers
from volc_inpaint.nodes.jobs.claims import Claim
from volc_inpaint.nodes.volcengine.client import Client
from volc_inpaint.nodes.volcengine.errors import APIConnectionError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from peer import Peer
    from simulated_service import SimulatedService
    from volc_inpaint.nodes.jobs.claims import Trace
    from volc_inpaint.nodes.volcengine.answers import Answer

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
    assert "wants a user name and a password" in outcome.receipt.message


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


def test_a_task_of_the_classic_whose_picture_is_none_is_fetched_again_by_the_next_process(
    service: SimulatedService, tmp_path: Path
) -> None:
    service.configure({"pair_only": 50402, "latency_s": 60.0})
    here.buy(here.make_account(service, tmp_path, timeout_s=0.3), here.jobs(1))
    service.hangs.set()
    service.fail("not_a_picture", on="query")
    (spoilt,) = here.buy(here.make_account(service, tmp_path), here.jobs(1))
    (fetched,) = here.buy(here.make_account(service, tmp_path), here.jobs(1))

    assert (spoilt.status, fetched.status) == ("unknown", "journal")
    assert service.billed == 1


def test_a_call_goes_again_as_soon_as_an_answer_has_set_the_clock(
    service: SimulatedService, tmp_path: Path
) -> None:
    service.configure({"clock_offset_s": 5000.0})
    (outcome,) = here.buy(here.make_account(service, tmp_path), here.jobs(1))

    assert outcome.status == "paid"
    assert ["refused", "billed"] == [call.state for call in service.ledger.calls()]


def test_a_lost_answer_to_a_submission_of_the_classic_is_a_doubt_like_any_other(
    service: SimulatedService, tmp_path: Path
) -> None:
    service.configure({"pair_only": 50402})
    account = here.make_account(service, tmp_path)
    here.buy(account, here.jobs(1))
    service.fail("reset_after_body", seed=2)
    (outcome,) = here.buy(account, here.jobs(1, seed=2))

    assert outcome.status == "unknown"
    assert isinstance(outcome.error, APIConnectionError)


def test_an_interface_that_comes_back_is_called_directly_again(
    service: SimulatedService, tmp_path: Path
) -> None:
    account = here.make_account(service, tmp_path)
    outcomes = []
    for seed, state in enumerate(({"pair_only": 50402}, {"retired": {CLASSIC: 50402}}, {}), 1):
        service.configure({"pair_only": None, "retired": {}, **state})
        outcomes += here.buy(account, here.jobs(1, seed=seed))

    assert ["paid", "failed", "paid"] == [outcome.status for outcome in outcomes]
    assert service.ledger.calls()[-1].action == "CVProcess"


@pytest.mark.parametrize(
    ("pair", "told"),
    [
        (50402, (50402, "R2")),
        (50204, (50402, "R1")),  # it may not know the interface: there is none, then
        (50413, (50413, "R2")),  # a word against the picture
    ],
)
def test_of_two_refusals_the_one_that_says_more_is_told(
    tmp_path: Path, pair: int, told: tuple[int, str]
) -> None:
    def serve(connection: socket.socket, seen: Peer) -> None:
        while request := read_request(connection):
            submits = b"CVSync2AsyncSubmitTask" in request
            code, number = (pair, "R2") if submits else (50402, "R1")
            body = {"code": code, "message": "no", "request_id": number, "data": None}
            connection.sendall(http(json.dumps(body).encode(), "400 Bad Request"))

    with peer(serve) as seen:
        keys = Namespace(endpoint=seen.url, access_key=KEYS.access_key, secret_key=KEYS.secret_key)
        (outcome,) = here.buy(here.make_account(keys, tmp_path), here.jobs(1))

    assert outcome.status == "failed"
    assert (outcome.receipt.code, outcome.receipt.request_id) == told


@pytest.mark.parametrize(("reply", "statuses"), [("refused", []), ("not understood", ["unknown"])])
def test_after_a_cancel_a_refusal_says_nothing_more_and_a_doubt_is_told(
    tmp_path: Path, reply: str, statuses: list[str]
) -> None:
    arrived, go_on = threading.Event(), threading.Event()
    refusal = b'{"code":50413,"message":"no","request_id":"R1","data":null}'

    def serve(connection: socket.socket, seen: Peer) -> None:
        read_request(connection)
        arrived.set()
        go_on.wait(10)
        connection.sendall(http(refusal, "400 Bad Request") if reply == "refused" else http(b"?"))

    with peer(serve) as seen:
        keys = Namespace(endpoint=seen.url, access_key=KEYS.access_key, secret_key=KEYS.secret_key)
        run = workers.start(here.make_account(keys, tmp_path), here.jobs(1), here.decode)
        assert arrived.wait(10)
        run.cancel()
        go_on.set()
        assert run.done.wait(30)

    assert statuses == [outcome.status for outcome in run.results()]


def test_a_call_that_fails_leaves_its_place_to_the_next(
    service: SimulatedService, tmp_path: Path
) -> None:
    account = here.make_account(service, tmp_path, cap=1)
    service.faults.set([Fault(50413, seed=1), Fault("reset_after_body", seed=2)])
    outcomes = [
        here.buy(account, here.jobs(1, seed=seed), timeout_s=20)[0].status for seed in (1, 2, 3)
    ]

    assert ["failed", "unknown", "paid"] == outcomes


@pytest.mark.parametrize("model", [CLASSIC, here.SUBMITTED])
def test_an_interface_that_is_no_more_in_either_way_is_refused_and_names_what_is(
    service: SimulatedService, tmp_path: Path, model: str
) -> None:
    service.configure({"retired": {model: 50402}})
    outcomes = here.buy(here.make_account(service, tmp_path), here.jobs(4, model=model))

    assert {(outcome.status, outcome.receipt.code) for outcome in outcomes} == {("failed", 50402)}
    named = "choose jimeng_image2image_dream_inpaint as `model`" in outcomes[0].receipt.message
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

    assert (failed.status, failed.receipt.code, paid.status) == ("failed", 201304, "paid")
    assert service.billed == 1


def test_a_submission_without_a_number_is_in_doubt(
    service: SimulatedService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.tasks, "submit", lambda *_: service.ledger.leave())
    (outcome,) = here.buy(here.make_account(service, tmp_path), here.jobs(1, model=here.SUBMITTED))

    assert outcome.status == "unknown"
    assert "no number" in outcome.receipt.message


def test_a_number_that_cannot_be_written_down_is_said_and_its_task_fetched(
    service: SimulatedService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Claim.write

    def full(claim: Claim, note: Trace) -> None:
        if note.state == "submitted":
            raise OSError(28, "No space left on device")
        write(claim, note)

    monkeypatch.setattr(Claim, "write", full)
    (outcome,) = here.buy(here.make_account(service, tmp_path), here.jobs(1, model=here.SUBMITTED))

    assert outcome.status == "paid"
    assert "No space left on device" in outcome.notes[0].english


def test_an_error_of_the_system_once_the_call_was_sent_leaves_the_note(
    service: SimulatedService, tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no word of the journal's folder, which would mean that nothing was bought."""
    call = Client.call

    def interrupted(*arguments: Any, **options: Any) -> Answer:
        call(*arguments, **options)
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Client, "call", interrupted)
        (outcome,) = here.buy(here.make_account(service, tmp_path), here.jobs(1, model=model))
    assert "unknown" == outcome.status
    assert "may have been billed" in outcome.receipt.message

    (again,) = here.buy(here.make_account(service, tmp_path), here.jobs(1, model=model))
    assert "earlier call" in again.notes[0].english
    assert "paid" == again.status


@pytest.mark.parametrize(("kept", "to_land"), [(True, (0, 0)), (False, (1, 1))])
def test_the_end_of_the_process_waits_for_a_task_whose_number_is_not_on_the_disk(
    service: SimulatedService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kept: bool,
    to_land: tuple[int, int],
) -> None:
    write = Claim.write

    def full(claim: Claim, note: Trace) -> None:
        if note.state == "submitted" and not kept:
            raise OSError(28, "No space left on device")
        write(claim, note)

    monkeypatch.setattr(Claim, "write", full)
    service.configure({"queue_s": 60.0})
    wanted = here.jobs(1, model=here.SUBMITTED)
    run = workers.start(here.make_account(service, tmp_path), wanted, here.decode)
    here.wait_until(lambda: run.status().in_queue == 1)
    told = run.to_land()
    service.hangs.set()

    assert run.done.wait(30)
    assert to_land == told


def test_the_number_is_on_the_disk_before_anybody_asks_for_the_task(
    service: SimulatedService, tmp_path: Path
) -> None:
    service.fail("hang", on="query")
    run = workers.start(
        here.make_account(service, tmp_path), here.jobs(1, model=here.SUBMITTED), here.decode
    )
    assert service.ledger.wait(lambda: service.ledger.count(kind="query") == 1, 30)
    (note,) = tmp_path.glob("*/*.inflight")
    trace = json.loads(note.read_bytes())
    (call,) = service.ledger.calls("query")
    here.wait_until(lambda: bool(call.fields))

    assert (trace["state"], trace["task_id"]) == ("submitted", call.fields["task_id"])
    service.hangs.set()
    assert run.done.wait(30)


def test_a_task_that_was_just_submitted_is_asked_for_again_within_the_second(
    service: SimulatedService, tmp_path: Path
) -> None:
    service.configure({"queue_s": 0.25})
    (outcome,) = here.buy(here.make_account(service, tmp_path), here.jobs(1, model=here.SUBMITTED))

    first, second, *_ = (call.started_s for call in service.ledger.calls("query"))
    assert outcome.status == "paid"
    assert second - first < 1


def test_the_status_tells_waiting_in_the_services_queue_from_generating(
    service: SimulatedService, tmp_path: Path
) -> None:
    service.configure({"queue_s": 60.0, "latency_s": 0.0})
    run = workers.start(
        here.make_account(service, tmp_path), here.jobs(3, model=here.SUBMITTED), here.decode
    )
    here.wait_until(lambda: run.status().in_queue == 3)
    assert run.status().on_wire == 3
    service.hangs.set()
    assert run.done.wait(30)

    assert (run.status().in_queue, run.status().on_wire) == (0, 0)
    assert ["paid"] * 3 == [outcome.status for outcome in run.results()]


def test_a_task_that_is_being_painted_is_on_the_wire_and_in_no_queue(
    service: SimulatedService, tmp_path: Path
) -> None:
    service.configure({"latency_s": 60.0})
    wanted = here.jobs(1, model=here.SUBMITTED)
    run = workers.start(here.make_account(service, tmp_path), wanted, here.decode)
    here.wait_until(lambda: len(service.ledger.calls("query")) >= 3)
    status = run.status()
    service.hangs.set()

    assert run.done.wait(30)
    assert (status.on_wire, status.in_queue) == (1, 0)
