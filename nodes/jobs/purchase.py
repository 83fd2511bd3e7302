"""One picture, from the wish to the journal. The order of the steps is what keeps it from being lost or paid twice."""

from __future__ import annotations

import contextlib
import logging
import secrets
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..volcengine.errors import VolcengineError
from . import messages, tasks
from .claims import Trace
from .entries import DamagedError, Entry
from .job import Receipt, delivered, failed
from .journal import journal_key
from .sending import AnotherSeedError, Sending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..volcengine.answers import Answer
    from ..words import Text
    from .account import Account
    from .claims import Claim, Money
    from .job import Bought, Job, Outcome
    from .run import Run

_LOG = logging.getLogger(__name__)

_CLAIM_POLL_S = 0.1


def to_buy(account: Account, jobs: Iterable[Job]) -> int:
    """How many new calls `jobs` need: none for what the journal holds, and none for what can be fetched for nothing."""
    keys = set()
    for job in jobs:
        with contextlib.suppress(TypeError, ValueError):  # a value that no JSON can carry
            keys.add(journal_key(account.client.endpoint, job.request, job.pixels_key, job.seed))
    needed = 0
    for key in keys:
        left = account.journal.left_behind(key)
        free = left is not None and (tasks.left_task(left) is not None or left.receipt is not None)
        needed += not (free or account.journal.holds(key))
    return needed


