"""Previews in ComfyUI's temporary folder, by their files; Pick Variant's tests show what is in them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

PIXELS = np.random.default_rng(5).integers(0, 256, (40, 60, 3), np.uint8)


def test_equal_pixels_of_another_shape_are_another_preview(temporary):
    from volc_inpaint.nodes.host.previews import previews

    (wide,), (high,) = previews(PIXELS, 512), previews(PIXELS.reshape(60, 40, 3), 512)

    sizes = [
        Image.open(temporary / one["subfolder"] / one["filename"]).size for one in (wide, high)
    ]
    assert [(60, 40), (40, 60)] == sizes


def test_a_preview_that_cannot_be_written_leaves_no_half_of_one(temporary, monkeypatch):
    from volc_inpaint.nodes.host.previews import previews

    def full(picture, path, **_):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Image.Image, "save", full)
        with pytest.raises(OSError, match="No space left"):
            previews(PIXELS, 512)
    assert [] == list(temporary.rglob("*.jpg"))

    (shown,) = previews(PIXELS, 512)
    assert (60, 40) == Image.open(temporary / shown["subfolder"] / shown["filename"]).size
