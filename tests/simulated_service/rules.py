"""What the service takes: fields, types, ranges, pictures, masks (https://www.volcengine.com/docs/86081/1804490).

Unknown fields are refused too. The real service may ignore them, but a misspelled name must not go unnoticed here.
"""

from __future__ import annotations

import base64
import io
import json
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from .refusals import Refusal

# "5 MB" in the strict reading: 5,000,000 bytes of file.
MAX_FILE_BYTES = 5_000_000
SIDES = (64, 4096)
# https://www.volcengine.com/docs/6793/1330693 and https://www.volcengine.com/docs/85621/1976207: 4.7 MB, on the base64
# text as the first of them says
SIBLING_FILE_BYTES = 3_525_000
SEGMENTATION_SIDES = (128, 4096)
BLOCKED_WORD = "blocked-word"

Check = Callable[[Any], bool]


def _integer(low: int, high: int) -> Check:
    return lambda value: type(value) is int and low <= value <= high


def _number(low: float, high: float) -> Check:
    return lambda value: type(value) in (int, float) and low <= value <= high


def _boolean(value: Any) -> bool:
    return type(value) is bool


def _text(value: Any) -> bool:
    return type(value) is str


LOGO: dict[str, Check] = {
    "add_logo": _boolean,
    "position": _integer(0, 3),
    "language": _integer(0, 1),
    "opacity": _number(0, 1),
    "logo_text_content": _text,
}


def logo(value: Any) -> bool:
    """Whether `value` is a valid `logo_info`."""
    return type(value) is dict and all(
        name in LOGO and LOGO[name](inner) for name, inner in value.items()
    )


FIELDS: dict[str, dict[str, Check]] = {
    "img2img_inpainting_edit_zi2i": {
        "custom_prompt": _text,
        "return_url": _boolean,
        "steps": _integer(1, 2**31 - 1),
        "scale": _number(1, 20),
        "seed": _integer(-1, 2**31 - 1),
        "logo_info": logo,
    },
    # https://www.volcengine.com/docs/85621/1976207
    "jimeng_image2image_dream_inpaint": {"prompt": _text, "seed": _integer(-1, 2**31 - 1)},
    # https://www.volcengine.com/docs/85621/2375477, with a canvas and a mask; `top`, `bottom`, `left`, `right` go with one
    # picture instead, which is not simulated
    "jimeng_img2img_seed3_painting_edit": {
        "prompt": lambda value: _text(value) and len(value) <= 800,
        "seed": _integer(-1, 2**31 - 1),
    },
    # https://www.volcengine.com/docs/6791/1223709; the watermark as in the typed SDK, without opacity
    "i2i_inpainting": {
        "logo_info": lambda value: logo(value) and "opacity" not in value,
        "return_url": _boolean,
        "steps": _integer(1, 2**31 - 1),
        "strength": _number(0.1, 1),
        "scale": _number(1, 20),
        "seed": _integer(0, 2**31 - 1),
        "dilate_size": _integer(0, 2**31 - 1),
        "quality": lambda value: value in ("H", "M", "L"),
    },
    # https://www.volcengine.com/docs/6793/1330693
    "saliency_seg": {
        "only_mask": _integer(0, 4),
        "rgb": lambda value: type(value) is list and all(map(_integer(-1, 255), value)),
        "refine_mask": _integer(0, 2),
        "return_url": _boolean,
    },
    # https://www.volcengine.com/docs/6793/1317296
    "entity_seg": {
        "max_entity": _integer(1, 100),
        "refine_mask": _integer(0, 1),
        "return_format": _integer(0, 4),
    },
}
SEGMENTATION = ("saliency_seg", "entity_seg")
PROMPTS = {
    "img2img_inpainting_edit_zi2i": "custom_prompt",
    "jimeng_image2image_dream_inpaint": "prompt",
    "jimeng_img2img_seed3_painting_edit": "prompt",
}
PROMPTLESS = ("jimeng_img2img_seed3_painting_edit",)
# Whose file is a PNG; all others answer a JPEG.
PNG_ANSWERS = ("jimeng_img2img_seed3_painting_edit",)
# Those that go on with what surrounds the mask, whatever they are told; the successor does it for one prompt.
FILLING = ("i2i_inpainting", "jimeng_img2img_seed3_painting_edit")
ERASE = "删除"
# How far beyond the mask they paint, px, unless `dilate_size` says otherwise: https://www.volcengine.com/docs/6791/1223709
WIDENING = {"i2i_inpainting": 15}
CLASSIC = "img2img_inpainting_edit_zi2i"
SUBMIT, QUERY = "CVSync2AsyncSubmitTask", "CVSync2AsyncGetResult"
SUBMITTED = ("jimeng_image2image_dream_inpaint", "jimeng_img2img_seed3_painting_edit")
SIBLINGS = (*SUBMITTED, "i2i_inpainting")
# What no seed means; -1 is random.
SEEDS = {
    "img2img_inpainting_edit_zi2i": -1,
    "jimeng_image2image_dream_inpaint": 101,
    "i2i_inpainting": 0,
    "jimeng_img2img_seed3_painting_edit": -1,
}


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name twice")
    return values


