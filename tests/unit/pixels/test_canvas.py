"""Answers pasted back: exact in the mask, untouched beyond the feather, whatever the picture."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from harness import graphs
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage
from volc_inpaint.nodes.pixels import colors
from volc_inpaint.nodes.pixels.canvas import Canvas, check_fits
from volc_inpaint.nodes.pixels.region import Region
from volc_inpaint.nodes.words import InputError

Pixels = np.ndarray[Any, Any]


def whole(height: int, width: int) -> Region:
    return Region(0, 0, width, height, width, height)


def random_answer(height: int, width: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def random_picture(height: int, width: int, channels: int = 3, count: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(height * width)
    return torch.rand((count, height, width, channels), generator=generator)


def pasted(
    image: torch.Tensor, mask: Pixels, answer: Pixels, feather: int, place: Region | None = None
) -> torch.Tensor:
    """One answer in one picture."""
    board = Canvas(image, 1, [mask], [place or whole(*mask.shape)], feather)
    board.put(0, Image.fromarray(answer))
    return board.batch()


def bits(tensor: torch.Tensor) -> torch.Tensor:
    """Floats as the bits they are, so that NaN equals itself and 0.0 is not -0.0."""
    return tensor.contiguous().view(torch.int32)


# -- paste back, case by case


def reference(original: Pixels, mask: Pixels, answer: Pixels, feather: int) -> Pixels:
    """Paste back in float64, over the whole picture at once; `answer` has the picture's size."""
    distance = ndimage.distance_transform_edt(~mask)
    share = np.where(distance > feather, 0, 1 - distance / (feather + 1))
    share = np.where(mask, 1, share * share * (3 - 2 * share))[..., None]
    return share * (answer / 255) + (1 - share) * original


def spot(height: int, width: int) -> Pixels:
    """A mask with an island in the middle and one pixel by itself."""
    mask = graphs.ellipse(height, width)
    mask[3, 5] = True
    return mask


def boxes(*corners: tuple[int, int, int, int]) -> Pixels:
    """A mask of 96x130 from boxes (top, left, bottom, right)."""
    mask = np.zeros((96, 130), bool)
    for top, left, bottom, right in corners:
        mask[top:bottom, left:right] = True
    return mask


MASKS = {
    "a spot": spot(96, 130),
    "one pixel": boxes((50, 60, 51, 61)),
    "a corner": boxes((0, 0, 5, 7)),
    "two far apart": boxes((0, 0, 4, 4), (92, 126, 96, 130)),
    "all of it": boxes((0, 0, 96, 130)),
}
CASES = [
    *itertools.product(["a spot"], [1, 3, 4], [torch.float32, torch.float16, torch.float64], [8]),
    *itertools.product(MASKS, [3], [torch.float32], [0, 1, 8, 256]),
    ("a spot", 3, torch.bfloat16, 8),
]


@pytest.mark.parametrize(("name", "channels", "dtype", "feather"), CASES)
def test_paste_back_changes_what_it_should_and_nothing_else(
    name: str, channels: int, dtype: torch.dtype, feather: int
) -> None:
    mask = MASKS[name]
    # a range beyond 0..1 on both sides
    image = (random_picture(96, 130, channels) * 3 - 1).to(dtype)
    before = image.clone()
    answer = random_answer(96, 130)

    result = pasted(image, mask, answer, feather)

    # one channel becomes three, a fourth is kept
    shown = image.expand(-1, -1, -1, 3 if channels == 1 else channels)
    assert result.dtype == dtype
    assert result.shape == shown.shape
    assert result.is_contiguous()
    beyond = torch.from_numpy(ndimage.distance_transform_edt(~mask) > feather)[None]
    assert torch.equal(result[beyond], shown[beyond])
    assert torch.equal(result[..., 3:], shown[..., 3:])
    exact = torch.from_numpy(answer / 255).to(dtype)
    assert torch.equal(result[0, mask][:, :3], exact[mask])
    expected = reference(shown[0, ..., :3].double().numpy(), mask, answer, feather)
    # a half has 11 bits, a bfloat16 8, for values up to 2
    allowed = {torch.float16: 2**-10, torch.bfloat16: 2**-7}.get(dtype, 1e-6)
    assert np.abs(result[0, ..., :3].double().numpy() - expected).max() < allowed
    assert torch.equal(image, before)


