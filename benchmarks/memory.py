"""What videos and batches take of a server's memory: `python benchmarks/memory.py`.

Each run has a ComfyUI server of its own. What a node is given is there before anything is counted; then its peak is read,
less what it hands on: that is what it holds beside its result at its worst moment. Linux only, where a process can be asked
for its peak.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import _setting as setting
from harness import graphs, launch
from harness.comfyui import ComfyUIServer

PACKS = (setting.TESTS / "harness" / "odd_tensors",)
WIDTH, HEIGHT = 1920, 1080
FRAME_BYTES = WIDTH * HEIGHT * 3 * 4
PAINTED = 40
MASKED = 60
_GIVEN = ("LoadImage", "LoadImageMask", "OddTensor")


class Bound(NamedTuple):
    """One line of the result."""

    what: str
    value: float
    limit: float
    detail: str = ""

    def line(self) -> str:
        """For people."""
        verdict = "ok" if self.value <= self.limit else "MISSED"
        return f"{self.what:<58} {self.value:6.0f} <= {self.limit:<5.0f} {verdict:<7} {self.detail}"


def main() -> int:
    """Run everything; 0 if every bound is kept."""
    if launch.comfyui_directory() is None:
        sys.exit("No ComfyUI: set COMFYUI_DIR, or run `python3 dev.py bench`.")
    if not Path("/proc/self/clear_refs").exists():
        print("memory: only Linux tells a process's peak")
        return 0
    bounds = [painted(), normalized()]
    for bound in bounds:
        print(bound.line())
    return int(any(bound.value > bound.limit for bound in bounds))


def painted() -> Bound:
    """A batch of frames, one variant each."""
    with tempfile.TemporaryDirectory() as folder, setting.simulated_service() as endpoint:
        server = _server(folder, endpoint)
        try:
            graphs.upload(server, "frame.png", setting.photograph(HEIGHT))
            graphs.upload(server, "frame_mask.png", setting.blob(HEIGHT) > 0)
            graph = graphs.repaint("frame.png", "frame_mask.png", variants=1, prompt="a video")
            del graph["save"], graph["urls"]
            wide = f"image.repeat(1, 1, 2, 1)[:, :, :{WIDTH}]"
            graph["video"] = graphs.odd(
                f"torch.cat([{wide}.roll(n, 2) for n in range({PAINTED})])", image=["image", 0]
            )
            graph["wide"] = graphs.odd(
                f"torch.nn.functional.pad(mask, (0, {WIDTH - HEIGHT}))", mask=["mask", 0]
            )
            graph["inpaint"]["inputs"].update(image=["video", 0], mask=["wide", 1])
            return _bound(server, graph, PAINTED * FRAME_BYTES, "frames repainted", 400)
        finally:
            server.stop()


def normalized() -> Bound:
    """MaskNormalize on the masks of a video."""
    with tempfile.TemporaryDirectory() as folder:
        server = _server(folder, "http://127.0.0.1:9")
        try:
            sides = (200, WIDTH - 1100, 300, HEIGHT - 700)
            graph: dict[str, Any] = {
                # a view, which takes no memory itself
                "video": graphs.odd(f"torch.rand(1, 1, 1, 3).expand({MASKED}, {HEIGHT}, {WIDTH}, 3)"),
                "masks": graphs.odd(
                    f"torch.nn.functional.pad(torch.ones({MASKED}, 400, 900), {sides})"
                ),
                "normalize": {
                    "class_type": "MaskNormalize",
                    "inputs": {
                        "image": ["video", 0], "mask": ["masks", 1], "threshold": 0.5, "invert": False,
                        "fill_holes": True, "close_gaps": 0, "remove_specks": 0, "grow": 8,
                        "size_mismatch": "resize", "multi_mask": "per_image", "on_empty": "error",
                    },
                },
                "report": {"class_type": "PreviewAny", "inputs": {"source": ["normalize", 3]}},
            }  # fmt: skip
            return _bound(
                server, graph, MASKED * WIDTH * HEIGHT * 4, "frames' masks normalized", 650
            )
        finally:
            server.stop()


def _bound(
    server: ComfyUIServer, graph: graphs.Graph, result_bytes: int, what: str, limit_mb: int
) -> Bound:
    """What a run takes beside its result; what the node is given is there before it is counted."""
    given = {name: node for name, node in graph.items() if node["class_type"] in _GIVEN}
    videos = {
        f"show {name}": {"class_type": "PreviewAny", "inputs": {"source": [name, 0]}}
        for name, node in given.items()
        if node["class_type"] == "OddTensor"
    }
    assert server.run({**given, **videos}).status == "success"
    peak = _added(server, {**graph, **videos})
    return Bound(
        f"{PAINTED if 'repainted' in what else MASKED} {what}, {WIDTH}x{HEIGHT}: MB beside the result",
        (peak - result_bytes) / 1e6,
        limit_mb,
        f"{peak / 1e6:.0f} MB less {result_bytes / 1e6:.0f} MB",
    )


def _server(folder: str, endpoint: str) -> ComfyUIServer:
    return ComfyUIServer(
        Path(folder),
        env={
            "VOLC_ENDPOINT": endpoint,
            "VOLC_ACCESSKEY": setting.ACCESS_KEY,
            "VOLC_SECRETKEY": setting.SECRET_KEY,
        },
        packs=PACKS,
    )


def _added(server: ComfyUIServer, graph: graphs.Graph) -> int:
    """Bytes that the server's peak lies above where it stood before a run."""
    assert server.process is not None
    process = Path(f"/proc/{server.process.pid}")
    (process / "clear_refs").write_text("5")  # the peak begins anew (proc(5))
    before = _status(process, "VmRSS")
    result = server.run(graph, timeout_s=600)
    assert result.status == "success", result.error_message
    return _status(process, "VmHWM") - before


def _status(process: Path, name: str) -> int:
    rows = (process / "status").read_text().splitlines()
    (found,) = [row.split()[1] for row in rows if row.startswith(f"{name}:")]
    return int(found) * 1024


if __name__ == "__main__":
    sys.exit(main())
