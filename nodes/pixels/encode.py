"""The files that are sent: a picture as PNG where that fits the limit, else as the best JPEG that does; a mask as PNG."""

from __future__ import annotations

import functools
import io
import math
import struct
import zlib
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from ..words import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

GOOD_QUALITY = 90
"""From this JPEG quality on, staying below the safe limit costs nothing visible."""

_PNG_PROBE_PIXELS = 60_000
_PNG_PROBE_ERROR = 1.05
"""A PNG may be so much smaller than its probe tells: rows that were apart share nothing."""

_PNG_LEVEL_GAIN = 1.4
"""No photograph gains more than this by a higher level of compression."""

_GRAPHICS = 1.1
"""Runs alone make no photograph so much larger; print and drawings, in which shapes come again, more than that."""

_PNG_STRIP_BYTES = 1 << 18
_AVERAGE_FILTER = 3
"""Each byte less the mean of those left and above: the PNG specification, 9.2."""

_JPEG_ENCODES = 3
_JPEG_PROBE_PIXELS = 250_000
_CLOSE = 1.004
"""A prediction for the next quality, so near the limit, may be wrong about its side."""

_MISLED = 2
"""A prediction so much better than what was found after all these encodes needs further ones."""

_BAND_ROWS = 8
"""The height of a JPEG block, so that a band alone costs what it costs within the picture."""

_GOLDEN = (math.sqrt(5) - 1) / 2


class Encoded(NamedTuple):
    """A picture as a file. `quality` is the JPEG quality, None for PNG, which loses nothing."""

    data: bytes
    format: str
    quality: int | None


def picture(rgb: NDArray[np.uint8], max_bytes: int, safe_bytes: int) -> Encoded:
    """Encode a picture as PNG where that fits, else as the best JPEG 4:4:4 that fits, mostly in three encodes of it at most.

    Args:
        rgb: [H, W, 3] uint8.
        max_bytes: The file's hard limit, bytes.
        safe_bytes: Kept instead where PNG, or a JPEG of quality 90 or better, does so, bytes.

    Raises:
        InputError: Not even the lowest JPEG quality fits.
    """
    safe_bytes = min(safe_bytes, max_bytes)
    lossless = png_that_fits(rgb, safe_bytes)
    if lossless is not None:
        return Encoded(lossless, "PNG", None)
    data, quality = best_jpeg(rgb, max_bytes, safe_bytes)
    return Encoded(data, "JPEG", quality)


def mask(layer: NDArray[Any]) -> bytes:
    """Encode a mask as the interface wants it: 8-bit grey PNG, only 0 and 255, nothing but header and pixels.

    Pillow cannot be told to leave rows unfiltered; so it takes twice as long and needs thrice the bytes.

    Args:
        layer: [H, W] bool or number; everything but 0 is repainted (255).
    """
    height, width = layer.shape
    rows = np.zeros((height, width + 1), np.uint8)  # a row's first byte: not filtered
    np.multiply(np.asarray(layer) != 0, np.uint8(255), out=rows[:, 1:])
    return _png_file(height, width, 0, (rows,))


def png_that_fits(rgb: NDArray[np.uint8], max_bytes: int) -> bytes | None:
    """A picture's PNG, unless it is larger than the limit, which a probe tells first."""
    sample = probe(rgb, _PNG_PROBE_PIXELS)
    scale = rgb.size / sample.size
    quick, thorough = (functools.partial(_pillow_png, level=level) for level in (1, 6))
    runs, shapes = _photo_bytes(sample, whole=sample is rgb), len(quick(sample))
    first = (quick, shapes) if runs > shapes * _GRAPHICS else (_photo_png, runs)
    for way, told in (first, (thorough, None)):
        expected = rgb.size if rgb.size <= max_bytes else (told or len(way(sample))) * scale
        if expected <= max_bytes * _PNG_PROBE_ERROR:
            data = way(rgb)
            if len(data) <= max_bytes:
                return data
        if expected > max_bytes * _PNG_LEVEL_GAIN:
            break
    return None


def best_jpeg(rgb: NDArray[np.uint8], max_bytes: int, safe_bytes: int) -> tuple[bytes, int]:
    """Find the best quality that fits.

    A probe of the picture predicts each quality's size; every encode of the whole corrects the prediction.

    Args:
        rgb: [H, W, 3] uint8.
        max_bytes: The limit.
        safe_bytes: Kept instead where `GOOD_QUALITY` or better does so.

    Returns:
        The file and its quality.

    Raises:
        InputError: Not even quality 1 fits.
    """
    search = _Search(rgb)
    fitting: dict[int, bytes] = {}
    limit = max_bytes
    # a probe that misled is no reason to refuse a picture, or to spoil it
    while (
        len(search.sizes) < _JPEG_ENCODES
        or not fitting
        or search.best_quality(limit) > max(fitting) + _MISLED
    ):
        limit, quality = safe_bytes, search.best_quality(safe_bytes)
        if quality < GOOD_QUALITY:
            limit, quality = max_bytes, search.best_quality(max_bytes)
        if quality in search.sizes and search.predict(min(quality + 1, 100)) <= limit * _CLOSE:
            # it fits, and the next one may
            quality += 1
        elif search.sizes and not fitting:
            # rather one too low, which leaves an encode to look at the next, than too high again
            spare = len(search.sizes) < _JPEG_ENCODES - 1
            quality = search.best_quality(limit / _CLOSE if spare else limit * 0.9)
        quality = min(max(1, quality), 100)
        if quality in search.sizes:
            break
        data = jpeg(rgb, quality)
        search.sizes[quality] = len(data)
        if len(data) <= max_bytes:
            fitting[quality] = data
    good = [q for q, data in fitting.items() if len(data) <= safe_bytes and q >= GOOD_QUALITY]
    if fitting:
        quality = max(good or fitting)
        return fitting[quality], quality
    height, width, _ = rgb.shape
    raise InputError(
        f"The picture, {width}x{height}, does not fit {limit} bytes even as a poor JPEG. Make it smaller.",
        f"图片 {width}x{height} 即使压缩为低质量 JPEG 也超过 {limit} 字节，请缩小图片。",
    )


