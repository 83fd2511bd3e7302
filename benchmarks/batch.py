"""A batch leaves at once: when the first call of 1, 4 and 16 pictures leaves, how long all take, and what memory that needs.

Each picture is another one of 1024², one variant, at half a second a call, in a real ComfyUI. Seconds from the node's start.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from typing import TYPE_CHECKING

import _process as process
import _setting as setting
import numpy as np
from _bound import Bound, told
from harness import graphs
from variants import Service

if TYPE_CHECKING:
    from harness.comfyui import ComfyUIServer

SIDE = 1024
LATENCY_S = 0.5
COUNTS = (1, 4, 16)


def main() -> int:
    """Run everything; 0 if every bound is kept."""
    with (
        tempfile.TemporaryDirectory() as folder,
        setting.simulated_service("--latency", str(LATENCY_S)) as endpoint,
        setting.comfyui(folder, endpoint) as server,
    ):
        picture = setting.photograph(SIDE)
        for number in range(max(COUNTS)):
            graphs.upload(server, f"{number}.png", np.roll(picture, 64 * number, axis=1))
        graphs.upload(server, "mask.png", setting.blob(SIDE) > 0)
        service = Service(endpoint)
        run(server, service, 2, "to warm up")
        first = {count: run(server, service, count) for count in COUNTS}
    more = first[COUNTS[-1]] / first[COUNTS[0]]
    return told([Bound(f"first call of {COUNTS[-1]} pictures / of one", more, 1.5)])


def run(server: ComfyUIServer, service: Service, count: int, name: str = "") -> float:
    """One batch; returns when its first call left."""
    assert server.process is not None
    pid = server.process.pid
    service.configure(latency_s=LATENCY_S)
    graph = graphs.repaint(
        "0.png", "mask.png", variants=1, prompt=f"{name}{count}", match_colors=True
    )
    del graph["save"]
    for number in range(1, count):
        graph[f"image {number}"] = {"class_type": "LoadImage", "inputs": {"image": f"{number}.png"}}
        graph[f"batch {number}"] = {
            "class_type": "ImageBatch",
            "inputs": {
                "image1": graph["inpaint"]["inputs"]["image"],
                "image2": [f"image {number}", 0],
            },
        }
        graph["inpaint"]["inputs"]["image"] = [f"batch {number}", 0]
    # its inputs are made before its start; what they hold is not its own
    since = len(server.messages)
    prompt_id = server.queue(graph)
    began = server.wait_for(
        lambda message: message.type == "executing" and message.data.get("node") == "inpaint",
        since=since,
    )
    process.forget_peak(pid)
    before = process.memory_bytes(pid)
    result = server.result(prompt_id, since=since)
    assert json.loads(result.text("report"))["paid"] == count
    ended = next(
        message
        for message in result.messages
        if message.type == "executed" and message.data.get("node") == "inpaint"
    )
    epoch = time.time() - time.monotonic()
    sent = sorted(call["started_s"] for call in service.ledger()["calls"])
    first, last = (at - epoch - began.time for at in (sent[0], sent[-1]))
    if not name:
        more = (process.memory_bytes(pid, "VmHWM") - before) / 1e6
        print(
            f"{count:3} pictures: first call {first:5.2f} s, last {last:5.2f} s, all there "
            f"{ended.time - began.time:5.2f} s, {more:5.0f} MB more at most"
        )
    return first


if __name__ == "__main__":
    sys.exit(main())
