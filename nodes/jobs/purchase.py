"""One picture, from the wish to the journal. The order of the steps is what keeps it from being lost or paid twice."""

from __future__ import annotations

import contextlib
import logging
import secrets
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from ..volcengine.errors import (
    APIResponseError,
    AuthenticationError,
    RateLimitError,
    VolcengineError,
)
from . import messages, tasks
from .job import LINK_LIFE_S, delivered, failed
from .journal import DamagedError, Entry, journal_key
from .retry import RetryPlan
from .sending import Sending, trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..volcengine.answers import Answer
    from .account import Account
    from .claims import Claim
    from .job import Job, Outcome
    from .run import Run

_LOG = logging.getLogger(__name__)

_CLAIM_POLL_S = 0.1
_DOWNLOAD_TRIES = 3
_DOWNLOAD_PAUSE_S = 0.5


def to_buy(account: Account, jobs: Iterable[Job]) -> int:
    """How many new calls `jobs` need: none for what the journal holds, and none for what can be fetched for nothing."""
    keys = set()
    for job in jobs:
        with contextlib.suppress(TypeError, ValueError):  # a value that no JSON can carry
            keys.add(journal_key(account.client.endpoint, job.request, job.pixels_key, job.seed))
    needed = 0
    for key in keys:
        left = account.journal.left_behind(key)
        free = tasks.left_task(left) is not None or isinstance(left.get("report"), dict)
        needed += not (free or account.journal.holds(key))
    return needed


