"""What videos and batches take of a server's memory: `python benchmarks/memory.py`.

Each run has a ComfyUI server of its own. What a node is given is there before anything is counted; then its peak is read,
less what it hands on: that is what it holds beside its result at its worst moment. Linux only, where a process can be asked
for its peak.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import _process as process
import _setting as setting
from _bound import Bound, told
from harness import graphs

if TYPE_CHECKING:
    from harness.comfyui import ComfyUIServer

PACKS = (setting.TESTS / "harness" / "odd_tensors",)
WIDTH, HEIGHT = 1920, 1080
FRAME_BYTES = WIDTH * HEIGHT * 3 * 4
PAINTED = 40
MASKED = 60
_GIVEN = ("LoadImage", "LoadImageMask", "OddTensor")


def main() -> int:
    """Run everything; 0 if every bound is kept."""
    if not Path("/proc/self/clear_refs").exists():
        print("memory: only Linux tells a process's peak")
        return 0
    return told([painted(), normalized()])


def painted() -> Bound:
    """A batch of frames, one variant each."""
    with (
        tempfile.TemporaryDirectory() as folder,
        setting.simulated_service() as endpoint,
        setting.comfyui(folder, endpoint, PACKS) as server,
    ):
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


def normalized() -> Bound:
    """MaskNormalize on the masks of a video."""
    with (
        tempfile.TemporaryDirectory() as folder,
        setting.comfyui(folder, "http://127.0.0.1:9", PACKS) as server,
    ):
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
        return _bound(server, graph, MASKED * WIDTH * HEIGHT * 4, "frames' masks normalized", 650)


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


def _added(server: ComfyUIServer, graph: graphs.Graph) -> int:
    """Bytes that the server's peak lies above where it stood before a run."""
    assert server.process is not None
    pid = server.process.pid
    process.forget_peak(pid)
    before = process.memory_bytes(pid)
    result = server.run(graph, timeout_s=600)
    assert result.status == "success", result.error_message
    return process.memory_bytes(pid, "VmHWM") - before


if __name__ == "__main__":
    sys.exit(main())
