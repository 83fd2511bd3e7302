"""What pixels cost: `python benchmarks/pixels.py` prints ratios of one run and fails if one misses its bound.

Beside the pack stand the plain way (a fresh Pillow encode for every call, the official SDK, no paste back) and
ComfyUI's own GrowMask. Every measurement has a process of its own, and the simulated service another, so that a
number holds the CPU time and memory of one client and nothing else.
"""

from __future__ import annotations

import sys
import tempfile
from typing import TYPE_CHECKING, Any

import _setting as setting
import numpy as np
from _bound import Bound, told
from _pixel_clients import GROW, VARIANTS, apart, picture_file

if TYPE_CHECKING:
    from collections.abc import Callable

# Time per pixel may rise so much from 1024² to 4096², as the processor's caches hold the intermediate results of the small
# one only. A method whose time grows with pixels times a side's length would be at 4.
LINEAR = 2.0


def main() -> int:
    """Run everything; 0 if every bound is kept."""
    with tempfile.TemporaryDirectory() as folder, setting.simulated_service() as endpoint:
        for side in (512, 1024, 2048, 4096):
            np.save(picture_file(folder, side), setting.photograph(side))

        def measure(what: str, side: int) -> dict[str, Any]:
            return apart(what, side, folder, endpoint)

        bounds = [*cpu(measure), memory(measure), *growing(measure), *linear(measure)]
    return told(bounds)


def cpu(measure: Callable[[str, int], dict[str, Any]]) -> list[Bound]:
    """Client CPU for four variants against the plain way."""
    bounds = []
    for side, plain, limit in ((1024, "plain_png", 1 / 3), (2048, "plain_jpeg", 1 / 2)):
        theirs, ours = measure(plain, side), measure("ours", side)
        detail = (
            f"{ours['cpu_s']:.3f} s ({ours['sent']}) / {theirs['cpu_s']:.3f} s ({theirs['sent']})"
        )
        what = f"CPU of {VARIANTS} variants at {side}², ours / plain"
        bounds.append(Bound(what, ours["cpu_s"] / theirs["cpu_s"], limit, detail))
    return bounds


def memory(measure: Callable[[str, int], dict[str, Any]]) -> Bound:
    """Peak memory of the whole process."""
    side = 4096
    peak = measure("memory", side)["peak_bytes"]
    # picture and mask in, pictures out, float32
    tensors = 4 * side * side * (3 + 1 + VARIANTS * 3)
    allowed = 1.5 * tensors + 300e6
    detail = f"{peak / 1e6:.0f} MB, tensors {tensors / 1e6:.0f} MB, allowed {allowed / 1e6:.0f} MB"
    return Bound(
        f"peak memory of {VARIANTS} variants at {side}² / allowed", peak / allowed, 1, detail
    )


def growing(measure: Callable[[str, int], dict[str, Any]]) -> list[Bound]:
    """MaskNormalize beside core's GrowMask, in one process."""
    times = measure("grow", 4096)
    ours, core = times["ours_s"], times["core_s"]
    what = f"MaskNormalize, grow {GROW} at 4096²"
    return [
        Bound(f"{what}, seconds", ours, 1, ""),
        Bound(
            f"{what}, times faster than GrowMask",
            core / ours,
            3,
            f"{core:.2f} s / {ours:.2f} s",
            True,
        ),
    ]


def linear(measure: Callable[[str, int], dict[str, Any]]) -> list[Bound]:
    """Time per pixel at 4096² over that at 1024², for each step."""
    small, large = measure("steps", 1024), measure("steps", 4096)
    return [
        Bound(
            f"time per pixel, 4096² / 1024²: {name}",
            large[name] / small[name] / 16,
            LINEAR,
            f"{large[name]:.3f} s / {small[name]:.3f} s",
        )
        for name in small
    ]


if __name__ == "__main__":
    sys.exit(main())