def jpeg(rgb: NDArray[np.uint8], quality: int) -> bytes:
    """One JPEG 4:4:4 file, of Pillow's quality, 1..100."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def probe(rgb: NDArray[np.uint8], pixels: int = _JPEG_PROBE_PIXELS) -> NDArray[np.uint8]:
    """About so many pixels of a picture: bands of 8 whole rows, spread evenly, but by no period that it may share.

    It is the picture itself if that is not much larger.
    """
    height, width, _ = rgb.shape
    bands = height // _BAND_ROWS
    wanted = max(1, round(pixels / (width * _BAND_ROWS)))
    if bands < 2 * wanted:
        return rgb
    stride = bands / wanted
    picked = [int((number + number * _GOLDEN % 1) * stride) for number in range(wanted)]
    rows = rgb[: bands * _BAND_ROWS].reshape(bands, _BAND_ROWS, width, 3)
    return rows[picked].reshape(wanted * _BAND_ROWS, width, 3)


class _Search:
    """Predicts what a picture takes as JPEG at each quality.

    Attributes:
        sizes: What it took, bytes, by quality.
    """

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        self.sizes: dict[int, int] = {}
        self._probe = probe(rgb)
        self._scale = rgb.size / self._probe.size
        self._probe_bytes = functools.cache(lambda quality: len(jpeg(self._probe, quality)))

    def predict(self, quality: int) -> float:
        """Bytes of the whole at a quality: the probe's, times what is known of the whole's share."""
        if quality in self.sizes:
            return self.sizes[quality]
        if not self.sizes:
            return self._probe_bytes(quality) * self._scale
        known = sorted(self.sizes)
        shares = [math.log(self.sizes[q] / self._probe_bytes(q)) for q in known]
        return self._probe_bytes(quality) * math.exp(np.interp(quality, known, shares))

    def best_quality(self, limit: float) -> int:
        """The best quality that should fit; 0 if none should."""
        return bisect_right(range(1, 101), limit, key=self.predict)


def _pillow_png(rgb: NDArray[np.uint8], level: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG", compress_level=level)
    return buffer.getvalue()


def _photo_png(rgb: NDArray[np.uint8]) -> bytes:
    """Much faster than Pillow's lowest level, and for photographs, in which nothing ever comes again, smaller."""
    height, width, _ = rgb.shape
    return _png_file(height, width, 2, _averaged(rgb.reshape(height, width * 3)))


def _photo_bytes(sample: NDArray[np.uint8], *, whole: bool) -> float:
    """What `_photo_png` makes of a probe, without each band's first row: in the picture another stands above it."""
    if whole:
        return len(_photo_png(sample))
    height, width, _ = sample.shape
    rows = np.concatenate([*_averaged(sample.reshape(height, width * 3))])
    inner = rows.reshape(-1, _BAND_ROWS, 3 * width + 1)[:, 1:]
    return len(_png_file(height, width, 2, inner)) * rows.size / inner.size


def _averaged(pixels: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Rows filtered, strip by strip, so that they stay in the processor's cache."""
    height, width = pixels.shape
    count = max(1, _PNG_STRIP_BYTES // width)
    before = np.zeros((1, width), np.uint8)
    for top in range(0, height, count):
        strip = pixels[top : top + count]
        above = np.concatenate((before, strip[:-1]))
        left = np.pad(strip[:, :-3], ((0, 0), (3, 0)))
        rows = np.full((len(strip), width + 1), _AVERAGE_FILTER, np.uint8)
        # the mean of two bytes without the ninth bit of their sum
        np.subtract(strip, (left & above) + ((left ^ above) >> 1), out=rows[:, 1:])
        yield rows
        before = strip[-1:]


def _png_file(height: int, width: int, colours: int, strips: Iterable[NDArray[np.uint8]]) -> bytes:
    """A file of filtered rows of 8 bits, `colours` being 0 for grey, 2 for RGB; packed by their runs only."""
    packer = zlib.compressobj(strategy=zlib.Z_RLE)
    packed = b"".join([packer.compress(rows.data) for rows in strips] + [packer.flush()])
    header = struct.pack(">IIBBBBB", width, height, 8, colours, 0, 0, 0)  # not interlaced
    chunks = ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )
