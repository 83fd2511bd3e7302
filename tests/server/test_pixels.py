"""Exact where nothing was masked, at any size, from any mask: from a file through a real ComfyUI to a file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from harness import graphs
from PIL import Image
from scipy import ndimage

if TYPE_CHECKING:
    from pathlib import Path

    from harness.comfyui import ComfyUIServer
    from simulated_service import SimulatedService

Pixels = np.ndarray[Any, Any]
CAT = graphs.photograph("chelsea")
CUP = graphs.photograph("coffee", (CAT.shape[1], CAT.shape[0]))
MASK = graphs.ellipse(*CAT.shape[:2])
PICTURES = {"cat.png": CAT, "cup.png": CUP, "mask.png": MASK}


def large() -> tuple[Pixels, Pixels]:
    """A photograph of 6000x4000 and a small mask near its right edge."""
    picture = graphs.photograph("astronaut", (6000, 4000))
    mask = np.zeros((4000, 6000), bool)
    mask[3000:3200, 5500:5800] = graphs.ellipse(200, 300)
    return picture, mask


def reached(mask: Pixels, feather: int) -> Pixels:
    distance: Pixels = ndimage.distance_transform_edt(~mask)
    return distance <= feather


def test_a_picture_of_6000x4000_differs_only_where_mask_and_feather_reach(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    picture, mask = large()
    for name, pixels in (("large.png", picture), ("small_mask.png", mask)):
        buffer = io.BytesIO()
        pixels = pixels.astype(np.uint8) * np.uint8(255 if pixels.dtype == bool else 1)
        Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
        server.upload_image(buffer.getvalue(), name)

    result = server.run(graphs.repaint("large.png", "small_mask.png", variants=1, feather=16))

    (repainted,) = graphs.saved(server, result)
    events = [one.data for one in result.messages if one.type == "volc_inpaint.status"]
    assert [1, 1] in [event["encoding"] for event in events]  # which takes a second
    assert events[-1]["encoding"] is None
    changed = (repainted != picture).any(axis=-1)
    assert repainted.shape == (4000, 6000, 3)
    # around the mask, all of the rest is empty: distances there are enough
    near = (slice(2900, 3300), slice(5400, 5900))
    assert not (changed[near] & ~reached(mask[near], 16)).any()
    assert changed[near].sum() == changed.sum()
    assert changed[mask].mean() > 0.9
    # at full resolution: as much as the limits allow, slid to the edge
    assert graphs.report(result)["region"] == [1904, 0, 4096, 4000]
    (call,) = service.ledger.calls()
    assert call.pictures[0]["size"] == [4096, 4000]
    assert call.pictures[0]["bytes"] <= 5_000_000
    assert call.pictures[1]["white"] == mask.sum()

    refused = server.run(graphs.repaint("large.png", "small_mask.png", variants=1, fit="error"))

    assert "6000x4000" in refused.error_message
    assert len(service.ledger.calls()) == 1

    # The same close up, which is within the limits. The mask's box is 119x99 from (5591, 3051), 151x131 with its feather.
    service.configure({"works_at": 1024, "drift": {"cast": (9, 0, -9)}})
    result = server.run(
        graphs.repaint(
            "large.png", "small_mask.png", variants=1, feather=16, fit="error", context=2
        )
    )

    (repainted,) = graphs.saved(server, result)
    changed = (repainted != picture).any(axis=-1)
    assert not (changed[near] & ~reached(mask[near], 16)).any()
    assert changed[near].sum() == changed.sum()
    assert changed[mask].mean() > 0.9
    report = graphs.report(result)
    assert report["region"] == [5499, 2969, 302, 262]
    assert (report["sent"], report["scale"]) == ([[1024, 888]], [3.391])
    assert service.ledger.calls()[1].pictures[0]["size"] == [1024, 888]


def test_an_answer_of_another_size_comes_back_at_the_picture_s_own(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    service.configure({"answer_size": (333, 222)})

    (repainted,) = graphs.saved(
        server, server.run(graphs.repaint(variants=1, prompt="another size"))
    )

    assert repainted.shape == CAT.shape
    beyond = ~reached(MASK, 8)
    assert np.array_equal(repainted[beyond], CAT[beyond])
    assert (repainted[MASK] != CAT[MASK]).any(axis=-1).mean() > 0.9


def test_an_answer_of_another_shape_is_kept_and_told_and_never_stretched_in_nor_paid_again(
    server: ComfyUIServer, service: SimulatedService, journal: Path
) -> None:
    service.configure({"answer_size": (304, 304)})
    before = len(list(journal.glob("*/*.zip")))
    alone = server.run(graphs.repaint(prompt="square", variants=1))
    service.configure({"answer_size": None})
    beside = server.run(graphs.repaint(prompt="square", variants=2))
    strict = server.run(graphs.repaint(prompt="square", variants=2, require_all=True))

    sizes = ("304x304", f"{CAT.shape[1]}x{CAT.shape[0]}")
    for error in (alone.error_message, strict.error_message):
        english, chinese = error.splitlines()[:2]
        assert [size for size in sizes if size not in english or size not in chinese] == []
        assert "no run pays for it again" in english
    told = graphs.report(beside)
    first, second = told["variants"]
    assert (first["status"], first["size"]) == ("journal", [304, 304])
    assert (second["status"], second["size"]) == ("paid", [CAT.shape[1], CAT.shape[0]])
    assert [size for size in sizes if size not in "".join(told["notes"])] == []
    assert len(graphs.saved(server, beside)) == 1
    assert service.billed == len(service.ledger.calls()) == 2
    assert len(list(journal.glob("*/*.zip"))) - before == 2


def test_an_answer_of_the_first_run_of_another_shape_is_paid(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    service.configure({"answer_size": (304, 304)})
    server.run(graphs.repaint(prompt="paid square", variants=1, seed=2))
    service.configure({"answer_size": None})
    good = server.run(graphs.repaint(prompt="paid square", variants=1, seed=1))
    service.configure({"answer_size": (304, 304)})
    result = server.run(graphs.repaint(prompt="paid square", variants=3, seed=1))

    told = graphs.report(result)
    assert [v["status"] for v in told["variants"]] == ["journal", "journal", "paid"]
    assert [v["size"] == [304, 304] for v in told["variants"]] == [False, True, True]
    (one,) = graphs.saved(server, result)
    assert np.array_equal(one, graphs.saved(server, good)[0])


def test_an_answer_that_is_coarser_than_the_picture_is_used_and_said(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    service.configure({"works_at": 256})
    result = server.run(graphs.repaint(prompt="coarse", variants=2))

    told = graphs.report(result)
    assert [v["size"] for v in told["variants"]] == [[256, 170]] * 2
    (note,) = [note for note in told["notes"] if "coarser" in note]
    assert "256x170" in note
    assert "`context`" in note
    assert len(graphs.saved(server, result)) == 2


def test_two_pictures_with_two_variants_each_come_back_picture_by_picture(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    graph = graphs.repaint(variants=2, prompt="batch", image="cat.png")
    graph["cup"] = {"class_type": "LoadImage", "inputs": {"image": "cup.png"}}
    graph["both"] = {
        "class_type": "ImageBatch",
        "inputs": {"image1": ["image", 0], "image2": ["cup", 0]},
    }
    graph["inpaint"]["inputs"]["image"] = ["both", 0]

    pictures = graphs.saved(server, server.run(graph))

    beyond = ~reached(MASK, 8)
    for repainted, original in zip(pictures, (CAT, CAT, CUP, CUP), strict=True):
        assert np.array_equal(repainted[beyond], original[beyond])
    assert len({picture.tobytes() for picture in pictures}) == 4
    assert service.billed == 4


def test_alpha_is_kept(server: ComfyUIServer) -> None:
    graph = graphs.repaint(variants=1, prompt="alpha")
    graph["joined"] = {
        "class_type": "JoinImageWithAlpha",
        "inputs": {"image": ["image", 0], "alpha": ["mask", 0]},
    }
    graph["inpaint"]["inputs"]["image"] = ["joined", 0]

    (repainted,) = graphs.saved(server, server.run(graph))

    # that node turns masked into transparent
    assert np.array_equal(repainted[..., 3], np.where(MASK, 0, 255))
    beyond = ~reached(MASK, 8)
    assert np.array_equal(repainted[beyond][:, :3], CAT[beyond])
    assert (repainted[MASK][:, :3] != CAT[MASK]).any(axis=-1).mean() > 0.9


def test_a_soft_mask_goes_through_mask_normalize_and_grows_in_true_pixels(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    # half the size, faint: 100 of 255
    small = graphs.ellipse(CAT.shape[0] // 2, CAT.shape[1] // 2)
    graphs.upload(server, "faint.png", small.astype(np.uint8) * np.uint8(100))
    graph = graphs.repaint(mask="faint.png", variants=1, feather=0, prompt="normalized")
    graph["normalize"] = {
        "class_type": "MaskNormalize",
        "inputs": {
            "mask": ["mask", 0],
            "image": ["image", 0],
            "threshold": 0.3,
            "invert": False,
            "fill_holes": False,
            "close_gaps": 0,
            "remove_specks": 0,
            "grow": 6,
            "size_mismatch": "resize",
            "multi_mask": "union",
            "on_empty": "error",
        },
    }
    graph["inpaint"]["inputs"]["mask"] = ["normalize", 0]

    (repainted,) = graphs.saved(server, server.run(graph))

    changed = (repainted != CAT).any(axis=-1)
    # the small mask at the picture's size, within the pixel that scaling may move its edge
    scaled = np.asarray(Image.fromarray(small).resize(CAT.shape[1::-1], Image.Resampling.NEAREST))
    assert not changed[~reached(scaled, 8)].any()
    assert changed[reached(scaled, 4)].mean() > 0.9
    (call,) = service.ledger.calls()
    assert reached(scaled, 4).sum() <= call.pictures[1]["white"] <= reached(scaled, 8).sum()

    # without it, the mask is refused before anything is paid
    graph["inpaint"]["inputs"]["mask"] = ["mask", 0]
    refused = server.run(graph)
    assert "brightest value 0.39, threshold 0.50" in refused.error_message
    assert service.billed == 1


def test_a_watermark_that_was_asked_for_is_not_cut_off_and_that_is_said(
    server: ComfyUIServer,
) -> None:
    graph = graphs.repaint(variants=1, prompt="watermark")
    widgets = server.object_info()["LogoInfo"]["input"]["required"]
    logo = {name: options.get("default") for name, (_, options) in widgets.items()}
    logo.update(position="bottom_right", language="english", opacity=1.0)
    graph["logo"] = {"class_type": "LogoInfo", "inputs": logo}
    plain = graphs.saved(server, server.run(graph))[0]
    graph["inpaint"]["inputs"]["logo_info"] = ["logo", 0]

    result = server.run(graph)

    (marked,) = graphs.saved(server, result)
    # where the simulated service writes: a quarter of the width, a sixteenth of the height
    corner = (slice(-(CAT.shape[0] // 16), None), slice(-(CAT.shape[1] // 4), None))
    assert np.array_equal(plain[corner], CAT[corner])
    difference = np.abs(marked[corner].astype(int) - CAT[corner])
    assert (difference.max(axis=-1) > 60).mean() > 0.05
    notes = graphs.report(result)["notes"]
    assert any("watermark" in note and "水印" in note for note in notes)
