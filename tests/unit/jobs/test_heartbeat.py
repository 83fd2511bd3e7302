"""The sign of life of who holds a claim, for those who wait."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from volc_inpaint.nodes.jobs import heartbeat
from volc_inpaint.nodes.jobs.claims import Claim
from volc_inpaint.nodes.jobs.heartbeat import Pulse, Watch

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_who_waits_sees_that_somebody_holds_the_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "pulse", Pulse())
    monkeypatch.setattr(heartbeat, "_PULSE_S", 0.02)
    monkeypatch.setattr(heartbeat, "_LOOK_S", 0.0)
    monkeypatch.setattr(heartbeat, "_UNCHANGED_S", 0.5)
    path = tmp_path / "claim"
    claim, watch = Claim.try_make(path), Watch(path)
    assert claim is not None
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline:
        assert watch.is_held()
        time.sleep(0.02)

    with claim:
        claim.doubt()
    deadline = time.monotonic() + 10.0
    while watch.is_held():
        assert time.monotonic() < deadline
        time.sleep(0.02)
