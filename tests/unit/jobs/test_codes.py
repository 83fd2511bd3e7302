"""Each model, each code, each place where it may come: whose fault it is, what it costs, how soon it is known, what then."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import buyer
import pytest
from simulated_service.faults import Fault
from simulated_service.refusals import BUSINESS, GATEWAY
from volc_inpaint.nodes.jobs import workers
from volc_inpaint.nodes.volcengine import codes
from volc_inpaint.nodes.volcengine.codes import Kind
from volc_inpaint.nodes.volcengine.models import INPAINTING

if TYPE_CHECKING:
    from pathlib import Path

    from simulated_service import SimulatedService
    from volc_inpaint.nodes.jobs.job import Outcome


class Row(NamedTuple):
    """What a code comes to.

    Attributes:
        kind: Whose failure it is.
        call: What becomes of a call, or a submission, that is answered so once.
        question: What becomes of a task whose questions are answered so: for good where the code can say that the task
            failed or may not be asked for, else twice.
    """

    kind: Kind
    call: str
    question: str


# https://www.volcengine.com/docs/86081/1804490, https://www.volcengine.com/docs/6444/69728,
# https://www.volcengine.com/docs/6791/1223709 and, for the words, https://www.volcengine.com/docs/6369/68677. A task whose
# question is answered with a number has failed: https://www.volcengine.com/docs/85621/1976207
TABLE: dict[int | str, Row] = {
    **dict.fromkeys((50411, 50218, 50518, 60208, 60102), Row(Kind.PICTURE, "failed", "failed")),
    **dict.fromkeys((50412, 50413), Row(Kind.PROMPT, "failed", "failed")),
    **dict.fromkeys((50511, 50512, 50519, 201304), Row(Kind.RESULT, "failed", "failed")),
    **dict.fromkeys((50205, 50206, 50207, 50213), Row(Kind.FILE, "failed", "failed")),
    **dict.fromkeys((50200, 50201, 50204, 50215), Row(Kind.REQUEST, "failed", "failed")),
    **dict.fromkeys((50520, 50521, 50522), Row(Kind.SERVICE, "failed", "failed")),
    **dict.fromkeys((50500, 50501), Row(Kind.SERVICE, "paid", "failed")),
    **dict.fromkeys((50429, "FlowLimitExceeded"), Row(Kind.RATE, "paid", "paid")),
    50430: Row(Kind.CONCURRENCY, "paid", "paid"),
    50400: Row(Kind.ACCOUNT, "failed", "unknown"),
    50402: Row(Kind.INTERFACE, "failed", "unknown"),
    "InvalidActionOrVersion": Row(Kind.INTERFACE, "failed", "unknown"),
    "InvalidTimestamp": Row(Kind.ACCOUNT, "paid", "unknown"),
    **dict.fromkeys(
        (
            "InvalidAccessKey", "SignatureDoesNotMatch", "LackPolicy", "AccessDenied",
            "MissingAuthenticationToken", "MissingSignature",
        ),
        Row(Kind.ACCOUNT, "failed", "unknown"),
    ),
    **dict.fromkeys(
        ("MissingParameter", "MissingRequestInfo", "ServiceNotFound"),
        Row(Kind.REQUEST, "failed", "paid"),
    ),
    "ServiceUnavailableTemp": Row(Kind.SERVICE, "failed", "paid"),
    **dict.fromkeys(("InternalError", "InternalServiceTimeout"), Row(Kind.SERVICE, "unknown", "paid")),
}  # fmt: skip
# A user who would be left waiting would wait for the time limit, which is 30 s here.
KNOWN_WITHIN_S = 12.0
LIMITS = tuple(code for code, row in TABLE.items() if row.kind in (Kind.RATE, Kind.CONCURRENCY))
# After these the classic is tried another way, all of it.
NO_INTERFACE = tuple(code for code, row in TABLE.items() if row.kind is Kind.INTERFACE)
OTHERS = tuple(code for code in TABLE if code not in (*LIMITS, *NO_INTERFACE))


def test_the_table_has_every_code_with_its_kind() -> None:
    assert set(TABLE) == set(codes.ROWS) == {*BUSINESS, *GATEWAY}
    assert {code: row.kind for code, row in TABLE.items()} == {
        code: row.kind for code, row in codes.ROWS.items()
    }


def faults(where: str, code: int | str, seed: int) -> list[Fault]:
    """One that answers the calls of `seed`, or all questions for its task, with `code`."""
    if where != "question":
        return [Fault(code, seed=seed)]
    ends = TABLE[code].question
    if ends == "failed":
        return [Fault(code, on="task", seed=seed)]
    return [Fault(code, on="query", seed=seed, times=99 if ends == "unknown" else 2)]


def runs_of_each(
    service: SimulatedService, folder: Path, model: str, asked: tuple[int | str, ...]
) -> dict[int | str, Outcome]:
    """A run for each code, all at once, since what is refused to an account ends the whole run of it."""
    account = buyer.make_account(service, folder, cap=16)
    for _ in range(4):
        assert account.limiter.acquire(0, lambda: False)
    for _ in range(4):
        account.limiter.succeeded(0.1)
    started = time.monotonic()
    runs = {
        code: workers.start(account, buyer.jobs(1, seed, model=model), buyer.decode)
        for seed, code in enumerate(asked, 1)
    }
    for run in runs.values():
        assert run.done.wait(KNOWN_WITHIN_S - (time.monotonic() - started))
    return {code: run.results()[0] for code, run in runs.items()}


WHERE = [
    (model.req_key, where)
    for model in INPAINTING.values()
    for where in (("submission", "question") if model.query_action else ("call",))
]


@pytest.mark.parametrize(
    "asked", [OTHERS, LIMITS, NO_INTERFACE], ids=["refusals", "limits", "no interface"]
)
@pytest.mark.parametrize(("model", "where"), WHERE)
def test_each_code_costs_what_it_says_and_is_known_soon(
    service: SimulatedService, tmp_path: Path, model: str, where: str, asked: tuple[int | str, ...]
) -> None:
    service.faults.set(
        [fault for seed, code in enumerate(asked, 1) for fault in faults(where, code, seed)]
    )
    first = runs_of_each(service, tmp_path, model, asked)
    expected = {
        code: TABLE[code].question if where == "question" else TABLE[code].call for code in asked
    }

    assert {code: outcome.status for code, outcome in first.items()} == expected
    paid = sum(status == "paid" for status in expected.values())
    # the task of a question that may not be asked goes on, and is billed when it ends
    under_way = sum(status == "unknown" for status in expected.values()) * (where == "question")
    assert service.wait_for("billed", paid + under_way)
    assert service.billed == paid + under_way
    for outcome in first.values():
        english, _, chinese = outcome.receipt.message.partition("\n")
        assert ("Nothing was billed" in english) == (outcome.status == "failed")
        assert ("未计费" in chinese) == (outcome.status == "failed")

    service.faults.set([])
    again = runs_of_each(service, tmp_path, model, asked)
    anew = {"paid": "journal", "failed": "paid"}
    for code, outcome in again.items():
        doubt = "journal" if where == "question" else "paid"
        assert (code, outcome.status) == (code, anew.get(expected[code], doubt))
        assert bool(outcome.notes) == (expected[code] == "unknown")
