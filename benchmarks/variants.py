"""Several variants at once, at one second a picture: the node in a real ComfyUI beside the official SDK.

Times of the node are those of the whole node in a ComfyUI server, from its start to its finished outputs: encoding,
calls, journal, decoding, pasting, previews. Those of the SDK are of encoding, `cv_process` and decoding alone.
The simulated service is a process of its own. All figures are of this one run.
"""

from __future__ import annotations

import concurrent.futures
import json
import sys
import tempfile
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import _setting as setting
import numpy as np
from _bound import Bound, told
from harness import graphs

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.comfyui import ComfyUIServer, Message

LATENCY_S = 1.0
SIDE = 512
LARGE = 4096
_HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Service:
    """The simulated service, asked over HTTP."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def configure(self, **settings: Any) -> None:
        """Forget the calls and change settings."""
        self._ask("reset", {})
        self._ask("configure", settings)

    def wait(self, state: str, calls: int) -> None:
        """Wait until so many calls are in a state."""
        assert self._ask(f"wait?state={state}&calls={calls}")["reached"]

    def ledger(self) -> Any:
        """Counts and calls."""
        return self._ask("ledger")

    def _ask(self, order: str, content: Any = None) -> Any:
        data = None if content is None else json.dumps(content).encode()
        with _HTTP.open(f"{self.endpoint}/_simulation/{order}", data) as answer:
            return json.loads(answer.read())


class Node:
    """VolcInpaint in a server; each prompt is another purchase."""

    def __init__(self, server: ComfyUIServer) -> None:
        self.server = server
        self._prompts = 0
        for name, side in (("small", SIDE), ("large", LARGE)):
            picture = setting.photograph(side)
            graphs.upload(server, f"{name}.png", picture)
            graphs.upload(server, f"{name}_mask.png", setting.blob(side) > 0)

    def graph(self, variants: int, name: str = "small", **inputs: Any) -> graphs.Graph:
        """A graph that has never run."""
        self._prompts += 1
        return graphs.repaint(
            f"{name}.png",
            f"{name}_mask.png",
            variants=variants,
            prompt=f"benchmark {self._prompts}",
            **inputs,
        )

    def seconds(self, variants: int, **inputs: Any) -> float:
        """From the node's start to its outputs."""
        result = self.server.run(self.graph(variants, **inputs))
        assert result.status == "success", result.error_message
        report = json.loads(result.text("report"))
        assert report["paid"] == variants, report
        began = next(message.time for message in result.messages if _begins(message))
        ended = next(
            message.time
            for message in result.messages
            if message.type == "executed" and message.data.get("node") == "inpaint"
        )
        return ended - began

    def cancelled(self, graph: graphs.Graph, ready: Callable[[], object]) -> float:
        """From Cancel to the end of the prompt, pressed when `ready` returns."""
        since = len(self.server.messages)
        prompt_id = self.server.queue(graph)
        self.server.wait_for(_begins, since=since)
        ready()
        pressed = time.monotonic()
        self.server.interrupt()
        ended = self.server.wait_for(
            lambda message: message.type == "execution_interrupted", since=since
        )
        assert self.server.result(prompt_id, since=since).status == "interrupted"
        return ended.time - pressed


def main() -> int:
    """Run everything; 0 if every bound is kept."""
    with (
        tempfile.TemporaryDirectory() as folder,
        setting.simulated_service("--latency", str(LATENCY_S)) as endpoint,
        setting.comfyui(folder, endpoint) as server,
    ):
        service, node = Service(endpoint), Node(server)
        bounds = [*four(node, endpoint), *cancels(node, service)]
        server.restart()
        bounds += eight(node, service)
        server.restart()
        bounds += successor(node, service)
    return told(bounds)


