"""The end of the process: nothing new is sent, and what is on the wire reaches the journal, for it may be paid.

However it ends, as long as it leaves time: a normal exit, a signal that asks for an end (docker stop, systemctl stop, a
terminal that closes), or another program in its place (the Restart button of ComfyUI Manager). A kill cannot be answered:
then the notes remain.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import signal
import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .journal import Journal
    from .run import Run

_LOG = logging.getLogger(__name__)
# How long the end of the process waits for calls on the wire.
LANDING_S = 15.0
# Those that ask for an end. On Windows the C library makes SIGBREAK of Ctrl-Break.
_SIGNALS = ("SIGTERM", "SIGHUP", "SIGBREAK")
# CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT: https://learn.microsoft.com/windows/console/handlerroutine
_CONSOLE_ENDS = frozenset({2, 5, 6})

_lock = threading.Lock()
_under_way: weakref.WeakSet[Run] = weakref.WeakSet()
_journals: weakref.WeakSet[Journal] = weakref.WeakSet()
_ending = threading.Event()
_installed = False
_console_handler: Any = None  # Windows knows its address only


def install() -> None:
    """Answer the ends that Python does not answer by itself.

    Signals only in the main thread, and only those that nobody else has taken; one that is ignored, as under nohup, stays so.
    """
    global _installed
    if _installed:
        return
    _installed = True
    sys.addaudithook(_before_another_program)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_in_forked_child)
    if threading.current_thread() is not threading.main_thread():
        return
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _on_signal)
    if sys.platform == "win32":
        _answer_console()


def watch(run: Run, journal: Journal) -> None:
    """Let the end of the process know of a run; one that comes after its beginning is cancelled at once."""
    with _lock:
        _under_way.add(run)
        _journals.add(journal)
    if _ending.is_set():
        run.cancel()


@atexit.register
def land() -> None:
    """Let nothing new be sent, and what is on the wire reach the journal."""
    _ending.set()
    with _lock:
        runs = [run for run in _under_way if not run.done.is_set()]
        journals = list(_journals)
    for run in runs:
        run.cancel()
    calls = sum(run.to_land()[0] for run in runs)
    if calls:
        _LOG.warning(
            "The server ends: waiting up to %g s for %d pictures that may be paid.",
            LANDING_S,
            calls,
        )
    deadline = time.monotonic() + LANDING_S
    while any(run.to_land()[1] for run in runs) and time.monotonic() < deadline:
        time.sleep(0.02)
    for journal in journals:
        journal.write_waiting()
    if calls:
        left = sum(run.to_land()[0] for run in runs)
        if left:
            _LOG.warning("%d pictures did not arrive in time; the next run says so.", left)
        else:
            _LOG.warning("All of them have been answered.")


def _on_signal(number: int, _: Any) -> None:
    # A second one ends it at once. The waiting is done beside the main thread, which may hold anything at this moment.
    signal.signal(number, signal.SIG_DFL)
    # Python 3.12 starts no thread any more once it ends by itself; then the waiting is under way already.
    with contextlib.suppress(RuntimeError):
        threading.Thread(
            target=_end_by, args=(number,), name="volc-inpaint-ending", daemon=True
        ).start()


def _end_by(number: int) -> None:
    """Land, then end as the signal would have ended it."""
    try:
        land()
    finally:
        if os.getpid() != 1 and sys.platform != "win32":
            os.kill(os.getpid(), number)
            time.sleep(1.0)
        # The first process of a container does not die of a signal that it leaves to the system; nor does Windows send any.
        with contextlib.suppress(Exception):
            logging.shutdown()
        os._exit(128 + number)


def _answer_console() -> None:
    """Answer the console's end: Windows ends the process as soon as a handler of it has returned, which no signal waits for."""
    global _console_handler
    import ctypes  # not there in every build of Python, and wanted here only

    made = ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint)  # type: ignore[attr-defined,unused-ignore]
    _console_handler = made(_on_console)
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    kernel.SetConsoleCtrlHandler(_console_handler, 1)


def _on_console(event: int) -> int:
    """Land on a thread of the system's; whether the event ends here. Ctrl-C and Ctrl-Break go on to Python."""
    if event not in _CONSOLE_ENDS:
        return 0
    with contextlib.suppress(Exception):
        land()
    return 1


def _before_another_program(event: str, _: Any) -> None:
    if event == "os.exec":
        with contextlib.suppress(Exception):  # what an audit hook raises would stop the call
            land()
        # Should there be no such program, this one goes on.
        _ending.clear()


def _in_forked_child() -> None:
    """The threads of the runs are the parent's, and so is their end."""
    global _lock
    _lock = threading.Lock()
    _under_way.clear()
    _journals.clear()
    _ending.clear()
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is _on_signal:
            signal.signal(number, signal.SIG_DFL)
