"""What an operator reads of the calls: a line for each and for each retry, without a secret, a prompt or a link."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import buyer as here
import pytest
from volc_inpaint.nodes.jobs import sending

if TYPE_CHECKING:
    from pathlib import Path

    from simulated_service import SimulatedService


class Unreachable(dict[str, bytes]):
    """Pictures whose links lead nowhere."""

    def get(self, name: str, default: object = None) -> None:
        return None


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What an operator reads of the calls, without the times, which are below a minute here."""
    of_calls = ("nodes.jobs.sending", "nodes.jobs.tasks")
    told = [record.getMessage() for record in caplog.records if record.name.endswith(of_calls)]
    return [re.sub(r"\b[0-9]{1,2}\.[0-9]+ s", "x s", line) for line in told]


def test_the_log_has_a_line_for_each_call_and_each_retry(
    service: SimulatedService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    service.fail(50500, seed=7)
    here.buy(here.make_account(service, tmp_path), here.jobs(1, seed=7))
    first, second = service.ledger.calls()
    pauses = [
        float(found[1])
        for record in caplog.records
        if (found := re.search(r"again in ([0-9.]+) s", record.getMessage()))
    ]

    # the line says it in hundredths, rounded
    assert second.started_s - first.started_s >= pauses[0] - 0.005 > 0
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

    (call,) = service.ledger.calls()
    *_, question = service.ledger.calls("query")

    assert lines(caplog) == [
        f"{here.SUBMITTED}: seed 1, code 10000, request_id {call.request_id}, x s; asks for its task",
        f"{here.SUBMITTED}: seed 1, code 10000, request_id {question.request_id}, x s; into the journal",
    ]


def test_the_log_has_a_line_for_each_try_at_a_link(
    service: SimulatedService,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "_DOWNLOAD_PAUSE_S", 0.01)
    service.fail("link_only")
    service.pictures = Unreachable()
    (outcome,) = here.buy(here.make_account(service, tmp_path), here.jobs(1, return_url=True))
    service.pictures = {}

    told = "link: code InvalidResponseError, request_id -, x s; "
    assert outcome.status == "unknown"
    assert lines(caplog) == [
        f"{told}again in x s",
        f"{told}again in x s",
        f"{told}kept for the next run",
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
