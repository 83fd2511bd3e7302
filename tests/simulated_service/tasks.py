"""Submitted tasks: queued, generated, billed once when done, kept until they expire."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .faults import LOSSES
from .refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

    from .ledger import Call
    from .service import SimulatedService

# https://www.volcengine.com/docs/85621/1976207: twelve hours.
LIFE_S = 12 * 3600.0
# https://www.volcengine.com/docs/6791/1223709
ALGORITHM: dict[str, Any] = {"status_code": 201304, "status_message": "AI ghost face"}


@dataclass
class Task:
    """One submission.

    Attributes:
        call: It, in the ledger; billed when the task is done, whoever asks.
        state: As the service answers it.
        picture: What was painted, without a watermark.
        refusal: What every question is answered with, if the task failed.
        algorithm_failed: Whether it is answered as a success whose algorithm failed, and so without a picture.
    """

    call: Call
    state: str = "in_queue"
    picture: Image.Image | None = None
    refusal: Refusal | None = None
    algorithm_failed: bool = False
    submitted_s: float = field(default_factory=time.time)


class Tasks:
    """All tasks of a service."""

    def __init__(self, service: SimulatedService) -> None:
        self._service = service
        self._tasks: dict[str, Task] = {}

    def submit(self, call: Call, paint: Callable[[], Image.Image]) -> str:
        """Begin a task on a thread of its own; its number. The ledger has let `call` in, and lets it go at the end."""
        task_id = str(uuid.uuid4().int % 10**19)
        task = self._tasks[task_id] = Task(call)
        arguments = (task, paint, self._service.hangs)
        threading.Thread(target=self._run, args=arguments, daemon=True).start()
        return task_id

    def ask(self, call: Call, task_id: str) -> Task:
        """The task as `call` finds it.

        Raises:
            Refusal: It failed.
        """
        task = self._tasks.get(task_id)
        if task is None:
            return Task(call, "not_found")
        call.seed = task.call.seed
        if task.refusal:
            raise task.refusal
        if time.time() - task.submitted_s >= self._service.task_life_s:
            return Task(call, "expired")
        return task

    def lose(self) -> None:
        """Forget all tasks, as the service might; what runs is still billed."""
        self._tasks.clear()

    def _run(self, task: Task, paint: Callable[[], Image.Image], hangs: threading.Event) -> None:
        service, ledger = self._service, self._service.ledger
        hangs.wait(service.queue_s)
        task.state = "generating"
        started = time.monotonic()
        billed, end = False, Task(task.call, "done")
        code: int | str = 10000
        try:
            end.picture = paint()
            hangs.wait(max(0.0, service.latency_s - (time.monotonic() - started)))
            fault = service.faults.take(task.call, on="task")
            if fault is None:
                billed = True
            elif fault.fault == "algorithm_failed":
                code, end.algorithm_failed = ALGORITHM["status_code"], True
            elif fault.fault in LOSSES:
                code, billed, end.state = fault.fault, fault.billed, str(fault.fault)
            else:
                code, end.refusal = fault.fault, Refusal(fault.fault)
        except Exception as error:  # noqa: BLE001 - whoever asks must learn of a bug of the painter
            code, end.refusal = 50500, Refusal(50500, f"{type(error).__name__}: {error}")
        # In this order: whoever is told of the end finds a free place and the bill.
        ledger.leave()
        ledger.settle(task.call, "billed" if billed else "failed", code)
        task.picture, task.refusal = end.picture, end.refusal
        task.algorithm_failed, task.state = end.algorithm_failed, end.state


def answer(status: str, **more: Any) -> dict[str, Any]:
    """The field `data` of an answer about a task that brings no picture."""
    return {"status": status, "binary_data_base64": None, "image_urls": None, **more}
