"""Tensors to bytes and files, and answers back to pixels."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from harness import graphs
from PIL import Image, ImageColor, ImageFile
from volc_inpaint.nodes.pixels import pictures
from volc_inpaint.nodes.words import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

CAT = graphs.photograph("chelsea", (120, 80))
NAN, INF = float("nan"), float("inf")


def file(picture: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels_of(data: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(pictures.open_picture(data))


# -- tensor to bytes


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_every_byte_survives_the_way_to_floats_and_back(dtype: torch.dtype) -> None:
    levels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    floats = torch.from_numpy(levels / 255.0).to(dtype)
    if dtype == torch.bfloat16:  # 8 bits of mantissa cannot tell the brightest levels apart
        error = pictures.to_uint8(floats).astype(int) - levels
        assert np.abs(error).max() <= 1
    else:
        assert np.array_equal(pictures.to_uint8(floats), levels)


@pytest.mark.parametrize(
    ("value", "byte"),
    [
        (0.0, 0),
        (-0.0, 0),
        (1.0, 255),
        (0.999, 255),  # 254.7; truncated it would be 254
        (0.0019, 0),  # 0.48
        (0.002, 1),  # 0.51
        (0.1, 26),  # 25.5 and a little, as 0.1 is not exact in float32
        (0.7, 178),  # 178.5 less a little
        (-0.5, 0),
        (-1e30, 0),
        (1.0001, 255),
        (17.0, 255),
        (1e30, 255),
        (NAN, 0),
        (INF, 255),
        (-INF, 0),
    ],
)
def test_a_value_is_clamped_and_rounded_never_truncated(value: float, byte: int) -> None:
    image = torch.full((2, 3, 3), value)
    if abs(value) < 2:
        # the same in exact arithmetic, from the float32 that it really is
        exact = Fraction(float(image[0, 0, 0])) * 255
        assert byte == min(255, max(0, round(exact)))

    assert pictures.to_uint8(image).tolist() == np.full((2, 3, 3), byte).tolist()


def test_one_pixel_that_is_not_a_number_costs_no_other() -> None:
    image = torch.from_numpy(CAT / np.float32(255))
    image[5, 7, 1] = NAN
    expected = CAT.copy()
    expected[5, 7, 1] = 0

    with np.errstate(all="raise"):  # what NaN is as a byte differs between processors
        assert np.array_equal(pictures.to_uint8(image), expected)


PICTURES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "as it is": lambda image: image,
    "with alpha": lambda image: torch.cat([image, torch.rand(80, 120, 1)], -1),
    "channels first underneath": lambda image: image.permute(2, 0, 1).contiguous().permute(1, 2, 0),
    "mirrored twice": lambda image: image.flip(1).flip(1),
    "every second pixel of a larger one": lambda image: image.repeat_interleave(2, 1)[:, ::2],
    "with gradients": lambda image: image.clone().requires_grad_(),
    "in double": lambda image: image.double(),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_becomes_its_bytes_and_is_never_changed(name: str) -> None:
    image = PICTURES[name](torch.from_numpy(CAT / np.float32(255)))
    before = image.detach().clone()

    rgb = pictures.to_uint8(image)

    assert np.array_equal(rgb, CAT)
    assert rgb.flags.c_contiguous
    assert torch.equal(image.detach(), before)


def test_one_channel_is_repeated() -> None:
    grey = torch.from_numpy(CAT[..., :1] / np.float32(255))

    assert np.array_equal(pictures.to_uint8(grey), CAT[..., :1].repeat(3, 2))


@pytest.mark.parametrize(
    ("images", "found"),
    [
        (torch.zeros((4, 6, 3)), "[4, 6, 3]"),
        (torch.zeros((1, 4, 6, 2)), "[1, 4, 6, 2]"),
        (torch.zeros((1, 4, 6, 5)), "[1, 4, 6, 5]"),
        (torch.zeros((1, 3, 4, 6)), "[1, 3, 4, 6]"),
        (torch.zeros((1, 4, 6, 3), dtype=torch.uint8), "torch.uint8"),
        (torch.zeros((0, 4, 6, 3)), "no pixels, [0, 4, 6, 3]"),
        (torch.zeros((1, 0, 6, 3)), "no pixels, [1, 0, 6, 3]"),
        (np.zeros((1, 4, 6, 3)), "ndarray"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_batch_of_pictures_is_refused(images: object, found: str) -> None:
    with pytest.raises(InputError) as caught:
        pictures.check_images(images)

    english, chinese = str(caught.value).split("\n")
    assert found in english
    assert "图像" in chinese


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_batch_of_pictures_of_any_precision_is_taken(channels: int, dtype: torch.dtype) -> None:
    pictures.check_images(torch.zeros((2, 4, 6, channels), dtype=dtype))


def test_a_picture_is_brought_to_a_size_by_lanczos_and_left_as_it_is_at_its_own() -> None:
    for width, height in ((50, 31), (120, 31), (200, 80), (200, 160)):
        expected = Image.fromarray(CAT).resize((width, height), Image.Resampling.LANCZOS)
        assert np.array_equal(pictures.resample(CAT, height, width), np.asarray(expected))
    assert pictures.resample(CAT, 80, 120) is CAT


# -- a name for pixels


def test_the_key_names_pixels_not_files() -> None:
    first, second = np.arange(24, dtype=np.uint8).reshape(2, 4, 3), np.zeros((2, 4), bool)

    key = pictures.pixels_key(first, second)

    assert len(key) == 64
    assert pictures.pixels_key(first.copy(), second.copy()) == key
    assert pictures.pixels_key(np.asfortranarray(first), second) == key
    others = [
        (first + np.uint8(1), second),
        (first, ~second),
        (first.reshape(4, 2, 3), second),
        (first, second.astype(np.uint8)),
        (second, first),
    ]
    assert len({key, *(pictures.pixels_key(*other) for other in others)}) == 6


def test_pixels_are_named_by_value_shape_and_place() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    mask = rgb[..., 0] > 128
    changed = rgb.copy()
    changed[0, 0, 0] ^= 1
    names = [
        pictures.pixels_key(rgb, mask),
        pictures.pixels_key(changed, mask),
        pictures.pixels_key(rgb, ~mask),
        pictures.pixels_key(rgb.reshape(32, 128, 3), mask),
        pictures.pixels_key(rgb[..., ::-1], mask),
    ]

    assert len(set(names)) == len(names)
    assert pictures.pixels_key(rgb.copy(order="F"), mask) == names[0]


# -- answers


def oriented(picture: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees when shown"
    return file(picture, "JPEG", quality=95, subsampling=0, exif=exif)


def sixteen_bit_grey() -> bytes:
    levels = np.array([[0, 65535, 32896], [128, 129, 65000]], np.uint16)
    return file(Image.fromarray(levels), "PNG")


def test_a_jpeg_is_decoded_as_pillow_does() -> None:
    data = file(Image.fromarray(CAT), "JPEG", quality=92)

    decoded = pixels_of(data)

    assert decoded.dtype == np.uint8
    assert decoded.flags.c_contiguous
    assert np.array_equal(decoded, np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize(
    ("mode", "kind", "options"),
    [
        ("RGB", "PNG", {}),
        ("RGB", "WEBP", {"lossless": True}),
        ("RGBA", "PNG", {}),
        ("RGBA", "WEBP", {"lossless": True, "exact": True}),
        ("L", "PNG", {}),
        ("LA", "PNG", {}),
        ("P", "PNG", {}),
        ("1", "PNG", {}),
    ],
)
def test_a_lossless_file_of_any_mode_is_decoded_exactly(
    mode: str, kind: str, options: dict[str, Any]
) -> None:
    picture = Image.fromarray(CAT).convert(mode)
    if mode in ("RGBA", "LA"):
        picture.putalpha(Image.fromarray(CAT[..., 0]))

    decoded = pixels_of(file(picture, kind, **options))

    if mode in ("RGB", "RGBA"):
        expected = CAT
    elif mode == "P":
        palette = np.array(picture.getpalette(), np.uint8).reshape(-1, 3)
        expected = palette[np.asarray(picture)]
    else:
        grey = np.asarray(picture.getchannel(0)).astype(np.uint8) * (255 if mode == "1" else 1)
        expected = np.stack([grey] * 3, -1)
    assert np.array_equal(decoded, expected)


def test_grey_and_cmyk_jpegs_come_back_in_their_colours() -> None:
    cat = Image.fromarray(CAT)
    grey = pixels_of(file(cat.convert("L"), "JPEG", quality=100))
    assert np.abs(grey.astype(int) - np.asarray(cat.convert("L"))[..., None]).max() <= 2

    cmyk = Image.fromarray(np.full((16, 16, 4), (0, 255, 255, 0), np.uint8), "CMYK")
    red = pixels_of(file(cmyk, "JPEG", quality=100))
    assert np.abs(red.astype(int) - (255, 0, 0)).max() <= 3


def test_sixteen_bits_are_rounded_to_eight() -> None:
    decoded = pixels_of(sixteen_bit_grey())

    # 65535 / 257 = 255, 32896 / 257 = 128, 128 / 257 = 0.498, 129 / 257 = 0.502, 65000 / 257 = 252.9
    assert decoded[..., 0].tolist() == [[0, 255, 128], [0, 1, 253]]
    assert (decoded == decoded[..., :1]).all()


def test_an_orientation_in_exif_is_ignored() -> None:
    data = oriented(Image.fromarray(CAT))

    assert Image.open(io.BytesIO(data)).getexif()[0x0112] == 6
    assert pixels_of(data).shape == CAT.shape


def bomb(width: int, height: int) -> bytes:
    """A PNG that claims a size and is nothing but its header."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


