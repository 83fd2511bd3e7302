"""Failures of every kind at variant 2 of 4, over real HTTP: what is billed is delivered, or said to be in doubt."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import time
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import buyer
import numpy as np
import pytest
from buyer import statuses, traces
from PIL import Image
from simulated_service.faults import OF_PICTURES, Fault
from simulated_service.refusals import BUSINESS, GATEWAY
from volc_inpaint.nodes.jobs import heartbeat, locks, workers
from volc_inpaint.nodes.jobs.book import open_book
from volc_inpaint.nodes.jobs.booking import Origin
from volc_inpaint.nodes.jobs.claims import Trace
from volc_inpaint.nodes.jobs.job import MadeWhenNeeded, Receipt
from volc_inpaint.nodes.jobs.journal import Journal, journal_key
from volc_inpaint.nodes.jobs.limiter import Limiter
from volc_inpaint.nodes.jobs.purchase import to_buy
from volc_inpaint.nodes.volcengine.errors import VolcengineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from simulated_service import SimulatedService
    from volc_inpaint.nodes.jobs.job import Job, Outcome

    Jobs = Callable[..., list[Job]]

HIT = 2
# Refusals that are waited out or tried again: https://www.volcengine.com/docs/86081/1804490
TRANSIENT = {50429, 50430, 50500, 50501, "FlowLimitExceeded", "InvalidTimestamp"}
# Of the gateway: the service behind it may have painted.
DOUBTS = {"InternalError", "InternalServiceTimeout"}
LOST = [
    "hang",
    "reset_after_body",
    "cut_json",
    "cut_base64",
    "not_a_picture",
    "html_504",
    "empty",
    "no_data",
]
MENDED = ["wrong_size", "link_only", "loose"]


def where(model: str) -> str:
    """What brings the picture."""
    return "query" if model == buyer.SUBMITTED else "call"


def entries(folder: Path) -> int:
    return len(list(folder.glob("*/*.zip")))


@pytest.fixture(scope="module")
def experienced() -> Limiter:
    """A limiter that lets four calls go at once without spreading them."""
    limiter = Limiter(8)
    for _ in range(4):
        assert limiter.acquire(0, lambda: False)
    for _ in range(4):
        limiter.succeeded(0.1)
    return limiter


@pytest.mark.parametrize("code", sorted({*BUSINESS, *GATEWAY}, key=str))
def test_a_refusal_costs_its_own_variant_and_no_money(
    service: SimulatedService, tmp_path: Path, experienced: Limiter, code: int | str, jobs: Jobs
) -> None:
    limits = BUSINESS.get(code, (0,))[0] == 429 or code == "FlowLimitExceeded"  # type: ignore[call-overload]
    limiter = None if limits else experienced
    service.fail(code, seed=HIT)
    outcomes = buyer.buy(buyer.make_account(service, tmp_path, limiter=limiter), jobs())

    if code in TRANSIENT:
        assert statuses(outcomes) == ["paid"] * 4
        assert service.billed == 4
        assert service.ledger.count("refused") == 1
    else:
        missing = "unknown" if code in DOUBTS else "failed"
        assert statuses(outcomes) == ["paid", missing, "paid", "paid"]
        assert outcomes[1].receipt.code == code
        assert outcomes[1].receipt.request_id in outcomes[1].receipt.message
        assert service.billed == 3
    assert entries(tmp_path) == service.billed
    assert len(traces(tmp_path)) == (code in DOUBTS)

    again = buyer.buy(buyer.make_account(service, tmp_path, limiter=experienced), jobs())
    bought = "journal" if code in TRANSIENT else "paid"
    assert statuses(again) == ["journal", bought, "journal", "journal"]
    assert service.billed == 4
    assert len(again[1].notes) == (code in DOUBTS)


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        *((buyer.ANSWERED, fault) for fault in LOST),
        *((buyer.SUBMITTED, fault) for fault in LOST if fault not in OF_PICTURES),
    ],
)
def test_a_lost_answer_is_in_doubt_and_only_the_next_run_pays_for_it(
    service: SimulatedService, tmp_path: Path, fault: str, jobs: Jobs
) -> None:
    service.fail(fault, seed=HIT)
    outcomes = buyer.buy(buyer.make_account(service, tmp_path, timeout_s=1.5), jobs())
    service.hangs.set()

    assert statuses(outcomes) == ["paid", "unknown", "paid", "paid"]
    assert "bill" in outcomes[1].receipt.message
    assert "账单" in outcomes[1].receipt.message
    assert service.billed == entries(tmp_path) + 1 == 4
    assert len(service.ledger.calls()) == 4
    assert [trace["seed"] for trace in traces(tmp_path)] == [HIT]

    again = buyer.buy(buyer.make_account(service, tmp_path), jobs())
    assert statuses(again) == ["journal", "paid", "journal", "journal"]
    assert len(service.ledger.calls()) == 5
    assert "earlier call" in again[1].notes[0].english
    assert traces(tmp_path) == []


@pytest.mark.parametrize("fault", MENDED)
def test_an_unusual_answer_is_a_picture_like_any_other(
    service: SimulatedService, tmp_path: Path, fault: str, model: str, jobs: Jobs
) -> None:
    service.fail(fault, seed=HIT, on=where(model))
    outcomes = buyer.buy(buyer.make_account(service, tmp_path), jobs())

    assert statuses(outcomes) == ["paid"] * 4
    assert service.billed == entries(tmp_path) == 4
    side = 32 if fault == "wrong_size" else 64
    assert outcomes[1].value.shape == (side, side, 3)


def test_a_redirect_is_not_followed_and_not_billed(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    service.fail("redirect", seed=HIT, billed=False)
    outcomes = buyer.buy(buyer.make_account(service, tmp_path), jobs())

    assert statuses(outcomes) == ["paid", "failed", "paid", "paid"]
    assert service.billed == entries(tmp_path) == 3


def test_a_request_that_broke_off_while_it_was_sent_goes_again(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    # Large enough not to fit the buffers of the connection.
    wanted = jobs(2, side=1060)
    service.fail("reset_before_body", nth=1)
    outcomes = buyer.buy(buyer.make_account(service, tmp_path), wanted)

    assert statuses(outcomes) == ["paid", "paid"]
    assert service.billed == 2
    assert [call.code for call in service.ledger.calls()].count("reset_before_body") == 1


def test_a_wrong_clock_is_set_by_the_answer(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    service.configure({"clock_offset_s": 5000.0})
    account = buyer.make_account(service, tmp_path)
    outcomes = buyer.buy(account, jobs())
    refused = service.ledger.count("refused")
    more = buyer.buy(account, jobs(seed=100))

    assert statuses(outcomes + more) == ["paid"] * 8
    assert 1 <= refused <= 4
    assert service.ledger.count("refused") == refused


def test_a_clock_that_cannot_be_set_fails_after_one_more_try(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    service.fail("InvalidTimestamp", times=99)
    outcomes = buyer.buy(buyer.make_account(service, tmp_path), jobs(1))

    assert statuses(outcomes) == ["failed"]
    assert len(service.ledger.calls()) == 2


def test_refused_keys_are_not_tried_for_every_variant(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    service.fail("InvalidAccessKey", times=99)
    outcomes = buyer.buy(buyer.make_account(service, tmp_path, cap=1), jobs(8))

    assert statuses(outcomes) == ["failed"] * 8
    assert {outcome.receipt.code for outcome in outcomes} == {"InvalidAccessKey"}
    assert len(service.ledger.calls()) == 2


@pytest.mark.parametrize("code", [50511, 50519])
def test_a_rejected_result_is_drawn_again_only_with_a_drawn_seed(
    service: SimulatedService, tmp_path: Path, code: int, jobs: Jobs
) -> None:
    service.fail(code, times=2)
    (outcome,) = buyer.buy(buyer.make_account(service, tmp_path), jobs(1, seed=-1))
    calls = service.ledger.calls()

    assert outcome.status == "paid"
    assert outcome.job.seed == calls[-1].seed
    assert len({call.seed for call in calls}) == 3

    service.reset()
    service.fail(code, times=2)
    (outcome,) = buyer.buy(buyer.make_account(service, tmp_path), jobs(1, seed=7))
    assert outcome.status == "failed"
    assert len(service.ledger.calls()) == 1


def test_seeds_are_drawn_again_three_times_at_most(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    service.fail(50511, times=99)
    (outcome,) = buyer.buy(buyer.make_account(service, tmp_path), jobs(1, seed=-1))

    assert outcome.status == "failed"
    assert len(service.ledger.calls()) == 4


def test_a_service_that_fails_quickly_is_asked_once_more(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    service.fail(50500, times=99)
    (outcome,) = buyer.buy(buyer.make_account(service, tmp_path), jobs(1))

    assert (outcome.status, outcome.receipt.code) == ("failed", 50500)
    assert len(service.ledger.calls()) == 2


def test_a_service_that_asks_to_wait_for_hours_is_not_waited_for(
    service: SimulatedService, tmp_path: Path
) -> None:
    service.configure({"retry_after_s": 86400.0})
    service.fail(50429, times=99)
    outcomes = buyer.buy(buyer.make_account(service, tmp_path), buyer.jobs(8), timeout_s=5)

    assert statuses(outcomes) == ["failed"] * 8
    assert {outcome.receipt.code for outcome in outcomes} == {50429}


def test_what_was_bought_is_kept_byte_for_byte(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    service.pictures.clear()
    (outcome,) = buyer.buy(buyer.make_account(service, tmp_path), jobs(1, return_url=True))
    (path,) = tmp_path.glob("*/*.zip")
    with zipfile.ZipFile(path) as file:
        report = json.loads(file.read("report.json"))
        kept = file.read(report["files"][0])

    (sent,) = service.pictures.values()
    assert kept == sent
    assert np.array_equal(outcome.value, np.asarray(Image.open(io.BytesIO(sent))))
    (*_, answered) = service.ledger.calls("query") or service.ledger.calls()
    assert report["request_id"] == answered.request_id
    assert report["urls"] == list(outcome.receipt.urls)


def test_six_variants_after_four_pay_two(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    account = buyer.make_account(service, tmp_path)
    buyer.buy(account, jobs(4))
    more = buyer.buy(account, jobs(6))
    back = buyer.buy(account, jobs(4, return_url=True))

    assert statuses(more) == ["journal"] * 4 + ["paid"] * 2
    assert statuses(back) == ["journal"] * 4
    assert service.billed == 6


def test_two_equal_pictures_in_one_run_are_paid_once(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    service.configure({"latency_s": 0.2})
    wanted = jobs(2)
    twice = [*wanted, *(type(job)(**{**vars(job), "index": job.index + 2}) for job in wanted)]
    outcomes = buyer.buy(buyer.make_account(service, tmp_path), twice)

    assert sorted(statuses(outcomes)) == ["journal", "journal", "paid", "paid"]
    assert [outcome.job.index for outcome in outcomes] == [1, 2, 3, 4]
    assert service.billed == 2


def test_two_runs_that_want_the_same_at_once_pay_once(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    service.configure({"latency_s": 0.3})
    account = buyer.make_account(service, tmp_path)
    runs = [workers.start(account, jobs(), buyer.decode) for _ in range(3)]
    for run in runs:
        assert run.done.wait(30)

    assert service.billed == 4
    assert sum(statuses(run.results()).count("paid") for run in runs) == 4


def test_an_equal_run_shares_the_doubt_and_does_not_blame_another_server(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    service.fail("hang")
    account = buyer.make_account(service, tmp_path)
    first = workers.start(account, jobs(1), buyer.decode)
    assert service.wait_for("billed", 1)
    second = workers.start(account, jobs(1), buyer.decode)
    buyer.wait_until(lambda: second.status().waiting_for == "another_run")
    service.hangs.set()
    for run in (first, second):
        assert run.done.wait(30)

    assert statuses(first.results() + second.results()) == ["unknown", "unknown"]
    assert len(service.ledger.calls()) == 1
    message = second.results()[0].receipt.message
    assert "This ComfyUI server sent an equal call" in message
    assert "本 ComfyUI 服务器" in message


def test_equal_pictures_of_one_run_are_not_sent_one_after_another_into_a_doubt(
    service: SimulatedService, tmp_path: Path
) -> None:
    """Frames that stand still, on an account of one place: the second is asked for when the first has ended in doubt."""
    still, moving = buyer.jobs(1, number=1)[0], buyer.jobs(4, seed=2, number=2)
    frames = [replace(job, index=place) for place, job in enumerate([still, *moving, still], 1)]
    service.fail("reset_after_body", seed=1)
    account = buyer.make_account(service, tmp_path, cap=1)

    def made() -> Iterator[Job]:
        yield frames[0]
        buyer.wait_until(lambda: bool(account.in_doubt))
        yield from frames[1:]

    run = workers.start(account, MadeWhenNeeded(6, made(), iter(())), buyer.decode)
    assert run.done.wait(30)
    outcomes = run.results()

    assert statuses(outcomes) == ["unknown", "paid", "paid", "paid", "paid", "unknown"]
    assert sorted(call.seed for call in service.ledger.calls()) == [1, 2, 3, 4, 5]
    assert "equal call" in outcomes[-1].receipt.message

    # a run that begins after the doubt was told asks anew, and says so
    (again,) = buyer.buy(account, [still])
    assert again.status == "paid"
    assert "earlier call" in again.notes[0].english
    assert account.in_doubt == {}


def test_runs_that_were_asked_for_before_a_doubt_was_told_do_not_pay_into_it(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    """A host's queue: each begins when the one before it has ended."""
    service.fail("reset_after_body")
    account = buyer.make_account(service, tmp_path)

    def run(asked_at: float) -> Outcome:
        queued = Origin(waited_s=time.monotonic() - asked_at)
        run = workers.start(account, jobs(1), buyer.decode, origin=queued)
        assert run.done.wait(30)
        (outcome,) = run.results()
        return outcome

    before = time.monotonic()
    first, second = run(before), run(before)
    told = time.monotonic()
    third = run(before)

    assert statuses([first, second, third]) == ["unknown"] * 3
    assert len(service.ledger.calls()) == 1
    assert "equal call" in third.receipt.message
    # whoever asks once the first was told knows what it may cost, even while others of the queue still end
    assert run(told).status == "paid"
    assert len(service.ledger.calls()) == 2