def test_nan_and_infinity_beyond_the_mask_come_back_bit_for_bit() -> None:
    image = random_picture(40, 50)
    image[0, ::7, ::5] = float("nan")
    image[0, 1::7, ::5] = float("inf")
    image[0, 2::7, ::5] = -0.0
    mask = np.zeros((40, 50), bool)
    mask[10:20, 10:20] = True

    result = pasted(image, mask, random_answer(40, 50), 0)

    outside = torch.from_numpy(~mask)[None]
    assert torch.equal(bits(result[outside]), bits(image[outside]))
    assert not result[0, mask].isnan().any()


@pytest.mark.parametrize("broken", [float("inf"), float("-inf"), float("nan")])
def test_in_the_feather_the_answer_stands_where_the_original_is_no_number(broken: float) -> None:
    image = random_picture(40, 50)
    image[0, 15, 21] = broken
    mask = np.zeros((40, 50), bool)
    mask[10:20, 10:20] = True
    answer = random_answer(40, 50)

    result = pasted(image, mask, answer, 4)

    exact = torch.from_numpy(answer[15, 21].astype(np.float32) / np.float32(255))
    assert torch.allclose(result[0, 15, 21], exact, atol=1e-6)
    assert result.isfinite().all()


def test_a_picture_on_a_strided_view_is_read_and_left_alone() -> None:
    wide = random_picture(80, 120)
    image = wide[:, ::2, 1::2].flip(2)
    mask = spot(40, 60)

    result = pasted(image, mask, random_answer(40, 60), 4)

    beyond = torch.from_numpy(ndimage.distance_transform_edt(~mask) > 4)[None]
    assert torch.equal(result[beyond], image[beyond])
    assert torch.equal(wide, random_picture(80, 120))


# -- batches


@pytest.mark.parametrize(("pictures", "variants"), [(1, 1), (1, 4), (3, 1), (2, 3)])
def test_a_batch_equals_one_by_one_and_is_image_major(pictures: int, variants: int) -> None:
    images = random_picture(48, 64, count=pictures)
    masks = [np.roll(spot(48, 64), 5 * number, axis=1) for number in range(pictures)]
    answers = [random_answer(48, 64, seed) for seed in range(pictures * variants)]
    board = Canvas(images, variants, masks, [whole(48, 64)] * pictures, 8)
    # as they arrive: in any order, from several threads
    with ThreadPoolExecutor(3) as threads:
        list(
            threads.map(
                lambda index: board.put(index, Image.fromarray(answers[index])),
                reversed(range(len(answers))),
            )
        )

    batch = board.batch()

    one_by_one = [
        pasted(images[number : number + 1], masks[number], answers[number * variants + variant], 8)
        for number in range(pictures)
        for variant in range(variants)
    ]
    assert torch.equal(batch, torch.cat(one_by_one))


def test_only_what_arrived_is_in_the_batch_in_order() -> None:
    images = random_picture(48, 64)
    answers = [random_answer(48, 64, seed) for seed in range(4)]
    board = Canvas(images, 4, [spot(48, 64)], [whole(48, 64)], 0)
    for index in (3, 1):
        board.put(index, Image.fromarray(answers[index]))

    batch = board.batch([3, 1])

    expected = [pasted(images, spot(48, 64), answers[index], 0) for index in (1, 3)]
    assert torch.equal(batch, torch.cat(expected))


