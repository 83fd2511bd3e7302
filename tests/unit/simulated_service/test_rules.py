"""The service as a judge of fields, pictures and masks: each broken thing alone is refused and never billed."""

from __future__ import annotations

import base64
import io
import json
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms
from simulated_service import rules


def png(array: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG", **options)
    return file.getvalue()


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def refused(response, service, code: int = 50215) -> str:
    """It was refused with `code`, and nothing was billed; returns why."""
    answer = response.json()
    assert (code, None, code) == (answer["code"], answer["data"], answer["status"])
    assert (0, 1) == (service.billed, service.ledger.count("refused"))
    return answer["message"]


RIGHT = {
    "return_url": [True, False],
    "steps": [1, 25, 100],
    "scale": [1, 5.0, 20, 12.5],
    "seed": [-1, 0, 1, 2**31 - 1],
    "custom_prompt": ["a", "一只小狗 🐶", "x" * 1000],
    "logo_info": [
        {},
        {"add_logo": True, "position": 3, "language": 1, "opacity": 0.3, "logo_text_content": "演示"},
        {"add_logo": False, "opacity": 1},
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in RIGHT.items() for value in values]
)
def test_every_documented_value_is_accepted(asker, name, value):
    assert 10000 == asker.ask(**{name: value}).json()["code"]
    assert value == asker.service.ledger.calls()[0].fields[name]


WRONG = {
    "req_key": ["", "img2img", 1, [], {}, True],
    "custom_prompt": [1, True, [], {}, "", "  "],
    "return_url": [1, 0, "true", [], {}],
    "steps": [0, -1, 25.0, "25", True, [], 2**31],
    "scale": [0, 0.99, 20.01, "5", True, []],
    "seed": [-2, 1.0, "1", True, [], 2**31],
    "logo_info": [
        [], "x", 1, True, {"position": 4}, {"position": -1}, {"position": 0.0}, {"position": True},
        {"add_logo": 1}, {"language": 2}, {"language": "0"}, {"opacity": 1.01}, {"opacity": -0.1},
        {"opacity": "0.3"}, {"logo_text_content": 1}, {"text": "misspelled"},
    ],
    "prompt": ["a name that this interface does not have"],
    "Seed": [1],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_a_field_of_a_wrong_type_range_or_name_is_refused_by_name(asker, name, value):
    blank = isinstance(value, str) and name == "custom_prompt"

    assert name in refused(asker.ask(**{name: value}), asker.service, 50201 if blank else 50215)


# https://www.volcengine.com/docs/6444/69728
@pytest.mark.parametrize(
    ("name", "code"), [("req_key", 50215), ("custom_prompt", 50201), ("binary_data_base64", 50206)]
)
def test_a_required_field_must_be_there(asker, name, code):
    refused(asker.ask(**{name: None}), asker.service, code)


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'"text"', b"{", b"\xff\xfe{}", b"[" * 100_000,
     '{"req_key":"一"}'.encode("gb18030"),
     b'{"req_key":"img2img_inpainting_edit_zi2i","scale":NaN}',
     b'{"req_key":"img2img_inpainting_edit_zi2i","seed":1,"seed":2}'],
)  # fmt: skip
def test_a_body_that_is_no_object_in_utf_8_is_refused(asker, body):
    refused(asker.send(body), asker.service)


def test_a_blocked_word_is_refused_as_such(asker):
    refused(asker.ask(custom_prompt=f"a {rules.BLOCKED_WORD} here"), asker.service, 50413)


@pytest.mark.parametrize(
    ("code", "texts"),
    [
        *((50215, texts) for texts in (
            [], ["AAAA"], ["AAAA"] * 3, "AAAA", {}, 5, [1, 2], [None, None],
        )),
        *((50207, texts) for texts in (
            ["", ""], ["====", "===="], ["图片", "遮罩"], ["data:image/png;base64,AAAA", "AAAA"],
            ["AA AA", "AAAA"], ["AAA", "AAAA"],
        )),
    ],
)  # fmt: skip
def test_pictures_must_be_two_plain_base64_texts(asker, code, texts):
    refused(asker.ask(binary_data_base64=texts), asker.service, code)


def test_a_data_prefix_before_a_right_picture_is_refused(asker):
    image, mask = asker.files()

    texts = [f"data:image/png;base64,{image}", mask]
    refused(asker.ask(binary_data_base64=texts), asker.service, 50207)


def test_pictures_and_links_at_once_are_refused(asker):
    links = [f"{asker.service.endpoint}/a", f"{asker.service.endpoint}/b"]

    refused(asker.ask(image_urls=links), asker.service)