def test_what_waits_behind_a_run_that_waited_for_another_server_shares_its_doubt(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    service.fail("hang")
    other, here = (buyer.make_account(service, tmp_path) for _ in range(2))
    asked_at = time.monotonic()
    first = workers.start(other, jobs(1), buyer.decode)
    assert service.wait_for(None, 1)
    second = workers.start(here, jobs(1), buyer.decode)
    buyer.wait_until(lambda: second.status().waiting_for == "another_run")
    service.hangs.set()
    assert first.done.wait(30)
    assert second.done.wait(30)

    queued = Origin(waited_s=time.monotonic() - asked_at)
    third = workers.start(here, jobs(1), buyer.decode, origin=queued)
    assert third.done.wait(30)

    assert statuses([*second.results(), *third.results()]) == ["unknown"] * 2
    assert len(service.ledger.calls()) == 1


def test_an_equal_run_shares_a_picture_that_found_no_room_on_the_disk(
    service: SimulatedService, tmp_path: Path, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in memory only, and nothing else may be bought until it is written: neither hides it."""
    full = OSError(28, "No space left on device")

    def no_room(*_: Any) -> int:
        raise full

    monkeypatch.setattr(Journal, "_write", no_room)
    service.configure({"latency_s": 60.0})
    account = buyer.make_account(service, tmp_path)
    first = workers.start(account, jobs(1), buyer.decode)
    assert service.wait_for("on_wire", 1)
    second = workers.start(account, jobs(1), buyer.decode)
    buyer.wait_until(lambda: second.status().waiting_for == "another_run")
    service.hangs.set()
    for run in (first, second):
        assert run.done.wait(30)

    assert statuses(first.results() + second.results()) == ["paid", "journal"]
    assert service.billed == len(service.ledger.calls()) == 1
    assert "No space left" in first.results()[0].notes[0].english


@pytest.mark.parametrize("code", [errno.EACCES, errno.EAGAIN])
def test_a_claim_that_nobody_holds_is_an_error_that_names_the_folder(
    service: SimulatedService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """As in folders whose locks always fail."""

    def refuse(_: int) -> None:
        raise OSError(code, os.strerror(code))

    account = buyer.make_account(service, tmp_path)
    open_book(tmp_path)
    monkeypatch.setattr(locks, "_lock", refuse)
    monkeypatch.setattr(heartbeat, "_LOOK_S", 0.0)
    monkeypatch.setattr(heartbeat, "_UNCHANGED_S", 0.3)
    (outcome,) = buyer.buy(account, buyer.jobs(1))

    assert outcome.status == "failed"
    assert str(tmp_path) in outcome.receipt.message
    assert "nothing was bought" in outcome.receipt.message
    assert service.ledger.calls() == []


def test_a_link_that_does_not_work_is_fetched_by_the_next_run_without_paying(
    service: SimulatedService, tmp_path: Path, model: str, jobs: Jobs
) -> None:
    service.fail("link_only", on=where(model))
    service.configure({"latency_s": 0.2})
    run = workers.start(buyer.make_account(service, tmp_path), jobs(1), buyer.decode)
    held: dict[str, bytes] = {}

    class Gone(dict[str, bytes]):
        def get(self, name: str, default: Any = None) -> Any:
            held.update(self)
            return None

    service.pictures = Gone()
    assert run.done.wait(30)
    (outcome,) = run.results()
    assert outcome.status == "unknown"
    assert outcome.receipt.urls[0] in outcome.receipt.message
    assert service.billed == 1

    service.pictures = held
    (again,) = buyer.buy(buyer.make_account(service, tmp_path), jobs(1))
    assert again.status == "paid"
    assert again.value is not None
    assert len(service.ledger.calls()) == 1
    assert traces(tmp_path) == []
    service.pictures = {}


def test_a_bug_after_the_answer_loses_no_picture(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    def broken(_: tuple[bytes, ...]) -> Any:
        raise MemoryError

    account = buyer.make_account(service, tmp_path)
    (outcome,) = buyer.buy(account, jobs(1), decoder=broken)
    assert outcome.status == "unknown"
    assert "next run" in outcome.receipt.message

    (again,) = buyer.buy(account, jobs(1))
    assert again.status == "journal"
    assert service.billed == 1


def test_a_journal_that_cannot_be_written_stops_the_purchase(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    blocked = tmp_path / "journal"
    blocked.write_bytes(b"not a folder")
    outcomes = buyer.buy(buyer.make_account(service, blocked), jobs(2))

    assert statuses(outcomes) == ["failed", "failed"]
    assert "VOLC_JOURNAL_DIR" in outcomes[0].receipt.message
    assert service.ledger.calls() == []


def test_a_folder_that_somebody_named_is_not_made_and_nothing_is_bought_without_it(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    """As when its share is not mounted at the start."""
    named = tmp_path / "share" / "journal"
    account = buyer.make_account(service, named, make=False)
    (outcome,) = buyer.buy(account, jobs(1))

    assert outcome.status == "failed"
    assert f"{named} of the journal of paid pictures is not there" in outcome.receipt.message
    assert "VOLC_JOURNAL_DIR" in outcome.receipt.message
    assert not named.parent.exists()
    assert service.ledger.calls() == []

    named.mkdir(parents=True)
    (outcome,) = buyer.buy(account, jobs(1))
    assert outcome.status == "paid"


@pytest.mark.parametrize("instead", ["nothing", "an empty folder", "the journal of another"])
def test_a_journal_that_is_another_one_under_a_running_server_stops_the_purchase(
    service: SimulatedService, tmp_path: Path, jobs: Jobs, instead: str
) -> None:
    """As when its share is unmounted, or another is mounted in its place."""
    named, away = tmp_path / "journal", tmp_path / "away"
    named.mkdir()
    account = buyer.make_account(service, named, make=False)
    buyer.buy(account, jobs(1))
    named.rename(away)
    if instead != "nothing":
        named.mkdir()
    if instead == "the journal of another":
        buyer.buy(buyer.make_account(service, named, make=False), jobs(1, seed=50))
    billed = service.billed
    (outcome,) = buyer.buy(account, jobs(1))

    assert outcome.status == "failed"
    assert str(named) in outcome.receipt.message
    assert "nothing was bought" in outcome.receipt.message
    assert service.billed == billed

    if named.exists():
        shutil.rmtree(named)
    away.rename(named)
    (outcome,) = buyer.buy(account, jobs(1))
    assert outcome.status == "journal"


@pytest.mark.parametrize("instead", ["nothing", "an empty folder"])
def test_a_picture_that_arrives_while_the_share_is_away_waits_for_it(
    service: SimulatedService, tmp_path: Path, jobs: Jobs, instead: str
) -> None:
    """Written into the folder below it, it would be hidden as soon as the share is mounted again, and paid twice."""
    named, away = tmp_path / "journal", tmp_path / "away"
    named.mkdir()
    account = buyer.make_account(service, named, make=False)
    service.configure({"latency_s": 60.0})
    run = workers.start(account, jobs(1), buyer.decode)
    assert service.wait_for("on_wire", 1)
    named.rename(away)
    if instead != "nothing":
        named.mkdir()
    service.hangs.set()
    assert run.done.wait(30)
    (outcome,) = run.results()

    assert outcome.status == "paid"
    assert "save it now" in outcome.notes[0].english
    assert entries(tmp_path) == entries(named) == 0

    if named.exists():
        shutil.rmtree(named)
    away.rename(named)
    assert account.journal.write_waiting()
    (again,) = buyer.buy(buyer.make_account(service, named, make=False), jobs(1))
    assert again.status == "journal"
    assert service.billed == 1
    assert traces(named) == []


def test_an_entry_that_cannot_be_read_is_not_bought_again(
    service: SimulatedService, tmp_path: Path
) -> None:
    buyer.buy(buyer.make_account(service, tmp_path), buyer.jobs(1))
    (path,) = tmp_path.glob("*/*.zip")
    content = path.read_bytes()
    path.unlink()
    path.mkdir()  # reading it fails, whoever the user is
    (outcome,) = buyer.buy(buyer.make_account(service, tmp_path), buyer.jobs(1))

    assert outcome.status == "failed"
    assert "cannot be read" in outcome.receipt.message
    assert service.billed == 1

    path.rmdir()
    path.write_bytes(content)
    (outcome,) = buyer.buy(buyer.make_account(service, tmp_path), buyer.jobs(1))
    assert outcome.status == "journal"


def test_a_picture_that_came_is_kept_although_its_link_leads_nowhere(
    service: SimulatedService, tmp_path: Path
) -> None:
    service.pictures = Links(lambda _: b"<html>Log in to this network</html>", times=1000)
    account = buyer.make_account(service, tmp_path)
    (outcome,) = buyer.buy(account, buyer.jobs(1, return_url=True))
    service.pictures = {}

    assert (outcome.status, outcome.value.shape) == ("paid", (64, 64, 3))
    assert len(outcome.receipt.urls) == entries(tmp_path) == service.billed == 1


def test_only_what_must_be_called_for_anew_counts_against_the_limit_of_the_day(
    service: SimulatedService, tmp_path: Path
) -> None:
    account = buyer.make_account(service, tmp_path)
    new, bought, fetched, linked, lost, spoilt = buyer.jobs(6)
    buyer.buy(account, [bought])
    receipt = Receipt("R1", urls=("https://pictures.example/a",), received_at=time.time())
    for job, note in (
        (fetched, Trace.now("submitted", 1, task_id="77")),
        (linked, Trace.now("paid", 1, receipt=receipt)),
        (lost, Trace.now("sent", 1)),
        (spoilt, Trace.now("no_picture", 1)),
    ):
        key = journal_key(account.client.endpoint, job.request, job.pixels_key, job.seed)
        claim = account.journal.try_claim(key)
        assert claim is not None
        with claim:
            claim.write(note)

    assert [1, 0, 0, 0, 1, 1] == [
        to_buy(account, [job]) for job in (new, bought, fetched, linked, lost, spoilt)
    ]
    assert to_buy(account, [new, new, bought, replace(new, index=9), lost]) == 2
    # what no JSON can carry fails before it costs anything
    assert to_buy(account, [new, replace(new, seed=np.int64(1))]) == 1


def test_a_damaged_entry_is_said_and_bought_again(
    service: SimulatedService, tmp_path: Path
) -> None:
    buyer.buy(buyer.make_account(service, tmp_path), buyer.jobs(1))
    (path,) = tmp_path.glob("*/*.zip")
    path.write_bytes(path.read_bytes()[:-40])
    (outcome,) = buyer.buy(buyer.make_account(service, tmp_path), buyer.jobs(1))
    (again,) = buyer.buy(buyer.make_account(service, tmp_path), buyer.jobs(1))

    assert outcome.status == "paid"
    assert "damaged" in outcome.notes[0].english
    assert "损坏" in outcome.notes[0].chinese
    assert (again.status, again.notes) == ("journal", ())
    assert service.billed == 2


def test_a_doubt_outlives_a_run_that_could_not_ask_again(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    service.fail("reset_after_body")
    buyer.buy(buyer.make_account(service, tmp_path), jobs(1))
    service.fail(50413)
    (refused,) = buyer.buy(buyer.make_account(service, tmp_path), jobs(1))
    (bought,) = buyer.buy(buyer.make_account(service, tmp_path), jobs(1))

    assert refused.status == "failed"
    assert bought.status == "paid"
    assert "earlier call" in refused.notes[0].english
    assert "earlier call" in bought.notes[0].english


def test_each_error_has_an_english_and_a_chinese_line(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    service.faults.set([Fault(50413, seed=1), Fault("html_504", seed=2)])
    outcomes = buyer.buy(buyer.make_account(service, tmp_path), jobs(2))

    for outcome in outcomes:
        assert isinstance(outcome.error, VolcengineError)
        english, chinese = outcome.receipt.message.splitlines()
        assert english.isascii()
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)


class Links(dict[str, bytes]):
    """The service's pictures behind their links; each is spoilt so many times.

    Attributes:
        spoil: What becomes of a picture.
        times: How often.
    """

    def __init__(self, spoil: Callable[[bytes], bytes], times: int) -> None:
        self.spoil = spoil
        self.times = times

    def get(self, name: str, default: Any = None) -> Any:
        self.times -= 1
        return self.spoil(self[name]) if self.times >= 0 else self[name]


SPOILS = [
    pytest.param(lambda _: b"<html>Log in to this network</html>", id="page"),
    pytest.param(lambda picture: picture[: len(picture) // 2], id="half"),
]


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_link_that_leads_to_no_whole_picture_is_asked_again_without_paying(
    service: SimulatedService,
    tmp_path: Path,
    jobs: Jobs,
    model: str,
    spoil: Callable[[bytes], bytes],
) -> None:
    service.fail("link_only", on=where(model), times=2)
    service.pictures = Links(spoil, times=1)
    (once,) = buyer.buy(buyer.make_account(service, tmp_path), jobs(1))
    assert once.status == "paid"

    service.pictures = Links(spoil, times=1000)
    (lost,) = buyer.buy(buyer.make_account(service, tmp_path), jobs(1, seed=2))
    assert lost.status == "unknown"
    assert lost.receipt.urls[0] in lost.receipt.message
    service.pictures.times = 0
    (again,) = buyer.buy(buyer.make_account(service, tmp_path), jobs(1, seed=2))
    assert again.value.shape == once.value.shape
    assert service.billed == len(service.ledger.calls()) == 2
    assert entries(tmp_path) == 2
    assert traces(tmp_path) == []


def test_what_came_with_its_link_but_is_no_picture_is_fetched_from_there(
    service: SimulatedService, tmp_path: Path, jobs: Jobs, model: str
) -> None:
    file = io.BytesIO()
    Image.new("RGB", (buyer.SIDE, buyer.SIDE), "green").save(file, "PNG")
    service.fail("not_a_picture", on=where(model))
    service.pictures = Links(lambda _: file.getvalue(), times=1)
    (outcome,) = buyer.buy(buyer.make_account(service, tmp_path), jobs(1, return_url=True))

    assert outcome.status == "paid"
    assert (outcome.value == (0, 128, 0)).all()
    (again,) = buyer.buy(buyer.make_account(service, tmp_path), jobs(1))
    assert again.status == "journal"
    assert len(service.ledger.calls()) == 1


def test_a_job_that_no_json_can_carry_fails_and_is_not_forgotten(
    service: SimulatedService, tmp_path: Path, jobs: Jobs
) -> None:
    wanted = jobs(2)
    wanted[0] = replace(wanted[0], seed=np.int64(1))
    outcomes = buyer.buy(buyer.make_account(service, tmp_path), wanted)

    assert statuses(outcomes) == ["failed", "paid"]
    assert "int64" in outcomes[0].receipt.message
