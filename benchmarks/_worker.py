"""An RQ worker beside one ComfyUI, short enough to take over: `rq worker -w _worker.PatientWorker volc`.

It and its ComfyUI have the same environment: `COMFYUI_URL` says where that is, `VOLC_MAX_CONCURRENCY` how many calls it may
have on the wire; all workers' together should be what the account allows. Enqueue `_worker.repaint` with a graph in API
format whose paying nodes have `require_all` on, and with `retry=Retry(max=5)`: what failed is taken up by whoever is free,
and what was paid before is taken from the shared journal.
"""

from __future__ import annotations

import json
import os
import time
import urllib.parse
import urllib.request
from typing import Any

from rq.worker import SimpleWorker

URL = os.environ.get("COMFYUI_URL", "http://127.0.0.1:8188")
PLACES = int(os.environ.get("VOLC_MAX_CONCURRENCY", "8"))


def ask(path: str, data: Any = None) -> bytes:
    """What ComfyUI answers; an OSError if it does not."""
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(URL + path, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return bytes(answer.read())


def repaint(graph: dict[str, Any], save: str = "save", report: str = "report") -> dict[str, Any]:
    """Run a graph; the files of its SaveImage node and the text of the PreviewAny node that shows the report.

    Raises:
        OSError: ComfyUI went away.
        RuntimeError: The run failed, or a picture is missing.
    """
    prompt_id = json.loads(ask("/prompt", {"prompt": graph}))["prompt_id"]
    while not (history := json.loads(ask(f"/history/{prompt_id}")).get(prompt_id)):
        time.sleep(0.1)
    if history["status"]["status_str"] != "success":
        events = dict(history["status"]["messages"])
        error = events.get("execution_error", {})
        raise RuntimeError(error.get("exception_message", "interrupted"))
    files = history["outputs"][save]["images"]
    return {
        "pictures": [ask("/view?" + urllib.parse.urlencode(file)) for file in files],
        "report": json.loads(history["outputs"][report]["text"][0]),
        "places": PLACES,
    }


class PatientWorker(SimpleWorker):  # type: ignore[misc]
    """Takes no job before its ComfyUI answers: a worker whose server is dead would burn a queue in seconds."""

    def dequeue_job_and_maintain_ttl(self, *arguments: Any, **options: Any) -> Any:
        """As of any worker, once ComfyUI is there."""
        while not self._stop_requested:
            try:
                ask("/system_stats")
                break
            except OSError:
                self.heartbeat()
                time.sleep(0.5)
        return super().dequeue_job_and_maintain_ttl(*arguments, **options)
