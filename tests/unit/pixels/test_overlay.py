"""How masks look over pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from scipy import ndimage
from volc_inpaint.nodes.pixels import overlay

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_the_overlay_tints_what_is_masked_and_nothing_else() -> None:
    rgb = np.asarray(Image.fromarray(skimage.data.coffee()).resize((30, 20)))
    labels = np.zeros((20, 30), np.uint8)
    labels[5:10, 5:20] = 1

    painted = overlay.labelled(rgb, labels)

    red = np.array([255, 0.15 * 255, 0.15 * 255])
    expected = np.rint(rgb * 0.5 + red * 0.5)
    assert painted.dtype == np.uint8
    assert np.array_equal(rgb[labels == 0], painted[labels == 0])
    assert np.abs(expected - painted)[labels == 1].max() <= 1


def test_several_entities_have_colours_and_numbers_of_their_own() -> None:
    grey = np.full((200, 300, 3), 100, np.uint8)
    labels = np.zeros((200, 300), np.uint8)
    labels[:, :100], labels[:, 200:] = 1, 2

    painted = overlay.labelled(grey, labels)

    # a row at the rim, far from the numbers: half the picture, half red or a green of hue 0.38
    assert [178, 69, 69] == painted[0, 50].tolist()
    assert np.abs(painted[0, 250] - np.array([50 + 19, 50 + 127.5, 50 + 51])).max() <= 1
    assert [100, 100, 100] == painted[0, 150].tolist()
    white = (painted > 240).all(axis=-1)
    assert white[:, 20:80].any()
    assert white[:, 220:280].any()
    assert not white[:, 100:200].any()


@pytest.mark.parametrize("scale", [3, 7])
def test_a_number_stands_where_its_entity_has_most_room(scale: int) -> None:
    labels = np.zeros((100 * scale, 160 * scale), np.uint8)
    # squares with a thin tail: the middle of either, tail and all, is elsewhere
    labels[10 * scale : 50 * scale, 20 * scale : 60 * scale] = 1
    labels[28 * scale : 31 * scale, 60 * scale :] = 1
    labels[55 * scale : 95 * scale, 100 * scale : 140 * scale] = 2
    labels[73 * scale : 76 * scale, : 100 * scale] = 2

    painted = overlay.labelled(np.zeros((*labels.shape, 3), np.uint8), labels)

    rows, columns = np.nonzero((painted > 250).all(axis=-1))
    for middle, part in (((30, 40), rows < 52 * scale), ((75, 120), rows > 52 * scale)):
        found = np.array([rows[part].mean(), columns[part].mean()]) / scale
        assert np.abs(found - middle).max() < 2


def test_a_number_can_be_read_on_white_too() -> None:
    labels = np.repeat(np.array([[1, 2]], np.uint8), 400, axis=1).repeat(500, axis=0)

    painted = overlay.labelled(np.full((*labels.shape, 3), 255, np.uint8), labels)

    black, white = (painted < 30).all(axis=-1), (painted > 250).all(axis=-1)
    for part in (np.s_[:, :400], np.s_[:, 400:]):
        assert white[part].any()
        # between it and the tint there is black
        around = ndimage.binary_dilation(white[part], iterations=3)
        assert not (around & (painted[part] == painted[part][0, 0]).all(axis=-1)).any()
        assert black[part].any()


RED = torch.tensor([1.0, 0.15, 0.15])


def half_masked(height: int = 100, width: int = 60) -> torch.Tensor:
    mask = torch.zeros((1, height, width))
    mask[:, height // 2 :] = 1
    return mask


@pytest.fixture(params=[torch.float32, torch.float64, torch.float16], ids=str)
def default_dtype(request: pytest.FixtureRequest) -> Iterator[None]:
    """Other packs set it for the whole process."""
    torch.set_default_dtype(request.param)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("default_dtype")
def test_a_preview_is_half_the_picture_and_half_red_where_it_is_masked() -> None:
    coffee = Image.fromarray(skimage.data.coffee()).resize((60, 100))
    picture = torch.from_numpy(np.asarray(coffee) / np.float32(255))[None]

    tinted = overlay.preview(half_masked().float(), picture)

    assert torch.float32 == tinted.dtype
    assert torch.equal(tinted[:, :50], picture[:, :50])
    assert torch.allclose(tinted[:, 50:], (picture[:, 50:] + RED) / 2, atol=1e-6)


def test_a_preview_shows_what_no_screen_can_as_black_and_white_and_leaves_alpha_out() -> None:
    picture = torch.rand((1, 100, 60, 4))
    picture[0, 0, :4, 0] = torch.tensor([float("nan"), float("inf"), -3.0, 7.0])

    tinted = overlay.preview(half_masked(), picture)

    assert tinted[0, 0, :4, 0].tolist() == [0, 1, 0, 1]
    assert torch.equal(tinted[0, 1:50], picture[0, 1:50, :, :3])
    assert torch.allclose(tinted[0, 50:], (picture[0, 50:, :, :3] + RED) / 2, atol=1e-6)


def test_without_a_picture_a_preview_is_black_and_white() -> None:
    assert torch.equal(
        overlay.preview(half_masked(), None), half_masked()[..., None].expand(-1, -1, -1, 3)
    )


def test_the_fewer_of_masks_and_pictures_start_anew() -> None:
    greys = torch.tensor([0.1, 0.2, 0.3])[:, None, None, None].expand(-1, 4, 6, 3)
    masks = torch.stack([torch.zeros((4, 6)), torch.ones((4, 6))])

    tinted = overlay.preview(masks, greys)[:, 0, 0]

    assert torch.allclose(tinted[0], torch.full((3,), 0.1))
    assert torch.allclose(tinted[1], (torch.full((3,), 0.2) + RED) / 2)
    assert torch.allclose(tinted[2], torch.full((3,), 0.3))


def test_previews_beyond_the_most_are_averaged_down_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay, "MOST_PIXELS", 8 * 100 * 60 // 4)
    rows = (torch.arange(100) % 2).float()  # black and white by turns
    striped = rows[None, :, None, None].expand(8, -1, 60, 3)

    tinted = overlay.preview(half_masked(), striped)

    assert tinted.shape == (8, 50, 30, 3)
    assert torch.allclose(tinted[:, :25], torch.tensor(0.5))
    assert torch.allclose(tinted[:, 25:], (torch.tensor(0.5) + RED) / 2, atol=1e-6)
    masks = half_masked().expand(8, -1, -1)
    assert overlay.preview(masks, None)[:, ::49, 0, 0].tolist() == [[0.0, 1.0]] * 8


def test_what_is_as_large_as_the_most_keeps_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay, "MOST_PIXELS", 100 * 60)

    assert overlay.preview(half_masked(), None).shape == (1, 100, 60, 3)
