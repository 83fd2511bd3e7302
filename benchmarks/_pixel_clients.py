"""What benchmarks/pixels.py measures, each in a process of its own: CPU, memory and time of one client."""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import _setting as setting
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

VARIANTS = 4
GROW = 32
REPEATS = 8


def picture_file(folder: str | Path, side: int) -> Path:
    """Where the picture of a size lies."""
    return Path(folder) / f"{side}.npy"


def tensors(folder: Path, side: int) -> tuple[Any, Any]:
    """IMAGE and MASK of a size."""
    import torch

    image = torch.empty((1, side, side, 3))
    # row by row: a whole copy would count as the client's memory
    for row, pixels in enumerate(np.load(picture_file(folder, side), mmap_mode="r")):
        image[0, row] = torch.from_numpy(pixels.astype(np.float32) / 255.0)
    return image, torch.from_numpy(setting.blob(side))[None]


def plain(file_format: str, **options: Any) -> Callable[[Path, int, str], Any]:
    """Four variants the plain way."""

    def prepare(folder: Path, side: int, endpoint: str) -> Any:
        import torch

        sdk = setting.official_sdk(endpoint)
        image, mask = tensors(folder, side)

        def run(first_seed: int) -> str:
            calls = [
                setting.plain_call(sdk, image, mask, first_seed + variant, file_format, **options)
                for variant in range(VARIANTS)
            ]
            assert torch.cat(calls).shape == (VARIANTS, side, side, 3)
            return f"{file_format} {options or ''}".strip()

        return run

    return prepare


def ours(folder: Path, side: int, endpoint: str) -> Any:
    """Four variants as VolcInpaint makes them, without ComfyUI around it."""
    setting.load_pack()
    from volc_inpaint.nodes.jobs import workers
    from volc_inpaint.nodes.jobs.account import open_account
    from volc_inpaint.nodes.jobs.job import Job
    from volc_inpaint.nodes.pixels import encode, masks, matching, pictures, region
    from volc_inpaint.nodes.pixels.canvas import Canvas
    from volc_inpaint.nodes.volcengine import models
    from volc_inpaint.nodes.volcengine.credentials import Credentials
    from volc_inpaint.nodes.volcengine.request import Request

    account = open_account(
        Credentials(setting.ACCESS_KEY, setting.SECRET_KEY),
        endpoint=endpoint,
        max_concurrency=8,
        timeout_s=120,
        journal_directory=Path(tempfile.mkdtemp(dir=folder)),
        journal_max_bytes=2_000_000_000,
    )
    image, mask = tensors(folder, side)

    def run(first_seed: int) -> str:
        selected = matching.prepare(masks.read(mask), image)
        regions = [region.plan(layer, "crop", region.Limits(64, 4096), 8) for layer in selected]
        rgb = regions[0].picture(pictures.to_uint8(image[0][regions[0].slices]))
        white = regions[0].mask(selected[0])
        model = models.INPAINTING_EDIT
        encoded = encode.picture(rgb, model.max_file_bytes, model.safe_file_bytes)
        request = Request(
            model,
            {"custom_prompt": "a benchmark", "steps": 25, "scale": 5.0, "return_url": False},
            (encoded.data, encode.mask(white)),
        )
        key = pictures.pixels_key(rgb, white)
        del rgb, white
        jobs = [Job(n + 1, 1, request, key, first_seed + n) for n in range(VARIANTS)]
        canvas = Canvas(image, VARIANTS, selected, regions, 8)
        done = workers.start(
            account, jobs, lambda files: pictures.open_picture(pictures.first(files))
        )
        for _ in jobs:
            outcome = done.outcomes.get(timeout=120)
            assert outcome.status == "paid", outcome
            canvas.put(outcome.job.index - 1, outcome.value)
            done.let_go(outcome)
            del outcome  # as the node does: the next answer takes its memory
        assert canvas.batch().shape == (VARIANTS, side, side, 3)
        return f"{encoded.format} {encoded.quality or ''}".strip()

    return run


CLIENTS: dict[str, Callable[[Path, int, str], Any]] = {
    "ours": ours,
    "plain_png": plain("PNG"),
    "plain_jpeg": plain("JPEG", quality=95),
}


def client_cpu(name: str, folder: Path, side: int, endpoint: str) -> dict[str, Any]:
    """CPU time of four variants, the process warm, when other processes disturbed it least."""
    CLIENTS[name](folder, 512, endpoint)(1)
    run = CLIENTS[name](folder, side, endpoint)
    times = []
    for repeat in range(REPEATS):
        started = time.process_time()
        sent = run(1 + repeat * VARIANTS)
        times.append(time.process_time() - started)
    return {"cpu_s": min(times), "sent": sent}


