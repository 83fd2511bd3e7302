"""What the whole node costs: CPU time of a ComfyUI server for four variants, beside the plain way without ComfyUI.

From the server's process for a graph with Volc Inpaint, that of the same graph without it is taken off. Encoding, calls,
journal, decoding, colours, paste back, previews, status and progress are all in it. The plain way is a fresh Pillow encode
for each call, the official SDK and decoding: no paste back, no preview, no journal.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import _process as process
import _setting as setting
import numpy as np
from _bound import Bound, told
from _pixel_clients import VARIANTS, apart, picture_file
from harness import graphs

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.comfyui import ComfyUIServer

RUNS = 8


def main() -> int:
    """Run everything; 0 if every bound is kept."""
    with (
        tempfile.TemporaryDirectory() as folder,
        setting.simulated_service() as endpoint,
        setting.comfyui(folder, endpoint) as server,
    ):
        bounds = [
            bound(server, Path(folder), endpoint, 1024, "plain_png", 1 / 3),
            bound(server, Path(folder), endpoint, 2048, "plain_jpeg", 1 / 2),
        ]
    return told(bounds)


def bound(
    server: ComfyUIServer, folder: Path, endpoint: str, side: int, plain: str, limit: float
) -> Bound:
    """The node beside the plain way, at one size."""
    picture = setting.photograph(side)
    np.save(picture_file(folder, side), picture)
    graphs.upload(server, "picture.png", picture)
    graphs.upload(server, "mask.png", setting.blob(side) > 0)
    numbers = iter(range(1, 1000))

    def with_node() -> graphs.Graph:
        graph = graphs.repaint(
            "picture.png",
            "mask.png",
            variants=VARIANTS,
            prompt=f"benchmark {side} {next(numbers)}",
            match_colors=True,
        )
        del graph["save"]  # which would encode four pictures of its own
        return graph

    def without_node() -> graphs.Graph:
        graph = with_node()
        for name in ("inpaint", "urls", "report"):
            del graph[name]
        graph["pixels"] = {"class_type": "MaskToImage", "inputs": {"mask": ["mask", 0]}}
        for name, source in (("a", "image"), ("b", "pixels")):
            graph[name] = {"class_type": "GetImageSize", "inputs": {"image": [source, 0]}}
            graph[f"show {name}"] = {"class_type": "PreviewAny", "inputs": {"source": [name, 0]}}
        graph["number"] = {"class_type": "PreviewAny", "inputs": {"source": str(next(numbers))}}
        return graph

    ours = cpu_s(server, with_node) - cpu_s(server, without_node)
    theirs = plain_cpu_s(plain, folder, side, endpoint)
    return Bound(
        f"CPU of {VARIANTS} variants at {side}², the whole node / plain",
        ours / theirs,
        limit,
        f"{ours:.3f} s / {theirs:.3f} s",
    )


def cpu_s(server: ComfyUIServer, graph: Callable[[], graphs.Graph]) -> float:
    """Of one run, when other processes disturbed it least, as the plain way is measured; in steps of the kernel's 10 ms."""
    assert server.process is not None
    times = []
    for _ in range(RUNS):
        before = process.cpu_s(server.process.pid)
        assert server.run(graph()).status == "success"
        times.append(process.cpu_s(server.process.pid) - before)
    return min(times)


def plain_cpu_s(name: str, folder: Path, side: int, endpoint: str) -> float:
    """Of the plain way, in a process of its own."""
    np.save(picture_file(folder, 512), setting.photograph(512))
    return float(apart(name, side, folder, endpoint)["cpu_s"])


if __name__ == "__main__":
    sys.exit(main())
