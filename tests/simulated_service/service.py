"""The service: its settings, what it knows of its callers, and the work behind an answer."""

from __future__ import annotations

import json
import threading
import urllib.parse
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any

from . import painter, rules, segmenter
from .faults import Fault, Faults
from .handler import Server
from .ledger import Ledger
from .refusals import Refusal
from .tasks import LIFE_S, Tasks

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from PIL import Image

    from .ledger import Call

ACCESS_KEY = "AKLTSIMULATEDSERVICEACCESSKEY0000000000000000000"
SECRET_KEY = "U0lNVUxBVEVELVNFQ1JFVC1LRVktT0YtVEhFLVNJTVVMQVRJT04="


class SimulatedService:
    """The service on a loopback port. Use as a context manager.

    Args:
        access_key: The one it knows.
        secret_key: Its secret.
        session_token: If the keys are temporary ones.
        latency_s: How long a picture takes.
        queue_s: How long a submitted task waits before that.
        artist: Who paints; by default colours that a test can compute.
        allowance: Calls at once before 50430; None for no limit.
        rate_per_s: Calls within a second before 50429; None for no limit.
        port: 0 for a free one.
    """

    def __init__(
        self,
        access_key: str = ACCESS_KEY,
        secret_key: str = SECRET_KEY,
        session_token: str = "",
        *,
        latency_s: float = 0.0,
        queue_s: float = 0.0,
        artist: painter.Painter | None = None,
        allowance: int | None = None,
        rate_per_s: int | None = None,
        port: int = 0,
    ) -> None:
        self.access_key = access_key
        self.secret_key = secret_key
        self.keys = {access_key: (secret_key, session_token)}
        self.latency_s = latency_s
        self.queue_s = queue_s
        self.task_life_s = LIFE_S
        self.artist = artist or painter.Colours()
        self.allowance = allowance
        self.rate_per_s = rate_per_s
        self.retry_after_s: float | None = None
        self.clock_offset_s = 0.0
        self.answer_size: tuple[int, int] | None = None
        self.works_at: int | None = (
            None  # the long side at which it paints and answers, whatever it is sent
        )
        self.drift: dict[
            str, Any
        ] = {}  # of all colours of an answer: arguments of `painter.drifted`
        self.activated: list[str] | None = (
            None  # the interfaces that the account may use; None: all
        )
        self.retired: dict[
            str, int | str
        ] = {}  # what interfaces that are no more are answered with
        self.pair_only: int | str | None = (
            None  # what the classic's synchronous call is answered with
        )
        self.denied: int | str | None = None  # what the account is refused with, whatever it sends
        self.ledger = Ledger()
        self.faults = Faults()
        self.tasks = Tasks(self)
        self.hangs = threading.Event()  # set to let hanging calls go
        self.pictures: dict[str, bytes] = {}
        self.web: Path | None = None  # the files that `https://pictures.example/` has
        self._http = Server(("127.0.0.1", port), self)
        self.endpoint = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> SimulatedService:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hangs.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def environment(self) -> dict[str, str]:
        """What a ComfyUI server must have in its environment to use this service."""
        return {
            "VOLC_ENDPOINT": self.endpoint,
            "VOLC_ACCESSKEY": self.access_key,
            "VOLC_SECRETKEY": self.secret_key,
        }

    @property
    def billed(self) -> int:
        """Calls paid for."""
        return self.ledger.count("billed")

    def fail(self, fault: int | str, **when: Any) -> None:
        """Put one fault rule in force, in place of all others."""
        self.faults.set([Fault(fault, **when)])

    def reset(self) -> None:
        """Forget calls, faults and tasks; keep the settings."""
        self.ledger.clear()
        self.faults.set([])
        self.tasks.lose()
        self.hangs.set()
        self.hangs = threading.Event()

    def wait_for(self, state: str | None, calls: int, timeout_s: float = 30.0) -> bool:
        """Wait until at least `calls` calls are in `state` (None: received at all); queries do not count."""
        return self.ledger.wait(lambda: self.ledger.count(state) >= calls, timeout_s)

    def configure(self, settings: dict[str, Any]) -> None:
        """Change settings while running; `faults` is a list of the fields of `Fault`."""
        for name, value in settings.items():
            if name == "faults":
                self.faults.set([Fault(**rule) for rule in value])
            elif name in (
                "latency_s", "queue_s", "task_life_s", "allowance", "rate_per_s", "retry_after_s",
                "clock_offset_s", "answer_size", "works_at", "drift", "denied", "activated",
                "retired", "pair_only",
            ):  # fmt: skip
                setattr(self, name, value)
            else:
                raise ValueError(f"unknown setting {name}")

    def admit(self, req_key: str, action: str) -> None:
        """Judge whether this account may use an interface.

        Raises:
            Refusal: It is not activated, was retired, or is called another way by now.
        """
        if req_key in self.retired:
            raise Refusal(self.retired[req_key])
        if self.activated is not None and req_key in rules.FIELDS and req_key not in self.activated:
            raise Refusal(50400)
        if req_key == rules.CLASSIC and (self.pair_only is None) == (action != "CVProcess"):
            raise Refusal(50215 if self.pair_only is None else self.pair_only)

    def work(self, call: Call, values: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
        """The picture of a valid request, and the fields that come with it."""
        if values["req_key"] in rules.SEGMENTATION:
            return self.segment(call, values)
        painted = self.paint(values, *self.read(call, values))
        return self.finish(painted, values), {}

    def segment(self, call: Call, values: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
        """The mask, or the index map, of a valid request; the only formats that are simulated."""
        (file,) = rules.files(values, self._fetch, 1)
        image = rules.picture(file, segmentation=True)
        call.pictures = [{"format": image.format, "size": list(image.size), "bytes": len(file)}]
        refine = values.get("refine_mask", 0)
        if values["req_key"] == "saliency_seg":
            if values.get("only_mask", 0) != 1:
                raise Refusal(50215, "only_mask other than 1 is not simulated")
            return segmenter.png(segmenter.subject(image, refine)), {}
        if values.get("return_format", 0) != 0:
            raise Refusal(50215, "return_format other than 0 is not simulated")
        index_map, scores = segmenter.entities(image, values.get("max_entity", 20))
        return segmenter.png(index_map), {
            "entity_num": [len(scores)],
            "ori_height": [image.height],
            "ori_width": [image.width],
            "seg_score": scores,
        }

    def read(self, call: Call, values: dict[str, Any]) -> tuple[Image.Image, np.ndarray[Any, Any]]:
        """Picture and mask of a request to repaint."""
        files = rules.files(values, self._fetch)
        image = rules.picture(files[0], sibling=values["req_key"] in rules.SIBLINGS)
        mask = rules.mask(files[1], image.size)
        call.pictures = [
            {"format": image.format, "size": list(image.size), "bytes": len(files[0])},
            {"format": "PNG", "bytes": len(files[1]), "white": int(mask.sum())},
        ]
        return image, mask

    def paint(
        self, values: dict[str, Any], image: Image.Image, mask: np.ndarray[Any, Any]
    ) -> Image.Image:
        """What is painted, without a watermark."""
        seed = values.get("seed", rules.SEEDS[values["req_key"]])
        if seed == -1:
            seed = uuid.uuid4().int % 2**31
        prompt = values.get(rules.PROMPTS.get(values["req_key"], ""), "")
        if self.artist.widens and values["req_key"] in rules.WIDENING:
            mask = painter.widened(
                mask, values.get("dilate_size", rules.WIDENING[values["req_key"]])
            )
        if self.works_at:
            image, mask = painter.scaled(image, mask, self.works_at)
        return self.artist.paint(image, mask, seed, prompt, fill=rules.fills(values))

    def finish(self, painted: Image.Image, wishes: dict[str, Any], *, png: bool = False) -> bytes:
        """The file, with the watermark and the label that were asked for."""
        marked = painter.watermark(
            painter.drifted(painted, **self.drift), wishes.get("logo_info") or {}
        )
        label = wishes.get("aigc_meta")
        told = json.dumps(label) if label else ""
        if png:
            return painter.png(marked, self.answer_size, told)
        return painter.jpeg(marked, self.answer_size, told)

    def _fetch(self, url: str) -> bytes:
        parts = urllib.parse.urlsplit(url)
        loopback = parts.hostname in ("127.0.0.1", "localhost", "::1")
        if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
            raise Refusal(50207, f"link {url[:80]}")
        if self.web is not None and parts.hostname == "pictures.example":
            file = self.web / parts.path.rsplit("/", 1)[1]
            if not file.is_file():
                raise Refusal(50207, f"link {url[:80]} cannot be fetched")
            return file.read_bytes()
        try:
            with urllib.request.urlopen(url, timeout=10) as got:
                return bytes(got.read(50_000_000))
        except OSError:
            raise Refusal(50207, f"link {url[:80]} cannot be fetched") from None
