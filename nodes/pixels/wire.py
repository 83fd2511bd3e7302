"""Pictures and masks on the wire: tensor to PNG or JPEG, and an answer's bytes back to pixels."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import warnings
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MAX_FILE_BYTES = 5_000_000
"""Largest picture file, bytes: "5 MB" on volcengine.com/docs/86081/1804490."""

SAFE_FILE_BYTES = 4_700_000 * 3 // 4
"""Largest file whose base64 text stays within the 4.7 MB of the sibling interfaces (volcengine.com/docs/6793/1330693)."""

MAX_SIDE = 4096
"""Longest side that the interface takes, px (volcengine.com/docs/86081/1804490)."""

_GOOD_QUALITY = 90
"""From this JPEG quality on, staying below `SAFE_FILE_BYTES` costs nothing visible."""

_MAX_JPEG_ENCODES = 3
_PROBE_PIXELS = 250_000
_STRIP_ROWS = 256

_END_MARKS = {"JPEG": b"\xff\xd9", "PNG": b"IEND", "WEBP": b""}


class EncodedPicture(NamedTuple):
    """A picture as a file. `quality` is the JPEG quality, None for PNG, which loses nothing."""

    data: bytes
    format: str
    quality: int | None


def check_images(images: object, node: str) -> None:
    """Refuse whatever is not a batch of pictures.

    Args:
        images: Should be an IMAGE: [B, H, W, C], floating point, C = 1, 3 or 4.
        node: The node's name, for the message.

    Raises:
        ValueError: Another type, rank, number of channels or dtype, or no pixels.
    """
    if not isinstance(images, torch.Tensor):
        found_en = found_zh = type(images).__name__
    elif images.ndim != 4 or images.shape[-1] not in (1, 3, 4) or not images.is_floating_point():
        found_en = found_zh = f"{list(images.shape)} {images.dtype}"
    elif images.numel() == 0:
        found_en, found_zh = f"no pixels, {list(images.shape)}", f"没有像素，{list(images.shape)}"
    else:
        return
    raise ValueError(
        f"{node}: `image` must be [B, H, W, C] floating point with 1, 3 or 4 channels; it is {found_en}. "
        "Connect an IMAGE output, e.g. of Load Image.\n"
        f"{node}：`image` 必须是 [B, H, W, C] 浮点张量，通道数为 1、3 或 4；实际为 {found_zh}。"
        "请连接 IMAGE 输出，例如“加载图像”。"
    )


def to_uint8(image: torch.Tensor) -> NDArray[np.uint8]:
    """Turn one picture into bytes: clamped to 0..1, then rounded, never truncated; NaN becomes 0.

    Args:
        image: [H, W, C] floating point on any device; one channel is repeated, a fourth is left out.

    Returns:
        [H, W, 3] uint8, 0..255, contiguous.
    """
    height, width, channels = image.shape
    rgb = torch.empty((height, width, 3), dtype=torch.uint8)
    # strip by strip: a whole float copy of a big picture would be dear
    for top in range(0, height, _STRIP_ROWS):
        rows = slice(top, top + _STRIP_ROWS)
        strip = image[rows, :, : min(channels, 3)].detach().to("cpu", torch.float32, copy=True)
        rgb[rows] = strip.nan_to_num_(nan=0.0).clamp_(0, 1).mul_(255).round_()
    return rgb.numpy()


def encode_picture(
    rgb: NDArray[np.uint8], max_bytes: int = MAX_FILE_BYTES, safe_bytes: int = SAFE_FILE_BYTES
) -> EncodedPicture:
    """Encode a picture as PNG where that fits, else as the best JPEG 4:4:4 that fits.

    At most three whole JPEG encodes: a probe of a few bands of rows predicts sizes first.

    Args:
        rgb: [H, W, 3] uint8.
        max_bytes: The file's hard limit, bytes.
        safe_bytes: Kept instead where a JPEG of quality 90 or better does so, bytes.

    Raises:
        ValueError: Not even the lowest JPEG quality fits.
    """
    safe_bytes = min(safe_bytes, max_bytes)
    probe = _probe(rgb)
    if rgb.size <= safe_bytes or len(_png(probe)) * rgb.size / probe.size <= safe_bytes:
        data = _png(rgb)
        if len(data) <= safe_bytes:
            return EncodedPicture(data, "PNG", None)
    return _best_jpeg(rgb, probe, max_bytes, safe_bytes)


def encode_mask(mask: NDArray[Any]) -> bytes:
    """Encode a mask as the interface wants it: 8-bit grey PNG, only 0 and 255, no ICC profile.

    Args:
        mask: [H, W] bool or number; everything but 0 is repainted (255).
    """
    buffer = io.BytesIO()
    grey = (np.asarray(mask) != 0).astype(np.uint8) * np.uint8(255)
    Image.fromarray(grey).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def pixels_key(*arrays: NDArray[Any]) -> str:
    """A name for pixels, whatever file they are encoded in: SHA-256 of shapes, dtypes and values, hexadecimal."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def decode_picture(data: bytes, max_side: int = MAX_SIDE) -> NDArray[np.uint8]:
    """Decode an answer: JPEG, PNG or WebP only, its size checked before any pixel is decoded, EXIF ignored.

    Args:
        data: The file.
        max_side: Longest side accepted, px.

    Returns:
        [H, W, 3] uint8, contiguous; transparency is dropped.

    Raises:
        ValueError: Another format, too large, cut short or damaged.
    """
    with _opened(data, max_side) as picture:
        if picture.mode.startswith("I"):  # 16-bit grey, which PIL would clip at 255
            grey = np.asarray(picture).astype(np.uint32) >> 8
            return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
        return np.array(picture.convert("RGB"))


