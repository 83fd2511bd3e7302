"""A journal that version 0.1 wrote, before there was an account book, is read, resumed and not paid again.

`journals/before_the_book` was bought by that version from the simulated service at port 8000: pictures without and with
links, one set aside, and the note of each way a call was left behind. What only lives for hours is made young again here.
"""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import buyer
import pytest
from volc_inpaint.nodes.jobs.journal import journal_key

if TYPE_CHECKING:
    from simulated_service import SimulatedService
    from volc_inpaint.nodes.jobs.account import Account
    from volc_inpaint.nodes.jobs.job import Job, Outcome

WRITTEN = Path(__file__).parent / "journals" / "before_the_book"
ITS_ENDPOINT = "http://127.0.0.1:8000"


def key(job: Job, endpoint: str) -> str:
    return journal_key(endpoint, job.request, job.pixels_key, job.seed)


class Earlier:
    """What that version left of one job, in a journal of today."""

    def __init__(self, service: SimulatedService, folder: Path) -> None:
        self.service = service
        self.folder = folder
        self.account: Account = buyer.make_account(service, folder)

    def left(self, job: Job) -> list[Path]:
        """Copies what it left; its names are those that the same wish has today, but for the service's address."""
        was, now = key(job, ITS_ENDPOINT), key(job, self.service.endpoint)
        copies = []
        for path in WRITTEN.glob(f"{was[:2]}/{was}.*"):
            copies.append(self.folder / now[:2] / f"{now}{path.suffix}")
            copies[-1].parent.mkdir(exist_ok=True)
            shutil.copyfile(path, copies[-1])
        return copies

    def buy(self, job: Job) -> Outcome:
        (outcome,) = buyer.buy(self.account, [job])
        return outcome


@pytest.fixture
def earlier(service: SimulatedService, tmp_path: Path) -> Earlier:
    return Earlier(service, tmp_path)


def young_again(note: Path, **changed: str) -> None:
    """Of this moment, with some texts replaced."""
    text = re.sub(r'"(at|received_at)": [0-9.]+', rf'"\1": {time.time()}', note.read_text())
    for old, new in changed.items():
        text = re.sub(old, new, text)
    note.write_text(text)


@pytest.mark.parametrize("seed", [1, 2], ids=["plain", "with links"])
def test_its_pictures_are_read(earlier: Earlier, seed: int) -> None:
    (job,) = buyer.jobs(1, seed=seed, return_url=seed == 2)
    assert [".zip"] == [path.suffix for path in earlier.left(job)]
    outcome = earlier.buy(job)

    assert ("journal", (), 10000) == (outcome.status, outcome.notes, outcome.receipt.code)
    assert (buyer.SIDE, buyer.SIDE, 3) == outcome.value.shape
    assert re.fullmatch("[0-9a-f]{32}", outcome.receipt.request_id)
    assert earlier.service.ledger.calls() == []


def test_its_links_are_kept(earlier: Earlier) -> None:
    (job,) = buyer.jobs(1, seed=2, return_url=True)
    earlier.left(job)
    found = earlier.account.journal.find(key(job, earlier.service.endpoint), 1)

    assert found is not None
    (link,) = found.receipt.urls
    assert link.startswith(f"{ITS_ENDPOINT}/pictures/")


@pytest.mark.parametrize(
    ("seed", "said"),
    [
        pytest.param(3, "the journal held this picture, but damaged", id="set aside"),
        pytest.param(4, "an earlier call (2026-11-25", id="sent"),
        pytest.param(5, "was answered, but not with a picture", id="no picture"),
        pytest.param(6, "an earlier call (at an unknown time) was sent", id="unreadable"),
    ],
)
def test_what_it_lost_is_said_before_it_is_asked_for_anew(
    earlier: Earlier, seed: int, said: str
) -> None:
    (job,) = buyer.jobs(1, seed=seed)
    assert earlier.left(job)
    first, second = earlier.buy(job), earlier.buy(job)

    assert "paid" == first.status
    assert said in first.notes[0].english
    assert "未知" in first.notes[0].chinese or seed != 6
    assert ("journal", ()) == (second.status, second.notes)
    assert 1 == earlier.service.billed


def test_what_it_paid_and_could_not_fetch_is_fetched(earlier: Earlier) -> None:
    (job,) = buyer.jobs(1, seed=7)
    (note,) = earlier.left(job)
    young_again(note, **{re.escape(ITS_ENDPOINT): earlier.service.endpoint})
    (name,) = re.findall(r"/pictures/([^\"]+)", note.read_text())
    earlier.service.pictures = {name: buyer.png(buyer.pixels())}
    outcome = earlier.buy(job)
    earlier.service.pictures = {}

    assert ("paid", ()) == (outcome.status, outcome.notes)
    assert (outcome.value == buyer.pixels()).all()
    assert earlier.service.ledger.calls() == []
    assert not note.exists()


def test_the_task_that_it_submitted_is_fetched(earlier: Earlier) -> None:
    (job,) = buyer.jobs(1, seed=8, model=buyer.SUBMITTED)
    (note,) = earlier.left(job)
    model, body = job.request.model, job.request.body(job.seed)
    task = earlier.account.client.call(model.action, body).data["task_id"]
    young_again(note, **{'"task_id": "[0-9]+"': f'"task_id": "{task}"'})
    outcome = earlier.buy(job)

    assert "journal" == outcome.status
    assert f"fetched from task {task}" in outcome.notes[0].english
    assert 1 == len(earlier.service.ledger.calls()) == earlier.service.billed
    assert not note.exists()
