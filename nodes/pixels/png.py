"""PNG files: of a picture, if it fits a limit, and of a mask."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from . import jpeg

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PROBE_PIXELS = 60_000
_PROBE_ERROR = 1.05
"""A file may be so much smaller than its probe tells: rows that were apart share nothing."""

_LEVEL_GAIN = 1.4
"""No photograph gains more than this by a higher level of compression."""


def that_fits(rgb: NDArray[np.uint8], max_bytes: int) -> bytes | None:
    """A picture's file, unless it is larger than the limit, which a probe tells first.

    Args:
        rgb: [H, W, 3] uint8.
        max_bytes: The limit.
    """
    probe = jpeg.probe(rgb, _PROBE_PIXELS)
    scale = rgb.size / probe.size
    # the lowest level is four times as fast as the default, and about a tenth larger
    for level in (1, 6):
        expected = rgb.size if rgb.size <= max_bytes else len(_encode(probe, level)) * scale
        if expected <= max_bytes * _PROBE_ERROR:
            data = _encode(rgb, level)
            if len(data) <= max_bytes:
                return data
        if expected > max_bytes * _LEVEL_GAIN:
            break
    return None


def encode_grey(grey: NDArray[np.uint8]) -> bytes:
    """The smallest of files: 8-bit grey, nothing but header and pixels, made for masks.

    Pillow cannot be told to leave rows unfiltered; so it takes twice as long and needs thrice the bytes.

    Args:
        grey: [H, W] uint8.
    """
    height, width = grey.shape
    rows = np.zeros((height, width + 1), np.uint8)  # a row's first byte: not filtered
    rows[:, 1:] = grey
    packer = zlib.compressobj(strategy=zlib.Z_RLE)
    packed = packer.compress(rows.data) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)  # 8 bits, grey, not interlaced
    chunks = ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )


def _encode(rgb: NDArray[np.uint8], level: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG", compress_level=level)
    return buffer.getvalue()
