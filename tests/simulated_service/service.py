"""The HTTP server: judges, limits, paints, answers, and takes orders from tests."""

from __future__ import annotations

import base64
import json
import socket
import struct
import threading
import time
import urllib.parse
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from . import painter, rules, segmenter, signature
from .faults import Fault, Faults
from .ledger import Ledger
from .refusals import BUSINESS, GATEWAY, Refusal

if TYPE_CHECKING:
    from pathlib import Path

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
        allowance: int | None = None,
        rate_per_s: int | None = None,
        port: int = 0,
    ) -> None:
        self.access_key = access_key
        self.secret_key = secret_key
        self.keys = {access_key: (secret_key, session_token)}
        self.latency_s = latency_s
        self.allowance = allowance
        self.rate_per_s = rate_per_s
        self.retry_after_s: float | None = None
        self.clock_offset_s = 0.0
        self.answer_size: tuple[int, int] | None = None
        self.denied: int | str | None = None  # what the account is refused with, whatever it sends
        self.ledger = Ledger()
        self.faults = Faults()
        self.hangs = threading.Event()  # set to let hanging calls go
        self.pictures: dict[str, bytes] = {}
        self.web: Path | None = None  # the files that `https://pictures.example/` has
        self._http = _Server(("127.0.0.1", port), self)
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
    def billed(self) -> int:
        """Calls paid for."""
        return self.ledger.count("billed")

    def fail(self, fault: int | str, **when: Any) -> None:
        """Put one fault rule in force, in place of all others."""
        self.faults.set([Fault(fault, **when)])

    def reset(self) -> None:
        """Forget calls and faults; keep the settings."""
        self.ledger.clear()
        self.ledger._sequence = 0
        self.faults.set([])
        self.hangs.set()
        self.hangs = threading.Event()

    def wait_for(self, state: str | None, calls: int, timeout_s: float = 30.0) -> bool:
        """Wait until at least `calls` calls are in `state` (None: received at all)."""
        return self.ledger.wait(lambda: self.ledger.count(state) >= calls, timeout_s)

    def configure(self, settings: dict[str, Any]) -> None:
        """Change settings while running; `faults` is a list of the fields of `Fault`."""
        for name, value in settings.items():
            if name == "faults":
                self.faults.set([Fault(**rule) for rule in value])
            elif name in (
                "latency_s", "allowance", "rate_per_s", "retry_after_s", "clock_offset_s", "answer_size",
                "denied",
            ):  # fmt: skip
                setattr(self, name, value)
            else:
                raise ValueError(f"unknown setting {name}")

    def work(self, call: Call, values: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
        """The picture of a valid request, and the fields that come with it."""
        if values["req_key"] in rules.SEGMENTATION:
            return self.segment(call, values)
        return self.paint(call, values), {}

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

    def paint(self, call: Call, values: dict[str, Any]) -> bytes:
        """The picture of a valid request to repaint."""
        files = rules.files(values, self._fetch)
        image = rules.picture(files[0])
        mask = rules.mask(files[1], image.size)
        call.pictures = [
            {"format": image.format, "size": list(image.size), "bytes": len(files[0])},
            {"format": "PNG", "bytes": len(files[1]), "white": int(mask.sum())},
        ]
        seed = values.get("seed", -1)
        if seed == -1:
            seed = uuid.uuid4().int % 2**31
        prompt = values[rules.PROMPTS[values["req_key"]]]
        painted = painter.repaint(image, mask, seed, prompt)
        painted = painter.watermark(painted, values.get("logo_info") or {})
        return painter.jpeg(painted, self.answer_size)

    def _fetch(self, url: str) -> bytes:
        parts = urllib.parse.urlsplit(url)
        loopback = parts.hostname in ("127.0.0.1", "localhost", "::1")
        if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
            raise Refusal(50215, f"link {url[:80]}")
        if self.web is not None and parts.hostname == "pictures.example":
            file = self.web / parts.path.rsplit("/", 1)[1]
            if not file.is_file():
                raise Refusal(50215, f"link {url[:80]} cannot be fetched")
            return file.read_bytes()
        try:
            with urllib.request.urlopen(url, timeout=10) as got:
                return bytes(got.read(50_000_000))
        except OSError:
            raise Refusal(50215, f"link {url[:80]} cannot be fetched") from None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], service: SimulatedService) -> None:
        self.service = service
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # Small, so that a large body cannot hide in buffers when a connection is reset before it is read.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        super().server_bind()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that went away are no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Stay quiet."""

    def do_GET(self) -> None:
        if self.path.startswith("/_simulation/"):
            self._order()
            return
        service, path = self.server.service, urllib.parse.urlsplit(self.path)
        if path.path.startswith("/pictures/"):
            picture = service.pictures.get(path.path.rsplit("/", 1)[1])
            if picture is None:
                self._send(404, b"gone", "text/plain")
            else:
                self._send(200, picture, "image/jpeg")
        else:
            self._refuse(Refusal("InvalidActionOrVersion"), uuid.uuid4().hex)

    def do_POST(self) -> None:
        service = self.server.service
        if self.path.startswith("/_simulation/"):
            self._order()
            return
        names = [name.lower() for name in self.headers]
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        call = service.ledger.open(query.get("Action", ""), names, self.client_address[1])
        call.request_id = uuid.uuid4().hex
        if service.faults.take(call, before_body=True):
            service.ledger.settle(call, "failed", "reset_before_body")
            self._reset()
            return
        body = self._body()
        try:
            self._judge(call, query, body)
        except Refusal as refusal:
            service.ledger.settle(call, "refused", refusal.code)
            self._refuse(refusal, call.request_id)
        except ConnectionError:
            raise  # the client went away; what was billed stays billed
        except Exception as error:  # noqa: BLE001 - a client must never hang on a bug of the judge
            service.ledger.settle(call, "failed", 50500)
            self._refuse(Refusal(50500, f"{type(error).__name__}: {error}"), call.request_id)

    def _order(self) -> None:
        """What tests and people may ask of the simulation; nothing of it is the real service's."""
        service, url = self.server.service, urllib.parse.urlsplit(self.path)
        asked = dict(urllib.parse.parse_qsl(url.query))
        answer: dict[str, Any] = {}
        try:
            content = json.loads(self._body() or b"{}")
            if url.path == "/_simulation/ledger":
                answer = service.ledger.as_dict()
            elif url.path == "/_simulation/wait":
                calls, timeout_s = int(asked["calls"]), float(asked.get("timeout_s", 30))
                answer = {"reached": service.wait_for(asked.get("state"), calls, timeout_s)}
            elif url.path == "/_simulation/reset":
                service.reset()
            elif url.path == "/_simulation/release":
                service.hangs.set()
            elif url.path == "/_simulation/configure":
                service.configure(content)
            else:
                raise ValueError(f"unknown order {url.path}")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self._json(400, {"error": f"{type(error).__name__}: {error}"})
            return
        self._json(200, answer)

    def _judge(self, call: Call, query: dict[str, str], body: bytes) -> None:
        service = self.server.service
        signature.check(
            method="POST",
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
            keys=service.keys,
            now_s=time.time() + service.clock_offset_s,
        )
        if service.denied is not None:
            raise Refusal(service.denied)
        if not query.get("Action") or not query.get("Version"):
            raise Refusal("MissingParameter")
        if (query["Action"], query["Version"]) != ("CVProcess", "2022-08-31"):
            raise Refusal("InvalidActionOrVersion")
        if self.headers.get_content_type() != "application/json":
            raise Refusal(50215, "Content-Type")
        values = rules.fields(body)
        call.req_key, call.seed = values["req_key"], values.get("seed")
        call.fields = {
            name: value for name, value in values.items() if name != "binary_data_base64"
        }
        fault = service.faults.take(call, before_body=False)
        if fault and (fault.fault in BUSINESS or fault.fault in GATEWAY):
            raise Refusal(fault.fault)
        if fault and fault.fault == "redirect":
            service.ledger.settle(call, "failed", fault.fault)
            self._send(302, b"", "text/plain", {"Location": f"{service.endpoint}/elsewhere"})
            return
        if service.rate_per_s is not None and service.ledger.recent(1.0) >= service.rate_per_s:
            raise Refusal(50429)
        if not service.ledger.admit(call, service.allowance):
            raise Refusal(50430)
        try:
            started = time.monotonic()
            picture, data = service.work(call, values)
            hangs = service.hangs
            hangs.wait(max(0.0, service.latency_s - (time.monotonic() - started)))
        finally:
            service.ledger.leave()
        if fault is None or fault.billed:
            service.ledger.settle(call, "billed", 10000)
        else:
            service.ledger.settle(call, "failed", fault.fault)
        self._answer(call, values, picture, data, fault, time.monotonic() - started, hangs)

    def _answer(
        self,
        call: Call,
        values: dict[str, Any],
        picture: bytes,
        data: dict[str, Any],
        fault: Fault | None,
        elapsed_s: float,
        hangs: threading.Event,
    ) -> None:
        service = self.server.service
        name = fault.fault if fault else ""
        if name == "hang":
            hangs.wait()
            self._reset()
            return
        if name == "reset_after_body":
            self._reset()
            return
        if name == "html_504":
            page = b"<html><head><title>504 Gateway Time-out</title></head></html>"
            self._send(504, page, "text/html")
            return
        if name == "empty":
            self._send(200, b"", "application/json")
            return
        if name == "not_a_picture":
            picture = b"this is no picture"
        if name == "wrong_size":
            painted = rules.picture(picture)
            picture = painter.jpeg(painted, (painted.width // 2, painted.height // 2))
        text = base64.b64encode(picture).decode()
        if name == "cut_base64":
            text = text[: len(text) // 2 * 2 - 3]
        url = ""
        if values.get("return_url") or name == "link_only":
            file = f"{call.request_id}.jpg"
            service.pictures[file] = picture
            url = f"{service.endpoint}/pictures/{file}"
        content: dict[str, Any] = {
            "code": 10000,
            "data": {
                "algorithm_base_resp": {"status_code": 0, "status_message": "Success"},
                "binary_data_base64": None if name == "link_only" else [text],
                "image_urls": [url] if url else None,
                "request_id": call.request_id,
                **data,
            },
            "message": "Success",
            "request_id": call.request_id,
            "status": 10000,
            "time_elapsed": f"{elapsed_s:.6f}s",
        }
        if name == "loose":
            del content["data"]["image_urls"]
            content["time_elapsed"] = elapsed_s
            content = {"ResponseMetadata": {"RequestId": call.request_id}, "Result": content}
        body = json.dumps(content, separators=(",", ":")).encode()
        if name == "cut_json":
            self._send(200, body[: len(body) // 2], "application/json", announced=len(body))
            return
        self._send(200, body, "application/json")

    def _refuse(self, refusal: Refusal, request_id: str) -> None:
        status, content = refusal.answer(request_id)
        after = self.server.service.retry_after_s
        headers = {"Retry-After": f"{after:g}"} if after is not None and status == 429 else {}
        self._send(status, json.dumps(content).encode(), "application/json", headers)

    def _json(self, status: int, content: object) -> None:
        self._send(status, json.dumps(content).encode(), "application/json")

    def _send(
        self,
        status: int,
        body: bytes,
        content_type: str,
        headers: dict[str, str] | None = None,
        announced: int | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body) if announced is None else announced))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        if announced is not None:
            self.close_connection = True

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The `Date` header, by the service's clock."""
        now = time.time() if timestamp is None else timestamp
        return super().date_time_string(now + self.server.service.clock_offset_s)

    def _body(self) -> bytes:
        """What `Content-Length` announces; without a sound one, nothing, and the connection ends."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() and self.command == "POST":
            self.close_connection = True
        return self.rfile.read(int(length)) if length.isdecimal() else b""

    def _reset(self) -> None:
        """Break the connection with a TCP reset."""
        self.close_connection = True
        linger = struct.pack("ii", 1, 0) if hasattr(socket, "AF_UNIX") else struct.pack("hh", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.rfile.close()
        self.wfile.close()
        self.connection.close()
