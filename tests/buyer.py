"""The jobs of the pack without ComfyUI or torch: an account with a journal, small pictures, a process that buys some.

`python -m buyer` reads one JSON object a line: what to buy. It writes `another_run` when it waits for an equal purchase,
and the outcomes as JSON when all is done.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import conftest  # noqa: F401 - makes the pack importable as `volc_inpaint`
import numpy as np
from PIL import Image
from volc_inpaint.nodes.jobs import ending, workers
from volc_inpaint.nodes.jobs.account import Account
from volc_inpaint.nodes.jobs.job import Job
from volc_inpaint.nodes.jobs.journal import Journal
from volc_inpaint.nodes.jobs.limiter import Limiter
from volc_inpaint.nodes.volcengine.client import Client
from volc_inpaint.nodes.volcengine.credentials import Credentials
from volc_inpaint.nodes.volcengine.models import INPAINTING
from volc_inpaint.nodes.volcengine.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from simulated_service import SimulatedService
    from volc_inpaint.nodes.jobs.job import Outcome

SIDE = 64
# One interface of each kind: the call brings the picture, or a task that is asked for.
ANSWERED = "img2img_inpainting_edit_zi2i"
SUBMITTED = "jimeng_image2image_dream_inpaint"


def make_account(
    service: SimulatedService | Any,
    folder: Path,
    *,
    cap: int = 8,
    timeout_s: float = 30.0,
    max_bytes: int = 10**9,
    limiter: Limiter | None = None,
    make: bool = True,
) -> Account:
    """An account as cold as that of a process that just started, but for a `limiter` that has learned.

    `service` needs `endpoint` and keys only.
    """
    credentials = Credentials(service.access_key, service.secret_key)
    client = Client(credentials, service.endpoint, read_timeout_s=timeout_s)
    return Account(client, limiter or Limiter(cap), Journal(folder, max_bytes, make=make))


def pixels(number: int = 0, side: int = SIDE) -> np.ndarray[Any, Any]:
    """Noise, uint8 [side, side, 3]; another one for each `number`."""
    return np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8)


def png(array: np.ndarray[Any, Any]) -> bytes:
    """Uncompressed, so that its size is that of its pixels."""
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


def request(
    rgb: np.ndarray[Any, Any], model: str = ANSWERED, **parameters: object
) -> tuple[Request, str]:
    """What is sent of a picture with a part of it masked, and a name of its pixels."""
    height, width, _ = rgb.shape
    white = np.zeros((height, width), np.uint8)
    white[height // 4 : height // 2, width // 4 : width // 2] = 255
    files = (png(rgb), png(white))
    wishes = {"return_url": False, **parameters}
    row = INPAINTING[model]
    fields = {"steps": 25, "scale": 5.0, **wishes}
    now = {name: value for name, value in fields.items() if name in row.takes}
    later = {name: value for name, value in wishes.items() if name in row.takes_on_query}
    prompt = {row.prompt_field: "dog"} if row.prompt_field else {}
    sent = Request(row, {**prompt, **now}, files, on_query=later)
    return sent, hashlib.sha256(rgb.tobytes()).hexdigest()


def jobs(
    variants: int = 4,
    seed: int = 1,
    *,
    number: int = 0,
    side: int = SIDE,
    model: str = ANSWERED,
    **parameters: object,
) -> list[Job]:
    """The jobs of one picture, as VolcInpaint makes them; seed -1 stands for drawn ones."""
    sent, key = request(pixels(number, side), model, **parameters)
    drawn = np.random.default_rng().integers(0, 2**31, variants)
    return [
        Job(
            index=variant + 1,
            image=1,
            request=sent,
            pixels_key=key,
            seed=int(drawn[variant]) if seed == -1 else seed + variant,
            drawn=seed == -1,
        )
        for variant in range(variants)
    ]


def decode(pictures: tuple[bytes, ...]) -> Any:
    """The picture's pixels; a ValueError if there is none."""
    if not pictures:
        raise ValueError("no picture")
    try:
        return np.array(Image.open(io.BytesIO(pictures[0])).convert("RGB"))
    except OSError as error:
        raise ValueError("no picture") from error


def statuses(outcomes: list[Outcome]) -> list[str]:
    """What came of each."""
    return [outcome.status for outcome in outcomes]


def traces(folder: Path) -> list[dict[str, Any]]:
    """The notes that were left behind in a journal."""
    return [json.loads(path.read_bytes()) for path in folder.glob("*/*.inflight")]


def wait_until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    """For what nobody tells."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.005)


def buy(
    account: Account,
    wanted: list[Job],
    timeout_s: float = 60.0,
    decoder: Callable[[tuple[bytes, ...]], Any] = decode,
) -> list[Outcome]:
    """Start a run, wait for its end, return what came of it."""
    run = workers.start(account, wanted, decoder)
    if not run.done.wait(timeout_s):
        raise TimeoutError(str(run.status()))
    return run.results()


def main() -> None:
    """One line in, one line out."""
    from argparse import Namespace
    from pathlib import Path

    account = None
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if account is None:
            service = Namespace(**order["service"])
            account = make_account(service, Path(order["folder"]), **order.get("account", {}))
        run = workers.start(account, jobs(**order.get("jobs", {})), decode)
        told = False
        while not run.done.wait(0.005):
            if run.status().waiting_for == "another_run" and not told:
                print("another_run", flush=True)
                told = True
        print(
            json.dumps(
                [
                    {
                        "index": outcome.job.index,
                        "status": outcome.status,
                        "request_id": outcome.receipt.request_id,
                        "message": outcome.receipt.message,
                        "notes": [note.line() for note in outcome.notes],
                    }
                    for outcome in run.results()
                ]
            ),
            flush=True,
        )


if __name__ == "__main__":
    ending.install()
    with contextlib.suppress(KeyboardInterrupt):
        main()
