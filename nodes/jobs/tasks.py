"""Waits for a submitted task: asks for it at growing intervals until it ends, for certain or in doubt."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, NamedTuple

from ..volcengine.codes import Again, EndsTask, Kind
from ..volcengine.errors import APIResponseError, VolcengineError
from .messages import TaskLostError, TaskPendingError, log_line
from .retry import backoff_s

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..volcengine.answers import Answer
    from ..volcengine.client import Client
    from ..volcengine.connection import Connection
    from ..volcengine.request import Request
    from .claims import Trace

_LOG = logging.getLogger(__name__)

# How long a task can be asked for: https://www.volcengine.com/docs/85621/1976207
LIFE_S = 12 * 3600.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 3.0
# A task that was just submitted may not be known everywhere yet.
SETTLING_S = 3.0
# A question answers at once; one that hangs must not use up the time of the task.
_SHARE_OF_TIMEOUT = 0.25
# Who is refused so often stays refused.
_REFUSALS = 3
# An internal error of the question passes; one of the task is what every question is answered with.
_INTERNAL_ERRORS = 4


class Task(NamedTuple):
    """What is kept of a submission: the service's name for it, and when it was, in seconds since 1970 UTC."""

    task_id: str
    at: float


def left_task(trace: Trace) -> Task | None:
    """The task that a note tells of, if it can still be asked for."""
    known = trace.state == "submitted" or (trace.state == "paid" and trace.receipt is not None)
    if not known or not trace.task_id or trace.at is None:
        return None
    return Task(trace.task_id, trace.at) if time.time() - trace.at < LIFE_S else None


def pause_s(age_s: float, failures: int = 0) -> float:
    """Seconds between two questions.

    Args:
        age_s: Since the submission, in seconds.
        failures: Questions in a row that got no answer.
    """
    longest_s = LONGEST_PAUSE_S * 2.0 ** min(failures, 3)
    return backoff_s(max(FIRST_PAUSE_S, age_s / 10), failures, longest_s)


def fetch(
    client: Client,
    request: Request,
    task: Task,
    on_status: Callable[[str], None],
    over: Connection,
) -> Answer:
    """Ask for a task until it is done. Asking costs nothing, so what goes wrong with a question is asked again.

    Args:
        client: Speaks to the service; its time limit holds for each status of the task.
        request: What was submitted.
        task: From the submission.
        on_status: Called with each new status, `in_queue` or `generating`.
        over: The connection that the questions share.

    Raises:
        APIResponseError: The task failed for certain and is not billed.
        TaskLostError: The service does not know it any more; it may have been billed.
        TaskPendingError: It did not end in time; a later call of this function may find it done.
    """
    body = request.query(task.task_id)
    action, timeout_s = request.model.query_action, client.read_timeout_s * _SHARE_OF_TIMEOUT
    status, failures, internal, clock_set = "", 0, 0, False
    last_change = time.monotonic()
    cause: VolcengineError | None = None
    time.sleep(max(0.0, FIRST_PAUSE_S - max(0.0, time.time() - task.at)))
    while True:
        asked_at = time.monotonic()
        try:
            answer = client.call(action, body, read_timeout_s=timeout_s, over=over)
        except VolcengineError as error:
            if isinstance(error, APIResponseError):
                repeated = error.row.ends_task is EndsTask.IF_REPEATED
                internal = internal + 1 if repeated else 0
                if error.row.ends_task is EndsTask.YES:
                    raise
                if internal == _INTERNAL_ERRORS:
                    # what took so long is not tried again by itself
                    error.row = error.row._replace(again=Again.NEVER)
                    error.elapsed_s = time.time() - task.at
                    raise
                if error.row.again is Again.ANOTHER_CLOCK and not clock_set:
                    clock_set = client.set_clock_from(error.server_date)
                may_not_ask = error.row.kind in (Kind.ACCOUNT, Kind.INTERFACE)
                if may_not_ask and failures + 1 >= _REFUSALS:
                    raise TaskPendingError(task.task_id, status, error) from None
            cause, failures = error, failures + 1
        else:
            cause, failures, internal = None, 0, 0
            said = str(answer.data.get("status", ""))
            age_s = time.time() - task.at
            if said == "done":
                return answer
            if said == "expired" or (said == "not_found" and age_s >= SETTLING_S):
                raise TaskLostError(task.task_id, said, answer.request_id)
            if said != status:
                status, last_change = said, time.monotonic()
                on_status(said)
        wait_s = pause_s(time.time() - task.at, failures)
        if internal:
            wait_s = min(wait_s, LONGEST_PAUSE_S)
        if isinstance(cause, APIResponseError):
            wait_s = max(wait_s, cause.retry_after_s or 0.0)
        if time.monotonic() + wait_s - last_change > client.read_timeout_s:
            raise TaskPendingError(task.task_id, status, cause)
        if cause is not None:
            what, took_s = f"question for task {task.task_id}", time.monotonic() - asked_at
            then = f"asked again in {wait_s:.2f} s"
            _LOG.warning("%s", log_line(what, None, cause, took_s, then))
        time.sleep(wait_s)