def decode_grey(data: bytes, max_side: int = MAX_SIDE) -> NDArray[np.uint8]:
    """Decode a mask or an index map of an answer: as `decode_picture`, but of one channel, its values untouched.

    Args:
        data: The file. Colours are accepted if they are grey; a palette is ignored, its indices are the values.
        max_side: Longest side accepted, px.

    Returns:
        [H, W] uint8, contiguous.

    Raises:
        ValueError: As `decode_picture`, or the picture has colours.
    """
    with _opened(data, max_side) as picture:
        if picture.mode in ("L", "P"):
            return np.array(picture)
    rgb = decode_picture(data, max_side)
    if (rgb != rgb[..., :1]).any():
        raise ValueError(
            "A mask was expected, but the picture has colours.\n应为遮罩，但收到的是彩色图片。"
        )
    return np.ascontiguousarray(rgb[..., 0])


@contextlib.contextmanager
def _opened(data: bytes, max_side: int) -> Iterator[Image.Image]:
    """The file as a picture whose header was judged; a ValueError for whatever Pillow raises on it."""
    try:
        with warnings.catch_warnings():
            # the size is judged below, by our own limit
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as picture:
                _check_header(picture, data, max_side)
                yield picture
    except Image.DecompressionBombError as error:
        raise ValueError(
            f"The picture is far larger than {max_side} px a side and was not decoded.\n"
            f"图片远大于边长 {max_side} 像素的上限，未解码。"
        ) from error
    except (OSError, SyntaxError, EOFError) as error:
        raise ValueError(
            f"The {len(data)} bytes are not a whole JPEG, PNG or WebP picture ({error}).\n"
            f"这 {len(data)} 字节不是完整的 JPEG、PNG 或 WebP 图片。"
        ) from error


def _check_header(picture: Image.Image, data: bytes, max_side: int) -> None:
    width, height = picture.size
    if max(width, height) > max_side:
        raise ValueError(
            f"The picture is {width}x{height}; at most {max_side} px a side are decoded.\n"
            f"图片为 {width}x{height}；边长最多 {max_side} 像素。"
        )
    # some packs set PIL's LOAD_TRUNCATED_IMAGES for the whole process: the rest would come out grey
    if _END_MARKS[picture.format or ""] not in data[-1024:]:
        raise OSError("its end is missing")


def _probe(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """About `_PROBE_PIXELS` of the picture: bands of 8 rows, the height of a JPEG block, evenly spread."""
    height, width, _ = rgb.shape
    bands = height // 8
    step = max(1, round(height * width / _PROBE_PIXELS))
    if bands < 2 * step:
        return rgb
    return np.ascontiguousarray(
        rgb[: bands * 8].reshape(bands, 8, width, 3)[step // 2 :: step]
    ).reshape(-1, width, 3)


def _png(rgb: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    # the lowest level is four times as fast as the default, and about a tenth larger
    Image.fromarray(rgb).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _jpeg(rgb: NDArray[np.uint8], quality: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def _best_jpeg(
    rgb: NDArray[np.uint8], probe: NDArray[np.uint8], max_bytes: int, safe_bytes: int
) -> EncodedPicture:
    @functools.cache
    def probe_bytes(quality: int) -> int:
        return len(_jpeg(probe, quality))

    def best_quality(limit: float) -> int:
        # so many of the qualities 1, 2, ... 100 fit, as far as the probe can tell
        return bisect_right(range(1, 101), limit / scale, key=probe_bytes)

    scale = rgb.size / probe.size
    limit = safe_bytes if best_quality(safe_bytes) >= _GOOD_QUALITY else max_bytes
    best: EncodedPicture | None = None
    too_high = 101
    for attempt in range(_MAX_JPEG_ENCODES):
        quality = max(1, min(best_quality(limit), too_high - 1))
        if best and quality <= (best.quality or 0):
            break
        data = _jpeg(rgb, quality)
        scale = len(data) / probe_bytes(quality)
        if len(data) <= limit:
            best = EncodedPicture(data, "JPEG", quality)
        else:
            too_high = quality
            scale *= 1 + 0.02 * (1 + attempt)
    if best:
        return best
    height, width, _ = rgb.shape
    raise ValueError(
        f"The picture, {width}x{height}, does not fit {limit} bytes even as a poor JPEG. Make it smaller.\n"
        f"图片 {width}x{height} 即使压缩为低质量 JPEG 也超过 {limit} 字节，请缩小图片。"
    )
