"""VolcPickVariant as ComfyUI calls it: what passes, what is refused, and the thumbnails it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from harness import graphs
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

RED, GREEN, BLUE = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


def execute(images: torch.Tensor, pick: int = 0) -> Any:
    from volc_inpaint.nodes.pick_variant import VolcPickVariant

    return VolcPickVariant.execute(images, pick)


def colours(*colours: tuple[float, ...], side: int = 8) -> torch.Tensor:
    """One picture of each colour, [B, side, side, C]."""
    return torch.tensor(colours)[:, None, None, :].expand(-1, side, side, -1).clone()


def pictures(output: Any, folder: Path, size: str = "small") -> list[Image.Image]:
    """The thumbnails in their order, as the canvas fetches them."""
    files = [entry[size] for entry in output.ui["volc_pick"]]
    assert {file["type"] for file in files} <= {"temp"}
    return [Image.open(folder / file["subfolder"] / file["filename"]) for file in files]


def test_a_temporary_folder_that_cannot_be_written_costs_the_thumbnails_only(temporary: Path):
    (temporary / "volc_inpaint").write_text("a file in place of the folder")

    output = execute(colours(RED, GREEN), pick=2)

    assert torch.equal(colours(GREEN), output.args[0])
    assert ([], [2]) == (output.ui["volc_pick"], output.ui["volc_pick_count"])


def test_zero_passes_all():
    images = colours(RED, GREEN, BLUE)

    passed, index = execute(images).args

    assert torch.equal(images, passed)
    assert index == 0


@pytest.mark.parametrize("pick", [1, 2, 3])
def test_a_number_passes_that_picture_alone_and_unchanged(pick):
    images = torch.rand((3, 5, 7, 3), generator=torch.Generator().manual_seed(1))

    passed, index = execute(images, pick).args

    assert passed.shape == (1, 5, 7, 3)
    assert torch.equal(images[pick - 1], passed[0])
    assert index == pick


@pytest.mark.parametrize("pick", [4, 64, -1])
def test_a_number_without_a_picture_is_an_error_with_the_count(pick):
    with pytest.raises(ValueError, match="only 3 arrived") as caught:
        execute(colours(RED, GREEN, BLUE), pick)

    english, chinese = str(caught.value).split("\n")
    assert f"Picture {pick} was picked" in english
    assert "from 1 to 3, or 0 for all" in english
    assert f"第 {pick} 张，但只收到 3 张" in chinese


def test_any_number_of_pictures_may_come_of_which_the_first_64_are_shown(temporary):
    images = torch.arange(200.0)[:, None, None, None].expand(-1, 8, 8, 3) / 255

    output = execute(images, 150)

    assert torch.equal(images[149:150], output.args[0])
    assert len(pictures(output, temporary)) == 64
    assert output.ui["volc_pick_count"] == [200]


def test_a_whole_number_of_another_type_is_the_same_number():
    images = colours(RED, GREEN, BLUE)

    for pick in (2.0, np.int64(2), torch.tensor(2)):
        picked, index = execute(images, pick).args
        assert torch.equal(images[1:2], picked)
        assert (index, type(index)) == (2, int)


def test_the_thumbnails_are_in_the_order_of_the_pictures(temporary):
    output = execute(colours(RED, GREEN, BLUE), 2)

    shown = [picture.getpixel((4, 4)) for picture in pictures(output, temporary)]

    for seen, colour in zip(shown, (RED, GREEN, BLUE), strict=True):
        assert seen == pytest.approx([255 * value for value in colour], abs=3)


def test_a_thumbnail_is_the_picture_made_small(temporary):
    cat = graphs.photograph("chelsea", (2000, 1400))
    images = torch.from_numpy(cat.copy())[None].float() / 255
    output = execute(images)

    for size, shape in (("small", (512, 358)), ("large", (1600, 1120))):
        (thumbnail,) = pictures(output, temporary, size)
        assert thumbnail.size == shape
        expected = np.asarray(Image.fromarray(cat).resize(shape, Image.Resampling.LANCZOS))
        difference = np.abs(np.asarray(thumbnail).astype(float) - expected)
        assert difference.mean() < 3


def test_a_picture_is_not_enlarged(temporary):
    output = execute(colours(RED, side=8))

    sizes = [pictures(output, temporary, size)[0].size for size in ("small", "large")]

    assert sizes == [(8, 8), (8, 8)]


def test_picking_again_writes_nothing(temporary):
    images = colours(RED, GREEN, BLUE)
    first = execute(images)
    before = {file: file.stat().st_mtime_ns for file in temporary.rglob("*.jpg")}

    second = execute(images, 2)

    assert first.ui == second.ui
    assert before == {file: file.stat().st_mtime_ns for file in temporary.rglob("*.jpg")}
    assert len(before) == 6


@pytest.mark.parametrize(
    ("images", "colour"),
    [
        (colours((0.5,)), (128, 128, 128)),
        (colours((1.0, 0.0, 0.0, 0.5)), (255, 0, 0)),
        (colours((2.0, -1.0, 0.0)), (255, 0, 0)),
        (colours(RED).half(), (255, 0, 0)),
    ],
    ids=["grey", "with alpha", "beyond 0..1", "half"],
)
def test_every_kind_of_picture_gets_a_thumbnail(temporary, images, colour):
    output = execute(images, 1)

    (thumbnail,) = pictures(output, temporary)
    assert thumbnail.mode == "RGB"
    assert thumbnail.getpixel((4, 4)) == pytest.approx(colour, abs=3)
    assert torch.equal(images, output.args[0])
