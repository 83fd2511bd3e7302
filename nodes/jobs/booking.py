"""How the calls of one run come into the account book, and how many of them it may send."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

from ..volcengine.errors import APIConnectionError, APIResponseError, NotSentError, VolcengineError
from .book_lines import Asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..volcengine.answers import Answer
    from .book import Book
    from .job import Job
    from .limit import Reserved
    from .tasks import Task

# Stands for a code where the request never left this machine.
NOT_SENT = "not sent"


class Origin(NamedTuple):
    """Who asks, as the host names it: a node by its title and number, in a workflow by its name or number.

    Attributes:
        waited_s: How long it has asked already, in a queue of the host's.
    """

    node: str = ""
    workflow: str = ""
    waited_s: float = 0.0


class Booking:
    """Writes down what becomes of the calls of one run."""

    def __init__(self, book: Book, reserved: Reserved, origin: Origin) -> None:
        self._book = book
        self._reserved = reserved
        self._origin = origin

    @contextlib.contextmanager
    def call(self, job: Job, key: str) -> Iterator[str]:
        """A call, sent in the block; yields its number. A block that ends without an error has paid.

        Raises:
            LimitReachedError: It is one more than the run may send.
            OSError: The book cannot be written, so nothing was sent.
        """
        self._reserved.take()
        try:
            number = self._book.sent(self._asked(job, key), self._reserved.number)
        except OSError:
            self._reserved.give_back()
            raise
        try:
            yield number
        except NotSentError:
            self._book.withdrawn(number)
            self._reserved.give_back()
            raise
        except VolcengineError as error:
            self._book.ended(number, "unknown" if error.doubtful else "failed", *_told(error))
            if not error.doubtful:
                self._reserved.give_back()
            raise
        except BaseException:
            self._book.ended(number, "unknown")
            raise

    def paid(self, number: str, answer: Answer) -> None:
        """The service says that it painted the picture, which is what it bills."""
        self._book.ended(number, "paid", answer.code, answer.request_id)

    def submitted(self, number: str, task_id: str, request_id: str) -> None:
        """Its task was accepted."""
        self._book.submitted(number, task_id, request_id)

    def task(self, job: Job, key: str, task: Task, fetch: Callable[[], Answer]) -> Answer:
        """The answer of `fetch`, which asks for a task of an earlier run."""
        of_task = (task.task_id, task.at, self._asked(job, key))
        try:
            answer = fetch()
        except VolcengineError as error:
            if not error.doubtful:
                self._book.task_ended(*of_task, "failed", *_told(error))
            raise
        self._book.task_ended(*of_task, "fetched", answer.code, answer.request_id)
        return answer

    def served(self, job: Job, key: str) -> None:
        """The journal held the picture."""
        self._book.served(self._asked(job, key))

    def close(self) -> None:
        """The run sends no more calls."""
        self._reserved.release()

    def _asked(self, job: Job, key: str) -> Asked:
        request = job.request
        return Asked(
            model=request.model.req_key,
            seed=job.seed,
            image=job.image,
            variant=job.index,
            key=key,
            prompt=str(request.parameters.get(request.model.prompt_field, "")),
            node=self._origin.node,
            workflow=self._origin.workflow,
        )


def _told(error: VolcengineError) -> tuple[int | str, str]:
    """The code and the `request_id` of a failure."""
    code = error.code if isinstance(error, APIResponseError) else 0
    if isinstance(error, APIConnectionError) and not error.doubtful:
        code = NOT_SENT
    return code, str(getattr(error, "request_id", ""))