class Purchase:
    """Gets the picture of one job for one run."""

    def __init__(
        self,
        account: Account,
        run: Run,
        job: Job,
        decode: Callable[[tuple[bytes, ...]], Any],
    ) -> None:
        self._account = account
        self._run = run
        self._job = job
        self._decode = decode
        self._plan = RetryPlan()
        self._notes: list[str] = []
        self._money: messages.Money = "unspent"

    def obtain(self) -> Outcome | None:
        """The outcome of the job; None if the run was cancelled before anything was sent for it."""
        while not self._run.cancelled():
            job = self._job
            try:
                key = journal_key(
                    self._account.client.endpoint, job.request, job.pixels_key, job.seed
                )
            except (TypeError, ValueError) as error:  # a value that no JSON can carry
                return self._failed(messages.unexpected(error, self._money))
            try:
                outcome = self._buy_once(key)
            except VolcengineError as error:
                outcome = self._failed(error)
            except Exception as error:  # noqa: BLE001 - a bug must not hang the node that waits
                _LOG.exception("purchase failed")
                outcome = self._failed(messages.unexpected(error, self._money))
            if outcome is not None or self._job is job:
                return outcome
            # another seed was drawn
        return None

    def _buy_once(self, key: str) -> Outcome | None:
        self._money = "unspent"
        found = self._from_journal(key)
        if found is not None:
            return found
        claim, waited = self._try_claim(key), False
        if claim is None:
            waited = True
            with self._run.counted("another_run"):
                while claim is None:
                    if not self._run.pause(_CLAIM_POLL_S):
                        return None
                    # First here: a picture that found no room on the disk is in the journal's memory only.
                    found = self._from_journal(key)
                    if found is not None:
                        return found
                    claim = self._try_claim(key)
        try:
            # Perhaps another has bought it since we looked.
            found = self._from_journal(key, claimed=True)
            sending = Sending(self._account, self._run, self._job, key, claim, self._note)
            found = found or self._resume(key, claim, sending, waited=waited)
            return found or self._buy(key, claim, sending)
        finally:
            self._end(claim)

    def _end(self, claim: Claim) -> None:
        if self._money == "kept":
            claim.settle()
        elif self._money == "doubtful":
            claim.leave()
        else:
            claim.withdraw()

    def _try_claim(self, key: str) -> Claim | None:
        try:
            return self._account.journal.try_claim(key)
        except OSError as error:
            raise messages.unwritable(error) from error

    def _from_journal(self, key: str, *, claimed: bool = False) -> Outcome | None:
        """What the journal holds; what is no picture is set aside, but only by the holder of the claim."""
        try:
            entry = self._account.journal.find(key, self._run.number)
            if entry is None:
                return None
            self._money = "kept"
            outcome = self._delivered(entry, "journal")
            if outcome is not None:
                self._run.booking.served(self._job, key)
                return outcome
            self._money = "unspent"
        except DamagedError:
            pass
        except OSError as error:
            raise messages.unreadable(error) from error
        if claimed:
            self._account.journal.set_aside(key)
        return None

    def _resume(self, key: str, claim: Claim, sending: Sending, *, waited: bool) -> Outcome | None:
        """Make what can be made of a purchase that was left behind; None to buy the picture."""
        left = claim.left_behind
        if not left:
            if self._account.journal.was_set_aside(key):
                self._note(*messages.damaged())
            return None
        report = left.get("report")
        if isinstance(report, dict) and time.time() - report.get("received_at", 0) < LINK_LIFE_S:
            self._money = "doubtful"
            return self._keep(key, claim, report, ())
        task = tasks.left_task(left)
        if task is not None:
            outcome = self._resume_task(key, claim, sending, task)
            if outcome is not None or self._run.given_up() or not claim.left_behind:
                return outcome
        if waited:
            # This run and that call were equal requests at the same time: they pay once, or not knowingly twice.
            return self._failed(messages.elsewhere(left))
        self._note(*messages.left_behind(left))
        return None

    def _resume_task(
        self, key: str, claim: Claim, sending: Sending, task: tasks.Task
    ) -> Outcome | None:
        """Fetch a task that an earlier run submitted; None if it is lost, or failed and is settled."""
        self._money = "doubtful"
        try:
            answer = sending.resume(task)
        except messages.TaskLostError:
            self._money = "unspent"
            return None
        except VolcengineError as error:
            if error.doubtful:
                return self._failed(error)
            self._money = "unspent"
            claim.clear()
            return None
        if answer is None:
            self._money = "unspent"
            return None
        self._note(*messages.resumed(task.task_id, task.at))
        return self._keep(key, claim, self._report(answer), answer.pictures, status="journal")

    def _buy(self, key: str, claim: Claim, sending: Sending) -> Outcome | None:
        """Send until there is an answer or no hope; None if cancelled, or to go on with another seed."""
        while self._run.stopped_by is None:
            self._money = "doubtful"
            try:
                answer = sending.send()
            except VolcengineError as error:
                if error.doubtful:
                    return self._failed(error)
                self._money = "unspent"
                if self._plan.may_redraw(error, drawn=self._job.drawn):
                    self._job = replace(self._job, seed=secrets.randbelow(2**31))
                    return None
                if not self._may_send_again(error):
                    return None if self._run.cancelled() else self._failed(error)
                continue
            if answer is not None:
                return self._keep(key, claim, self._report(answer), answer.pictures)
            self._money = "unspent"
            if self._run.cancelled():
                return None
        return self._failed(self._run.stopped_by)

    def _may_send_again(self, error: VolcengineError) -> bool:
        """Wait as the plan says; whether to send the same request once more."""
        if self._plan.may_set_clock(error) and isinstance(error, APIResponseError):
            return self._account.client.set_clock_from(error.server_date)
        seconds = self._plan.pause_s(error, time.monotonic())
        if seconds is None:
            if isinstance(error, RateLimitError):
                self._run.stop(error)
            elif isinstance(error, AuthenticationError):
                self._run.turned_away(error)
            return False
        if not seconds:
            return True
        with self._run.counted("retry"):
            return self._run.pause(seconds)

    def _keep(
        self,
        key: str,
        claim: Claim,
        report: Mapping[str, Any],
        pictures: tuple[bytes, ...],
        *,
        status: Literal["paid", "journal"] = "paid",
    ) -> Outcome:
        """Put a paid answer into the journal, then look at what it shows."""
        urls = report.get("urls")
        if pictures or not urls:
            outcome = self._put(key, Entry(pictures, report), status)
            if outcome is not None:
                return outcome
        if urls:
            # Nothing that can be opened came with them, but they lead to the same.
            with contextlib.suppress(OSError):
                claim.write(trace(self._job, "paid", report=dict(report)))
            outcome = self._put(key, Entry(self._download(urls), report), status)
            if outcome is not None:
                return outcome
        if not self._job.request.model.query_action:
            # the note of a task stays: it can be fetched again
            with contextlib.suppress(OSError):
                claim.write(trace(self._job, "no_picture"))
        return self._failed(messages.no_picture(key, str(report.get("request_id", ""))))

    def _put(self, key: str, entry: Entry, status: Literal["paid", "journal"]) -> Outcome | None:
        """Put an entry into the journal, then look at it; what shows nothing is set aside, and None."""
        try:
            self._account.journal.add(key, entry, self._run.number)
            self._money = "kept"
        except Exception as error:  # noqa: BLE001 - whatever it is, the picture is here and goes on to its node
            _LOG.exception("journal")
            self._note(*messages.not_kept(error))
        outcome = self._delivered(entry, status)
        if outcome is None:
            self._money = "doubtful"
            self._account.journal.set_aside(key)
        return outcome

    def _download(self, urls: list[str]) -> tuple[bytes, ...]:
        for left in reversed(range(_DOWNLOAD_TRIES)):
            try:
                pictures = tuple(self._account.client.download(url) for url in urls)
                self._decode(
                    pictures
                )  # half a picture, or a page of a proxy, is not the one paid for
                return pictures
            except (VolcengineError, ValueError) as error:
                if not left:
                    raise messages.PaidButNotFetchedError(urls, error) from error
            time.sleep(_DOWNLOAD_PAUSE_S)
        raise AssertionError

    def _delivered(self, entry: Entry, status: Literal["paid", "journal"]) -> Outcome | None:
        """The outcome of an entry; None if it holds no picture."""
        try:
            value = self._decode(entry.pictures)
        except ValueError:
            return None
        return delivered(self._job, entry, value, status, self._notes)

    def _failed(self, error: VolcengineError) -> Outcome:
        return failed(self._job, error, self._notes)

    def _report(self, answer: Answer) -> dict[str, Any]:
        """What the journal keeps of an answer beside its pictures."""
        return {
            "request_id": answer.request_id,
            "code": answer.code,
            "message": answer.message,
            "elapsed_s": answer.elapsed_s,
            "seed": self._job.seed,
            "urls": list(answer.urls),
            "data": dict(answer.data),
            "received_at": time.time(),
        }

    def _note(self, english: str, chinese: str) -> None:
        note = messages.note(self._job, english, chinese)
        if note not in self._notes:
            self._notes.append(note)