@settings(derandomize=True, deadline=None, max_examples=150)
@given(
    st.integers(1, 60), st.integers(1, 60), st.integers(0, 30), st.integers(0, 2**32 - 1), st.data()
)
def test_outside_the_feather_nothing_changes_and_twice_is_once(
    height: int, width: int, feather: int, seed: int, data: st.DataObject
) -> None:
    random = np.random.default_rng(seed)
    image = torch.from_numpy(random.normal(0.5, 1, (1, height, width, 3)).astype(np.float32))
    mask = random.random((height, width)) < data.draw(st.sampled_from([0.001, 0.02, 0.3, 1]))
    mask[random.integers(height), random.integers(width)] = True
    scale = data.draw(st.sampled_from([1, 1, 0.5, 2.3]))
    answer = random_answer(max(1, int(height * scale)), max(1, int(width * scale)), seed % 1000)

    board = Canvas(image, 1, [mask], [whole(height, width)], feather)
    board.put(0, Image.fromarray(answer))
    once = board.batch().clone()
    board.put(0, Image.fromarray(answer))

    beyond = torch.from_numpy(ndimage.distance_transform_edt(~mask) > feather)[None]
    assert torch.equal(once[beyond], image[beyond])
    assert torch.equal(board.batch(), once)
    if scale == 1:
        # and on its own result: the mask takes the same answer again, the rest is as it was
        assert torch.equal(pasted(once, mask, answer, 0), once)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_what_is_not_sent_of_a_batch_comes_back_bit_for_bit_once_a_variant(channels: int) -> None:
    images = random_picture(48, 64, channels, count=3)
    images[2, 3, 4] = float("nan")
    mask, empty = spot(48, 64), np.zeros((48, 64), bool)
    board = Canvas(images, 2, [empty, mask, empty], [None, whole(48, 64), None], 4)
    for index in (3, 2):
        board.put(index, Image.fromarray(random_answer(48, 64, index)))

    kept = board.keep()

    assert kept == [0, 1, 4, 5]
    batch = board.batch([*kept, 2, 3])
    shown = images.expand(-1, -1, -1, 3 if channels == 1 else channels)
    for place, picture in zip(kept, (0, 0, 2, 2), strict=True):
        assert torch.equal(bits(batch[place]), bits(shown[picture]))
    alone = [pasted(images[1:2], mask, random_answer(48, 64, index), 4) for index in (2, 3)]
    assert torch.equal(batch[2:4], torch.cat(alone))


