"""MaskNormalize as ComfyUI calls it, beside scipy and pixels worked out by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import torch
from harness import graphs
from harness.drawing import drawn
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULTS: dict[str, Any] = {
    "threshold": 0.5,
    "invert": False,
    "fill_holes": False,
    "close_gaps": 0,
    "remove_specks": 0,
    "grow": 0,
    "size_mismatch": "resize",
    "multi_mask": "union",
    "on_empty": "error",
}


class Normalized(NamedTuple):
    mask: torch.Tensor
    preview: torch.Tensor
    coverage: float
    report: dict[str, Any]

    @property
    def pixels(self) -> list[Any]:
        """The only mask, as nested lists of bool."""
        assert len(self.mask) == 1
        return (self.mask[0] == 1).tolist()


def normalize(mask: Any, image: torch.Tensor | None = None, **options: Any) -> Normalized:
    """Run the node; checks what holds for every mask that it hands out."""
    from volc_inpaint.nodes.mask_normalize import MaskNormalize

    before = mask.clone() if isinstance(mask, torch.Tensor) else mask
    mask_out, preview, coverage, report = MaskNormalize.execute(
        mask, image=image, **{**DEFAULTS, **options}
    ).args
    if isinstance(mask, torch.Tensor):
        assert torch.equal(mask.nan_to_num(nan=7), before.nan_to_num(nan=7))
    assert mask_out.ndim == 3
    assert mask_out.dtype == torch.float32
    assert mask_out.device.type == "cpu"
    assert mask_out.is_contiguous()
    assert set(mask_out.unique().tolist()) <= {0.0, 1.0}
    assert preview.dtype == torch.float32
    assert coverage == pytest.approx(float(mask_out.double().mean()))
    return Normalized(mask_out, preview, coverage, json.loads(report))


def from_text(text: str) -> torch.Tensor:
    return torch.from_numpy(drawn(text).astype(np.float32))[None]


def test_the_schema_is_the_public_contract() -> None:
    from volc_inpaint.nodes.mask_normalize import MaskNormalize

    schema = MaskNormalize.define_schema()

    assert schema.node_id == "MaskNormalize"
    assert schema.category == "Volcengine"
    assert [widget.id for widget in schema.inputs] == ["mask", *DEFAULTS, "image"]
    by_name = {widget.id: widget for widget in schema.inputs}
    # workflows from before `auto` hold the choice that was the default then
    assert {name: by_name[name].default for name in DEFAULTS} == {**DEFAULTS, "multi_mask": "auto"}
    limits = {
        "threshold": (0.01, 0.99),
        "close_gaps": (0, 256),
        "remove_specks": (0, 1_000_000),
        "grow": (-256, 256),
    }
    assert {name: (by_name[name].min, by_name[name].max) for name in limits} == limits
    assert by_name["size_mismatch"].options == ["resize", "stretch", "error"]
    assert by_name["multi_mask"].options == ["auto", "union", "per_image"]
    assert by_name["on_empty"].options == ["error", "pass"]
    assert by_name["image"].optional
    outputs = [(output.display_name or output.id, output.io_type) for output in schema.outputs]
    assert [kind for _, kind in outputs] == ["MASK", "IMAGE", "FLOAT", "STRING"]


# -- what comes in

SPOT = from_text(".... .##. ....")
INPUTS: dict[str, Callable[[], torch.Tensor]] = {
    "[H, W]": lambda: SPOT[0],
    "[1, H, W]": lambda: SPOT,
    "[1, 1, H, W]": lambda: SPOT[None],
    "[1, H, W, 1]": lambda: SPOT[..., None],
    "half": lambda: SPOT.half(),
    "double": lambda: SPOT.double(),
    "bool": lambda: SPOT.bool(),
    "bytes": lambda: (SPOT * 255).to(torch.uint8),
    "a stroke of 0.7": lambda: SPOT * 0.7,
    "haze": lambda: SPOT.clamp(min=0.0039),
    "NaN around it": lambda: SPOT.masked_fill(SPOT == 0, float("nan")),
}


@pytest.mark.parametrize("name", INPUTS)
def test_any_mask_becomes_a_hard_one(name: str) -> None:
    assert normalize(INPUTS[name]()).pixels == drawn(".... .##. ....").tolist()


@pytest.mark.parametrize(
    ("threshold", "expected"), [(0.01, "####."), (0.3, ".###."), (0.7, "..##."), (0.99, "...#.")]
)
def test_the_threshold_counts_what_is_as_bright_or_brighter(
    threshold: float, expected: str
) -> None:
    mask = torch.tensor([[[0.1, 0.3, 0.7, 1.0, 0.0039]]])

    assert normalize(mask, threshold=threshold).pixels == drawn(expected).tolist()
    # half keeps 0.3 and 0.7 as they are meant
    assert normalize(mask.half(), threshold=threshold).pixels == drawn(expected).tolist()


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (torch.zeros((0, 4, 4)), "no pixels"),
        (torch.ones((1, 4, 4, 3)), "must be a MASK"),
        (torch.ones(5), "must be a MASK"),
        (torch.zeros((1, 64, 64)), "64x64"),
        (torch.full((1, 4, 4), 0.3), "brightest value 0.30, threshold 0.50"),
    ],
)
def test_an_unusable_mask_is_an_error_that_names_what_was_found(
    mask: torch.Tensor, words: str
) -> None:
    with pytest.raises(ValueError, match=r".+") as caught:
        normalize(mask)

    english, chinese = str(caught.value).split("\n")
    assert words in english
    assert "遮罩" in chinese or "MASK" in chinese


# -- the steps


def test_a_grow_of_10_widens_a_straight_edge_by_exactly_10() -> None:
    mask = torch.zeros((1, 60, 100))
    mask[:, :, 40:60] = 1

    assert (normalize(mask, grow=10).mask[0, 30] == 1).nonzero().flatten().tolist() == list(
        range(30, 70)
    )
    assert (normalize(mask, grow=-5).mask[0, 30] == 1).nonzero().flatten().tolist() == list(
        range(45, 55)
    )


@pytest.mark.parametrize("grow", [32, -9])
def test_grow_is_euclidean_and_does_not_wrap(grow: int) -> None:
    inside = graphs.ellipse(200, 300)
    inside[:12, :12] = True

    grown = normalize(torch.from_numpy(inside)[None], grow=grow).mask[0].numpy() == 1

    if grow > 0:
        expected = ndimage.distance_transform_edt(~inside) <= grow
    else:
        expected = ndimage.distance_transform_edt(inside) > -grow
    assert np.array_equal(grown, expected)


def test_the_order_is_invert_specks_gaps_holes_grow() -> None:
    # Each step has something to do that another order would spoil: the speck would be bridged to the ring if gaps
    # went first, the ring's gap keeps its hole open unless it is bridged first.
    shape = drawn(
        """
        .................
        ..#######........
        ..#.....#........
        ..#.....#.#......
        ..#..............
        ..#.....#........
        ..#######........
        .................
        .................
        """
    )
    expected = np.zeros_like(shape)
    expected[1:7, 2:9] = True
    expected = ndimage.distance_transform_edt(~expected) <= 1

    done = normalize(
        torch.from_numpy(~shape)[None],
        invert=True,
        remove_specks=1,
        close_gaps=1,
        fill_holes=True,
        grow=1,
    )

    assert done.pixels == expected.tolist()
    names = [step["step"] for step in done.report["steps"]]
    assert names == ["invert", "remove_specks", "close_gaps", "fill_holes", "grow"]
    assert done.report["steps"][1] == {"step": "remove_specks", "added": 0, "removed": 1}
    assert done.report["steps"][2] == {"step": "close_gaps", "added": 1, "removed": 0}
    assert done.report["steps"][3] == {"step": "fill_holes", "added": 20, "removed": 0}


def test_a_hole_open_to_the_border_stays_open() -> None:
    open_one = "#####.. #...... #####.. ....... .###### .#....# .######"

    assert (
        normalize(from_text(open_one), fill_holes=True).pixels
        == drawn("#####.. #...... #####.. ....... .###### .###### .######").tolist()
    )


@pytest.mark.parametrize(("gap", "closed"), [(3, True), (4, True), (5, False)])
def test_gaps_are_closed_up_to_the_width_given(gap: int, closed: bool) -> None:
    mask = torch.ones((1, 30, 40))
    mask[:, :, 15 : 15 + gap] = 0

    done = normalize(mask, close_gaps=4)

    assert bool((done.mask == 1).all()) is closed


# -- size


def test_a_mask_is_fitted_to_its_picture_if_only_the_scale_differs() -> None:
    mask = from_text("#.. ... ...")
    picture = torch.zeros((1, 6, 6, 3))

    expected = "##.... ##.... ...... ...... ...... ......"
    assert normalize(mask, picture).pixels == drawn(expected).tolist()
    assert normalize(mask, picture).report["size"] == [6, 6]
    assert normalize(mask, picture).report["size_before"] == [3, 3]
    with pytest.raises(ValueError, match="The mask is 3x3, the picture 12x6"):
        normalize(mask, torch.zeros((1, 6, 12, 3)))
    with pytest.raises(ValueError, match="The mask is 3x3, the picture 6x6"):
        normalize(mask, picture, size_mismatch="error")


def test_stretch_takes_any_size_and_down_keeps_a_thin_line() -> None:
    mask = torch.zeros((1, 90, 120))
    mask[:, 45] = 1

    done = normalize(mask, torch.zeros((1, 7, 40, 3)), size_mismatch="stretch")

    # row 45 of 90 is row 3 of 7: 45 * 7 / 90 = 3.5
    assert done.pixels == drawn(" ".join(["." * 40] * 3 + ["#" * 40] + ["." * 40] * 3)).tolist()


def test_steps_are_in_pixels_of_the_picture_not_of_the_mask() -> None:
    mask = torch.zeros((1, 10, 10))
    mask[:, :, 5:] = 1

    grown = normalize(mask, torch.zeros((1, 100, 100, 3)), grow=10)

    assert grown.mask[0, 50].nonzero()[0].item() == 40


# -- several masks


def stack() -> torch.Tensor:
    return torch.cat([from_text("#... .... ...."), from_text(".... .... ...#")])


def test_several_masks_become_one_or_stay_by_themselves() -> None:
    union = normalize(stack())
    assert union.pixels == drawn("#... .... ...#").tolist()
    assert "2 masks became one" in union.report["notes"][0]

    each = normalize(stack(), multi_mask="per_image")
    assert torch.equal(each.mask, stack())
    assert each.report["masks"] == 2
    assert each.report["notes"] == []


def test_each_mask_of_a_batch_is_what_it_would_be_alone() -> None:
    random = np.random.default_rng(5)
    soft = ndimage.gaussian_filter(random.random((4, 60, 80)), (0, 3, 3))
    masks = torch.from_numpy((soft - soft.min()) / (soft.max() - soft.min()))
    options: dict[str, Any] = {
        "invert": True,
        "fill_holes": True,
        "close_gaps": 3,
        "remove_specks": 9,
        "grow": 2,
    }

    together = normalize(masks, multi_mask="per_image", **options)

    alone = [normalize(mask, **options) for mask in masks]
    assert torch.equal(together.mask, torch.cat([one.mask for one in alone]))
    assert torch.equal(together.preview, torch.cat([one.preview for one in alone]))
    assert together.coverage == pytest.approx(np.mean([one.coverage for one in alone]))


def test_per_image_needs_as_many_masks_as_pictures_or_one() -> None:
    pictures = torch.zeros((2, 3, 4, 3))

    assert torch.equal(normalize(stack(), pictures, multi_mask="per_image").mask, stack())
    assert len(normalize(stack()[:1], pictures, multi_mask="per_image").mask) == 1
    with pytest.raises(ValueError, match="2 masks for 3 pictures"):
        normalize(stack(), torch.zeros((3, 3, 4, 3)), multi_mask="per_image")


def test_auto_pairs_as_many_masks_as_pictures_and_unites_several_for_one() -> None:
    one, two, three = (torch.zeros((count, 3, 4, 3)) for count in (1, 2, 3))

    assert torch.equal(normalize(stack(), two, multi_mask="auto").mask, stack())
    assert torch.equal(normalize(stack(), multi_mask="auto").mask, stack())
    assert len(normalize(stack()[:1], three, multi_mask="auto").mask) == 1
    united = normalize(stack(), one, multi_mask="auto")
    assert united.pixels == drawn("#... .... ...#").tolist()
    assert "2 masks became one" in united.report["notes"][0]
    with pytest.raises(ValueError, match="2 masks for 3 pictures"):
        normalize(stack(), three, multi_mask="auto")


def test_of_a_batch_an_empty_mask_passes_and_is_named() -> None:
    masks = torch.cat([stack(), torch.zeros((1, 3, 4))])
    pictures = torch.zeros((3, 3, 4, 3))

    passed = normalize(masks, pictures, multi_mask="auto", on_empty="pass")

    assert torch.equal(passed.mask, masks)
    assert passed.report["notes"][0].startswith("Nothing is masked in mask 3.")
    with pytest.raises(ValueError, match=r"mask 3 of 3 .* set on_empty to pass"):
        normalize(masks, pictures, multi_mask="auto")


# -- nothing masked


def test_an_empty_mask_is_an_error_unless_it_may_pass() -> None:
    faint = torch.full((1, 8, 8), 0.2)
    with pytest.raises(ValueError, match=r"brightest value 0\.20"):
        normalize(faint)

    done = normalize(faint, on_empty="pass")

    assert not done.mask.any()
    assert done.coverage == 0
    assert "Nothing is masked" in done.report["notes"][0]


def test_one_empty_mask_of_several_is_named_unless_they_are_united() -> None:
    masks = torch.cat([stack()[:1], torch.zeros((1, 3, 4))])

    with pytest.raises(ValueError, match="mask 2 of 2 is 4x3") as caught:
        normalize(masks, multi_mask="per_image")

    assert "遮罩 2/2" in str(caught.value).split("\n")[1]
    assert normalize(masks, multi_mask="union").pixels == drawn("#... .... ....").tolist()
    passed = normalize(masks, multi_mask="per_image", on_empty="pass")
    assert passed.report["notes"][0].startswith("Nothing is masked in mask 2.")


def test_load_image_s_zeros_may_pass_as_a_black_mask_of_the_picture_s_size() -> None:
    picture = torch.zeros((1, 30, 50, 3))

    done = normalize(torch.zeros((1, 64, 64)), picture, on_empty="pass")

    assert done.mask.shape == (1, 30, 50)
    assert not done.mask.any()
    with pytest.raises(ValueError, match="The mask is 64x64"):
        normalize(torch.zeros((1, 64, 64)), picture, on_empty="pass", size_mismatch="error")


@pytest.mark.parametrize(
    ("value", "options"),
    [
        # inverted by another node, or about to be by this one
        (1.0, {}), (1.0, {"size_mismatch": "stretch"}), (1.0, {"size_mismatch": "error"}),
        (0.0, {"invert": True, "on_empty": "pass"}),
        (0.0, {"invert": True, "on_empty": "pass", "size_mismatch": "stretch"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("side", [128, 300])
def test_load_image_s_placeholder_never_masks_a_whole_picture(
    value: float, options: dict[str, Any], side: int
) -> None:
    picture = torch.zeros((1, side, side, 3))

    with pytest.raises(ValueError, match="64x64 and masks all of the picture") as caught:
        normalize(torch.full((1, 64, 64), value), picture, **options)

    assert "占位遮罩" in str(caught.value)
    assert "stretch" not in str(caught.value)
    # what is 64x64 itself may be masked wholly
    assert normalize(torch.ones((1, 64, 64)), torch.zeros((1, 64, 64, 3))).coverage == 1


@pytest.mark.parametrize("size_mismatch", ["resize", "stretch"])
def test_load_image_s_placeholder_inverted_twice_masks_nothing(size_mismatch: str) -> None:
    white, picture = torch.ones((1, 64, 64)), torch.zeros((1, 128, 128, 3))
    twice: dict[str, Any] = {"invert": True, "size_mismatch": size_mismatch}

    with pytest.raises(ValueError, match="Nothing is left of mask after invert"):
        normalize(white, picture, **twice)
    done = normalize(white, picture, on_empty="pass", **twice)

    assert (0, (1, 128, 128)) == (done.coverage, done.mask.shape)


def test_floats_of_0_to_255_are_read_as_such_and_that_is_said() -> None:
    done = normalize(from_text(".... .##. ....") * 200)

    assert done.pixels == drawn(".... .##. ....").tolist()
    assert "0 to 255" in done.report["notes"][0]
    assert "0 到 255" in done.report["notes"][0]


def test_a_part_that_the_threshold_leaves_out_is_named_with_its_size() -> None:
    mask = torch.zeros((1, 40, 60))
    mask[:, 5:15, 5:15] = 1
    mask[:, 20:30, 30:50] = 0.3

    (note,) = normalize(mask).report["notes"]

    assert "200 px of the mask are too faint, 0.30 at most" in note
    assert "200 像素过淡（最亮 0.30" in note
    assert normalize(mask, threshold=0.3).report["notes"] == []


@pytest.mark.parametrize(
    ("options", "cause"), [({"grow": -5}, "grow"), ({"remove_specks": 100}, "remove_specks")]
)
def test_a_step_that_empties_the_mask_is_named(options: dict[str, int], cause: str) -> None:
    mask = torch.zeros((1, 30, 30))
    mask[:, 10:14, 10:14] = 1

    with pytest.raises(ValueError, match=f"Nothing is left of mask after {cause}") as caught:
        normalize(mask, **options)

    assert f"在 {cause} 之后" in str(caught.value).split("\n")[1]
    assert normalize(mask, on_empty="pass", **options).coverage == 0


# -- coverage, report, preview


@pytest.mark.parametrize(("masked", "asked"), [(100, True), (96, True), (95, False), (40, False)])
def test_a_nearly_full_mask_is_asked_about(masked: int, asked: bool) -> None:
    mask = torch.zeros(100)
    mask[:masked] = 1

    done = normalize(mask.reshape(1, 10, 10))

    assert done.coverage == pytest.approx(masked / 100)
    notes = " ".join(done.report["notes"])
    assert ("Is the mask inverted?" in notes) is asked
    assert ("是否反了" in notes) is asked


def test_the_report_says_what_was_found_and_done() -> None:
    mask = from_text("#### .... .... ....") * 0.75

    report = normalize(mask, threshold=0.6, grow=1).report

    assert report == {
        "masks": 1,
        "size": [4, 4],
        "size_before": [4, 4],
        "threshold": 0.6,
        "brightest": 0.75,
        "coverage": 0.5,
        "steps": [{"step": "grow", "added": 4, "removed": 0}],
        "notes": [],
    }


def test_the_preview_is_the_mask_in_black_and_white_without_a_picture() -> None:
    done = normalize(stack(), multi_mask="per_image")

    assert torch.equal(done.preview, done.mask[..., None].expand(-1, -1, -1, 3))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_preview_lays_red_over_the_picture_where_it_is_masked(channels: int) -> None:
    cat = torch.from_numpy(graphs.photograph("chelsea", (150, 100)) / np.float32(255))[None]
    picture = {1: cat[..., :1], 3: cat, 4: torch.cat([cat, cat[..., :1]], -1)}[channels]
    mask = torch.from_numpy(graphs.ellipse(100, 150))

    preview = normalize(mask, picture).preview

    shown = picture[..., :3].expand(-1, -1, -1, 3)
    assert preview.shape == (1, 100, 150, 3)
    assert torch.equal(preview[0, ~mask], shown[0, ~mask])
    # half of the picture, half of the tint
    expected = (shown[0, mask] + torch.tensor([1.0, 0.15, 0.15])) / 2
    assert torch.allclose(preview[0, mask], expected, atol=1e-6)


def test_the_preview_of_one_mask_shows_every_picture_and_stays_within_0_and_1() -> None:
    pictures = torch.rand((3, 20, 30, 3)) * 4 - 2
    pictures[0, 0, 0] = float("nan")

    preview = normalize(torch.from_numpy(graphs.ellipse(20, 30)), pictures).preview

    assert preview.shape == (3, 20, 30, 3)
    assert preview.min() >= 0
    assert preview.max() <= 1


def test_the_preview_of_a_long_video_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    from volc_inpaint.nodes.pixels import overlay

    # a quarter of what the frames would take
    monkeypatch.setattr(overlay, "MOST_PIXELS", 10 * 40 * 60 // 4)
    frames = torch.full((10, 40, 60, 3), 0.2)
    mask = torch.zeros((1, 40, 60))
    mask[:, :, 30:] = 1

    done = normalize(mask, frames)

    assert done.preview.shape == (10, 20, 30, 3)
    assert torch.allclose(done.preview[:, :, :15], torch.tensor(0.2))
    expected = (torch.tensor(0.2) + torch.tensor([1.0, 0.15, 0.15])) / 2
    assert torch.allclose(done.preview[:, :, 15:], expected, atol=1e-6)
    assert done.mask.shape == (1, 40, 60)
    assert "30x20" in done.report["notes"][0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size_mismatch", "crop"), ("multi_mask", None), ("on_empty", 1), ("threshold", "0.5"), ("threshold", 0.0),
        ("close_gaps", 257), ("remove_specks", -1), ("grow", 2.5), ("grow", torch.tensor([1, 2])),
    ],
)  # fmt: skip
def test_a_linked_value_that_no_widget_gives_is_an_error_in_both_languages(
    name: str, value: object
) -> None:
    """Any other would pass for one of the choices, or end in an error of a library."""
    with pytest.raises(ValueError, match=f"{name} is .*, but must be ") as caught:
        normalize(torch.ones(1, 4, 4), **{name: value})

    assert f"{name} 的值为" in str(caught.value).split("\n")[1]


def test_a_linked_number_is_the_same_number_whatever_its_type() -> None:
    mask = from_text("....\n.##.\n....")

    assert (
        normalize(mask, grow=1).pixels
        == normalize(mask, grow=1.0).pixels
        == normalize(mask, grow=np.int64(1)).pixels
    )
