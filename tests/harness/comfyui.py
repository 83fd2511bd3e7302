"""One ComfyUI server: its process, its HTTP interface, its websocket."""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from . import launch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Message:
    """One message of the websocket, as it came.

    Attributes:
        type: ComfyUI's name of it; "binary" for a binary one.
        data: The content of a text message.
        binary: The bytes of a binary message, its 4-byte event number first.
        time: `time.monotonic()` at arrival.
    """

    type: str
    data: dict[str, Any] = field(default_factory=dict)
    binary: bytes = b""
    time: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Result:
    """How one prompt ended.

    Attributes:
        prompt_id: ComfyUI's id; "" for a rejected prompt.
        status: "success", "error", "interrupted" or "rejected" (it failed validation and never ran).
        outputs: What the output nodes showed, by node id.
        error_type: Class of the exception, e.g. "ValueError"; "" if there was none.
        error_message: Text of the exception, or of everything that validation found.
        messages: The websocket's messages from queueing to the end, other prompts' left out.
        history: The prompt's entry in `/history`.
    """

    prompt_id: str
    status: str
    outputs: dict[str, Any] = field(default_factory=dict)
    error_type: str = ""
    error_message: str = ""
    messages: tuple[Message, ...] = ()
    history: dict[str, Any] = field(default_factory=dict)

    def text(self, node_id: str) -> str:
        """The text that a PreviewAny node shows."""
        return str(self.outputs[node_id]["text"][0])


