"""How masks look over pictures."""

from __future__ import annotations

import numpy as np
import skimage.data
from PIL import Image
from volc_inpaint.nodes.pixels import overlay


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

    # a row at the rim, far from the numbers
    assert painted[0, 50].tolist() != painted[0, 250].tolist() != [100, 100, 100]
    assert [100, 100, 100] == painted[0, 150].tolist()
    white = (painted > 240).all(axis=-1)
    assert white[:, 20:80].any()
    assert white[:, 220:280].any()
    assert not white[:, 100:200].any()