def four(node: Node, endpoint: str) -> list[Bound]:
    """Four variants against one call, and what the SDK makes of four."""
    cold = node.seconds(4)
    one = node.seconds(1)
    warm = node.seconds(4)
    image = setting.photograph(SIDE).astype(np.float32)[None] / 255
    mask = setting.blob(SIDE)[None]
    serial, threads = sdk_seconds(endpoint, image, mask)
    print(f"one variant, whole node                  {one:6.2f} s")
    print(f"four variants, whole node, cold process  {cold:6.2f} s")
    print(f"four variants, whole node, second run    {warm:6.2f} s")
    print(f"official SDK, four calls one by one      {serial:6.2f} s  {serial / cold:.2f} x ours")
    print(f"official SDK, four threads               {threads:6.2f} s  {threads / cold:.2f} x ours")
    return [
        Bound("four variants in a cold process / one call", cold / one, 1.12),
        Bound("four variants in the next run / one call", warm / one, 1.12),
    ]


def sdk_seconds(endpoint: str, image: Any, mask: Any) -> tuple[float, float]:
    """Four variants the plain way: one by one, and from four threads."""
    import torch

    sdk = setting.official_sdk(endpoint)
    tensors = torch.from_numpy(image), torch.from_numpy(mask)

    def call(seed: int) -> None:
        setting.plain_call(sdk, *tensors, seed, "PNG")

    call(0)  # its imports and its connection
    began = time.monotonic()
    for seed in range(4):
        call(seed)
    serial = time.monotonic() - began
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(call, range(4)))
    return serial, time.monotonic() - began


def cancels(node: Node, service: Service) -> list[Bound]:
    """From Cancel to *interrupted*, at several points of a run."""
    service.configure(latency_s=5.0)
    wire = node.cancelled(node.graph(4), lambda: service.wait("on_wire", 4))
    found = [Bound("seconds to cancel with four calls on the wire", wire, 1.0)]
    service.configure(latency_s=LATENCY_S)
    for pause_s in (0.0, 0.3, 0.8):
        took = node.cancelled(node.graph(4, "large"), lambda p=pause_s: time.sleep(p))  # type: ignore[misc]
        found.append(Bound(f"seconds to cancel {pause_s} s into a {LARGE}² picture", took, 1.0))
    service.configure(latency_s=0.0)
    took = node.cancelled(node.graph(2, "large"), lambda: service.wait("billed", 2))
    found.append(Bound(f"seconds to cancel as {LARGE}² pictures arrive", took, 1.0))
    service.configure(latency_s=5.0, allowance=2)
    took = node.cancelled(node.graph(8), lambda: service.wait("refused", 1))
    found.append(Bound("seconds to cancel while waiting for the allowance", took, 1.0))
    return found


def eight(node: Node, service: Service) -> list[Bound]:
    """Eight variants on an account of two places."""
    service.configure(latency_s=LATENCY_S, allowance=2)
    ideal = 4 * LATENCY_S
    found = []
    for which in ("cold process", "next run"):
        before = service.ledger()["refused"]
        took = node.seconds(8)
        refused = service.ledger()["refused"] - before
        print(f"eight variants at allowance 2, {which:<12} {took:6.2f} s  {refused} refused calls")
        found.append(
            Bound(f"eight at allowance 2 / ideal {ideal:g} s, {which}", took / ideal, 1.15)
        )
        limit = 3 if which == "cold process" else 0
        found.append(Bound(f"refused calls, {which}", refused, limit))
    return found


def successor(node: Node, service: Service) -> list[Bound]:
    """Four variants as tasks, each submitted and asked for, on an account of two places."""
    service.configure(latency_s=LATENCY_S, allowance=2)
    ideal = 2 * LATENCY_S
    found = []
    for which in ("cold process", "next run"):
        before = len(service.ledger()["queries"])
        took = node.seconds(4, model="jimeng_image2image_dream_inpaint")
        asked = len(service.ledger()["queries"]) - before
        print(f"four tasks at allowance 2, {which:<12}     {took:6.2f} s  {asked} questions")
        what = f"four tasks at allowance 2 / ideal {ideal:g} s, {which}"
        found.append(Bound(what, took / ideal, 1.25))
    return found


def _begins(message: Message) -> bool:
    return message.type == "executing" and message.data.get("node") == "inpaint"


if __name__ == "__main__":
    sys.exit(main())
