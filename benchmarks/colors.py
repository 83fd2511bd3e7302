"""What match_colors makes of an answer whose colours drifted: errors inside the mask and the step across its edge.

A picture that a perfect service would have painted is known here: the original with something else in the middle of the
mask. It is drifted, saved as the service saves it and pasted back, off and on, at feather 0. Levels of 255. Fails where
"on" is worse than "off" by more than what rounding costs.
"""

from __future__ import annotations

import io
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import _setting as setting
import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Callable

    Pixels = np.ndarray[Any, Any]

SIDE = 1024
ROUNDING = 0.1
"""Levels by which a mean may differ without anybody being wrong."""


class Case(NamedTuple):
    """One line of the table.

    Attributes:
        picture: Name of the picture.
        drift: Of values 0..1, float64 [H, W, 3].
        shadow: Whether the service also painted a shadow beside the mask, as it may: no drift, and to be kept.
        covered: Share of the picture that is masked.
        quality: Of the answer's JPEG.
    """

    picture: str
    drift: Callable[[Pixels], Pixels]
    covered: float = 0.2
    quality: int = 92
    shadow: bool = False


def cast(pixels: Pixels) -> Pixels:
    """Each channel by an amount of its own, 3 levels on average."""
    return pixels + np.array([4.0, 3.0, 2.0]) / 255


def contrast(pixels: Pixels) -> Pixels:
    """6 % flatter."""
    return 0.5 + (pixels - 0.5) * 0.94


def gamma(pixels: Pixels) -> Pixels:
    """Brighter in the middle."""
    return pixels.clip(0, 1) ** (1 / 1.08)


def gradient(pixels: Pixels) -> Pixels:
    """From 5 levels darker on the left to 5 lighter on the right."""
    return pixels + np.linspace(-5, 5, pixels.shape[1])[None, :, None] / 255


def light(pixels: Pixels) -> Pixels:
    """From 4 % darker at the top to 4 % lighter at the bottom."""
    return pixels * np.linspace(0.96, 1.04, pixels.shape[0])[:, None, None]


def shadow(pixels: Pixels) -> Pixels:
    """Repainted beside the mask, about an eighth of the picture, up to 40 levels darker."""
    rows, columns = np.ogrid[-1 : 1 : pixels.shape[0] * 1j, -1 : 1 : pixels.shape[1] * 1j]
    depth = (1 - np.hypot((rows - 0.45) / 0.3, (columns - 0.5) / 0.55)).clip(0, 1)
    return pixels - np.minimum(1, 3 * depth)[..., None] * 40 / 255


def none(pixels: Pixels) -> Pixels:
    """Nothing but the file."""
    return pixels


CASES = {
    "none": Case("photograph", none),
    "cast": Case("photograph", cast),
    "contrast": Case("photograph", contrast),
    "gamma": Case("photograph", gamma),
    "gradient": Case("photograph", gradient),
    "light from below": Case("photograph", light),
    "none, JPEG 75": Case("photograph", none, quality=75),
    "cast, JPEG 75": Case("photograph", cast, quality=75),
    "none, mask of 95 %": Case("photograph", none, 0.95),
    "cast, mask of 95 %": Case("photograph", cast, 0.95),
    "gamma, mask of 95 %": Case("photograph", gamma, 0.95),
    "none, flat wall": Case("wall", none),
    "cast, flat wall": Case("wall", cast),
    "contrast, flat wall": Case("wall", contrast),
    "gamma, flat wall": Case("wall", gamma),
    "none, night": Case("night", none),
    "cast, night": Case("night", cast),
    "contrast, night": Case("night", contrast),
    "gamma, night": Case("night", gamma),
    "none, line art": Case("lines", none),
    "cast, line art": Case("lines", cast),
    "contrast, line art": Case("lines", contrast),
    "gamma, line art": Case("lines", gamma),
    "none, shadow": Case("photograph", none, shadow=True),
    "cast, shadow": Case("photograph", cast, shadow=True),
    "gamma, shadow": Case("photograph", gamma, shadow=True),
    "none, shadow on a wall": Case("wall", none, shadow=True),
    "cast, shadow on a wall": Case("wall", cast, shadow=True),
}