def client_memory(folder: Path, side: int, endpoint: str) -> dict[str, Any]:
    """The most that the process ever held, Python and torch included."""
    ours(folder, side, endpoint)(1)
    unit = 1 if sys.platform == "darwin" else 1024
    return {"peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}


def best_of(repeats: int, function: Callable[[], Any]) -> float:
    """Shortest wall time, s, with nothing of the input left in the processor's caches."""
    times = []
    sweep = np.zeros(128_000_000, np.uint8)
    for _ in range(repeats):
        sweep += 1
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return min(times)


def grow_beside_core(side: int) -> dict[str, float]:
    """The two nodes on the same mask, the whole of their `execute`."""
    setting.load_pack()
    from harness import launch

    comfyui = launch.comfyui_directory()
    if comfyui is None:
        sys.exit("no ComfyUI: set COMFYUI_DIR, or run `python3 dev.py test`")
    sys.argv = [sys.argv[0], "--cpu"]
    sys.path.insert(0, str(comfyui))
    if launch.needs_standins(sys.executable):
        sys.path.insert(0, str(launch.STANDINS))
    import comfy.options

    comfy.options.enable_args_parsing()
    import torch
    from comfy_extras.nodes_mask import GrowMask
    from volc_inpaint.nodes.mask_normalize import MaskNormalize

    mask = torch.from_numpy(setting.blob(side))[None]
    options: dict[str, Any] = {
        "threshold": 0.5,
        "invert": False,
        "fill_holes": False,
        "close_gaps": 0,
        "remove_specks": 0,
        "grow": GROW,
        "size_mismatch": "resize",
        "multi_mask": "union",
        "on_empty": "error",
    }
    return {
        "ours_s": best_of(3, lambda: MaskNormalize.execute(mask=mask, **options)),
        "core_s": best_of(1, lambda: GrowMask.execute(mask, GROW, True)),
    }


def steps(folder: Path, side: int) -> dict[str, float]:
    """Wall time of each step by itself."""
    setting.load_pack()
    import io

    from PIL import Image
    from volc_inpaint.nodes.pixels import (
        canvas,
        encode,
        masks,
        matching,
        morphology,
        patch,
        pictures,
        region,
    )

    image, mask = tensors(folder, side)
    rgb = pictures.to_uint8(image[0])
    layer = matching.prepare(masks.read(mask), image)[0]
    whole = region.plan(layer, "crop", region.Limits(64, 4096), 0)
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=92)
    answer = Image.fromarray(rgb)
    board = canvas.Canvas(image, 1, [layer], [whole], 8)
    board.put(0, answer)
    functions: dict[str, Callable[[], Any]] = {
        "mask": lambda: matching.prepare(masks.read(mask), image),
        "bytes": lambda: pictures.to_uint8(image[0]),
        "encode JPEG": lambda: encode.picture(rgb, *[150_000 * side // 1024 * side // 1024] * 2),
        "encode mask": lambda: encode.mask(layer),
        "decode": lambda: pictures.open_picture(buffer.getvalue()),
        "feather 8": lambda: patch.feather_weight(layer, 8),
        "feather 256": lambda: patch.feather_weight(layer, 256),
        "paste back": lambda: board.put(0, answer),
        "resample": lambda: pictures.resample(rgb, side * 3 // 4, side * 3 // 4),
        "grow 32": lambda: morphology.grow(layer, 32),
        "grow 256": lambda: morphology.grow(layer, 256),
        "close gaps 33": lambda: morphology.close_gaps(layer, 33),
        "fill holes": lambda: morphology.fill_holes(layer),
        "remove specks": lambda: morphology.remove_specks(layer, 100),
    }
    return {name: best_of(3, function) for name, function in functions.items()}


def apart(what: str, side: int, folder: str | Path, endpoint: str) -> dict[str, Any]:
    """One measurement in a process of its own."""
    line = [sys.executable, __file__, "--measure", what, "--side", str(side)]
    line += ["--folder", str(folder), "--endpoint", endpoint]
    environment = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    done = subprocess.run(line, env=environment, stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measured() -> None:
    """One measurement, its result as JSON on the last line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--measure")
    parser.add_argument("--side", type=int)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--endpoint")
    options = parser.parse_args()
    if options.measure in CLIENTS:
        result = client_cpu(options.measure, options.folder, options.side, options.endpoint)
    elif options.measure == "memory":
        result = client_memory(options.folder, options.side, options.endpoint)
    elif options.measure == "grow":
        result = grow_beside_core(options.side)
    else:
        result = steps(options.folder, options.side)
    print(json.dumps(result))


if __name__ == "__main__":
    measured()
