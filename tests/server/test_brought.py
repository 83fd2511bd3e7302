"""Pictures and masks as people bring them, in a server whose nodes hand on half precision: exact pixels, bills, words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from harness import graphs, launch
from scipy import ndimage

if TYPE_CHECKING:
    from harness.comfyui import ComfyUIServer, Result
    from simulated_service import SimulatedService

ARGUMENTS = ("--fp16-intermediates",)
PACKS = (launch.ROOT / "tests" / "harness" / "odd_tensors",)

CAT = graphs.photograph("chelsea", (160, 128))
MASK = graphs.ellipse(128, 160)
PICTURES = {"small.png": CAT, "small_mask.png": MASK, "square.png": CAT[:, :128]}
BEYOND = ndimage.distance_transform_edt(~MASK) > 8
# three frames, told apart
FRAMES = "torch.cat([image, image.flip(2), image.flip(1)])"
FRAME_PIXELS = (CAT, CAT[:, ::-1], CAT[::-1])


def frames(prompt: str, mask: str, **inputs: Any) -> graphs.Graph:
    """A graph that repaints three frames with the masks that an expression makes."""
    graph = graphs.small(prompt, **inputs)
    graph["frames"] = graphs.odd(FRAMES, image=["image", 0])
    graph["masks"] = graphs.odd(mask, mask=["mask", 0])
    graph["inpaint"]["inputs"].update(image=["frames", 0], mask=["masks", 1])
    return graph


def refused(server: ComfyUIServer, service: SimulatedService, graph: graphs.Graph) -> list[str]:
    """The error in English and Chinese; nothing was sent."""
    result = server.run(graph)
    assert result.status == "error"
    assert service.ledger.calls() == []
    return result.error_message.splitlines()


def notes(result: Result) -> list[str]:
    """The notes of the report; those on the node are the same."""
    said = graphs.report(result)["notes"]
    (shown,) = result.outputs["inpaint"]["volc_inpaint"]
    assert [f"{note['en']} / {note['zh']}" for note in shown["notes"]] == said
    return said  # type: ignore[no-any-return]


def test_of_a_half_precision_picture_the_same_bytes_are_saved_as_without_the_node(
    server: ComfyUIServer,
) -> None:
    graph = graphs.small("half", variants=2)
    graph["plain"] = {
        "class_type": "SaveImage",
        "inputs": {"images": ["image", 0], "filename_prefix": "plain"},
    }
    graph["type"] = graphs.odd(
        "torch.tensor([[image.element_size()]]) / 255.", image=["inpaint", 0]
    )
    graph["size"] = {"class_type": "MaskToImage", "inputs": {"mask": ["type", 1]}}
    graph["bytes"] = {
        "class_type": "SaveImage",
        "inputs": {"images": ["size", 0], "filename_prefix": "bytes"},
    }

    result = server.run(graph)

    (plain,) = graphs.saved(server, result, "plain")
    assert np.array_equal(plain, CAT)
    for repainted in graphs.saved(server, result):
        assert np.array_equal(repainted[BEYOND], CAT[BEYOND])
        assert (repainted[MASK] != CAT[MASK]).any(axis=-1).mean() > 0.9
    (element_size,) = graphs.saved(server, result, "bytes")
    assert element_size.max() == 2


def test_a_frame_without_a_mask_comes_back_as_it_was_and_costs_nothing(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    graph = frames("frames", "torch.cat([mask * 0, mask, mask * 0])", variants=2)
    # through MaskNormalize as new nodes are
    graph["normalize"] = {
        "class_type": "MaskNormalize",
        "inputs": {
            "mask": ["masks", 1], "image": ["frames", 0], "threshold": 0.5, "invert": False, "fill_holes": False,
            "close_gaps": 0, "remove_specks": 0, "grow": 0, "size_mismatch": "resize", "multi_mask": "auto",
            "on_empty": "pass",
        },
    }  # fmt: skip
    graph["inpaint"]["inputs"]["mask"] = ["normalize", 0]

    result = server.run(graph)

    pictures = graphs.saved(server, result)
    first, middle, last = FRAME_PIXELS
    assert [np.array_equal(pictures[place], first) for place in (0, 1)] == [True, True]
    assert [np.array_equal(pictures[place], last) for place in (4, 5)] == [True, True]
    for place in (2, 3):
        assert np.array_equal(pictures[place][BEYOND], middle[BEYOND])
        assert (pictures[place][MASK] != middle[MASK]).any(axis=-1).mean() > 0.9
    assert service.billed == 2
    report = graphs.report(result)
    assert [(entry["image"], entry["variant"]) for entry in report["batch"]] == [
        (1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2),
    ]  # fmt: skip
    assert [entry["untouched"] for entry in report["batch"]] == [True] * 2 + [False] * 2 + [
        True
    ] * 2
    assert report["regions"] == [None, [0, 0, 160, 128], None]
    assert any("picture 1, 3: it comes back as it was" in note for note in notes(result))
    assert any("第 1、3 张图片没有遮罩区域" in note for note in notes(result))


def test_all_frames_without_a_mask_are_an_error(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    english, chinese = refused(server, service, frames("none", "torch.cat([mask * 0] * 3)"))

    assert "Nothing is masked" in english
    assert "没有遮罩区域" in chinese


def test_a_refused_frame_is_named_and_the_report_says_which_place_is_which(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    graph = frames("refused", "torch.cat([mask] * 3)", variants=1)
    service.fail(50411, nth=2)
    result = server.run(graph)

    report = graphs.report(result)
    (gone,) = [variant["image"] for variant in report["variants"] if variant["status"] == "failed"]
    there = [number for number in (1, 2, 3) if number != gone]
    assert [entry["image"] for entry in report["batch"]] == there
    for repainted, number in zip(graphs.saved(server, result), there, strict=True):
        assert np.array_equal(repainted[BEYOND], FRAME_PIXELS[number - 1][BEYOND])
    (note,) = [note for note in notes(result) if "Not in the batch" in note]
    assert f"Not in the batch: picture {gone}." in note
    assert f"批次中缺少：图片 {gone}。" in note
    assert note.count("require_all") == 2


@pytest.mark.parametrize("node", ["VolcInpaint", "VolcSegment"])
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_picture_that_is_no_number_nearly_everywhere_is_refused(
    server: ComfyUIServer, service: SimulatedService, node: str, value: str
) -> None:
    graph = graphs.small(f"{node} {value}")
    graph["broken"] = graphs.odd(
        f"torch.where(torch.rand(image.shape[:3])[..., None] < 0.9, float('{value}'), image)",
        image=["image", 0],
    )
    graph["inpaint"]["inputs"]["image"] = ["broken", 0]
    if node == "VolcSegment":
        graph["inpaint"]["inputs"]["mask"] = ["segment", 0]
        graph["segment"] = {
            "class_type": "VolcSegment",
            "inputs": {
                "image": ["broken", 0],
                "target": "subject",
                "max_entities": 20,
                "refine": "none",
            },
        }

    english, chinese = refused(server, service, graph)

    assert "NaN or infinite" in english
    assert "NaN 或无穷大" in chinese


@pytest.mark.parametrize("through", ["", "resize", "stretch"])
def test_load_image_s_placeholder_inverted_buys_nothing(
    server: ComfyUIServer, service: SimulatedService, through: str
) -> None:
    # a square picture: only the scale differs
    graph = graphs.repaint("square.png", "small_mask.png", prompt="placeholder")
    graph["inverted"] = {"class_type": "InvertMask", "inputs": {"mask": ["image", 1]}}
    graph["inpaint"]["inputs"]["mask"] = ["inverted", 0]
    if through:
        graph["normalize"] = {
            "class_type": "MaskNormalize",
            "inputs": {
                "mask": ["inverted", 0], "image": ["image", 0], "threshold": 0.5, "invert": False,
                "fill_holes": False, "close_gaps": 0, "remove_specks": 0, "grow": 0, "size_mismatch": through,
                "multi_mask": "auto", "on_empty": "pass",
            },
        }  # fmt: skip
        graph["inpaint"]["inputs"]["mask"] = ["normalize", 0]

    english, chinese = refused(server, service, graph)

    assert "64x64 and masks all of the picture, which is 128x128" in english
    assert "128x128" in chinese
    assert "stretch" not in english


def test_what_is_odd_about_a_mask_is_said_with_its_numbers(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    graph = graphs.small("odd masks", variants=1)
    # 0 to 255; the whole but a border; a stray click; a faint stroke, all of it softer than white
    graph["odd"] = graphs.odd(
        "torch.nn.functional.pad(torch.full((1, 100, 120), 200.), (20, 20, 14, 14))"
        ".index_put((torch.tensor([0]), torch.tensor([3]), torch.tensor([150])), torch.tensor(255.))"
        " + 70 * (torch.arange(160) < 8).float() * (torch.arange(128)[:, None] > 60).float()"
    )
    graph["inpaint"]["inputs"]["mask"] = ["odd", 1]

    said = notes(server.run(graph))

    for words in (
        ("read as 0 to 255", "按 0 到 255 读取"),
        ("536 px of the mask are too faint, 0.27 at most", "536 像素过淡"),
        ("of the mask is soft, between 0.05 and 0.95", "是半透明的"),
        ("1 small part(s) of the mask, at most 1 px", "1 个孤立的小区域"),
    ):
        (note,) = [note for note in said if words[0] in note]
        assert words[1] in note
    # what is faint was not sent
    (call,) = service.ledger.calls()
    assert call.pictures[1]["white"] == 100 * 120 + 1


def test_nearly_all_masked_united_masks_and_copies_are_said(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    graph = graphs.small("united", variants=1)
    graph["odd"] = graphs.odd("torch.cat([mask, 1 - mask, mask])", mask=["mask", 0])
    graph["inpaint"]["inputs"]["mask"] = ["odd", 1]
    said = notes(server.run(graph))
    assert any("3 masks were united for this one picture" in note for note in said)
    assert any("3 个遮罩已合并" in note for note in said)
    assert any("100% of the picture is masked" in note for note in said)
    assert any("图片有 100% 被遮罩" in note for note in said)

    graph = graphs.small("copies", variants=1)
    graph["four"] = graphs.odd("image.repeat(4, 1, 1, 1)", image=["image", 0])
    graph["inpaint"]["inputs"]["image"] = ["four", 0]
    result = server.run(graph)
    assert any("Pictures 1-4 are the same with the same mask" in note for note in notes(result))
    assert any("图片 1-4 及其遮罩完全相同" in note for note in notes(result))
    assert len({picture.tobytes() for picture in graphs.saved(server, result)}) == 1
    # one for each of both runs
    assert service.billed == 2


def test_that_what_is_repainted_is_transparent_is_said(server: ComfyUIServer) -> None:
    graph = graphs.small("transparent", variants=1)
    graph["joined"] = {
        "class_type": "JoinImageWithAlpha",
        "inputs": {"image": ["image", 0], "alpha": ["mask", 0]},
    }
    graph["inpaint"]["inputs"]["image"] = ["joined", 0]

    result = server.run(graph)

    assert any(
        "100% of what is repainted in the picture is transparent" in n for n in notes(result)
    )
    assert any("100% 是透明的" in note for note in notes(result))
    (repainted,) = graphs.saved(server, result)
    assert np.array_equal(repainted[..., 3], np.where(MASK, 0, 255))


def test_a_result_that_memory_cannot_hold_is_refused_with_its_size(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    graph = graphs.small("too much", variants=8)
    # a view, which takes no memory itself: 1000 pictures of 4096x4096 in half precision
    graph["video"] = graphs.odd(
        "torch.zeros(1, 1, 1, 3).half().expand(1000, 4096, 4096, 3)", image=["image", 0]
    )
    graph["inpaint"]["inputs"]["image"] = ["video", 0]

    english, chinese = refused(server, service, graph)

    # 8 * 1000 * 4096² * 3 * 2 bytes
    assert "805.3 GB" in english
    assert "805.3 GB" in chinese
    assert "8 variant(s) of 1000 picture(s) of 4096x4096" in english


def test_a_loop_that_was_cut_short_goes_on_where_it_was(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    graph = graphs.small("loop", variants=1)
    widgets = {
        name: value
        for name, value in graph.pop("inpaint")["inputs"].items()
        if name not in ("image", "mask")
    }
    graph["loop"] = {
        "class_type": "Loop",
        "inputs": {
            "image": ["image", 0],
            "mask": ["mask", 0],
            "times": 3,
            "widgets": json.dumps(widgets),
        },
    }
    del graph["urls"], graph["report"]
    graph["save"]["inputs"]["images"] = ["loop", 0]
    service.fail(50413, nth=2)
    assert "blocked word" in server.run(graph).error_message

    (repainted,) = graphs.saved(server, server.run(graph))

    assert 3 == service.billed
    assert np.array_equal(repainted[BEYOND], CAT[BEYOND])
