"""What is erased is gone and what is extended goes on: by PatchMatch, and smoothly where that is missing."""

from __future__ import annotations

import base64
import colorsys
import io
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from simulated_service import painter, retouching
from skimage import data

# CC0, https://scikit-image.org/docs/stable/api/skimage.data.html#skimage.data.chelsea
CAT = np.ascontiguousarray(data.chelsea()[:224, :320])
ROWS, COLUMNS = np.mgrid[0:224, 0:320]
DISC = (ROWS - 60) ** 2 + (COLUMNS - 160) ** 2 < 30**2
FRAME = (ROWS < 40) | (COLUMNS < 40) | (ROWS >= 184) | (COLUMNS >= 280)
# a colour that no cat has
CYAN = (0, 255, 255)


@pytest.fixture(params=["patchmatch", "biharmonic"])
def retoucher(request, monkeypatch):
    """Both ways to fill."""
    if request.param == "patchmatch":
        pytest.importorskip("patchmatch", reason="pypatchmatch has no wheel here")
    else:
        monkeypatch.setitem(sys.modules, "patchmatch", None)  # as if it were not installed
    return retouching.retoucher()


def file(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def painted(retoucher, pixels, mask, seed=1, prompt="", fill=True):
    image = retoucher.paint(Image.fromarray(pixels), mask, seed, prompt, fill=fill)
    return np.asarray(image).astype(int)


def with_object(colour=CYAN):
    pixels = CAT.copy()
    pixels[DISC] = colour
    return pixels


@pytest.mark.parametrize(
    ("mask", "fill"), [(DISC, True), (DISC, False), (FRAME, True)], ids=["fill", "paint", "frame"]
)
def test_nothing_outside_the_mask_is_touched(retoucher, mask, fill):
    result = painted(retoucher, CAT, mask, prompt="hat", fill=fill)

    assert np.array_equal(CAT[~mask], result[~mask])
    assert not np.array_equal(CAT[mask], result[mask])


def test_nothing_is_left_of_what_was_erased(retoucher):
    result = painted(retoucher, with_object(), DISC)

    # whatever stood there, the same is painted
    assert np.array_equal(result, painted(retoucher, with_object((255, 0, 255)), DISC))
    # and it looks like the cat that was there before: as far from her as her fur varies, not as cyan is
    off = np.abs(result - CAT)[DISC].mean()
    assert off < 1.5 * CAT[DISC].std()
    assert off < np.abs(np.array(CYAN) - CAT[DISC]).mean() / 3


def test_what_is_extended_goes_on(retoucher):
    grey = CAT.copy()
    grey[FRAME] = 128  # as core's node pads
    result = painted(retoucher, grey, FRAME)

    rim = FRAME & ((abs(ROWS - 111.5) < 80) & (abs(COLUMNS - 159.5) < 128))
    # within eight pixels of the old rim
    assert np.abs(result - CAT)[rim].mean() < np.abs(128 - CAT.astype(int))[rim].mean()


def test_patch_match_keeps_the_grain_of_fur():
    pytest.importorskip("patchmatch", reason="pypatchmatch has no wheel here")
    result = painted(retouching.retoucher(), with_object(), DISC)

    def grain(pixels):
        light = pixels.astype(float).mean(axis=2)
        return np.abs(np.diff(light, axis=1))[DISC[:, 1:]].mean()

    assert 0.5 < grain(result) / grain(CAT) < 1.5


def test_another_seed_fills_otherwise_and_the_same_one_alike_even_side_by_side(retoucher):
    seeds = (1, 2, 3, 1, 2, 3)
    with ThreadPoolExecutor(3) as pool:
        pictures = list(pool.map(lambda seed: painted(retoucher, CAT, DISC, seed), seeds))

    for first, again in zip(pictures[:3], pictures[3:], strict=True):
        assert np.array_equal(first, again)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(pictures[one] - pictures[other])[DISC].mean() > 2


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_painted_lies_lightly_over_the_fill_in_the_seeds_colour(retoucher, seed):
    filled = painted(retoucher, CAT, DISC, seed)
    result = painted(retoucher, CAT, DISC, seed, "帽子", fill=False)
    added = (result - filled)[DISC]

    assert 10 < np.abs(added).mean() < 60
    # the colour of what was added, beside that of the painter in colours
    bright = painted(painter.Colours(), CAT, DISC, seed, "帽子")[DISC].mean(axis=0)
    tinted = filled[DISC].mean(axis=0) + 4 * added.mean(axis=0)
    hues = [colorsys.rgb_to_hsv(*np.clip(colour, 0, 255))[0] for colour in (bright, tinted)]
    assert abs((hues[0] - hues[1] + 0.5) % 1 - 0.5) < 0.1


@pytest.mark.parametrize("fill", [True, False])
def test_every_picture_is_labelled_in_small_letters_within_the_mask(retoucher, monkeypatch, fill):
    with_label = painted(retoucher, CAT, DISC, fill=fill)
    monkeypatch.setattr(painter, "LABEL", " " * 9)
    changed = (with_label != painted(retoucher, CAT, DISC, fill=fill)).any(axis=2)

    assert not (changed & ~DISC).any()
    rows, columns = np.nonzero(changed)
    assert np.ptp(rows) < 16
    assert np.ptp(columns) > 30


@pytest.mark.parametrize(
    "mask",
    [
        pytest.param(np.ones(DISC.shape, bool), id="all"),
        pytest.param((ROWS + COLUMNS) > 0, id="all but one"),
        pytest.param((ROWS == 3) & (COLUMNS == 3), id="one"),
        pytest.param(ROWS == 100, id="a line"),
    ],
)
def test_masks_of_any_kind_are_painted(retoucher, mask):
    result = painted(retoucher, CAT, mask)

    assert np.array_equal(CAT[~mask], result[~mask])


def test_a_large_picture_is_filled_as_well(retoucher):
    size = (960, 672)
    large = np.asarray(Image.fromarray(CAT).resize(size, Image.Resampling.LANCZOS))
    hole = np.asarray(Image.fromarray(DISC).resize(size))
    result = painted(retoucher, large, hole)

    assert np.array_equal(large[~hole], result[~hole])
    assert np.abs(result - large)[hole].mean() < 1.5 * large[hole].std()


@pytest.mark.parametrize(
    ("wanted", "fields"),
    [
        (False, {"custom_prompt": "cat"}),
        # no wider than its mask, though the interface widens it
        (True, {"req_key": "i2i_inpainting", "custom_prompt": None}),
    ],
    ids=["something new", "an erasure"],
)
def test_an_answer_brings_what_its_interface_is_for_and_says_who_painted(
    asker, monkeypatch, retoucher, wanted, fields
):
    monkeypatch.setattr(asker.service, "artist", retoucher)
    answer = asker.ask(**fields).json()
    mask = asker.mask > 0
    expected = retoucher.paint(Image.fromarray(asker.image), mask, 1, "cat", fill=wanted)

    assert retoucher.message == answer["message"]
    file = base64.b64decode(answer["data"]["binary_data_base64"][0])
    assert painter.jpeg(expected) == file


def test_a_segmentation_is_nobody_s_painting(asker, monkeypatch, retoucher):
    monkeypatch.setattr(asker.service, "artist", retoucher)
    answer = asker.ask(
        req_key="saliency_seg",
        only_mask=1,
        custom_prompt=None,
        seed=None,
        binary_data_base64=[base64.b64encode(file(CAT)).decode()],
    ).json()

    assert "Success" == answer["message"]


def test_the_message_names_what_is_installed_here(monkeypatch):
    pytest.importorskip("patchmatch", reason="pypatchmatch has no wheel here")
    assert "by PatchMatch" in retouching.retoucher().message
    monkeypatch.setitem(sys.modules, "patchmatch", None)
    assert "pypatchmatch is not installed" in retouching.retoucher().message
    monkeypatch.setitem(sys.modules, "skimage.restoration", None)
    assert "neither pypatchmatch nor scikit-image" in retouching.retoucher().message
    assert "Success" == painter.Colours().message
