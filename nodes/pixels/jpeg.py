"""The best JPEG 4:4:4 that fits a limit, in at most three encodes of the whole picture."""

from __future__ import annotations

import functools
import io
import math
from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ENCODES = 3
_BAND_ROWS = 8
"""The height of a JPEG block, so that a band alone costs what it costs within the picture."""

_PROBE_PIXELS = 250_000
_CLOSE = 1.004
"""A prediction for the next quality, so near the limit, may be wrong about its side."""

_GOLDEN = (math.sqrt(5) - 1) / 2


def encode(rgb: NDArray[np.uint8], quality: int) -> bytes:
    """One JPEG 4:4:4 file.

    Args:
        rgb: [H, W, 3] uint8.
        quality: Pillow's, 1..100.
    """
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def probe(rgb: NDArray[np.uint8], pixels: int = _PROBE_PIXELS) -> NDArray[np.uint8]:
    """About `pixels` of a picture: bands of 8 whole rows, spread evenly, but by no period that it may share.

    Args:
        rgb: [H, W, 3] uint8.
        pixels: How many.

    Returns:
        [h, W, 3] uint8; `rgb` itself if it is not much larger.
    """
    height, width, _ = rgb.shape
    bands = height // _BAND_ROWS
    wanted = max(1, round(pixels / (width * _BAND_ROWS)))
    if bands < 2 * wanted:
        return rgb
    stride = bands / wanted
    picked = [int((number + number * _GOLDEN % 1) * stride) for number in range(wanted)]
    rows = rgb[: bands * _BAND_ROWS].reshape(bands, _BAND_ROWS, width, 3)
    return np.ascontiguousarray(rows[picked]).reshape(-1, width, 3)


def best_that_fits(
    rgb: NDArray[np.uint8], max_bytes: int, safe_bytes: int, good_quality: int
) -> tuple[bytes, int]:
    """Find the best quality that fits.

    A probe of the picture predicts each quality's size; every encode of the whole corrects the prediction.

    Args:
        rgb: [H, W, 3] uint8.
        max_bytes: The limit.
        safe_bytes: Kept instead where `good_quality` or better does so.
        good_quality: 1..100.

    Returns:
        The file and its quality.

    Raises:
        ValueError: Not even quality 1 fits.
    """
    search = _Search(rgb)
    fitting: dict[int, bytes] = {}
    limit = max_bytes
    for left in reversed(range(_ENCODES)):
        limit, quality = safe_bytes, search.best_quality(safe_bytes)
        if quality < good_quality:
            limit, quality = max_bytes, search.best_quality(max_bytes)
        if quality in search.sizes:
            # known to fit; is the next one known not to?
            if quality == 100 or quality + 1 in search.sizes:
                break
            if search.predict(quality + 1) > limit * _CLOSE:
                break
            quality += 1
        elif search.sizes and not fitting:
            # rather one too low, which leaves an encode to look at the next, than too high again
            quality = search.best_quality(limit / _CLOSE if left else limit * 0.9)
        quality = max(1, quality)
        data = encode(rgb, quality)
        search.sizes[quality] = len(data)
        if len(data) <= max_bytes:
            fitting[quality] = data
    good = [q for q, data in fitting.items() if len(data) <= safe_bytes and q >= good_quality]
    if fitting:
        quality = max(good or fitting)
        return fitting[quality], quality
    height, width, _ = rgb.shape
    raise ValueError(
        f"The picture, {width}x{height}, does not fit {limit} bytes even as a poor JPEG. Make it smaller.\n"
        f"图片 {width}x{height} 即使压缩为低质量 JPEG 也超过 {limit} 字节，请缩小图片。"
    )


class _Search:
    """Predicts what a picture takes at each quality.

    Attributes:
        sizes: What it took, bytes, by quality.
    """

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        self.sizes: dict[int, int] = {}
        self._probe = probe(rgb)
        self._scale = rgb.size / self._probe.size
        self._probe_bytes = functools.cache(lambda quality: len(encode(self._probe, quality)))

    def predict(self, quality: int) -> float:
        """Bytes of the whole at a quality: the probe's, times what is known of the whole's share."""
        if quality in self.sizes:
            return self.sizes[quality]
        if not self.sizes:
            return self._probe_bytes(quality) * self._scale
        below = max((q for q in self.sizes if q < quality), default=min(self.sizes))
        above = min((q for q in self.sizes if q > quality), default=max(self.sizes))
        between = (quality - below) / (above - below) if above > below else 0.0
        between = min(max(between, 0.0), 1.0)
        share = self._share(below) ** (1 - between) * self._share(above) ** between
        return float(self._probe_bytes(quality) * share)

    def best_quality(self, limit: float) -> int:
        """The best quality that should fit; 0 if none should."""
        return bisect_right(range(1, 101), limit, key=self.predict)

    def _share(self, quality: int) -> float:
        return self.sizes[quality] / self._probe_bytes(quality)
