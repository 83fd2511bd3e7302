"""What it paints: the mask visibly by seed and labelled, the rest as JPEG leaves it; and that it knows nothing of us."""

from __future__ import annotations

import ast
import base64
import io
from pathlib import Path

import numpy as np
import pytest
import simulated_service
from PIL import Image
from scipy import ndimage
from simulated_service import painter
from skimage import data

# CC0, https://scikit-image.org/docs/stable/api/skimage.data.html#skimage.data.chelsea
CAT = np.ascontiguousarray(data.chelsea()[:296, :448])
ROWS, COLUMNS = np.mgrid[0:296, 0:448]
DISC = (ROWS - 150) ** 2 + (COLUMNS - 220) ** 2 < 90**2
RING = DISC & ((ROWS - 150) ** 2 + (COLUMNS - 220) ** 2 > 45**2)
COMBED = DISC & ((ROWS - 61) % 3 != 1)
TWO = (DISC & (ROWS < 110)) | ((ROWS > 250) & (COLUMNS > 300))


def png(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def sent(asker, mask: np.ndarray, **fields: object) -> bytes:
    """The file that comes back for the cat with `mask`."""
    files = asker.files(png(CAT), png(mask.astype(np.uint8) * 255))
    answer = asker.ask(binary_data_base64=files, **fields).json()
    return base64.b64decode(answer["data"]["binary_data_base64"][0])


def pixels(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB")).astype(int)


@pytest.mark.parametrize("mask", [DISC, RING, TWO, COMBED], ids=["disc", "ring", "two", "combed"])
def test_before_the_encoding_nothing_outside_the_mask_is_touched(mask):
    painted = np.asarray(painter.repaint(Image.fromarray(CAT), mask, 1, "一只小狗"))

    assert np.array_equal(CAT[~mask], painted[~mask])
    assert (CAT[mask] != painted[mask]).any(axis=1).mean() > 0.99


def test_the_whole_picture_comes_back_as_a_jpeg(asker):
    file = sent(asker, DISC)
    image = Image.open(io.BytesIO(file))

    assert ("JPEG", "RGB", (448, 296)) == (image.format, image.mode, image.size)
    # farther from the mask than a block of JPEG reaches: exactly what JPEG makes of the original
    far = np.ones(DISC.shape, bool)
    rows, columns = np.flatnonzero(DISC.any(axis=1)), np.flatnonzero(DISC.any(axis=0))
    far[rows[0] - 32 : rows[-1] + 32, columns[0] - 32 : columns[-1] + 32] = False
    again = io.BytesIO()
    Image.fromarray(CAT).save(again, "JPEG", quality=92)
    assert np.array_equal(pixels(again.getvalue())[far], pixels(file)[far])
    assert not np.array_equal(CAT[far], pixels(file)[far])
    assert np.abs(pixels(file) - CAT)[~DISC].mean() < 4


def test_seeds_paint_visibly_different_pictures(asker):
    seeds = [pixels(sent(asker, DISC, seed=seed))[DISC] for seed in (1, 2, 3, 4)]
    differences = [
        np.abs(one - other).mean() for number, one in enumerate(seeds) for other in seeds[:number]
    ]

    assert min(differences) > 30


def test_the_same_request_paints_the_same_picture(asker):
    assert sent(asker, DISC, seed=5) == sent(asker, DISC, seed=5)


def test_another_prompt_paints_another_picture(asker):
    first, second = (pixels(sent(asker, DISC, custom_prompt=text)) for text in ("cat", "dog"))

    assert np.abs(first - second)[DISC].mean() > 10


def test_a_seed_of_minus_one_is_drawn(asker):
    assert sent(asker, DISC, seed=-1) != sent(asker, DISC, seed=-1)


@pytest.mark.parametrize("mask", [DISC, RING, TWO], ids=["disc", "ring", "two"])
def test_the_label_is_white_letters_within_the_mask(monkeypatch, mask):
    with_label = np.asarray(painter.repaint(Image.fromarray(CAT), mask, 1, "x")).astype(int)
    monkeypatch.setattr(painter, "LABEL", " ")
    without = np.asarray(painter.repaint(Image.fromarray(CAT), mask, 1, "x")).astype(int)
    changed = (with_label != without).any(axis=2)

    letters = changed & (with_label.min(axis=2) > 250)
    assert letters.sum() > 100
    assert not (changed & ~mask).any()
    # nine capitals on one line: several times as wide as high
    rows, columns = np.nonzero(letters)
    assert 4 < (np.ptp(columns) + 1) / (np.ptp(rows) + 1) < 10


@pytest.mark.parametrize(
    ("position", "corner"),
    [(0, "bottom right"), (1, "bottom left"), (2, "top left"), (3, "top right")],
)
def test_the_watermark_stands_in_the_corner_asked_for(asker, position, corner):
    plain = pixels(sent(asker, DISC))
    info = {"add_logo": True, "position": position, "opacity": 1.0, "language": 1}
    marked = np.abs(pixels(sent(asker, DISC, logo_info=info)) - plain).max(axis=2) > 60
    rows, columns = np.nonzero(marked)

    vertical = "bottom" if rows.min() > 148 else "top" if rows.max() < 148 else "both"
    horizontal = "right" if columns.min() > 224 else "left" if columns.max() < 224 else "both"
    assert corner == f"{vertical} {horizontal}"


def test_a_watermark_that_is_not_wanted_is_not_drawn(asker):
    assert sent(asker, DISC) == sent(asker, DISC, logo_info={"add_logo": False, "opacity": 1.0})
    assert sent(asker, DISC) == sent(asker, DISC, logo_info={"opacity": 1.0})


def test_the_watermark_follows_opacity_language_and_own_text(asker):
    def mark(**info: object) -> bytes:
        return sent(asker, DISC, logo_info={"add_logo": True, **info})

    files = [mark(), mark(opacity=0.9), mark(language=1), mark(logo_text_content="demo")]
    assert 4 == len(set(files))
    assert files[0] == mark(opacity=0.3, language=0, position=0)


def test_the_service_imports_nothing_of_the_pack():
    folder = Path(simulated_service.__file__).parent
    imported = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level <= 1, f"{file.name} reaches out of its folder"
                imported |= {node.module.split(".")[0]} if not node.level and node.module else set()

    assert set() == imported & {
        "nodes",
        "volc_inpaint",
        "harness",
        "requests",
        "volcengine",
        "importlib",
    }


def test_a_service_that_works_at_one_size_paints_and_answers_at_it(asker):
    asker.service.configure({"works_at": 224})
    picture = pixels(sent(asker, DISC))

    # half of 448x296, and the disc with it
    assert (148, 224, 3) == picture.shape
    assert np.abs(picture[40:110, 75:145] - CAT[80:220:2, 150:290:2]).mean() > 20
    assert np.abs(picture[:20, :60] - CAT[:40:2, :120:2]).mean() < 12


def test_a_drift_changes_all_colours_of_an_answer_alike():
    ramp = Image.fromarray(np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2))

    cast = np.asarray(painter.drifted(ramp, cast=(4, 0, -3))).astype(int)
    assert [104, 100, 97] == cast[0, 100].tolist()
    assert [255, 255, 252] == cast[0, 255].tolist()
    flat = np.asarray(painter.drifted(ramp, contrast=0.5))
    assert [64, 128, 191] == flat[0, [0, 128, 255], 0].tolist()
    bright = np.asarray(painter.drifted(ramp, gamma=2.0))
    # the root of a quarter is a half
    assert [0, 128, 255] == bright[0, [0, 64, 255], 1].tolist()


@pytest.mark.parametrize("radius", [0, 1, 7, 15])
def test_a_widened_mask_reaches_as_far_as_scipy_says(radius):
    mask = np.random.default_rng(3).random((90, 120)) > 0.999
    mask[0, 0] = mask[-1, 60] = True

    assert np.array_equal(
        ndimage.distance_transform_edt(~mask) <= radius, painter.widened(mask, radius)
    )
