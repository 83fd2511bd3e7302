"""However the process ends, what is on the wire reaches the journal, and nothing new is sent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import buyer as here
import pytest
from volc_inpaint.nodes.jobs import ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulated_service import SimulatedService

    from .conftest import Buyer

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")

TESTS = Path(__file__).resolve().parents[2]


def under_way(service: SimulatedService, one: Buyer) -> None:
    """Two calls of four on the wire."""
    service.configure({"latency_s": 60.0})
    one.start(variants=4)
    assert service.wait_for("on_wire", 2)


def let_go_soon(service: SimulatedService, one: Buyer) -> None:
    """Let the answers come once the process has begun to end."""
    time.sleep(0.3)
    assert one.process.poll() is None
    service.hangs.set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_lets_the_calls_land_and_then_ends_the_process(
    service: SimulatedService, tmp_path: Path, buyer: Callable[..., Buyer], number: signal.Signals
) -> None:
    one = buyer(tmp_path, cap=2)
    under_way(service, one)
    one.process.send_signal(number)
    let_go_soon(service, one)

    # Ctrl-C is an exception in Python, which the buyer ends on politely
    assert one.process.wait(10) == (0 if number == signal.SIGINT else -number)
    assert service.billed == len(service.ledger.calls()) == 2
    assert len(list(tmp_path.glob("*/*.zip"))) == 2
    assert not list(tmp_path.glob("*/*.inflight"))


def test_a_second_signal_ends_it_at_once(
    service: SimulatedService, tmp_path: Path, buyer: Callable[..., Buyer]
) -> None:
    one = buyer(tmp_path, cap=2)
    under_way(service, one)
    one.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert one.process.poll() is None
    one.process.send_signal(signal.SIGTERM)

    assert one.process.wait(10) == -signal.SIGTERM
    assert len(list(tmp_path.glob("*/*.inflight"))) == 2


def told(script: str, **options: object) -> str:
    """What a process prints that runs `script` with `ending` installed; `{...}` are filled in."""
    head = (
        "import sys, os, signal, threading, time; sys.path.insert(0, '.'); import conftest\n"
        "from volc_inpaint.nodes.jobs import ending\n"
        "class Run:\n"
        "    class done:\n"
        "        is_set = staticmethod(lambda: False)\n"
        "    cancelled = False\n"
        "    def cancel(self): self.cancelled = True; print('cancelled', flush=True)\n"
        "    def to_land(self): return (1, 1) if time.monotonic() < over else (0, 0)\n"
        "class Journal:\n"
        "    def write_waiting(self): print('written', flush=True)\n"
        "over = time.monotonic() + 0.3\n"
        "run, journal = Run(), Journal()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", head + script],
        cwd=TESTS,
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
        **options,  # type: ignore[call-overload]
    )
    return f"{ended.stdout.replace(chr(10), ' ')}{ended.returncode}"


def test_another_program_in_its_place_waits_until_the_calls_have_landed() -> None:
    script = (
        "ending.install(); ending.install()  # as a host may load the pack twice\n"
        "ending.watch(run, journal)\n"
        "os.execv(sys.executable, [sys.executable, '-c', 'print(\"another\")'])\n"
    )

    assert told(script) == "cancelled written another 0"


def test_a_terminal_that_is_closed_while_the_process_ends_does_not_cut_the_landing_short() -> None:
    """Python 3.12 starts no thread any more then."""
    script = (
        "def refuse(_): raise RuntimeError\n"
        "sent, to_land = [], Run.to_land\n"
        "def hang_up(self):\n"
        "    if not sent:\n"
        "        sent.append(1)\n"
        "        os.kill(os.getpid(), signal.SIGHUP)\n"
        "    return to_land(self)\n"
        "ending.install(); ending.watch(run, journal)\n"
        "threading.Thread.start, Run.to_land = refuse, hang_up\n"
    )

    assert told(script) == "cancelled written 0"


def test_a_program_that_does_not_exist_changes_nothing_for_later_runs() -> None:
    script = (
        "ending.install()\n"
        "try:\n"
        "    os.execv('/does/not/exist', ['it'])\n"
        "except OSError:\n"
        "    print('still here')\n"
        "ending.watch(run, journal); print(run.cancelled, flush=True); os._exit(0)\n"
    )

    assert told(script) == "still here False 0"


def test_a_run_that_begins_while_the_process_ends_is_cancelled_at_once() -> None:
    script = "ending.install(); ending.land(); ending.watch(run, journal); os._exit(0)\n"

    assert told(script) == "cancelled 0"


def test_a_signal_that_is_ignored_or_taken_by_somebody_else_stays_so() -> None:
    script = (
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('theirs', flush=True))\n"
        "ending.install(); ending.watch(run, journal)\n"
        "child = os.fork()\n"
        "told = 7 if child == 0 else os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])\n"
        "os.kill(os.getpid(), signal.SIGHUP); os.kill(os.getpid(), signal.SIGTERM)\n"
        "if child == 0: os._exit(told)\n"
        "print(told, run.cancelled, flush=True); os._exit(0)\n"
    )

    assert told(script) == "theirs theirs 7 False 0"


def test_beside_the_main_thread_no_signal_is_taken() -> None:
    script = (
        "thread = threading.Thread(target=ending.install); thread.start(); thread.join()\n"
        "print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, flush=True); os._exit(0)\n"
    )

    assert told(script) == "True 0"


def test_a_forked_child_ends_as_if_nothing_were_under_way() -> None:
    script = (
        "ending.install(); ending.watch(run, journal)\n"
        "for end in (lambda: os.kill(os.getpid(), signal.SIGTERM), lambda: sys.exit(5),\n"
        "            lambda: os.execv('/bin/true', ['true']),\n"
        "            lambda: os._exit(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)):\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        end()\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), run.cancelled, flush=True)\n"
        "os._exit(0)\n"
    )

    assert told(script) == "-15 False 5 False 0 False 1 False 0"


def test_the_first_process_of_a_container_exits_with_the_number_of_the_signal() -> None:
    """It does not die of a signal whose handling is left to the system."""
    script = (
        "ending.install(); ending.watch(run, journal)\n"
        "me, kill = os.getpid(), os.kill\n"
        "os.getpid = lambda: 1\n"
        "os.kill = lambda *_: print('tried', flush=True)\n"
        "kill(me, signal.SIGTERM); time.sleep(20)\n"
    )

    assert told(script) == f"cancelled written {128 + signal.SIGTERM}"


def test_what_does_not_land_in_time_is_given_up() -> None:
    script = (
        "ending.install(); ending.watch(run, journal); ending.LANDING_S = 0.2\n"
        "over += 60\n"
        "os.kill(os.getpid(), signal.SIGTERM); time.sleep(20)\n"
    )

    assert told(script) == "cancelled written -15"


WINDOWS = (
    "import ctypes, types\n"
    "signal.SIGBREAK = signal.SIGUSR1; sys.platform = 'win32'\n"
    "handlers = []\n"
    "def add(handler, wanted): handlers.append(handler) if wanted else None\n"
    "ctypes.WINFUNCTYPE = ctypes.CFUNCTYPE\n"
    "ctypes.windll = types.SimpleNamespace(kernel32=types.SimpleNamespace(SetConsoleCtrlHandler=add))\n"
    "ending.install(); ending.watch(run, journal)\n"
)
"""Stands in for what of Windows is used: another signal, and its way to hear of the console."""


def test_ctrl_break_of_a_windows_console_comes_as_a_signal() -> None:
    script = f"{WINDOWS}os.kill(os.getpid(), signal.SIGUSR1); time.sleep(20)\n"

    assert told(script) == f"cancelled written {128 + signal.SIGUSR1}"


@pytest.mark.parametrize("event", [2, 5, 6], ids=["closed", "logged off", "shut down"])
def test_the_end_of_a_windows_console_is_held_until_the_calls_have_landed(event: int) -> None:
    """The process is gone as soon as the handler has returned."""
    script = f"{WINDOWS}(handler,) = handlers; said = handler({event}); os._exit(said)\n"

    assert told(script) == "cancelled written 1"


@pytest.mark.parametrize("event", [0, 1], ids=["Ctrl-C", "Ctrl-Break"])
def test_the_keys_of_a_windows_console_are_left_to_python(event: int) -> None:
    script = f"{WINDOWS}(handler,) = handlers; said = handler({event}); os._exit(said)\n"

    assert told(script) == "0"


def test_what_is_said_of_the_end(
    service: SimulatedService,
    tmp_path: Path,
    buyer: Callable[..., Buyer],
    capfd: pytest.CaptureFixture[str],
) -> None:
    one = buyer(tmp_path, cap=2)
    under_way(service, one)
    one.process.send_signal(signal.SIGTERM)
    let_go_soon(service, one)
    one.process.wait(10)

    said = capfd.readouterr().err
    assert "waiting up to 15 s for 2 pictures that may be paid" in said
    assert "All of them have been answered" in said


def test_a_picture_that_could_not_be_written_is_written_at_the_end(
    service: SimulatedService, tmp_path: Path
) -> None:
    script = (
        "import buyer, json, pathlib\n"
        "from argparse import Namespace\n"
        "from volc_inpaint.nodes.jobs import journal as module\n"
        f"service = Namespace(**{ {name: getattr(service, name) for name in ('endpoint', 'access_key', 'secret_key')}!r})\n"
        "ending.install()\n"
        "write = module.Journal._write\n"
        "def refuse(*_): raise PermissionError(13, 'Permission denied')\n"
        "module.Journal._write = refuse\n"
        f"account = buyer.make_account(service, pathlib.Path({str(tmp_path)!r}))\n"
        "(outcome,) = buyer.buy(account, buyer.jobs(1))\n"
        "print(outcome.status, len(outcome.notes), flush=True)\n"
        "module.Journal._write = write\n"
    )
    assert told(script) == "paid 1 0"

    (again,) = here.buy(here.make_account(service, tmp_path), here.jobs(1))
    assert again.status == "journal"
    assert service.billed == 1


class Run:
    """Four jobs at work, three of them on the wire, until one call has been answered."""

    def __init__(self, *, done: bool = False) -> None:
        self.done = threading.Event()
        self.cancelled = False
        if done:
            self.done.set()

    def cancel(self) -> None:
        self.cancelled = True

    def to_land(self) -> tuple[int, int]:
        return (3, 4)


class Journal:
    def write_waiting(self) -> None:
        """Nothing waits."""


def test_what_has_not_landed_in_time_is_said_in_calls_and_what_was_over_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ending, "_ending", threading.Event())
    monkeypatch.setattr(ending, "_under_way", set())
    monkeypatch.setattr(ending, "_journals", set())
    monkeypatch.setattr(ending, "LANDING_S", 0.05)
    runs = [Run(), Run(done=True)]
    for run in runs:
        ending.watch(run, Journal())  # type: ignore[arg-type]
    ending.land()

    assert [True, False] == [run.cancelled for run in runs]
    assert [
        "The server ends: waiting up to 0.05 s for 3 pictures that may be paid.",
        "3 pictures did not arrive in time; the next run says so.",
    ] == caplog.messages