def test_links_are_fetched_as_the_service_would(asker):
    asker.service.pictures.update(image=png(asker.image), mask=png(asker.mask))
    links = [f"{asker.service.endpoint}/pictures/{name}" for name in ("image", "mask")]

    assert 10000 == asker.ask(binary_data_base64=None, image_urls=links).json()["code"]


@pytest.mark.parametrize("link", ["http://example.com/a.png", "file:///etc/passwd", "", "nonsense"])
def test_a_link_that_cannot_be_fetched_is_refused(asker, link):
    refused(asker.ask(binary_data_base64=None, image_urls=[link, link]), asker.service, 50207)


RGB = np.full((64, 80, 3), 90, np.uint8)


def pictures() -> dict[str, bytes]:
    image = Image.fromarray(RGB)
    noise = np.random.default_rng(1).integers(0, 256, (1400, 1400, 3), np.uint8)
    whole = png(RGB)
    return {
        "RGBA": encoded(image.convert("RGBA"), "PNG"),
        "grey": encoded(image.convert("L"), "PNG"),
        "grey JPEG": encoded(image.convert("L"), "JPEG"),
        "CMYK JPEG": encoded(image.convert("CMYK"), "JPEG"),
        "palette": encoded(image.convert("P"), "PNG"),
        "WebP": encoded(image, "WEBP"),
        "GIF": encoded(image.convert("P"), "GIF"),
        "BMP": encoded(image, "BMP"),
        "63 px wide": png(RGB[:, :63]),
        "63 px high": png(RGB[:63]),
        "4097 px": encoded(Image.new("RGB", (4097, 64)), "PNG"),
        "5 MB": png(noise, compress_level=0),
        "text": b"this is no picture",
        "cut PNG": whole[:-30],
        "cut JPEG": encoded(image, "JPEG")[:200],
        "damaged PNG": whole[:60] + b"\x00\x00\x00" + whole[63:],
        "a bomb's header": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xff\xff\xff\xff\xff\xff\xff\x08\x02\0\0\0\0\0\0\0",
    }


PICTURES = {
    "RGBA": "image mode RGBA",
    "grey": "image mode L",
    "grey JPEG": "image mode L",
    "CMYK JPEG": "image mode CMYK",
    "palette": "image mode P",
    "WebP": "image format WEBP",
    "GIF": "image format GIF",
    "BMP": "image format BMP",
    "63 px wide": "image of (63, 64)",
    "63 px high": "image of (80, 63)",
    "4097 px": "image of (4097, 64)",
    "5 MB": "image of 5883411 bytes",
    "text": "the image is not a picture",
    "cut PNG": "the image is damaged",
    "cut JPEG": "the image is not a picture",
    "damaged PNG": "the image is damaged",
    "a bomb's header": "the image is not a picture",
}


def code(why: str) -> int:
    """Sides beyond the limits and files that cannot be decoded have codes of their own."""
    if why.startswith("image of (") and "5883411" not in why:
        return 50205
    return 50207 if why.endswith(("not a picture", "damaged")) else 50215


@pytest.mark.parametrize(("kind", "why"), PICTURES.items())
def test_a_picture_that_breaks_one_rule_is_refused_for_it(asker, kind, why):
    file = pictures()[kind]
    try:
        height, width = np.asarray(Image.open(io.BytesIO(file))).shape[:2]
    except Exception:  # noqa: BLE001 - Pillow raises anything on a broken file
        height, width = 64, 80
    mask = png(np.full((min(height, 5000), min(width, 5000)), 255, np.uint8))

    answer = asker.ask(binary_data_base64=asker.files(file, mask))
    assert why in refused(answer, asker.service, code(why))


@pytest.mark.parametrize(
    "image",
    [
        encoded(Image.fromarray(RGB), "JPEG"),
        encoded(Image.fromarray(RGB), "JPEG", progressive=True, subsampling=0),
        png(RGB),
        png(np.zeros((64, 64, 3), np.uint8)),
        encoded(Image.new("RGB", (4096, 64)), "PNG"),
        encoded(Image.new("RGB", (64, 4096)), "JPEG"),
    ],
)
def test_jpeg_and_png_within_the_limits_are_accepted(asker, image):
    width, height = Image.open(io.BytesIO(image)).size
    mask = png(np.full((height, width), 255, np.uint8))

    assert 10000 == asker.ask(binary_data_base64=asker.files(image, mask)).json()["code"]


