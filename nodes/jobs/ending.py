"""The end of the process: nothing new is sent, and what is on the wire reaches the journal, for it may be paid."""

from __future__ import annotations

import atexit
import logging
import time
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .run import Run

_LOG = logging.getLogger(__name__)
# How long the end of the process waits for calls on the wire.
_LANDING_S = 15.0

_under_way: weakref.WeakSet[Run] = weakref.WeakSet()


def watch(run: Run) -> None:
    """Let the end of the process know of a run."""
    _under_way.add(run)


@atexit.register
def _let_calls_land() -> None:
    runs = [run for run in _under_way if not run.done.is_set()]
    for run in runs:
        run.cancel()
    calls = sum(run.to_land()[0] for run in runs)
    if calls:
        _LOG.warning(
            "Waiting up to %g s for %d paid pictures; Ctrl-C gives them up.", _LANDING_S, calls
        )
    deadline = time.monotonic() + _LANDING_S
    while any(run.to_land()[1] for run in runs) and time.monotonic() < deadline:
        time.sleep(0.05)
