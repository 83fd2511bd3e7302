"""A process that is killed at each step of a purchase: what it paid is found, or paid again with a word, and booked once."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from typing import TYPE_CHECKING

import buyer as here
import pytest
from another import others
from volc_inpaint.nodes.jobs import tasks
from volc_inpaint.nodes.jobs.book import open_book

if TYPE_CHECKING:
    from pathlib import Path

    from simulated_service import SimulatedService

pytestmark = pytest.mark.skipif(os.name == "nt", reason="fork")

PAUSE_S = 0.01
"""Between the questions for a task."""

KILLED = f"""
import itertools, os, pathlib, sys
import conftest, buyer
from argparse import Namespace
from volc_inpaint.nodes.jobs import tasks
from volc_inpaint.nodes.volcengine.client import Client

tasks.FIRST_PAUSE_S = {PAUSE_S}
endpoint, access_key, secret_key, model = sys.argv[1:]
steps = itertools.count(1)

def killed_before(owner, name, last):
    real = getattr(owner, name)
    def step(*arguments, **options):
        if next(steps) == last:
            os.kill(os.getpid(), 9)
        return real(*arguments, **options)
    setattr(owner, name, step)

for line in sys.stdin:
    folder, last = line.split()
    child = os.fork()
    if child == 0:
        account = buyer.make_account(
            Namespace(endpoint=endpoint, access_key=access_key, secret_key=secret_key), pathlib.Path(folder)
        )
        for name in ("write", "ftruncate", "fsync", "replace", "unlink"):
            killed_before(os, name, int(last))
        killed_before(Client, "call", int(last))
        buyer.buy(account, buyer.jobs(1, model=model), timeout_s=20)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def test_at_each_step(
    service: SimulatedService, tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "FIRST_PAUSE_S", PAUSE_S)
    lost = []
    keys = (service.endpoint, service.access_key, service.secret_key)
    with others(KILLED, *keys, model) as start:
        one = start()
        for step in itertools.count(1):
            service.reset()
            folder = tmp_path / str(step)
            folder.mkdir()
            # the folder was in use before: whoever dies while it gives it this name has bought nothing
            (folder / "journal.id").write_text("1")
            one.order(folder, step)
            ended = int(one.answer())
            sent = len(service.ledger.calls())
            (again,) = here.buy(here.make_account(service, folder), here.jobs(1, model=model))
            (kept,) = here.buy(here.make_account(service, folder), here.jobs(1, model=model))
            booked = Counter(call.state for call in open_book(folder).read().calls.values())

            assert "journal" == kept.status
            assert service.wait_for("billed", len(service.ledger.calls()))
            if again.status == "journal":  # paid once, and so it is in the book
                assert booked in ({"paid": 1}, {"fetched": 1})
                assert 1 == service.billed
            else:
                assert "paid" == again.status
                assert 1 + sent == service.billed <= booked.total()
                assert not sent or "earlier call" in again.notes[0].english
                lost += [step] * sent
            assert not list(folder.glob("*/*.inflight"))
            if ended == 0:
                break
            assert -9 == ended
    # Between the answer and the first of it that is on the disk: the picture, or the number of its task.
    assert {here.ANSWERED: 3, here.SUBMITTED: 1}[model] == len(lost)
