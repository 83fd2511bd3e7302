"""The service on the wire: reads requests, judges them, answers, and takes orders from tests."""

from __future__ import annotations

import base64
import json
import socket
import struct
import time
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from . import painter, rules, signature, tasks
from .faults import LOSSES, OF_PICTURES
from .refusals import BUSINESS, GATEWAY, Refusal

if TYPE_CHECKING:
    import threading

    from .faults import Fault
    from .ledger import Call
    from .service import SimulatedService


class Server(ThreadingHTTPServer):
    """Listens for one service."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], service: SimulatedService) -> None:
        self.service = service
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        # Small, so that a large body cannot hide in buffers when a connection is reset before it is read.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        super().server_bind()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that went away are no news."""


class Handler(BaseHTTPRequestHandler):
    """Answers one request after the other of one connection."""

    protocol_version = "HTTP/1.1"
    server: Server

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
        action = query.get("Action", "")
        kind = "query" if action == rules.QUERY else "call"
        call = service.ledger.open(action, names, self.client_address[1], kind)
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
        if query["Action"] not in ("CVProcess", rules.SUBMIT, rules.QUERY):
            raise Refusal("InvalidActionOrVersion")
        if query["Version"] != "2022-08-31":
            raise Refusal("InvalidActionOrVersion")
        if self.headers.get_content_type() != "application/json":
            raise Refusal(50215, "Content-Type")
        if call.kind == "query":
            self._ask(call, body)
            return
        service.admit(rules.name(body), query["Action"])
        values = rules.fields(body, query["Action"])
        call.req_key, call.seed = values["req_key"], values.get("seed")
        call.fields = {
            name: value for name, value in values.items() if name != "binary_data_base64"
        }
        fault = service.faults.take(call, before_body=False)
        if fault and (fault.fault in BUSINESS or fault.fault in GATEWAY):
            raise Refusal(fault.fault)
        if fault and fault.fault == "redirect":
            self._redirect(call)
            return
        if service.rate_per_s is not None and service.ledger.recent(1.0) >= service.rate_per_s:
            raise Refusal(50429)
        hangs = service.hangs
        if not service.ledger.admit(call, service.allowance):
            raise Refusal(50430)
        if query["Action"] == rules.SUBMIT:
            self._submit(call, values, fault)
            return
        try:
            started = time.monotonic()
            picture, data = service.work(call, values)
            hangs.wait(max(0.0, service.latency_s - (time.monotonic() - started)))
        finally:
            service.ledger.leave()
        if fault is None or (fault.billed and fault.fault != "algorithm_failed"):
            service.ledger.settle(call, "billed", 10000)
        else:
            service.ledger.settle(call, "failed", fault.fault)
        elapsed_s = time.monotonic() - started
        self._answer_picture(call, values, picture, data, fault, elapsed_s, hangs)

    def _submit(self, call: Call, values: dict[str, Any], fault: Fault | None) -> None:
        """Take a task on and answer its number; unless the fault is one that never was billed."""
        service = self.server.service
        try:
            if fault and fault.fault in OF_PICTURES:
                raise ValueError(
                    f"{fault.fault} hits the answer that brings the picture: on='query'"
                )
            image, mask = service.read(call, values)
        except BaseException:
            service.ledger.leave()
            raise
        if fault and not fault.billed:
            service.ledger.leave()
            service.ledger.settle(call, "failed", fault.fault)
            task_id = "0"
        else:
            task_id = service.tasks.submit(call, lambda: service.paint(values, image, mask))
        self._answer(call, {"task_id": task_id}, fault, 0.001, service.hangs)

    def _ask(self, call: Call, body: bytes) -> None:
        """Say how a task stands, with its picture if it is done."""
        service = self.server.service
        values = rules.query(body)
        call.req_key = values["req_key"]
        wishes = values.pop("wishes")
        call.fields = values
        task = service.tasks.ask(call, values["task_id"])
        status = task.state
        fault = service.faults.take(call, pictureless=status != "done")
        if fault and (fault.fault in BUSINESS or fault.fault in GATEWAY):
            raise Refusal(fault.fault)
        if fault and fault.fault == "redirect":
            self._redirect(call)
            return
        if fault and fault.fault in LOSSES:
            status = str(fault.fault)
        service.ledger.settle(call, "answered", status)
        if task.algorithm_failed:
            failed = {**tasks.answer("done"), "algorithm_base_resp": tasks.ALGORITHM}
            self._answer(call, failed, fault, 0.001, service.hangs)
            return
        if status != "done" or task.picture is None:
            self._answer(call, tasks.answer(status), fault, 0.001, service.hangs)
            return
        as_png = values["req_key"] in rules.PNG_ANSWERS
        file = service.finish(task.picture, {**wishes, "logo_info": _opaque(wishes)}, png=as_png)
        data = {"status": "done", "aigc_meta_tagged": "aigc_meta" in wishes}
        if wishes.get("return_url"):
            data["binary_data_base64"] = None  # instead of the links, not beside them
        self._answer_picture(call, wishes, file, data, fault, 0.001, service.hangs)

    def _answer_picture(
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
        if name == "not_a_picture":
            picture = b"this is no picture"
        algorithm = {"status_code": 0, "status_message": "Success"}
        if name in ("algorithm_failed", "algorithm_odd"):
            algorithm = tasks.ALGORITHM
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
        self._answer(
            call,
            {
                "algorithm_base_resp": algorithm,
                "binary_data_base64": None if name in ("link_only", "algorithm_failed") else [text],
                "image_urls": [url] if url and name != "algorithm_failed" else None,
                "request_id": call.request_id,
                **data,
            },
            fault,
            elapsed_s,
            hangs,
            "Success" if call.req_key in rules.SEGMENTATION else service.artist.message,
        )

    def _answer(
        self,
        call: Call,
        data: dict[str, Any] | None,
        fault: Fault | None,
        elapsed_s: float,
        hangs: threading.Event,
        message: str = "Success",
    ) -> None:
        """Send `data` as a success, unless the fault is one that loses it."""
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
        if name == "no_data":
            data = None
        content: dict[str, Any] = {
            "code": 10000,
            "data": data,
            "message": message,
            "request_id": call.request_id,
            "status": 10000,
            "time_elapsed": f"{elapsed_s:.6f}s",
        }
        if name == "loose" and data is not None:
            data.pop("image_urls", None)
            content["time_elapsed"] = elapsed_s
            content = {"ResponseMetadata": {"RequestId": call.request_id}, "Result": content}
        body = json.dumps(content, separators=(",", ":")).encode()
        if name == "cut_json":
            self._send(200, body[: len(body) // 2], "application/json", announced=len(body))
            return
        self._send(200, body, "application/json")

    def _redirect(self, call: Call) -> None:
        service = self.server.service
        service.ledger.settle(call, "failed", "redirect")
        self._send(302, b"", "text/plain", {"Location": f"{service.endpoint}/elsewhere"})

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


def _opaque(wishes: dict[str, Any]) -> dict[str, Any]:
    """The watermark with the default of submitted tasks (https://www.volcengine.com/docs/85621/1976207)."""
    return {"opacity": 1, **(wishes.get("logo_info") or {})}