def picture(name: str) -> Pixels:
    """One of four originals, uint8 [SIDE, SIDE, 3]."""
    if name == "wall":
        grain = np.random.default_rng(1).normal(0, 1.5, (SIDE, SIDE, 1))
        return np.rint(np.array([196.0, 188.0, 172.0]) + grain).astype(np.uint8)
    if name == "night":
        return np.rint(255 * (setting.photograph(SIDE, 2) / 255.0) ** 3 * 0.5).astype(np.uint8)
    if name == "lines":
        sheet = Image.new("RGB", (SIDE, SIDE), "white")
        pen = ImageDraw.Draw(sheet)
        for radius in range(30, 700, 45):
            middle = SIDE // 2
            pen.ellipse(
                [middle - radius, middle - radius // 2, middle + radius, middle + radius // 2],
                outline="black",
                width=3,
            )
            pen.line([0, radius, SIDE, SIDE - radius], fill="black", width=2)
        return np.asarray(sheet)
    return setting.photograph(SIDE)


def mask_of(covered: float) -> Pixels:
    """[SIDE, SIDE] bool: a blob in the middle, or all but a frame."""
    if covered < 0.5:
        return setting.blob(SIDE) > 0
    frame = round(SIDE * (1 - covered**0.5) / 2)
    mask = np.zeros((SIDE, SIDE), bool)
    mask[frame:-frame, frame:-frame] = True
    return mask


def painted(original: Pixels, mask: Pixels) -> Pixels:
    """What a perfect service makes of it, float64 0..1: something else in the middle of the mask, soft at its rim."""
    import skimage.data

    other = Image.fromarray(skimage.data.coffee()).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    depth = ndimage.distance_transform_edt(mask)
    share = np.clip((depth - 40) / 40, 0, 1)[..., None]
    return original / 255.0 * (1 - share) + np.asarray(other) / 255.0 * share


def answer(case: Case, perfect: Pixels) -> Image.Image:
    """The drifted picture as it comes from the service."""
    drifted = np.rint(case.drift(perfect).clip(0, 1) * 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(drifted).save(buffer, "JPEG", quality=case.quality)
    return Image.open(buffer).convert("RGB")


class Errors(NamedTuple):
    """Levels of 255, against what a perfect service would have painted."""

    mean: float
    largest: float
    step: float


def errors(result: Pixels, perfect: Pixels, mask: Pixels) -> Errors:
    """Of a result, float [H, W, 3], 0..1.

    The largest is that of means of 16x16 pixels, which a compression leaves alone and an eye sees.
    """
    difference = (result - perfect) * 255
    blocks = difference.reshape(SIDE // 16, 16, SIDE // 16, 16, 3).mean(axis=(1, 3))
    whole = mask.reshape(SIDE // 16, 16, SIDE // 16, 16).all(axis=(1, 3))
    edge = mask & ~ndimage.binary_erosion(mask)
    return Errors(
        float(np.abs(difference[mask]).mean()),
        float(np.abs(blocks[whole]).max()),
        float(np.abs(difference[edge]).mean()),
    )


def measure(case: Case) -> tuple[Errors, Errors, bool, float]:
    """Off, on, whether anything was changed, and the seconds that measuring and changing cost."""
    from volc_inpaint.nodes.pixels import colors

    original, mask = picture(case.picture), mask_of(case.covered)
    perfect = painted(original, mask)
    if case.shadow:
        perfect = shadow(perfect).clip(0, 1)
    came = answer(case, perfect)
    off = np.asarray(came) / 255.0
    ground = colors.ground(original, mask)
    began = time.process_time()
    drift = ground.drift(came)
    on = off if drift is None else drift.corrected(np.asarray(came), (1, 1), (0, 0, 1, 1))
    seconds = time.process_time() - began
    return errors(off, perfect, mask), errors(on, perfect, mask), drift is not None, seconds


def main() -> int:
    """Print the table; 0 if "on" is nowhere worse than "off"."""
    setting.load_pack()
    print(f"{'':<26}{'mean':>7}{'':>7}{'largest':>9}{'':>7}{'step':>8}")
    print(f"{'drift':<26}{'off':>7}{'on':>7}{'off':>9}{'on':>7}{'off':>8}{'on':>7}")
    worse = 0
    for name, case in CASES.items():
        off, on, changed, seconds = measure(case)
        bad = on.mean > off.mean + ROUNDING or on.step > off.step + ROUNDING
        worse += bad
        figures = "".join(f"{a:{w}.2f}{b:7.2f}" for a, b, w in zip(off, on, (7, 9, 8), strict=True))
        print(
            f"{name:<26}{figures}  {'WORSE' if bad else 'changed' if changed else 'left'} {seconds * 1000:5.1f} ms"
        )
    return min(worse, 1)


if __name__ == "__main__":
    sys.exit(main())