def test_a_file_of_exactly_five_million_bytes_is_not_too_large(asker):
    whole = png(RGB)
    # an extra chunk before IEND, which decoders skip
    filling = b"teXt" + bytes(5_000_000 - len(whole) - 12)
    chunk = (len(filling) - 4).to_bytes(4, "big") + filling
    chunk += zlib.crc32(filling).to_bytes(4, "big")
    padded = whole[:-12] + chunk + whole[-12:]
    assert 5_000_000 == len(padded)

    assert 10000 == asker.ask(binary_data_base64=asker.files(padded)).json()["code"]


MASK = np.zeros((64, 80), np.uint8)
MASK[20:40, 20:60] = 255


def changed(value: int) -> np.ndarray:
    mask = MASK.copy()
    mask[0, 0] = value
    return mask


def masks() -> dict[str, bytes]:
    image = Image.fromarray(MASK)
    colour = np.repeat(MASK[..., None], 3, axis=2)
    unequal = colour.copy()
    unequal[30, 30, 2] = 0
    clear = np.concatenate([colour, np.full((64, 80, 1), 255, np.uint8)], axis=2)
    clear[5, 5, 3] = 254
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {
        "1 in place of 0": png(changed(1)),
        "254 in place of 255": png(np.where(MASK == 255, 254, 0).astype(np.uint8)),
        "grey": png(changed(128)),
        "ICC profile": png(MASK, icc_profile=profile),
        "16 bits": png(MASK.astype(np.uint16) * 257),
        "1 bit": encoded(image.convert("1"), "PNG"),
        "palette": encoded(image.convert("P"), "PNG"),
        "grey and alpha": encoded(image.convert("LA"), "PNG"),
        "unequal channels": png(unequal),
        "alpha of 254": png(clear),
        "JPEG": encoded(image, "JPEG"),
        "WebP": encoded(image.convert("RGB"), "WEBP", lossless=True),
        "other size": png(MASK[:, :79]),
        "turned": png(MASK.T.copy()),
        "empty": png(MASK * 0),
        "text": b"this is no picture",
        "cut": png(MASK)[:-30],
    }


MASKS = {
    "1 in place of 0": "other values than 0 and 255",
    "254 in place of 255": "other values than 0 and 255",
    "grey": "other values than 0 and 255",
    "ICC profile": "ICC profile",
    "16 bits": "PNG of 8 bits",
    "1 bit": "PNG of 8 bits",
    "palette": "mask mode P",
    "grey and alpha": "mask mode LA",
    "unequal channels": "not grey",
    "alpha of 254": "alpha is not 255",
    "JPEG": "PNG of 8 bits",
    "WebP": "PNG of 8 bits",
    "other size": "mask of (79, 64), image of (80, 64)",
    "turned": "mask of (64, 80), image of (80, 64)",
    "empty": "mask is empty",
    "text": "not a picture",
    "cut": "damaged",
}


@pytest.mark.parametrize(("kind", "why"), MASKS.items())
def test_a_mask_that_breaks_one_rule_is_refused_for_it(asker, kind, why):
    texts = asker.files(mask=masks()[kind])

    assert why in refused(asker.ask(binary_data_base64=texts), asker.service, code(why))


def test_grey_and_equal_channels_and_full_alpha_are_accepted_as_the_same_mask(asker):
    colour = np.repeat(MASK[..., None], 3, axis=2)
    opaque = np.concatenate([colour, np.full((64, 80, 1), 255, np.uint8)], axis=2)
    answers = [
        asker.ask(binary_data_base64=asker.files(mask=png(array))).json()["data"]
        for array in (MASK, colour, opaque)
    ]

    assert 3 == asker.service.billed
    assert 1 == len({data["binary_data_base64"][0] for data in answers})
    assert [800, 800, 800] == [call.pictures[1]["white"] for call in asker.service.ledger.calls()]


def test_the_ledger_notes_what_came_without_the_pictures(asker):
    asker.ask(scale=7.5, logo_info={"add_logo": True})
    call = asker.service.ledger.calls()[0]

    expected = {
        "req_key": "img2img_inpainting_edit_zi2i",
        "custom_prompt": "一只小狗",
        "seed": 1,
        "scale": 7.5,
        "logo_info": {"add_logo": True},
    }
    assert expected == call.fields
    size = len(base64.b64decode(asker.files()[0]))
    assert {"format": "PNG", "size": [80, 64], "bytes": size} == call.pictures[0]
    assert ("billed", 10000, 1) == (call.state, call.code, call.seed)
    json.dumps(asker.service.ledger.as_dict())