def name(body: bytes) -> str:
    """The interface that a body names; empty if it names none."""
    try:
        return str(_object(body).get("req_key", ""))
    except Refusal:
        return ""


def fields(body: bytes, action: str = "CVProcess") -> dict[str, Any]:
    """The fields of a body that asks for a picture, checked by name, type and range."""
    values = _object(body)
    req_key = values.get("req_key")
    if type(req_key) is not str or req_key not in FIELDS:
        raise Refusal(50215, f"req_key {str(req_key)[:80]!r}")
    moved = req_key == CLASSIC and action == SUBMIT
    if (req_key in SUBMITTED) != (action == SUBMIT) and not moved:
        raise Refusal(50215, f"req_key {req_key} with Action {action}")
    checks = {
        name: check
        for name, check in FIELDS[req_key].items()
        if not (moved and name in ("return_url", "logo_info"))  # those go with the question
    }
    _check(values, checks, ("req_key", "binary_data_base64", "image_urls"))
    prompt = PROMPTS.get(req_key)
    if prompt:
        text = values.get(prompt, "")
        if not text.strip() and req_key not in PROMPTLESS:
            raise Refusal(50201, f"{prompt} is required")
        if BLOCKED_WORD in text:
            raise Refusal(50413)
    return values


def fills(values: dict[str, Any]) -> bool:
    """Whether a valid request asks to go on with what surrounds the mask, rather than for something new."""
    req_key = values["req_key"]
    return req_key in FILLING or str(values.get(PROMPTS.get(req_key, ""), "")).strip() == ERASE


def query(body: bytes) -> dict[str, Any]:
    """The fields of a body that asks for a task, and those in its `req_json`, checked alike."""
    values = _object(body)
    if values.get("req_key") not in (*SUBMITTED, CLASSIC):
        raise Refusal(50215, f"req_key {str(values.get('req_key'))[:80]!r}")
    if not _text(values.get("task_id")) or not values["task_id"]:
        raise Refusal(50201, "task_id is required")
    _check(values, {"req_json": _text}, ("req_key", "task_id"))
    wishes = _object(values.get("req_json", "{}").encode())
    _check(wishes, {"return_url": _boolean, "logo_info": logo, "aigc_meta": label}, ())
    return {**values, "wishes": wishes}


def label(value: Any) -> bool:
    """Whether `value` is a valid `aigc_meta`."""
    names = ("content_producer", "producer_id", "content_propagator", "propagate_id")
    return (
        type(value) is dict
        and "producer_id" in value
        and all(
            name in names and _text(inner) and 0 < len(inner) <= 256
            for name, inner in value.items()
        )
    )


def _object(text: bytes) -> dict[str, Any]:
    try:
        values = json.loads(
            text.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_each_name_once
        )
    except (ValueError, RecursionError):
        raise Refusal(50215, "not JSON in UTF-8") from None
    if type(values) is not dict:
        raise Refusal(50215, "not an object")
    return values