class PromptRejectedError(Exception):
    """`/prompt` refused; the text holds everything that validation found."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        found = [answer.get("error", {})]
        for node in answer.get("node_errors", {}).values():
            found += node.get("errors", [])
        super().__init__("\n".join(f"{e.get('message')}: {e.get('details')}" for e in found if e))


class ComfyUIServer:
    """A server of its own, with folders of its own and no real key in its environment.

    Attributes:
        url: Where it listens, without a slash at the end.
        base: Its base directory; `base / "output"` and so on.
        home: The home folder its process sees.
        messages: Every websocket message so far.
    """

    def __init__(
        self,
        folder: Path,
        env: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        start_timeout_s: float = 120.0,
        port: int = 0,
        packs: Sequence[Path] = (),
        pack: Path = launch.ROOT,
    ) -> None:
        """Start it and wait until it answers.

        Args:
            folder: For everything it writes; empty, or an earlier server's.
            env: Set in its environment, e.g. `VOLC_ENDPOINT` and test keys.
            arguments: Further arguments of ComfyUI's `main.py`.
            start_timeout_s: How long a start may take.
            port: Taken if it is free; otherwise another.
            pack: The folder of our own nodes.
            packs: Folders of further custom nodes.
        """
        comfyui = launch.comfyui_directory()
        if comfyui is None:
            raise FileNotFoundError("No ComfyUI: set COMFYUI_DIR, or run `python3 dev.py test`.")
        self._comfyui = comfyui
        self._arguments = list(arguments)
        self._start_timeout_s = start_timeout_s
        self.base = folder / "base"
        self.home = folder / "home"
        self.env = launch.environment(self.home, env)
        self.port = launch.free_port(port)
        self.url = f"http://127.0.0.1:{self.port}"
        self.client_id = uuid.uuid4().hex
        self.messages: list[Message] = []
        self.process: subprocess.Popen[bytes] | None = None
        self._log = folder / "comfyui.log"
        self._changed = threading.Condition()
        self._listener: threading.Thread | None = None
        launch.make_base_directory(self.base, packs, pack)
        self.start()

    def start(self) -> None:
        """Start the process (again) and connect the websocket."""
        line = launch.command(self._comfyui, self.base, self.port, self._arguments)
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                line, cwd=self.base, env=self.env, stdout=log, stderr=subprocess.STDOUT
            )
        self._connect()

    def follow_restart(self) -> None:
        """The process puts itself anew in its own place: wait until it answers again, and connect the websocket."""
        if self._listener is not None:
            self._listener.join(self._start_timeout_s)
        self._connect()

    def _connect(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + self._start_timeout_s
        try:
            while not self._answers():
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"ComfyUI did not start:\n{self.log}")
                time.sleep(0.1)
            connected = threading.Event()
            self._listener = threading.Thread(
                target=lambda: asyncio.run(self._listen(connected)), daemon=True
            )
            self._listener.start()
            if not connected.wait(10):
                raise RuntimeError(f"ComfyUI's websocket did not answer:\n{self.log}")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the process politely, then by force."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self._finish()

    def kill(self) -> None:
        """End the process as a crash would (SIGKILL)."""
        if self.process is not None:
            self.process.kill()
        self._finish()

    def restart(self) -> None:
        """Stop and start on the same port and folders."""
        self.stop()
        self.start()

    def _answers(self) -> bool:
        try:
            return self.request("/system_stats")[0] == 200
        except OSError:
            return False

    def _finish(self) -> None:
        if self.process is not None:
            self.process.wait()
        if self._listener is not None:
            self._listener.join(10)
            self._listener = None

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self.process is not None and self.process.poll() is None

    @property
    def log(self) -> str:
        """Everything the process has printed, all starts together."""
        encoding = self.env.get("PYTHONIOENCODING", "utf-8")
        return self._log.read_text(encoding, "replace") if self._log.exists() else ""

    # -- HTTP

    def request(
        self,
        path: str,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        method: str | None = None,
    ) -> tuple[int, bytes]:
        """Status and body of one request; an error status is an answer, not an exception."""
        request = urllib.request.Request(
            self.url + path, data=data, headers=dict(headers or {}), method=method
        )
        try:
            with _HTTP.open(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def get(self, path: str) -> Any:
        """The JSON that `path` answers."""
        status, body = self.request(path)
        if status != 200:
            raise RuntimeError(f"GET {path}: {status} {body[:500]!r}")
        return json.loads(body)

    def post(self, path: str, data: Any) -> tuple[int, Any]:
        """Post JSON; status and the JSON of the answer (None if it is empty)."""
        body = json.dumps(data).encode()
        status, answer = self.request(path, body, {"Content-Type": "application/json"})
        return status, json.loads(answer) if answer else None

    def object_info(self) -> dict[str, Any]:
        """What ComfyUI tells about its nodes."""
        return self.get("/object_info")  # type: ignore[no-any-return]

    def history(self, prompt_id: str) -> dict[str, Any]:
        """One prompt's entry in the history; {} while it has none."""
        return self.get(f"/history/{prompt_id}").get(prompt_id, {})  # type: ignore[no-any-return]

    def interrupt(self) -> None:
        """Press Cancel."""
        self.post("/interrupt", {})

    def image(self, filename: str, subfolder: str = "", type: str = "output") -> bytes:  # noqa: A002
        """A picture as `/view` serves it; takes the entries of a node's `images` as `**entry`."""
        query = {"filename": filename, "subfolder": subfolder, "type": type}
        status, body = self.request("/view?" + urllib.parse.urlencode(query))
        if status != 200:
            raise FileNotFoundError(f"{query}: {status}")
        return body

    def upload_image(self, data: bytes, filename: str) -> str:
        """Put a picture into the input folder, as the canvas does; returns the name for LoadImage."""
        boundary = uuid.uuid4().hex
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{filename}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        body = head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
        kind = f"multipart/form-data; boundary={boundary}"
        status, answer = self.request("/upload/image", body, {"Content-Type": kind})
        if status != 200:
            raise RuntimeError(f"upload of {filename}: {status} {answer[:500]!r}")
        return str(json.loads(answer)["name"])

    # -- prompts

    def queue(
        self,
        prompt: dict[str, Any],
        extra_data: dict[str, Any] | None = None,
    ) -> str:
        """Queue a prompt in API format and return its id.

        Args:
            prompt: By node id.
            extra_data: E.g. `{"extra_pnginfo": {"workflow": ...}}`.

        Raises:
            PromptRejectedError: It failed validation.
        """
        body: dict[str, Any] = {"prompt": prompt, "client_id": self.client_id}
        if extra_data:
            body["extra_data"] = extra_data
        status, answer = self.post("/prompt", body)
        if status != 200:
            raise PromptRejectedError(answer)
        return str(answer["prompt_id"])

    def run(
        self,
        prompt: dict[str, Any],
        timeout_s: float = 120.0,
        extra_data: dict[str, Any] | None = None,
    ) -> Result:
        """Queue a prompt and wait for its end."""
        since = len(self.messages)
        try:
            prompt_id = self.queue(prompt, extra_data=extra_data)
        except PromptRejectedError as error:
            return Result("", "rejected", error_message=str(error))
        return self.result(prompt_id, timeout_s, since=since)

    def result(self, prompt_id: str, timeout_s: float = 120.0, since: int = 0) -> Result:
        """Wait for the end of a queued prompt."""

        def ended(message: Message) -> bool:
            data = message.data
            return (
                message.type == "executing"
                and data.get("node") is None
                and data.get("prompt_id") == prompt_id
            )

        self.wait_for(ended, timeout_s, since=since)
        with self._changed:
            heard = tuple(
                message
                for message in self.messages[since:]
                if message.data.get("prompt_id", prompt_id) == prompt_id
            )
        history = self.history(prompt_id)
        # the history's own list, so that a prompt of another client ends as well
        events = dict(history["status"]["messages"])
        error = events.get("execution_error", {})
        status = "interrupted" if "execution_interrupted" in events else "success"
        return Result(
            prompt_id,
            "error" if error else status,
            history["outputs"],
            str(error.get("exception_type", "")),
            # ComfyUI ends the text of an exception with a line break of its own
            str(error.get("exception_message", "")).rstrip("\n"),
            heard,
            history,
        )

    def wait_for(
        self, predicate: Callable[[Message], bool], timeout_s: float = 60.0, since: int = 0
    ) -> Message:
        """The first message from number `since` on that `predicate` accepts, heard already or still to come.

        Raises:
            TimeoutError: None came; the text holds the end of the log.
            RuntimeError: The server died meanwhile.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                for message in self.messages[since:]:
                    since += 1
                    if predicate(message):
                        return message
                if not self.running:
                    raise RuntimeError(f"ComfyUI died:\n{self.log[-5000:]}")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"nothing in {timeout_s} s:\n{self.log[-5000:]}")
                self._changed.wait(min(left, 0.5))

    async def _listen(self, connected: threading.Event) -> None:
        address = f"{self.url}/ws?clientId={self.client_id}"
        async with aiohttp.ClientSession() as session:
            try:
                async with session.ws_connect(address, max_msg_size=0) as socket:
                    async for message in socket:
                        if message.type == aiohttp.WSMsgType.BINARY:
                            heard = Message("binary", binary=message.data)
                        else:
                            content = json.loads(message.data)
                            heard = Message(content["type"], content.get("data") or {})
                        with self._changed:
                            self.messages.append(heard)
                            self._changed.notify_all()
                        connected.set()
            except (aiohttp.ClientError, OSError):
                pass  # the process ended; who waits learns it from the process
        with self._changed:
            self._changed.notify_all()
