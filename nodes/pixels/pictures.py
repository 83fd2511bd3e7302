"""Pictures and masks on the wire: tensor to PNG or JPEG, and an answer's bytes back to pixels."""

from __future__ import annotations

import contextlib
import hashlib
import io
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from . import jpeg, png

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

_STRIP_PIXELS = 1 << 16
"""Pixels worked on at a time, so that they stay in the processor's cache."""

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
    rgb = np.empty((height, width, 3), np.uint8)
    rows = max(1, _STRIP_PIXELS // width)
    work = np.empty((rows, width, min(channels, 3)), np.float32)
    for top in range(0, height, rows):
        strip = image[top : top + rows, :, : min(channels, 3)].detach().to("cpu", torch.float32)
        part = np.clip(strip.numpy(), 0, 1, out=work[: len(strip)])
        if np.isnan(part.min()):
            np.nan_to_num(part, copy=False)
        part *= 255
        rgb[top : top + rows] = np.rint(part, out=part)
    return rgb


def encode_picture(
    rgb: NDArray[np.uint8], max_bytes: int = MAX_FILE_BYTES, safe_bytes: int = SAFE_FILE_BYTES
) -> EncodedPicture:
    """Encode a picture as PNG where that fits, else as the best JPEG 4:4:4 that fits, in at most three encodes of it.

    Args:
        rgb: [H, W, 3] uint8.
        max_bytes: The file's hard limit, bytes.
        safe_bytes: Kept instead where PNG, or a JPEG of quality 90 or better, does so, bytes.

    Raises:
        ValueError: Not even the lowest JPEG quality fits.
    """
    safe_bytes = min(safe_bytes, max_bytes)
    lossless = png.that_fits(rgb, safe_bytes)
    if lossless is not None:
        return EncodedPicture(lossless, "PNG", None)
    data, quality = jpeg.best_that_fits(rgb, max_bytes, safe_bytes, _GOOD_QUALITY)
    return EncodedPicture(data, "JPEG", quality)


def encode_mask(mask: NDArray[Any]) -> bytes:
    """Encode a mask as the interface wants it: 8-bit grey PNG, only 0 and 255, no ICC profile.

    Args:
        mask: [H, W] bool or number; everything but 0 is repainted (255).
    """
    return png.encode_grey((np.asarray(mask) != 0) * np.uint8(255))


def pixels_key(*arrays: NDArray[Any]) -> str:
    """A name for pixels, whatever file they are encoded in: SHA-256 of shapes, dtypes and values, hexadecimal."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def first(files: tuple[bytes, ...]) -> bytes:
    """The file that an answer's picture is in; further ones are not looked at.

    Raises:
        ValueError: The answer holds none.
    """
    if not files:
        raise ValueError("no picture")
    return files[0]


def open_picture(data: bytes, max_side: int = MAX_SIDE) -> Image.Image:
    """Decode an answer: JPEG, PNG or WebP only, its size checked before any pixel is decoded, EXIF ignored.

    Args:
        data: The file.
        max_side: Longest side accepted, px.

    Returns:
        An RGB picture, decoded; transparency is dropped.

    Raises:
        ValueError: Another format, too large, cut short or damaged.
    """
    with _opened(data, max_side) as picture:
        if picture.mode.startswith("I"):  # 16-bit grey, which PIL would clip at 255
            grey = np.rint(np.asarray(picture) / 257).astype(np.uint8)
            return Image.fromarray(grey).convert("RGB")
        picture.load()
        # not as an array: that would be one more copy, of which paste back needs a part only
        return picture if picture.mode == "RGB" else picture.convert("RGB")


def decode_picture(data: bytes, max_side: int = MAX_SIDE) -> NDArray[np.uint8]:
    """As `open_picture`, but an array.

    Returns:
        [H, W, 3] uint8, contiguous, read-only.
    """
    return np.asarray(open_picture(data, max_side))


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
    # behind the header, which may hold a thumbnail; labels may follow the end
    header = getattr(picture, "fp", None)
    if data.find(_END_MARKS[picture.format or ""], header.tell() if header else 0) < 0:
        raise OSError("its end is missing")
