"""What the benchmarks share: the pack without ComfyUI, the simulated service, a ComfyUI server, the plain way, photographs."""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.comfyui import ComfyUIServer

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
ACCESS_KEY = "AKLTBENCHMARKBENCHMARKBENCHMARKBENCHMARKBENCH00"
SECRET_KEY = "QkVOQ0hNQVJLLUJFTkNITUFSSy1CRU5DSE1BUktTRUNSRVQ="


def load_pack() -> None:
    """Make the pack importable as `volc_inpaint`, as `tests/conftest.py` does."""
    sys.path.insert(0, str(TESTS))
    importlib.import_module("conftest")


@contextlib.contextmanager
def simulated_service(*arguments: str) -> Iterator[str]:
    """The simulated service in a process of its own, so that its CPU is not ours; yields its URL.

    Args:
        *arguments: Of `python -m simulated_service`, e.g. "--latency", "1".
    """
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "SIMULATED_SECRET_KEY": SECRET_KEY}
    line = [sys.executable, "-m", "simulated_service", "--access-key", ACCESS_KEY, *arguments]
    with subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


@contextlib.contextmanager
def comfyui(
    folder: str | Path, endpoint: str, packs: Sequence[Path] = ()
) -> Iterator[ComfyUIServer]:
    """A ComfyUI server that buys from the simulated service; where there is no ComfyUI, this process ends and says so."""
    from harness import launch
    from harness.comfyui import ComfyUIServer

    if launch.comfyui_directory() is None:
        sys.exit("No ComfyUI: set COMFYUI_DIR, or run `python3 dev.py bench`.")
    keys = {"VOLC_ACCESSKEY": ACCESS_KEY, "VOLC_SECRETKEY": SECRET_KEY}
    server = ComfyUIServer(Path(folder), env={"VOLC_ENDPOINT": endpoint, **keys}, packs=packs)
    try:
        yield server
    finally:
        server.stop()


def official_sdk(endpoint: str) -> Any:
    """The official SDK's service object, pointed at `endpoint`."""
    from volcengine.visual.VisualService import VisualService

    sdk = VisualService()
    sdk.set_ak(ACCESS_KEY)
    sdk.set_sk(SECRET_KEY)
    sdk.set_host(endpoint.removeprefix("http://"))
    return sdk


def plain_call(sdk: Any, image: Any, mask: Any, seed: int, file_format: str, **options: Any) -> Any:
    """One variant the plain way: encode, the official SDK's `cv_process`, decode; no paste back.

    Args:
        sdk: From `official_sdk`.
        image: [1, H, W, 3] float32.
        mask: [1, H, W] float32.
        seed: Of the variant.
        file_format: Of the picture, "PNG" or "JPEG".
        **options: Of Pillow's `save`.

    Returns:
        [1, H, W, 3] float32.
    """
    import torch

    texts = []
    for tensor, kind, extra in ((image, file_format, options), (mask, "PNG", {})):
        buffer = io.BytesIO()
        # as ComfyUI's SaveImage makes bytes of a tensor
        pixels = np.clip(255.0 * tensor[0].cpu().numpy(), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(buffer, kind, **extra)
        texts.append(base64.b64encode(buffer.getvalue()).decode())
    answer = sdk.cv_process(
        {
            "req_key": "img2img_inpainting_edit_zi2i",
            "custom_prompt": "a benchmark",
            "binary_data_base64": texts,
            "steps": 25,
            "scale": 5.0,
            "seed": seed,
        }
    )
    painted = Image.open(io.BytesIO(base64.b64decode(answer["data"]["binary_data_base64"][0])))
    # as ComfyUI's LoadImage makes a tensor of a picture
    return torch.from_numpy(np.array(painted.convert("RGB")).astype(np.float32) / 255.0)[None]


def photograph(side: int, noise: float = 4.0) -> np.ndarray[Any, Any]:
    """A real photograph with a sensor's noise, uint8 [side, side, 3].

    scikit-image's astronaut (NASA, public domain), scaled up; noise of `noise` levels stands for the grain that
    scaling up takes away.
    """
    import skimage.data

    picture = Image.fromarray(skimage.data.astronaut())
    scaled = np.asarray(picture.resize((side, side), Image.Resampling.LANCZOS), np.float32)
    grain = np.random.default_rng(side).normal(0, noise, scaled.shape).astype(np.float32)
    noisy: np.ndarray[Any, Any] = np.rint((scaled + grain).clip(0, 255)).astype(np.uint8)
    return noisy


def blob(side: int) -> np.ndarray[Any, Any]:
    """A mask with a curved edge about the middle, 22 % of the picture: float32 [side, side], 0 or 1."""
    rows, columns = np.ogrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    radius = 0.5 + 0.1 * np.sin(7 * np.arctan2(rows, columns))
    inside: np.ndarray[Any, Any] = (np.hypot(rows, columns) < radius).astype(np.float32)
    return inside