def _check(values: dict[str, Any], checks: dict[str, Check], others: tuple[str, ...]) -> None:
    for name, value in values.items():
        if name in others:
            continue
        if name not in checks:
            raise Refusal(50215, f"unknown field {name}")
        if not checks[name](value):
            raise Refusal(50215, f"{name} = {str(value)[:80]!r}")


def files(values: dict[str, Any], fetch: Callable[[str], bytes], count: int = 2) -> list[bytes]:
    """The picture files of a request: sent along as base64, or fetched from their links."""
    encoded, urls = values.get("binary_data_base64"), values.get("image_urls")
    if encoded is None and urls is None:
        raise Refusal(50206, "binary_data_base64 or image_urls is needed")
    if encoded is not None and urls is not None:
        raise Refusal(50215, "one of binary_data_base64 and image_urls is needed")
    texts = encoded if encoded is not None else urls
    if (
        type(texts) is not list
        or len(texts) != count
        or not all(type(text) is str for text in texts)
    ):
        raise Refusal(50215, f"{count} pictures are needed")
    if urls is not None:
        return [fetch(url) for url in urls]
    try:
        return [base64.b64decode(text, validate=True) for text in texts]
    except ValueError:
        raise Refusal(50207, "not plain base64") from None


def picture(file: bytes, *, segmentation: bool = False, sibling: bool = False) -> Image.Image:
    """The picture of a file that keeps the rules: those of zi2i, of segmentation, or of a sibling that repaints."""
    if len(file) > (SIBLING_FILE_BYTES if segmentation or sibling else MAX_FILE_BYTES):
        raise Refusal(50215, f"image of {len(file)} bytes")
    image = _open(file, "image")
    if image.format not in (("JPEG", "PNG", "BMP") if segmentation else ("JPEG", "PNG")):
        raise Refusal(50215, f"image format {image.format}")
    least, most = SEGMENTATION_SIDES if segmentation else SIDES
    if not all(least <= side <= most for side in image.size):
        raise Refusal(50205, f"image of {image.size}")
    if image.mode != "RGB":
        raise Refusal(50215, f"image mode {image.mode}")
    return _load(image, "image")


def mask(file: bytes, size: tuple[int, int]) -> np.ndarray[Any, Any]:
    """The mask of a file that keeps the rules, bool [H, W]."""
    image = _open(file, "mask")
    if image.format != "PNG" or file[24] != 8:
        raise Refusal(50215, "the mask must be a PNG of 8 bits")
    if "icc_profile" in image.info:
        raise Refusal(50215, "the mask has an ICC profile")
    if image.size != size:
        raise Refusal(50215, f"mask of {image.size}, image of {size}")
    if image.mode not in ("L", "RGB", "RGBA"):
        raise Refusal(50215, f"mask mode {image.mode}")
    values = np.asarray(_load(image, "mask"))
    if values.ndim == 3:
        if values.shape[2] == 4 and (values[..., 3] != 255).any():
            raise Refusal(50215, "the mask's alpha is not 255")
        if (values[..., 0] != values[..., 1]).any() or (values[..., 0] != values[..., 2]).any():
            raise Refusal(50215, "the mask is not grey")
        values = values[..., 0]
    if not np.isin(values, (0, 255)).all():
        raise Refusal(50215, "the mask holds other values than 0 and 255")
    if not values.any():
        raise Refusal(50215, "the mask is empty")
    white: np.ndarray[Any, Any] = values == 255
    return white


def _open(file: bytes, what: str) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(file))
    except Exception:  # noqa: BLE001 - Pillow raises anything on a broken file
        raise Refusal(50207, f"the {what} is not a picture") from None


def _load(image: Image.Image, what: str) -> Image.Image:
    try:
        image.load()
    except Exception:  # noqa: BLE001 - Pillow raises anything on a broken file
        raise Refusal(50207, f"the {what} is damaged") from None
    return image
