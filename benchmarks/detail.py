"""How sharp the repainted part is: a small mask in a large picture, close up and not, beside two other ways.

The service here works at 1024 px, whatever it is sent, answers at that size as a JPEG, and paints what was there: a model
that errs in nothing but its resolution. The photograph is scikit-image's astronaut (NASA, public domain), mirrored until it
fills 4000x3000, so that it has a photograph's own detail everywhere. Sharpness is the energy of the gradient inside the mask
over that of the truth: 1 is as sharp as the photograph. CPU and memory are those of one picture, in a process of its own,
without the service's part.

"Crop and stitch" are the steps that lquesada/ComfyUI-Inpaint-CropAndStitch documents: the mask's box times the same factor
as a square, bicubic to a forced size of 1024, and back, blended by the mask grown and blurred by 16 px.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import _process as process
import _setting as setting
import numpy as np
from PIL import Image
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Callable

    Pixels = np.ndarray[Any, Any]

SIZE = (4000, 3000)
WORKS_AT = 1024
FACTOR = 2
BLEND = 16
FEATHER = 8
MASKS = {
    "24": (1700, 1300, 1724, 1324),
    "260": (1700, 1300, 1960, 1500),
    "1200": (1400, 900, 2600, 2100),
}


def photograph() -> Pixels:
    """[3000, 4000, 3] uint8."""
    import skimage.data

    tile = skimage.data.astronaut()
    missing = [(0, SIZE[1] - len(tile)), (0, SIZE[0] - tile.shape[1]), (0, 0)]
    mirrored: Pixels = np.pad(tile, missing, mode="symmetric")
    return mirrored


def mask_of(name: str) -> Pixels:
    """[3000, 4000] bool, an ellipse."""
    left, top, right, bottom = MASKS[name]
    rows, columns = np.ogrid[: SIZE[1], : SIZE[0]]
    across = (columns - (left + right - 1) / 2) / ((right - left) / 2)
    down = (rows - (top + bottom - 1) / 2) / ((bottom - top) / 2)
    inside: Pixels = across**2 + down**2 <= 1
    return inside


class Service:
    """Works at 1024 px; its own time does not count."""

    def __init__(self) -> None:
        self.spent_s = 0.0

    def answer(self, file: bytes) -> bytes:
        """The answer to a picture."""
        began = time.process_time()
        picture = Image.open(io.BytesIO(file)).convert("RGB")
        scale = WORKS_AT / max(picture.size)
        size = (round(picture.width * scale), round(picture.height * scale))
        buffer = io.BytesIO()
        picture.resize(size, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=92)
        self.spent_s += time.process_time() - began
        return buffer.getvalue()


def whole(image: Any, _: Pixels, service: Service) -> Any:
    """The plain way: all of it as a JPEG, the answer scaled up, no paste back."""
    import torch

    pixels = np.clip(255.0 * image[0].numpy(), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    came = Image.open(io.BytesIO(service.answer(buffer.getvalue()))).convert("RGB")
    scaled = np.asarray(came.resize(SIZE, Image.Resampling.LANCZOS))
    return torch.from_numpy(scaled.astype(np.float32) / 255)[None]


def crop_and_stitch(image: Any, mask: Pixels, service: Service) -> Any:
    """As documented, with the same factor."""
    import torch
    from torch.nn import functional

    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    side = int(max(np.ptp(rows) + 1, np.ptp(columns) + 1) * FACTOR)
    top = int(np.clip((rows[0] + rows[-1] + 1 - side) // 2, 0, SIZE[1] - side))
    left = int(np.clip((columns[0] + columns[-1] + 1 - side) // 2, 0, SIZE[0] - side))
    box = (slice(top, top + side), slice(left, left + side))

    def scaled(pictures: Any, to: int) -> Any:
        # BHWC -> BCHW and back
        return functional.interpolate(
            pictures.permute(0, 3, 1, 2), (to, to), mode="bicubic", antialias=True
        ).permute(0, 2, 3, 1)

    crop = scaled(image[:, box[0], box[1]], WORKS_AT).clip(0, 1)
    buffer = io.BytesIO()
    Image.fromarray((255 * crop[0].numpy()).astype(np.uint8)).save(buffer, "PNG")
    came = np.asarray(Image.open(io.BytesIO(service.answer(buffer.getvalue()))).convert("RGB"))
    back = scaled(torch.from_numpy(came.astype(np.float32) / 255)[None], side).clip(0, 1)
    grown = ndimage.grey_dilation(mask[box].astype(np.float32), 2 * BLEND + 1)
    share = torch.from_numpy(ndimage.gaussian_filter(grown, BLEND))[None, ..., None]
    result = image.clone()
    result[:, box[0], box[1]] = share * back + (1 - share) * image[:, box[0], box[1]]
    return result


def ours(context: float) -> Callable[[Any, Pixels, Service], Any]:
    """As VolcInpaint does it."""

    def run(image: Any, mask: Pixels, service: Service) -> Any:
        from volc_inpaint.nodes.pixels import colors, encode, pictures, region
        from volc_inpaint.nodes.pixels.canvas import Canvas
        from volc_inpaint.nodes.volcengine.models import INPAINTING_EDIT as MODEL

        limits = region.Limits(MODEL.min_side, MODEL.max_side)
        if context:
            part = region.close_up(
                mask, "crop", limits, reach=FEATHER, context=context, best_side=MODEL.best_side
            )
        else:
            part = region.plan(mask, "crop", limits, FEATHER)
        rgb, white = part.picture(pictures.to_uint8(image[0][part.slices])), part.mask(mask)
        ground = colors.ground(rgb, white)
        encode.mask(white)
        file = encode.picture(rgb, MODEL.max_file_bytes, MODEL.safe_file_bytes).data
        answer = pictures.open_picture(service.answer(file))
        canvas = Canvas(image, 1, [mask], [part], FEATHER)
        canvas.put(0, answer, ground.drift(answer))
        return canvas.batch()

    return run


WAYS: dict[str, Callable[[Any, Pixels, Service], Any]] = {
    "plain, whole picture": whole,
    "ours, context 0": ours(0),
    "crop and stitch": crop_and_stitch,
    "ours, context 2": ours(FACTOR),
}


def energy(pixels: Pixels, mask: Pixels) -> float:
    """Of the gradient of the brightness inside the mask; levels² of 255."""
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    down, across = np.gradient(pixels[box].astype(np.float64).mean(axis=2))
    return float((down**2 + across**2)[mask[box]].mean())


def measure(way: str, name: str) -> dict[str, float]:
    """One way with one mask."""
    import torch

    setting.load_pack()
    truth, mask = photograph(), mask_of(name)
    image = torch.from_numpy(truth.astype(np.float32) / 255)[None]
    WAYS[way](image, mask, Service())  # imports, and what is done once
    process.forget_peak(os.getpid())
    before = process.memory_bytes(os.getpid())
    service = Service()
    began = time.process_time()
    result = WAYS[way](image, mask, service)
    cpu_s = time.process_time() - began - service.spent_s
    peak = process.memory_bytes(os.getpid(), "VmHWM") - before
    levels = result[0].numpy() * 255
    changed = (result[0].numpy() != image[0].numpy()).any(axis=-1)
    far = ~ndimage.binary_dilation(mask, iterations=2 * FEATHER)
    return {
        "sharpness": energy(levels, mask) / energy(truth, mask),
        "changed": int((changed & far).sum()),
        "cpu_s": cpu_s,
        "peak_bytes": peak,
    }


def main() -> int:
    """Print the table; 0 if the close-up is the sharpest way of each mask that is small."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--measure", nargs=2)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(*options.measure)))
        return 0
    failed = 0
    print(f"{'mask':<6}{'':<22}{'sharpness':>10}{'changed far off':>17}{'CPU':>9}{'memory':>10}")
    for name in MASKS:
        found = {}
        for way in WAYS:
            line = [sys.executable, __file__, "--measure", way, name]
            done = subprocess.run(line, stdout=subprocess.PIPE, check=True)
            one = found[way] = json.loads(done.stdout.splitlines()[-1])
            print(
                f"{name:<6}{way:<22}{one['sharpness']:10.2f}{one['changed']:14d} px"
                f"{one['cpu_s']:7.2f} s{one['peak_bytes'] / 1e6:7.0f} MB"
            )
        best = found["ours, context 2"]
        failed += best["changed"] > 0
        if name != "1200":
            failed += best["sharpness"] < 2 * found["ours, context 0"]["sharpness"]
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