class Purchase:
    """Gets the picture of one job for one run.

    `decode` makes the outcome's value of the pictures' bytes; a ValueError means they are no pictures.
    """

    def __init__(
        self, account: Account, run: Run, job: Job, decode: Callable[[tuple[bytes, ...]], Any]
    ) -> None:
        self._account = account
        self._run = run
        self._job = job
        self._decode = decode
        self._notes: list[Text] = []
        self._sending = Sending(account, run, self._note)

    def obtain(self) -> Outcome | None:
        """The outcome of the job; None if the run was cancelled before anything was sent for it."""
        if self._job.refused is not None:
            return self._failed(self._job.refused)
        while not self._run.cancelled():
            try:
                return self._obtain()
            except AnotherSeedError:  # noqa: PERF203 - one try a seed
                self._job = replace(self._job, seed=secrets.randbelow(2**31))
            except VolcengineError as error:
                return self._failed(error)
            except Exception as error:  # noqa: BLE001 - a bug must not hang the node that waits
                return self._failed(_bug(error, "unspent"))
        return None

    def _obtain(self) -> Outcome | None:
        job = self._job
        key = journal_key(self._account.client.endpoint, job.request, job.pixels_key, job.seed)
        if found := self._from_journal(key):
            return found
        claim, waited = self._try_claim(key), False
        if claim is None:
            waited = True
            watch = self._account.journal.watch(key)
            with self._run.counted("another_run"):
                while claim is None:
                    if not self._run.pause(_CLAIM_POLL_S):
                        return None
                    # First here: a picture that found no room on the disk is in the journal's memory only.
                    if found := self._from_journal(key):
                        return found
                    if not watch.is_held():
                        raise messages.nobody_holds(self._account.journal.directory)
                    claim = self._try_claim(key)
        in_doubt = self._account.in_doubt
        with claim:
            try:
                # Who asked before the doubt was told did not ask for another call: equal pictures of one run, such as frames
                # that stand still, or of runs that the host had in its queue.
                waited = waited or in_doubt.get(key, 0.0) > self._run.asked_at
                return self._settle(key, claim, waited=waited)
            except (AnotherSeedError, VolcengineError):
                raise
            except Exception as error:
                raise _bug(error, claim.money) from error
            finally:
                if claim.money == "in doubt":
                    now = time.monotonic()
                    # who waited and sent nothing shares the doubt of before, which was told then
                    shared = waited and claim.left_behind is not None
                    in_doubt[key] = in_doubt.get(key, now) if shared else now
                else:
                    in_doubt.pop(key, None)

    def _settle(self, key: str, claim: Claim, *, waited: bool) -> Outcome | None:
        """What the holder of the claim does: look once more, make what can be made of what was left behind, buy."""
        # Perhaps another has bought it since we looked.
        if found := self._from_journal(key, claim) or self._resume(key, claim, waited=waited):
            return found
        answer = self._sending.buy(self._job, key, claim)
        if answer is None:
            return None
        return self._keep(key, claim, self._entry(answer), "paid")

    def _try_claim(self, key: str) -> Claim | None:
        try:
            return self._account.journal.try_claim(key)
        except OSError as error:
            raise messages.unwritable(error) from error

    def _from_journal(self, key: str, claim: Claim | None = None) -> Outcome | None:
        """What the journal holds; what is no picture is set aside, but only by the holder of the claim."""
        try:
            entry = self._account.journal.find(key, self._run.number)
            if entry is None:
                return None
            try:
                outcome = self._delivered(entry, "journal")
            except Exception as error:
                raise _bug(error, "kept") from error
            if outcome is not None:
                if claim is not None:
                    claim.money = "kept"
                self._run.booking.served(self._job, key)
                return outcome
        except DamagedError:
            pass
        except OSError as error:
            raise messages.unreadable(error) from error
        if claim is not None:
            self._account.journal.set_aside(key)
        return None

    def _resume(self, key: str, claim: Claim, *, waited: bool) -> Outcome | None:
        """Make what can be made of a purchase that was left behind; None to buy the picture."""
        left = claim.left_behind
        if left is None:
            if self._account.journal.was_set_aside(key):
                self._note(messages.damaged())
            return None
        if left.receipt is not None and left.receipt.living_urls():
            return self._resume_links(key, claim, left, left.receipt)
        task = tasks.left_task(left)
        if task is not None:
            outcome = self._resume_task(key, claim, task)
            if outcome is not None or self._run.given_up() or claim.left_behind is None:
                return outcome
        if waited:
            # This run and that call were equal requests at the same time: they pay once, or not knowingly twice.
            return self._failed(messages.elsewhere(left))
        self._note(messages.left_behind(left))
        return None

    def _resume_links(self, key: str, claim: Claim, left: Trace, receipt: Receipt) -> Outcome:
        """Fetch what is paid by its links; where they lead nowhere from here, ask its task for the picture itself."""
        try:
            return self._keep(key, claim, Entry((), receipt), "paid")
        except messages.PaidButNotFetchedError:
            task, answer = tasks.left_task(left), None
            if task is not None:
                # whatever it says, the picture is paid, and its links live on
                with contextlib.suppress(VolcengineError):
                    answer = self._sending.resume(self._job, key, task)
            if answer is None:
                raise
        return self._keep(key, claim, self._entry(answer), "journal")

    def _resume_task(self, key: str, claim: Claim, task: tasks.Task) -> Outcome | None:
        """Fetch a task that an earlier run submitted; None if it is lost, or failed and is settled."""
        try:
            answer = self._sending.resume(self._job, key, task)
        except messages.TaskLostError:
            return None
        except VolcengineError as error:
            if error.doubtful:
                return self._failed(error)
            claim.clear()
            return None
        if answer is None:
            return None
        self._note(messages.resumed(task.task_id, task.at))
        return self._keep(key, claim, self._entry(answer), "journal")

    def _entry(self, answer: Answer) -> Entry:
        return Entry(answer.pictures, Receipt.of(answer, self._job.seed))

    def _keep(self, key: str, claim: Claim, entry: Entry, status: Bought) -> Outcome:
        """Put a paid answer into the journal, then look at what it shows."""
        urls = entry.receipt.urls
        if (entry.pictures or not urls) and (outcome := self._put(key, claim, entry, status)):
            return outcome
        if urls:
            # Nothing that can be opened came with them, but they lead to the same.
            with contextlib.suppress(OSError):
                claim.paid(entry.receipt, self._job.seed)
            entry = entry._replace(pictures=self._sending.download(urls, self._decode))
            if outcome := self._put(key, claim, entry, status):
                return outcome
        if not self._sending.is_task(self._job):
            # the note of a task stays: it can be fetched again
            with contextlib.suppress(OSError):
                claim.write(Trace.now("no_picture", self._job.seed))
        return self._failed(messages.no_picture(key, entry.receipt.request_id))

    def _put(self, key: str, claim: Claim, entry: Entry, status: Bought) -> Outcome | None:
        """Put an entry into the journal, then look at it; what shows nothing is set aside, and None."""
        try:
            self._account.journal.add(key, entry, self._run.number)
            claim.money = "kept"
        except Exception as error:  # noqa: BLE001 - whatever it is, the picture is here and goes on to its node
            _LOG.exception("journal")
            self._note(messages.not_kept(error))
        outcome = self._delivered(entry, status)
        if outcome is None:
            claim.money = "in doubt"  # paid, but what came is no picture
            self._account.journal.set_aside(key)
        return outcome

    def _delivered(self, entry: Entry, status: Bought) -> Outcome | None:
        """The outcome of an entry; None if it holds no picture."""
        try:
            value = self._decode(entry.pictures)
        except ValueError:
            return None
        data = entry.receipt.data
        if status_code := data.get("algorithm_status"):
            message = str(data.get("algorithm_message", ""))
            self._note(messages.algorithm(status_code, message))
        return delivered(self._job, entry.receipt, value, status, self._notes)

    def _failed(self, error: VolcengineError) -> Outcome:
        return failed(self._job, error, self._notes)

    def _note(self, text: Text) -> None:
        note = messages.note(self._job, text)
        if note not in self._notes:
            self._notes.append(note)


def _bug(error: Exception, money: Money) -> VolcengineError:
    _LOG.error("purchase failed", exc_info=error)
    return messages.unexpected(error, money)
