"""Pictures: tensors checked and turned into bytes, answers' files back into pixels, sizes, and a name for pixels."""

from __future__ import annotations

import contextlib
import hashlib
import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from ..words import InputError, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

MAX_SIDE = 8192
"""Longest side of an answer that is decoded, px: twice that of what may be sent (volcengine.com/docs/86081/1804490)."""

STRIP_PIXELS = 1 << 16
"""Pixels worked on at a time, so that they stay in the processor's cache."""

_END_MARKS = {"JPEG": b"\xff\xd9", "PNG": b"IEND", "WEBP": b""}


def check_images(images: object) -> None:
    """Refuse whatever is not a batch of pictures.

    Args:
        images: Should be an IMAGE: [B, H, W, C], floating point, C = 1, 3 or 4.

    Raises:
        InputError: Another type, rank, number of channels or dtype, or no pixels.
    """
    if not isinstance(images, torch.Tensor):
        found_en = found_zh = type(images).__name__
    elif images.ndim != 4 or images.shape[-1] not in (1, 3, 4) or not images.is_floating_point():
        found_en = found_zh = f"{list(images.shape)} {images.dtype}"
    elif not images.numel():
        found_en, found_zh = f"no pixels, {list(images.shape)}", f"没有像素，{list(images.shape)}"
    else:
        return
    raise InputError(
        f"`image` must be [B, H, W, C] floating point with 1, 3 or 4 channels; it is {found_en}. "
        "Connect an IMAGE output, e.g. of Load Image.",
        f"`image` 必须是 [B, H, W, C] 浮点张量，通道数为 1、3 或 4；实际为 {found_zh}。"
        "请连接 IMAGE 输出，例如“加载图像”。",
    )


def reserve(*shape: int) -> torch.Tensor:
    """Room for a float32 batch, not filled yet: numpy asks the system for large pages, which fill several times as fast."""
    return torch.from_numpy(np.empty(shape, np.float32))


def to_uint8(image: torch.Tensor) -> NDArray[np.uint8]:
    """Turn one picture into bytes: clamped to 0..1, then rounded, never truncated; NaN becomes 0.

    Args:
        image: [H, W, C] floating point on any device; one channel is repeated, a fourth is left out.

    Returns:
        [H, W, 3] uint8, 0..255, contiguous.
    """
    height, width, channels = image.shape
    rgb = np.empty((height, width, 3), np.uint8)
    rows = max(1, STRIP_PIXELS // width)
    work = np.empty((rows, width, min(channels, 3)), np.float32)
    for top in range(0, height, rows):
        strip = image[top : top + rows, :, : min(channels, 3)].detach().to("cpu", torch.float32)
        part = np.clip(strip.numpy(), 0, 1, out=work[: len(strip)])
        if np.isnan(part.min()):
            np.nan_to_num(part, copy=False)
        part *= 255
        rgb[top : top + rows] = np.rint(part, out=part)
    return rgb


def to_images(pictures: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
    """Pictures of one size, [H, W, 3] uint8 each, as an IMAGE: [B, H, W, 3] float32, 0..1."""
    images = reserve(len(pictures), *pictures[0].shape)
    for slot, picture in zip(images.numpy(), pictures, strict=True):
        np.divide(picture, 255, out=slot, dtype=np.float32)
    return images


def resample(
    picture: NDArray[np.uint8], height: int, width: int, method: int = Image.Resampling.LANCZOS
) -> NDArray[np.uint8]:
    """Bring a picture, [h, w, 3] or [h, w] uint8, to a size, px; itself if nothing is to do."""
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(Image.fromarray(picture).resize((width, height), method))


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


def open_picture(data: bytes) -> Image.Image:
    """Decode an answer: JPEG, PNG or WebP only, its size checked before any pixel is decoded, EXIF ignored.

    Returns:
        An RGB picture, decoded; transparency is dropped.

    Raises:
        ValueError: Another format, too large, cut short or damaged.
    """
    with _opened(data) as picture:
        if picture.mode.startswith("I"):  # 16-bit grey, which PIL would clip at 255
            grey = np.rint(np.asarray(picture) / 257).astype(np.uint8)
            return Image.fromarray(grey).convert("RGB")
        picture.load()
        # not as an array: that would be one more copy, of which paste back needs a part only
        return picture if picture.mode == "RGB" else picture.convert("RGB")


def decode_grey(data: bytes) -> NDArray[np.uint8]:
    """Decode a mask or an index map of an answer: as `open_picture`, but an array of one channel, its values untouched.

    Colours are accepted if they are grey; a palette is ignored, its indices are the values.

    Returns:
        [H, W] uint8, contiguous.

    Raises:
        ValueError: As `open_picture`, or the picture has colours.
    """
    with _opened(data) as picture:
        if picture.mode in ("L", "P"):
            return np.array(picture)
    rgb = np.asarray(open_picture(data))
    if (rgb != rgb[..., :1]).any():
        text = Text(
            "A mask was expected, but the picture has colours.", "应为遮罩，但收到的是彩色图片。"
        )
        raise ValueError(text.lines())
    return np.ascontiguousarray(rgb[..., 0])


@contextlib.contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    """The file as a picture whose header was judged; a ValueError for whatever Pillow raises on it."""
    try:
        with warnings.catch_warnings():
            # the size is judged below, by our own limit
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as picture:
                _check_header(picture, data)
                yield picture
    except Image.DecompressionBombError as error:
        text = Text(
            f"The picture is far larger than {MAX_SIDE} px a side and was not decoded.",
            f"图片远大于边长 {MAX_SIDE} 像素的上限，未解码。",
        )
        raise ValueError(text.lines()) from error
    except (OSError, SyntaxError, EOFError) as error:
        text = Text(
            f"The {len(data)} bytes are not a whole JPEG, PNG or WebP picture ({error}).",
            f"这 {len(data)} 字节不是完整的 JPEG、PNG 或 WebP 图片。",
        )
        raise ValueError(text.lines()) from error


def _check_header(picture: Image.Image, data: bytes) -> None:
    width, height = picture.size
    if max(width, height) > MAX_SIDE:
        text = Text(
            f"The picture is {width}x{height}; at most {MAX_SIDE} px a side are decoded.",
            f"图片为 {width}x{height}；边长最多 {MAX_SIDE} 像素。",
        )
        raise ValueError(text.lines())
    # some packs set PIL's LOAD_TRUNCATED_IMAGES for the whole process: the rest would come out grey
    # behind the header, which may hold a thumbnail; labels may follow the end
    header = getattr(picture, "fp", None)
    # from behind, where it stands: the way there through a JPEG is full of the mark's first byte
    if data.rfind(_END_MARKS[picture.format or ""], header.tell() if header else 0) < 0:
        raise OSError("its end is missing")