@pytest.mark.parametrize("shape", [(64, 8192), (8192, 64), (4097, 64)])
def test_an_answer_of_twice_the_side_that_may_be_sent_is_a_picture(shape: tuple[int, int]) -> None:
    file = io.BytesIO()
    Image.new("RGB", shape[::-1], (1, 2, 3)).save(file, "PNG")

    assert pixels_of(file.getvalue()).shape == (*shape, 3)


@pytest.mark.parametrize(
    ("width", "height"), [(8193, 64), (64, 8193), (12000, 9000), (60000, 60000), (2**31 - 1, 1)]
)
def test_a_bomb_is_refused_before_any_pixel_is_decoded(
    width: int, height: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decoded(*_: object) -> None:
        raise AssertionError("pixels were decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decoded)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="8192") as caught:
            pixels_of(bomb(width, height))

    assert "8192" in str(caught.value).split("\n")[1]


CAT_FILES = {
    "JPEG": file(Image.fromarray(CAT), "JPEG", quality=90),
    "progressive JPEG": file(Image.fromarray(CAT), "JPEG", progressive=True),
    "PNG": file(Image.fromarray(CAT), "PNG"),
    "WebP": file(Image.fromarray(CAT), "WEBP"),
}


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("kind", CAT_FILES)
def test_a_file_that_is_cut_short_is_refused_wherever_it_ends(
    kind: str, lenient: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # other packs set this for the whole process
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lenient)
    data = CAT_FILES[kind]
    for length in [0, 1, 3, 10, 30, 200, *range(300, len(data) - 12, 211), len(data) - 12]:
        with pytest.raises(ValueError, match="not a whole JPEG, PNG or WebP") as caught:
            pixels_of(data[:length])
        assert f"{length} bytes" in str(caught.value)
        assert f"{length} 字节" in str(caught.value).split("\n")[1]


@pytest.mark.parametrize("kind", CAT_FILES)
def test_what_follows_the_end_of_a_picture_does_not_matter(kind: str) -> None:
    data = CAT_FILES[kind]

    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert (pixels_of(data + b"label " * 1000) == expected).all()


def test_the_end_of_a_thumbnail_is_not_taken_for_the_picture_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    thumbnail = file(Image.fromarray(CAT[::4, ::4]), "JPEG")
    data = file(Image.fromarray(CAT), "JPEG", quality=95, exif=b"Exif\0\0" + thumbnail)
    assert pixels_of(data).shape == CAT.shape

    with pytest.raises(ValueError, match="its end is missing"):
        pixels_of(data[: len(data) * 2 // 3])


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "ICO", "PPM"])
def test_other_formats_are_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="not a whole JPEG, PNG or WebP"):
        pixels_of(file(Image.fromarray(CAT), kind))


@pytest.mark.parametrize(
    "data", [b"", b"this is no picture", b"<html>504</html>", b"\xff\xd8\xff", b"\0" * 1000]
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a whole JPEG, PNG or WebP"):
        pixels_of(data)


@pytest.mark.parametrize("kind", [*CAT_FILES, "16-bit PNG"])
def test_a_damaged_file_is_a_picture_or_a_value_error(kind: str) -> None:
    """No other exception may escape: it would be taken for a fault of the pack."""
    data = CAT_FILES.get(kind) or sixteen_bit_grey()
    random = np.random.default_rng(len(data))
    for _ in range(400):
        damaged = bytearray(data)
        # mostly in the headers, where it hurts
        reach = len(data) if random.random() < 0.4 else min(len(data), 200)
        for place in random.integers(0, reach, random.integers(1, 6)):
            damaged[place] = random.integers(256)
        try:
            decoded = pixels_of(bytes(damaged))
        except ValueError:
            continue
        assert decoded.ndim == 3
        assert decoded.shape[2] == 3


# -- the files of an answer


def test_the_first_picture_of_an_answer_is_decoded() -> None:
    cat = graphs.photograph("chelsea")
    files = (file(Image.fromarray(cat), "PNG"), b"another")

    assert np.array_equal(cat, pixels_of(pictures.first(files)))


@pytest.mark.parametrize("files", [(), (b"",), (b"this is no picture",)])
def test_an_answer_without_a_picture_is_a_value_error(files: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        pixels_of(pictures.first(files))


# -- masks and index maps of an answer


def test_the_numbers_of_an_index_map_survive_a_palette() -> None:
    numbers = np.arange(12, dtype=np.uint8).reshape(3, 4)
    with_palette = Image.fromarray(numbers).convert("P")
    with_palette.putpalette([value for i in range(256) for value in (255 - i, i, 128)])
    with_palette.putdata(numbers.ravel().tolist())

    assert np.array_equal(numbers, pictures.decode_grey(file(with_palette, "PNG")))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_grey_mask_is_read_whatever_its_mode(mode: str) -> None:
    grey = np.random.default_rng(2).integers(0, 256, (5, 6), np.uint8)

    decoded = pictures.decode_grey(file(Image.fromarray(grey).convert(mode), "PNG"))

    assert np.array_equal(grey, decoded)
    assert decoded.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize("colour", ["red", "lime", "blue", "cyan"])
def test_a_picture_in_colours_is_no_mask(colour: str) -> None:
    mask = Image.new("RGB", (6, 5), "white")
    mask.putpixel((2, 3), ImageColor.getrgb(colour))

    with pytest.raises(ValueError, match="has colours"):
        pictures.decode_grey(file(mask, "PNG"))
