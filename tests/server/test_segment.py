"""Segmentation in a real ComfyUI: exact masks, one payment, and no repaint after a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import skimage.data
from harness import graphs
from PIL import Image, ImageDraw
from simulated_service import segmenter
from simulated_service.refusals import BUSINESS, GATEWAY

if TYPE_CHECKING:
    from harness.comfyui import ComfyUIServer, Result
    from simulated_service import SimulatedService

COFFEE = graphs.photograph("coffee")
# Waited out until the account's allowance has room: see the test of its own.
WAITED_OUT = (50429, 50430, "FlowLimitExceeded")


def discs(width: int, height: int) -> np.ndarray[Any, Any]:
    """A picture with three discs, uint8 [H, W, 3]; the second from above is the largest, the first the smallest."""
    image = Image.new("RGB", (width, height), (40, 60, 90))
    pen = ImageDraw.Draw(image)
    for x, y, radius in ((0.75, 0.2, 0.1), (0.3, 0.45, 0.2), (0.7, 0.75, 0.15)):
        at, reach = (x * width, y * height), radius * height
        pen.ellipse(
            (at[0] - reach, at[1] - reach, at[0] + reach, at[1] + reach), fill=(230, 180, 40)
        )
    return np.asarray(image)


PICTURES = {
    "coffee.png": COFFEE,
    "astronaut.png": skimage.data.astronaut(),
    "discs.png": discs(400, 300),
    "small.png": discs(100, 80),
    "large.png": discs(4600, 1150),
    "plain.png": np.full((300, 400, 3), 90, np.uint8),
}


def segment(image: str = "coffee.png", target: str = "subject", **inputs: Any) -> graphs.Graph:
    """Picture, VolcSegment ("segment"), its masks ("masks") and preview ("preview") saved, its report ("report")."""
    return {
        "image": {"class_type": "LoadImage", "inputs": {"image": image}},
        "segment": {
            "class_type": "VolcSegment",
            "inputs": {
                "image": ["image", 0],
                "target": target,
                "max_entities": 20,
                "refine": "none",
                **inputs,
            },
        },
        "grey": {"class_type": "MaskToImage", "inputs": {"mask": ["segment", 0]}},
        "masks": {
            "class_type": "SaveImage",
            "inputs": {"images": ["grey", 0], "filename_prefix": "mask"},
        },
        "preview": {
            "class_type": "SaveImage",
            "inputs": {"images": ["segment", 1], "filename_prefix": "preview"},
        },
        "report": {"class_type": "PreviewAny", "inputs": {"source": ["segment", 2]}},
    }


def and_repaint(graph: graphs.Graph) -> graphs.Graph:
    """The graph with VolcInpaint behind the segmentation, saved as "save"."""
    repaint = graphs.repaint(variants=1, feather=0)
    repaint["inpaint"]["inputs"].update(
        image=graph["segment"]["inputs"]["image"], mask=["segment", 0]
    )
    return {**graph, "inpaint": repaint["inpaint"], "save": repaint["save"]}


def masks(server: ComfyUIServer, result: Result) -> list[np.ndarray[Any, Any]]:
    """The masks, bool; that they are hard is checked on the way."""
    grey = [picture[..., 0] for picture in graphs.saved(server, result, "masks")]
    assert all(np.isin(layer, (0, 255)).all() for layer in grey)
    return [layer == 255 for layer in grey]


def paid(result: Result) -> tuple[int, int]:
    report = graphs.report(result)
    return report["paid"], report["from_journal"]


def overlap(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    """Intersection over union."""
    return float((one & other).sum() / (one | other).sum())


def is_disc(picture: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return picture[..., 0] > 128


def test_subject_and_background_are_exact_complements_and_one_payment(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    first = server.run(segment(target="subject"))
    second = server.run(segment(target="background"))

    (subject,), (background,) = masks(server, first), masks(server, second)
    assert np.array_equal(subject, ~background)
    # What the service answered, hard from half on.
    assert np.array_equal(segmenter.subject(Image.fromarray(COFFEE), 0) >= 128, subject)
    assert (paid(first), paid(second)) == ((1, 0), (0, 1))
    (call,) = service.ledger.calls()
    assert call.fields == {"req_key": "saliency_seg", "only_mask": 1, "refine_mask": 0}
    assert call.pictures[0]["size"] == [600, 400]
    (mask,) = graphs.report(first)["masks"]
    assert mask["area"] == subject.sum()
    assert mask["score"] is None
    # The overlay shows the picture as it was wherever nothing is masked.
    (preview,) = graphs.saved(server, first, "preview")
    assert np.array_equal(preview[~subject], COFFEE[~subject])
    assert (preview[subject] != COFFEE[subject]).any(axis=-1).mean() > 0.99


def test_the_same_picture_is_paid_once(server: ComfyUIServer, service: SimulatedService) -> None:
    first = server.run(segment("astronaut.png", refine="light"))
    # Another value, so that ComfyUI's own cache does not answer; it means nothing to a subject.
    again = server.run(segment("astronaut.png", refine="light", max_entities=3))

    assert (paid(first), paid(again)) == ((1, 0), (0, 1))
    assert service.billed == 1
    assert np.array_equal(masks(server, first), masks(server, again))


@pytest.mark.parametrize(
    ("target", "refine", "sent"),
    [
        ("subject", "light", {"only_mask": 1, "refine_mask": 1}),
        ("background", "strong", {"only_mask": 1, "refine_mask": 2}),
        ("entities", "none", {"max_entity": 7, "refine_mask": 0, "return_format": 0}),
        ("entities", "light", {"max_entity": 7, "refine_mask": 1, "return_format": 0}),
        # The interface for entities knows one level only, so this is the call before, and free.
        ("entities", "strong", None),
    ],
)
def test_each_level_of_refinement_reaches_the_service(
    server: ComfyUIServer,
    service: SimulatedService,
    target: str,
    refine: str,
    sent: dict[str, Any] | None,
) -> None:
    result = server.run(segment("discs.png", target, refine=refine, max_entities=7))

    assert result.error_message == ""
    fields = [call.fields for call in service.ledger.calls()]
    assert [{**field, "req_key": ""} for field in fields] == (
        [{"req_key": "", **sent}] if sent else []
    )


def test_entities_are_hard_masks_largest_first_with_their_scores(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    first = server.run(segment("discs.png", "entities"))
    again = server.run(segment("discs.png", "entities", refine="none", max_entities=2))

    layers = masks(server, first)
    picture = discs(400, 300)
    assert len(layers) == 3
    assert [layer.sum() for layer in layers] == sorted((m.sum() for m in layers), reverse=True)
    assert sum(layer.astype(int) for layer in layers).max() == 1  # type: ignore[union-attr]
    assert overlap(np.logical_or.reduce(layers), is_disc(picture)) > 0.9
    # The largest disc lies left, the smallest at the top.
    assert layers[0][135, 120]
    assert layers[2][60, 300]
    # The service numbers from top to bottom, so its scores have to be sorted along.
    _, scores = segmenter.entities(Image.fromarray(picture), 20)
    found = graphs.report(first)["masks"]
    assert [mask["score"] for mask in found] == [scores[1], scores[2], scores[0]]
    assert [mask["area"] for mask in found] == [layer.sum() for layer in layers]
    for mask, layer in zip(found, layers, strict=True):
        rows, columns = np.nonzero(layer)
        x, y = columns.min(), rows.min()
        assert mask["box"] == [x, y, columns.max() + 1 - x, rows.max() + 1 - y]
    assert len(graphs.saved(server, first, "preview")) == 1
    two = masks(server, again)
    assert len(two) == 2
    assert np.array_equal(two[0], layers[0])
    assert service.billed == 2


def test_repainting_one_entity_changes_that_entity_only(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    graph = segment("discs.png", "entities", max_entities=5)
    graph["one"] = {
        "class_type": "ImageFromBatch",
        "inputs": {"image": ["grey", 0], "batch_index": 1, "length": 1},
    }
    graph["back"] = {
        "class_type": "ImageToMask",
        "inputs": {"image": ["one", 0], "channel": "red"},
    }
    graph = and_repaint(graph)
    graph["inpaint"]["inputs"]["mask"] = ["back", 0]
    result = server.run(graph)

    entity = masks(server, result)[1]
    (picture,) = graphs.saved(server, result, "save")
    original = discs(400, 300)
    assert np.array_equal(picture[~entity], original[~entity])
    assert (picture[entity] != original[entity]).any(axis=-1).mean() > 0.9
    assert [call.req_key for call in service.ledger.calls()] == [
        "entity_seg",
        "img2img_inpainting_edit_zi2i",
    ]


@pytest.mark.parametrize(
    ("name", "size", "sent"),
    [("small.png", (100, 80), [160, 128]), ("large.png", (4600, 1150), [4096, 1024])],
)
def test_beyond_the_limits_it_is_scaled_and_the_mask_comes_back_at_the_pictures_size(
    server: ComfyUIServer,
    service: SimulatedService,
    name: str,
    size: tuple[int, int],
    sent: list[int],
) -> None:
    result = server.run(segment(name, "entities"))

    (call,) = service.ledger.calls()
    assert call.pictures[0]["size"] == sent
    layers = masks(server, result)
    assert all(layer.shape == size[::-1] for layer in layers)
    assert overlap(np.logical_or.reduce(layers), is_disc(discs(*size))) > 0.8
    (note,) = graphs.report(result)["notes"]
    assert f"{sent[0]}x{sent[1]} instead of {size[0]}x{size[1]}" in note
    assert "原为" in note


def batch(target: str, *names: str) -> graphs.Graph:
    graph = segment(names[0], target)
    graph["other"] = {"class_type": "LoadImage", "inputs": {"image": names[1]}}
    graph["batch"] = {
        "class_type": "ImageBatch",
        "inputs": {"image1": ["image", 0], "image2": ["other", 0]},
    }
    graph["segment"]["inputs"]["image"] = ["batch", 0]
    return graph


def test_a_batch_gives_one_mask_per_picture_in_order(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    graphs.upload(server, "mirrored.png", discs(400, 300)[:, ::-1])
    alone = server.run(segment("mirrored.png"))
    both = server.run(batch("subject", "mirrored.png", "discs.png"))

    layers = masks(server, both)
    assert len(layers) == 2
    assert np.array_equal(masks(server, alone)[0], layers[0])
    assert not np.array_equal(layers[0], layers[1])
    assert [mask["image"] for mask in graphs.report(both)["masks"]] == [1, 2]
    assert service.billed == 2


def test_entities_of_two_pictures_are_an_error_before_any_call(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    result = server.run(batch("entities", "plain.png", "discs.png"))

    english, chinese = result.error_message.splitlines()
    assert "exactly one picture, but 2 arrived" in english
    assert "2 张" in chinese
    assert service.ledger.calls() == []


@pytest.mark.parametrize("number", [0, 101])
def test_a_linked_number_out_of_range_is_an_error_before_any_call(
    server: ComfyUIServer, service: SimulatedService, number: int
) -> None:
    graph = segment("discs.png", "entities", max_entities=["number", 0])
    graph["number"] = {"class_type": "PrimitiveInt", "inputs": {"value": number}}
    result = server.run(graph)

    english, chinese = result.error_message.splitlines()
    assert f"max_entities is {number}, but must be a whole number from 1 to 100" in english
    assert f"max_entities 的值为 {number}" in chinese
    assert service.ledger.calls() == []


@pytest.mark.parametrize("target", ["subject", "background", "entities"])
def test_nothing_found_is_an_error_and_nothing_is_repainted(
    server: ComfyUIServer, service: SimulatedService, target: str
) -> None:
    result = server.run(and_repaint(segment("plain.png", target)))

    english, chinese = result.error_message.splitlines()
    assert f"Nothing was found for target {target}" in english
    assert "未找到" in chinese
    assert {call.req_key for call in service.ledger.calls()} <= {"saliency_seg", "entity_seg"}


def test_a_frame_of_a_batch_without_a_subject_is_named_and_left_as_it_was(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    result = server.run(and_repaint(batch("subject", "discs.png", "plain.png")))

    notes = graphs.report(result)["notes"]
    assert any("subject in picture 2: its mask is empty" in note for note in notes)
    painted = [c for c in service.ledger.calls() if c.req_key == "img2img_inpainting_edit_zi2i"]
    assert len(painted) == 1


def test_a_mask_missing_from_a_batch_is_an_error_and_the_other_stays_paid(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    graphs.upload(server, "one.png", COFFEE[:, ::-1])
    graphs.upload(server, "two.png", COFFEE[::-1])
    service.fail(50411, nth=2)
    failed = server.run(and_repaint(batch("subject", "one.png", "two.png")))
    again = server.run(batch("subject", "one.png", "two.png"))

    assert "50411" in failed.error_message
    assert "1 of 2 pictures arrived" in failed.error_message
    assert paid(again) == (1, 1)
    assert service.billed == 2


@pytest.mark.parametrize("key", ["saliency_seg", "entity_seg"])
def test_with_segmentation_refused_for_any_reason_the_repaint_is_not_called(
    server: ComfyUIServer, service: SimulatedService, key: str
) -> None:
    target = "subject" if key == "saliency_seg" else "entities"
    graphs.upload(server, f"{key}.png", COFFEE[:, ::2])
    # Codes that are tried again cost seconds; one key is enough for them.
    tried_again = (50500, 50501) if key == "entity_seg" else ()
    codes = [c for c in (*BUSINESS, *GATEWAY) if c not in (*WAITED_OUT, *tried_again)]

    for code in codes:
        service.reset()
        service.fail(code, times=1000)
        result = server.run(and_repaint(segment(f"{key}.png", target)))

        assert result.status == "error", code
        assert str(code) in result.error_message
        assert {call.req_key for call in service.ledger.calls()} == {key}, code
        assert service.billed == 0


@pytest.mark.parametrize("code", WAITED_OUT)
def test_while_segmentation_waits_for_the_allowance_the_repaint_is_not_called(
    server: ComfyUIServer, service: SimulatedService, code: int | str
) -> None:
    # of its own: a code of the gateway may have left a doubt about the other's
    graphs.upload(server, "waits.png", COFFEE[:, 1::2])
    service.fail(code, times=1000)
    prompt_id = server.queue(and_repaint(segment("waits.png")))
    assert service.wait_for("refused", 1)
    server.interrupt()
    result = server.result(prompt_id)

    assert result.status == "interrupted"
    assert {call.req_key for call in service.ledger.calls()} == {"saliency_seg"}
    assert service.billed == 0
