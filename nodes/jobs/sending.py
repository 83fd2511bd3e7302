"""Gets an answer or raises: a place among the account's calls, a note on the disk, the call, what follows a failure, a task."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING

from ..volcengine.advice import advice
from ..volcengine.codes import Kind
from ..volcengine.errors import (
    APIResponseError,
    NotSentError,
    RateLimitError,
    VolcengineError,
)
from . import messages, tasks
from .claims import Trace
from .retry import Reason, RetryPlan, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..volcengine.answers import Answer
    from ..volcengine.request import Request
    from ..words import Text
    from .account import Account
    from .claims import Claim
    from .job import Job
    from .run import Run

_LOG = logging.getLogger(__name__)
# What the next call of the run would be refused with, too.
_OF_THE_ACCOUNT = (Kind.ACCOUNT, Kind.INTERFACE)
_DOWNLOAD_TRIES = 3
_DOWNLOAD_PAUSE_S = 0.5


class AnotherSeedError(Exception):
    """What was painted was rejected, and the seed was drawn: another one may pass."""


class Sending:
    """Speaks to the service for one purchase; `note` takes what the user should know."""

    def __init__(self, account: Account, run: Run, note: Callable[[Text], None]) -> None:
        self._account = account
        self._run = run
        self._note = note
        self._plan = RetryPlan()
        self._began = 0.0
        self._as_task = False
        self._gone: APIResponseError | None = None

    def buy(self, job: Job, key: str, claim: Claim) -> Answer | None:
        """Send until there is an answer or no hope; the one place where money is spent. The claim notes what happens.

        Returns:
            None if nothing is under way, for the run was cancelled.

        Raises:
            AnotherSeedError: The caller should draw one.
            VolcengineError: No picture; `doubtful` says whether it may have been billed.
        """
        while self._run.stopped_by is None:
            try:
                answer = self._in_a_place(lambda: self._send(job, key, claim))
            except VolcengineError as error:
                if not error.doubtful:
                    claim.money = "unspent"
                if not self._goes_on(job, error):
                    return None
                continue
            if answer is not None:
                return answer
            claim.money = "unspent"
            if self._run.cancelled():
                return None
        raise self._run.stopped_by

    def resume(self, job: Job, key: str, task: tasks.Task) -> Answer | None:
        """Fetch a task of an earlier run, which costs nothing; None if this one was given up before.

        Raises:
            VolcengineError: As `buy`.
        """
        self._as_task = True
        return self._in_a_place(
            lambda: self._run.booking.task(job, key, task, lambda: self._fetch(job, task))
        )

    def download(
        self, urls: Sequence[str], check: Callable[[tuple[bytes, ...]], object]
    ) -> tuple[bytes, ...]:
        """Fetch paid pictures from their links, again if need be, for that costs nothing.

        Args:
            urls: The service's.
            check: Raises a ValueError for half a picture, or a page of a proxy.

        Raises:
            PaidButNotFetchedError: They are not there yet; a later run may have better luck.
        """
        for left in reversed(range(_DOWNLOAD_TRIES)):
            started = time.monotonic()
            try:
                pictures = tuple(self._account.client.download(url) for url in urls)
                check(pictures)
                return pictures
            except (VolcengineError, ValueError) as error:
                then = f"again in {_DOWNLOAD_PAUSE_S:g} s" if left else "kept for the next run"
                took_s = time.monotonic() - started
                _LOG.warning("%s", messages.log_line("link", None, error, took_s, then))
                if not left:
                    raise messages.PaidButNotFetchedError(urls, error) from error
            time.sleep(_DOWNLOAD_PAUSE_S)
        raise AssertionError

    def is_task(self, job: Job) -> bool:
        """Whether the picture of `job` comes by a submitted task, which can be fetched again."""
        return self._as_task or bool(job.request.model.query_action)

    def _request(self, job: Job) -> Request:
        """What is sent for a job: as it stands, or as a task where the synchronous call is no more."""
        task = job.request.as_task()
        moved = self._gone is not None or job.request.model.req_key in self._account.as_tasks
        return task if task is not None and moved else job.request

    def _moved(self, job: Job, error: VolcengineError) -> bool:
        """Whether a synchronous call is no more, which bought nothing, and its pair is to be tried instead."""
        if self._as_task or not isinstance(error, APIResponseError):
            return False
        if error.row.kind is not Kind.INTERFACE or job.request.as_task() is None:
            return False
        self._gone = error
        return True

    def _of_both_ways(self, job: Job, error: VolcengineError) -> VolcengineError:
        """What to say of a failure: if the pair is not there either, that there is no such interface."""
        if not isinstance(error, APIResponseError) or not error.row.may_be_retired:
            return error
        self._account.as_tasks.discard(job.request.model.req_key)
        return error if error.row.kind is Kind.INTERFACE else self._gone or error

    def _goes_on(self, job: Job, error: VolcengineError) -> bool:
        """Wait as the plan says; False if the run was cancelled meanwhile.

        Raises AnotherSeedError for a seed that was drawn, and `error` if there is nothing more to try.
        """
        now = time.monotonic()
        if self._moved(job, error):
            self._log(job, error, now - self._began, "again: as a submitted task")
            return True
        error = self._of_both_ways(job, error)
        step = self._plan.after(error, now, drawn=job.drawn)
        self._plan.take(step, now)
        if step.reason is Reason.CLOCK:
            date = getattr(error, "server_date", "")
            step = step if self._account.client.set_clock_from(date) else Step()
        self._log(job, error, now - self._began, _next(step, error))
        if step.reason is None:
            if isinstance(error, RateLimitError):
                self._run.stop(error)
            elif isinstance(error, APIResponseError) and error.row.kind in _OF_THE_ACCOUNT:
                self._run.turned_away(error)
            if self._run.cancelled() and not error.doubtful:
                return False
            if isinstance(error, APIResponseError) and (more := advice(error, job.request)):
                error.add_context(more)
            raise error
        if step.reason is Reason.SEED:
            raise AnotherSeedError
        if not step.pause_s:
            return True
        with self._run.counted("retry"):
            return self._run.pause(step.pause_s)

    def _in_a_place(self, call: Callable[[], Answer | None]) -> Answer | None:
        limiter = self._account.limiter
        with self._run.counted("allowance"):
            if not limiter.acquire(self._run.number, self._run.given_up):
                return None
        self._began = time.monotonic()
        try:
            with self._run.on_wire():
                answer = call()
        except RateLimitError as error:
            limiter.refused(rate=error.row.kind is Kind.RATE, retry_after_s=error.retry_after_s)
            raise
        except BaseException:
            limiter.ended()
            raise
        if answer is None:
            limiter.ended()
        else:
            limiter.succeeded(time.monotonic() - self._began)
        return answer

    def _send(self, job: Job, key: str, claim: Claim) -> Answer | None:
        """Note it, send it, return the answer; None if nothing was sent, for the run was given up."""
        request = self._request(job)
        model = request.model
        body = request.body(job.seed)
        self._as_task = request is not job.request
        number = ""
        try:
            claim.write(Trace.now("sent", job.seed))
            if self._run.given_up():
                return None
            with self._run.booking.call(job, key) as number:
                self._account.limiter.departs()
                started = time.monotonic()
                answer = self._account.client.call(
                    model.action, body, may_send=lambda: not self._run.given_up()
                )
                then = "asks for its task" if model.query_action else "into the journal"
                self._log(job, answer, time.monotonic() - started, then)
                if self._as_task:
                    self._account.as_tasks.add(model.req_key)
                if model.query_action:
                    answer = self._fetch_new(job, claim, answer, number)
                if self._as_task:
                    self._note(messages.as_task(model.req_key))
                self._run.booking.paid(number, answer)
        except NotSentError:
            return None
        except OSError as error:
            if number:  # it may have left, so the money is in doubt
                raise
            raise messages.unwritable(error) from error
        return answer

    def _fetch_new(self, job: Job, claim: Claim, answer: Answer, number: str) -> Answer:
        """Write down the number of a task before anything waits for it, then fetch it."""
        task_id = str(answer.data.get("task_id") or "")
        if not task_id:
            raise messages.no_task(answer.request_id)
        trace = Trace.now("submitted", job.seed, task_id=task_id)
        kept = True
        try:
            claim.write(trace)
        except OSError as error:
            _LOG.exception("task %s", task_id)
            self._note(messages.task_not_kept(task_id, error))
            kept = False
        # After the note, which is what a later run fetches the picture by.
        self._run.booking.submitted(number, task_id, answer.request_id)
        return self._fetch(job, tasks.Task(task_id, trace.at or 0.0), kept=kept)

    def _fetch(self, job: Job, task: tasks.Task, *, kept: bool = True) -> Answer:
        """Ask for the task until it ends; goes on after a cancel, so that the picture reaches the journal."""
        client = self._account.client
        with contextlib.ExitStack() as states:
            shared = states.enter_context(client.connection())
            if kept:
                states.enter_context(self._run.counted("kept_task"))
            queue = states.enter_context(contextlib.ExitStack())

            def on_status(status: str) -> None:
                queue.close()
                if status == "in_queue":
                    queue.enter_context(self._run.counted("in_queue"))

            started = time.monotonic()
            # a task that an earlier run submitted is one, whatever this process knows of the synchronous call
            as_task = None if job.request.model.query_action else job.request.as_task()
            answer = tasks.fetch(client, as_task or job.request, task, on_status, shared)
            self._log(job, answer, time.monotonic() - started, "into the journal")
            return answer

    def _log(self, job: Job, answer: Answer | VolcengineError, seconds: float, then: str) -> None:
        level = logging.WARNING if isinstance(answer, VolcengineError) else logging.INFO
        model = job.request.model.req_key
        _LOG.log(level, "%s", messages.log_line(model, job.seed, answer, seconds, then))


def _next(step: Step, error: VolcengineError) -> str:
    """What comes after a failure, for the log."""
    if step.reason is None:
        return "may be billed, not sent again" if error.doubtful else "given up"
    wait = f" in {step.pause_s:.2f} s" if step.pause_s else ""
    return f"again{wait}: {step.reason.value}"
