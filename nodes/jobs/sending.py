"""One call of a purchase: a place among the account's calls, a note on the disk, the request, and the wait for a task."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import time
from typing import TYPE_CHECKING, Any

from ..volcengine.codes import Kind
from ..volcengine.errors import RateLimitError
from ..volcengine.models import VERSION
from . import messages, tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..volcengine.answers import Answer
    from .account import Account
    from .claims import Claim
    from .job import Job
    from .run import Run

_LOG = logging.getLogger(__name__)


def trace(job: Job, state: str, **more: Any) -> dict[str, Any]:
    """What a later run finds if this process dies now; holds no secret."""
    return {
        "state": state,
        "at": time.time(),
        "host": socket.gethostname(),
        "process": os.getpid(),
        "seed": job.seed,
        **more,
    }


class Sending:
    """Sends the request of a job, or goes on waiting for its task, for the holder of its claim.

    Args:
        account: Who pays.
        run: That wants the picture.
        job: What is wanted.
        key: Of the journal's entry.
        claim: Held.
        note: Takes what the user should know, in English and in Chinese.
    """

    def __init__(
        self,
        account: Account,
        run: Run,
        job: Job,
        key: str,
        claim: Claim,
        note: Callable[[str, str], None],
    ) -> None:
        self._account = account
        self._run = run
        self._job = job
        self._key = key
        self._claim = claim
        self._note = note

    def send(self) -> Answer | None:
        """Send once; None if nothing was sent, for the run was given up.

        Raises:
            VolcengineError: No picture; `doubtful` says whether it may have been billed.
        """
        return self._in_a_place(self._send)

    def resume(self, task: tasks.Task) -> Answer | None:
        """Fetch a task of an earlier run, which costs nothing; None if this one was given up before.

        Raises:
            VolcengineError: As `send`.
        """

        def fetch() -> Answer:
            with self._run.booking.task(self._job, self._key, task) as answers:
                answers.append(self._fetch(task))
            return answers[0]

        return self._in_a_place(fetch)

    def _in_a_place(self, call: Callable[[], Answer | None]) -> Answer | None:
        limiter = self._account.limiter
        with self._run.counted("allowance"):
            if not limiter.acquire(self._run.number, self._run.given_up):
                return None
        started = time.monotonic()
        try:
            with self._run.counted("on_wire"):
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
            limiter.succeeded(time.monotonic() - started)
        return answer

    def _send(self) -> Answer | None:
        """Note it, send it, return the answer; the one place where money is spent."""
        model = self._job.request.model
        body = self._job.request.body(self._job.seed)
        try:
            self._claim.write(trace(self._job, "sent"))
        except OSError as error:
            raise messages.unwritable(error) from error
        if self._run.given_up():
            return None
        try:
            with self._run.booking.call(self._job, self._key) as number:
                self._account.limiter.departs()
                answer = self._account.client.call(model.action, VERSION, body)
                if model.query_action:
                    answer = self._fetch_new(answer, number)
                self._run.booking.paid(number, answer)
        except OSError as error:
            raise messages.unwritable(error) from error
        return answer

    def _fetch_new(self, answer: Answer, number: str) -> Answer:
        """Write down the number of a task before anything waits for it, then fetch it."""
        task_id = str(answer.data.get("task_id") or "")
        if not task_id:
            raise messages.no_task(answer.request_id)
        self._run.booking.submitted(number, task_id, answer.request_id)
        note = trace(self._job, "submitted", task_id=task_id)
        kept = True
        try:
            self._claim.write(note)
        except OSError as error:
            _LOG.exception("task %s", task_id)
            self._note(*messages.task_not_kept(task_id, error))
            kept = False
        return self._fetch(tasks.Task(task_id, note["at"]), kept=kept)

    def _fetch(self, task: tasks.Task, *, kept: bool = True) -> Answer:
        """Ask for the task until it ends; goes on after a cancel, so that the picture reaches the journal.

        Args:
            task: What to ask for.
            kept: Whether its number is on the disk.
        """
        with contextlib.ExitStack() as states:
            in_queue = contextlib.ExitStack()
            states.enter_context(in_queue)
            if kept:
                states.enter_context(self._run.counted("kept_task"))

            def on_status(status: str) -> None:
                in_queue.close()
                if status == "in_queue":
                    in_queue.enter_context(self._run.counted("in_queue"))

            client = self._account.client
            shared = states.enter_context(client.connection())
            return tasks.fetch(client, self._job.request, task, on_status, shared)