def saved(image: torch.Tensor) -> Pixels:
    """The bytes that ComfyUI's SaveImage writes: multiplied in the tensor's own precision, and truncated."""
    return np.clip(255.0 * image.cpu().numpy(), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_what_a_core_node_would_have_saved_is_what_is_saved_after_a_paste(
    dtype: torch.dtype,
) -> None:
    image = (random_picture(96, 130) * 1.2 - 0.1).to(dtype)
    mask, answer = spot(96, 130), random_answer(96, 130)

    result = pasted(image, mask, answer, 8)

    beyond = ndimage.distance_transform_edt(~mask) > 8
    assert np.array_equal(saved(result[0])[beyond], saved(image[0])[beyond])
    assert np.array_equal(saved(result[0])[mask], answer[mask])


# -- crops, and answers of another size


def test_a_crop_is_pasted_where_it_was_cut() -> None:
    image = random_picture(100, 200)
    mask = np.zeros((100, 200), bool)
    mask[60:70, 150:170] = True
    place = Region(120, 30, 64, 64, 64, 64)
    answer = random_answer(64, 64)

    result = pasted(image, mask, answer, 0, place)

    expected = image.clone()
    expected[0, 60:70, 150:170] = torch.from_numpy(answer[30:40, 30:50] / np.float32(255))
    assert torch.equal(result, expected)


def test_nothing_outside_the_crop_changes_though_the_feather_would_reach_it() -> None:
    image = random_picture(100, 200)
    mask = np.zeros((100, 200), bool)
    mask[30:94, 122:184] = True
    place = Region(120, 30, 64, 64, 64, 64)

    result = pasted(image, mask, random_answer(64, 64), 20, place)

    outside = torch.ones((100, 200), dtype=torch.bool)
    outside[30:94, 120:184] = False
    assert torch.equal(result[0, outside], image[0, outside])


def waves(height: int, width: int, extent: tuple[float, float]) -> Pixels:
    """A smooth pattern over `extent` (height, width) px, sampled at the centres of height x width pixels."""
    y = ((np.arange(height) + 0.5) * extent[0] / height)[:, None]
    x = ((np.arange(width) + 0.5) * extent[1] / width)[None]
    pattern = [np.sin(x / 17) * np.cos(y / 23), np.cos((x + y) / 29), np.sin((x - y) / 19)]
    return np.rint(127.5 + 100 * np.stack(np.broadcast_arrays(*pattern), -1)).astype(np.uint8)


@pytest.mark.parametrize("answered", [(96, 144), (384, 576), (150, 301), (64, 96), (192, 288)])
def test_an_answer_of_another_size_comes_back_in_place(answered: tuple[int, int]) -> None:
    mask = np.zeros((250, 400), bool)
    mask[60:200, 70:300] = True
    place = Region(20, 30, 288, 192, 288, 192)
    image = random_picture(250, 400)

    result = pasted(image, mask, waves(*answered, (192, 288)), 8, place)

    # the same pattern, sampled at the picture's own pixels
    expected = waves(192, 288, (192, 288))[30:170, 50:280] / 255
    found = result[0, 60:200, 70:300].numpy()
    assert np.abs(found - expected).max() <= 3 / 255
    beyond = torch.from_numpy(ndimage.distance_transform_edt(~mask) > 8)[None]
    assert torch.equal(result[beyond], image[beyond])


def test_what_was_sent_smaller_comes_back_at_full_size_and_only_in_the_mask() -> None:
    image = random_picture(300, 900)
    mask = np.zeros((300, 900), bool)
    mask[100:150, 200:260] = True
    place = Region(0, 0, 900, 300, 450, 150)

    result = pasted(image, mask, waves(150, 450, (300, 900)), 0, place)

    expected = waves(300, 900, (300, 900))[100:150, 200:260] / 255
    assert np.abs(result[0, 100:150, 200:260].numpy() - expected).max() <= 3 / 255
    outside = torch.from_numpy(~mask)[None]
    assert torch.equal(result[outside], image[outside])


def test_a_resampled_photograph_stays_a_good_one() -> None:
    cat = graphs.photograph("chelsea", (400, 300))
    larger = np.asarray(Image.fromarray(cat).resize((800, 600), Image.Resampling.BICUBIC))

    result = pasted(random_picture(300, 400), np.ones((300, 400), bool), larger, 0)

    error = result[0].numpy() * 255 - cat
    assert 10 * np.log10(255**2 / np.square(error).mean()) > 35  # PSNR, dB


# -- without paste back


@pytest.mark.parametrize("shrunk", [1, 2])
def test_what_the_service_paints_around_the_mask_is_pasted_whole_before_the_feather_begins(
    shrunk: int,
) -> None:
    image = random_picture(80, 100)
    mask = np.zeros((80, 100), bool)
    mask[2:6, 40:60] = True
    answer = np.full((80 // shrunk, 100 // shrunk, 3), (200, 10, 90), np.uint8)
    board = Canvas(
        image, 1, [mask], [Region(0, 0, 100, 80, 100 // shrunk, 80 // shrunk)], 3, widened=5
    )
    board.put(0, Image.fromarray(answer))
    result = board.batch()[0].numpy()

    # pixels of what was sent: of the picture there are as many more as it was shrunk
    distance = ndimage.distance_transform_edt(~mask)
    whole = distance <= 5 * shrunk
    assert (result[whole] == np.divide((200, 10, 90), 255, dtype=np.float32)).all()
    assert (distance[whole] > 0).any()
    beyond = distance > 5 * shrunk + 3
    assert np.array_equal(result[beyond], image[0].numpy()[beyond])
    changed = (result != image[0].numpy()).any(axis=2)
    assert changed[(distance > 5 * shrunk) & (distance <= 5 * shrunk + 3)].any()


@pytest.mark.parametrize("channels", [3, 4])
def test_without_paste_back_all_of_what_was_sent_is_the_answer(channels: int) -> None:
    image = random_picture(100, 200, channels)
    mask = np.zeros((100, 200), bool)
    mask[60:70, 150:170] = True
    place = Region(120, 30, 64, 64, 64, 64)
    answer = random_answer(64, 64)
    board = Canvas(image, 1, [mask], [place], 8, paste_back=False)

    board.put(0, Image.fromarray(answer))

    expected = image.clone()
    expected[0, 30:94, 120:184, :3] = torch.from_numpy(answer / np.float32(255))
    assert torch.equal(board.batch(), expected)


# -- previews


def test_a_preview_is_small_and_shows_the_picture() -> None:
    image = torch.full((1, 300, 400, 4), 2.0)
    image[0, :, :200] = float("nan")
    board = Canvas(image, 1, [spot(300, 400)], [whole(300, 400)], 0)
    board.put(0, Image.fromarray(np.full((300, 400, 3), 51, np.uint8)))

    preview = board.preview(0, 100)

    assert preview.shape == (75, 100, 3)
    assert preview.dtype == np.uint8
    assert preview[0, 0].tolist() == [0, 0, 0]
    assert preview[0, 99].tolist() == [255, 255, 255]
    assert preview[37, 50].tolist() == [51, 51, 51]


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize(("side", "step"), [(130, 1), (129, 2), (30, 5)])
def test_a_preview_of_any_variant_shows_every_nth_of_its_pixels(
    name: str, side: int, step: int
) -> None:
    board = Canvas(random_picture(96, 130), 3, [MASKS[name]], [whole(96, 130)], 3)
    for index in range(3):
        board.put(index, Image.fromarray(random_answer(96, 130, index)))

    previews = [board.preview(index, side) for index in (1, 2, 0)]

    shown = board.batch([0, 1, 2])[[1, 2, 0], ::step, ::step].numpy() * np.float32(255)
    assert max(previews[0].shape) <= side
    assert np.array_equal(previews, np.rint(shown))


def test_of_a_video_each_frame_has_a_preview_of_its_own() -> None:
    images = random_picture(30, 40, count=7)
    board = Canvas(images, 1, [spot(30, 40)] * 7, [whole(30, 40)] * 7, 0)
    for index in range(7):
        board.put(index, Image.fromarray(random_answer(30, 40, index)))

    first = [board.preview(index, 40) for index in range(7)]
    again = [board.preview(index, 40) for index in range(7)]

    shown = np.rint(board.batch().numpy() * np.float32(255))
    assert np.array_equal(first, shown)
    assert np.array_equal(again, shown)


# -- room for the result


@pytest.mark.parametrize(
    ("channels", "dtype", "needed"),
    [
        # 2 pictures of 30x40, 5 of each: one channel becomes three
        (1, torch.float16, 2 * 5 * 30 * 40 * 3 * 2),
        (3, torch.float32, 2 * 5 * 30 * 40 * 3 * 4),
        (4, torch.float64, 2 * 5 * 30 * 40 * 4 * 8),
    ],
)
def test_a_batch_is_refused_if_and_only_if_its_result_is_larger_than_what_is_free(
    channels: int, dtype: torch.dtype, needed: int
) -> None:
    images = torch.zeros((2, 30, 40, channels), dtype=dtype)

    check_fits(images, 5, needed)
    with pytest.raises(InputError, match="does not fit into memory"):
        check_fits(images, 5, needed - 1)
    board = Canvas(images, 5, [spot(30, 40)] * 2, [None] * 2, 0)
    assert board.batch().nbytes == needed


def test_what_is_needed_and_what_is_free_are_named_in_gigabytes() -> None:
    images = torch.zeros(()).expand(16, 4096, 2048, 3)

    with pytest.raises(InputError) as caught:
        check_fits(images, 4, 5_200_000_000)

    # 16 * 4 * 4096 * 2048 * 3 * 4 = 6,442,450,944
    english, chinese = str(caught.value).split("\n")
    assert "4 variant(s) of 16 picture(s) of 2048x4096 take 6.4 GB, and 5.2 GB are free" in english
    for number in ("16 张", "2048x4096", "4 个变体", "6.4 GB", "5.2 GB"):
        assert number in chinese


# -- close-ups, and colours that drifted


def test_an_enlarged_answer_comes_back_at_the_picture_s_scale() -> None:
    image = random_picture(200, 300)
    mask = np.zeros((200, 300), bool)
    mask[92:140, 92:140] = True
    # rises by one every four of 1024 columns, so by four every column of the 64 that were sent
    ramp = np.minimum(255, (np.arange(1024) + 2) // 4).astype(np.uint8)
    answer = np.broadcast_to(ramp[None, :, None], (1024, 1024, 3)).copy()

    result = pasted(image, mask, answer, 0, Region(84, 84, 64, 64, 1024, 1024))

    # column 92 is the eighth: in the middle of columns 128..143 it is 34
    expected = (4 * np.arange(8, 56) + 2).astype(np.float32) / np.float32(255)
    assert torch.equal(result[0, 92:140, 92:140, 1], torch.from_numpy(expected).expand(48, 48))
    beyond = torch.from_numpy(~mask)
    assert torch.equal(bits(result)[0][beyond], bits(image)[0][beyond])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.float64])
def test_a_drift_is_taken_out_where_the_answer_reaches_and_nowhere_else(dtype: torch.dtype) -> None:
    cat = graphs.photograph("chelsea").clip(10, 240)
    image = torch.from_numpy(cat.astype(np.float32) / 255)[None].to(dtype)
    mask = graphs.ellipse(*cat.shape[:2])
    answer = Image.fromarray(cat + np.uint8(9))
    board = Canvas(image, 1, [mask], [whole(*mask.shape)], 8)
    drift = colors.ground(cat, mask).drift(answer)

    board.put(0, answer, drift)

    result = board.batch()[0]
    beyond = torch.from_numpy(ndimage.distance_transform_edt(~mask) > 8)
    assert result.dtype == dtype
    assert torch.equal(result[beyond], image[0][beyond])
    change = (result - image[0]).abs() * 255
    assert change.max() < 0.3  # of nine levels; a half has steps of an eighth here


@pytest.mark.parametrize("axis", [0, 1])
def test_a_drift_over_a_picture_is_taken_out_of_a_part_in_its_corner(axis: int) -> None:
    cat = graphs.photograph("chelsea", (640, 480)).clip(20, 230)
    part = cat[180:, 240:]
    rising = np.rint(np.linspace(-9, 9, part.shape[axis])).astype(int)
    answer = Image.fromarray((part + np.expand_dims(rising, (1 - axis, 2))).astype(np.uint8))
    mask = np.zeros((480, 640), bool)
    mask[220:450, 270:600] = True
    region = Region(240, 180, 400, 300, 400, 300)
    image = torch.from_numpy(cat.astype(np.float32) / 255)[None]
    board = Canvas(image, 1, [mask], [region], 0)

    board.put(0, answer, colors.ground(part, mask[180:, 240:]).drift(answer))

    error = ((board.batch()[0] - image[0]) * 255)[torch.from_numpy(mask)]
    # steps of a whole level stay, the nine of them are gone
    assert error.abs().max() < 1.5
    assert error.mean().abs() < 0.2
