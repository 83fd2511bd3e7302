"""Shared files: every example and every workflow of earlier releases loads, fits the nodes, and runs to its pictures."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from harness import examples, showing
from harness.contract import problems
from harness.workflow import NOTES, to_prompt
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness.comfyui import ComfyUIServer
    from simulated_service import SimulatedService

Json = dict[str, Any]

EXAMPLES = examples.examples()
SAVED = examples.saved()
EVERY_NODE = examples.SAVED / "0.1.0" / "every_node.json"
PACK = "custom_nodes.comfyui-volc-inpaint"
TITLE_HEIGHT = 30


def name(path: Path) -> str:
    return path.stem if path.parent == examples.EXAMPLES else f"{path.parent.name}-{path.stem}"


of_every_file = pytest.mark.parametrize("path", [*EXAMPLES, *SAVED], ids=name)
of_every_example = pytest.mark.parametrize("path", EXAMPLES, ids=name)


@pytest.fixture(scope="module")
def service() -> Iterator[SimulatedService]:
    with examples.service() as running:
        yield running


@pytest.fixture(scope="module")
def server(comfyui: Callable[..., ComfyUIServer], service: SimulatedService) -> ComfyUIServer:
    started = comfyui(env=service.environment)
    examples.put_pictures(started)
    return started


@pytest.fixture(scope="module")
def object_info(server: ComfyUIServer) -> Json:
    return server.object_info()


def nodes(workflow: Json) -> list[Json]:
    """Those that run."""
    return [node for node in workflow["nodes"] if node["type"] not in NOTES]


def test_the_three_ways_to_a_mask_and_nine_more_are_there() -> None:
    assert [path.stem for path in EXAMPLES] == [
        "batch_of_pictures",
        "chain_edits_by_url",
        "choose_and_upscale",
        "erase",
        "extend",
        "mask_from_any_node",
        "one_entity_of_several",
        "repaint_background",
        "repaint_by_brush",
        "repaint_on_the_successor",
        "repaint_subject",
        "watermark",
    ]
    assert EVERY_NODE in SAVED


def test_the_template_browser_lists_each_example_with_its_thumbnail(server: ComfyUIServer) -> None:
    folder = PACK.split(".", 1)[1]

    assert sorted(server.get("/workflow_templates")[folder]) == [path.stem for path in EXAMPLES]
    for path in EXAMPLES:
        for file in (path, path.with_suffix(".jpg")):
            address = f"/api/workflow_templates/{folder}/{file.name}"
            assert server.request(address) == (200, file.read_bytes())


@of_every_file
def test_a_file_means_to_the_nodes_what_it_meant_when_it_was_saved(
    object_info: Json, path: Path
) -> None:
    assert problems(examples.load(path), object_info) == []


@of_every_file
def test_a_file_runs_as_it_converts_and_ends_with_pictures(
    server: ComfyUIServer, service: SimulatedService, object_info: Json, path: Path
) -> None:
    service.reset()
    prompt = to_prompt(examples.load(path), object_info)
    result = server.run(prompt)

    assert result.error_message == ""
    assert result.status == "success"
    runs = [run for output in result.outputs.values() for run in output.get("volc_inpaint", [])]
    assert sum(run["paid"] + run["from_journal"] for run in runs) == showing.calls(prompt)
    saving = [number for number, node in prompt.items() if node["class_type"] == "SaveImage"]
    assert saving
    for number in saving:
        files = result.outputs[number]["images"]
        assert files
        assert all(server.image(**file).startswith(b"\x89PNG") for file in files)


def test_a_run_is_shown_with_the_mask_that_the_node_got_and_what_the_node_said(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    service.reset()
    shown = showing.run(server, "erase", showing.prompt_of(server, "erase", seed=500))
    coffee = pixels(Image.open(examples.INPUT / "volc_inpaint_coffee.jpg").convert("RGB"))
    spoon = pixels(Image.open(examples.INPUT / "volc_inpaint_mask_spoon.png")) > 127

    assert shown.error == ""
    # ComfyUI's decoder of JPEG is another, and its PreviewImage rounds down
    assert np.abs(pixels(shown.before[0]).astype(int) - coffee).mean() < 1
    assert np.array_equal(pixels(shown.masks[0]) > 127, spoon)
    reddened = (pixels(shown.inputs()[0]) != pixels(shown.before[0])).any(axis=2)
    assert np.array_equal(reddened, spoon)
    assert len(set(shown.after)) == 4
    assert shown.paid == service.billed == 4
    (said,) = shown.summaries
    assert re.fullmatch(r"VolcInpaint: paid 4 · from the journal 0 · \d+\.\d s", said)


def pixels(image: Image.Image) -> np.ndarray[Any, Any]:
    return np.asarray(image)


@pytest.mark.parametrize("path", SAVED, ids=name)
def test_a_file_of_an_earlier_release_still_sends_what_its_canvas_sent(
    object_info: Json, path: Path
) -> None:
    sent = examples.load(path.with_suffix(".prompt.json"))
    sends = to_prompt(examples.load(path), object_info)

    assert sent.keys() == sends.keys()
    for number, node in sent.items():
        assert node["class_type"] == sends[number]["class_type"]
        # inputs may have been appended since
        assert node["inputs"].items() <= sends[number]["inputs"].items()


def test_together_they_use_every_node_of_the_pack(object_info: Json) -> None:
    ours = {kind for kind, info in object_info.items() if info["python_module"] == PACK}

    for paths in (EXAMPLES, SAVED):
        used = {node["type"] for path in paths for node in nodes(examples.load(path))}
        assert ours <= used


@of_every_file
def test_a_file_uses_no_nodes_but_the_packs_and_comfyuis_own(object_info: Json, path: Path) -> None:
    modules = {object_info[node["type"]]["python_module"] for node in nodes(examples.load(path))}

    assert all(
        module == PACK or re.match(r"(nodes|comfy_extras\..+)$", module) for module in modules
    )


@of_every_example
def test_every_picture_of_an_example_is_there_and_named_on_the_canvas(path: Path) -> None:
    workflow = examples.load(path)
    values = [value for node in nodes(workflow) for value in node.get("widgets_values", [])]
    pictures = [v for v in values if isinstance(v, str) and re.search(r"\.(png|jpg)$", v)]
    (note,) = [node for node in workflow["nodes"] if node["type"] in NOTES]

    assert pictures
    for picture in pictures:
        link = urlsplit(picture)
        file = examples.INPUT / link.path.rsplit("/", 1)[-1]
        assert file.stat().st_size <= 300_000
        assert (link.hostname or picture) in note["widgets_values"][0]


@of_every_example
def test_an_example_has_a_thumbnail_of_its_own(path: Path) -> None:
    thumbnail = path.with_suffix(".jpg")
    with Image.open(thumbnail) as picture:
        assert picture.format == "JPEG"
        assert 400 <= picture.width <= 640
    assert thumbnail.stat().st_size <= 150_000


@of_every_example
def test_an_example_is_laid_out_to_be_read(path: Path) -> None:
    workflow = examples.load(path)
    boxes = {
        f"{node['id']} {node['type']}": (
            node["pos"][0],
            node["pos"][1] - TITLE_HEIGHT,
            node["pos"][0] + node["size"][0],
            node["pos"][1] + node["size"][1],
        )
        for node in workflow["nodes"]
    }
    groups = [group["bounding"] for group in workflow["groups"]]
    for which, (left, top, right, bottom) in boxes.items():
        overlapping = [
            other
            for other, box in boxes.items()
            if other != which
            and left < box[2] and box[0] < right and top < box[3] and box[1] < bottom
        ]  # fmt: skip
        assert overlapping == [], which
        assert any(
            x <= left and y <= top and right <= x + width and bottom <= y + height
            for x, y, width, height in groups
        ), which
    for group in workflow["groups"]:
        assert re.search(r"[A-Za-z].*·.*[\u4e00-\u9fff]", group["title"])
    (note,) = [node for node in workflow["nodes"] if node["type"] in NOTES]
    words = note["widgets_values"][0]
    assert len(re.findall(r"[A-Za-z]{2,}", words)) > 30
    assert len(re.findall(r"[\u4e00-\u9fff]", words)) > 60
    # left to right: no wire runs back
    left_edges = {node["id"]: node["pos"][0] for node in workflow["nodes"]}
    assert all(left_edges[link[1]] < left_edges[link[3]] for link in workflow["links"])


def moved_widget(info: Json) -> None:
    for group in (info["VolcInpaint"]["input"], info["VolcInpaint"]["input_order"]):
        order = list(group["required"])
        place, other = order.index("steps"), order.index("variants")
        order[place], order[other] = order[other], order[place]
        required = group["required"]
        group["required"] = order if isinstance(required, list) else {n: required[n] for n in order}


def inserted_widget(info: Json) -> None:
    node = info["VolcInpaint"]
    node["input"]["required"]["strength"] = ["INT", {"default": 1}]
    node["input_order"]["required"].insert(3, "strength")


def renamed_widget(info: Json) -> None:
    node = info["VolcPickVariant"]
    node["input"]["required"]["chosen"] = node["input"]["required"].pop("pick")
    node["input_order"]["required"][-1] = "chosen"


def renamed_node(info: Json) -> None:
    info["VolcMaskNormalize"] = info.pop("MaskNormalize")


def removed_choice(info: Json) -> None:
    info["VolcInpaint"]["input"]["required"]["fit"][1]["options"].remove("downscale")


def narrowed_range(info: Json) -> None:
    info["VolcInpaintURL"]["input"]["required"]["variants"][1]["max"] = 2


def other_type(info: Json) -> None:
    info["VolcInpaint"]["input"]["required"]["feather"][0] = "STRING"


def other_socket(info: Json) -> None:
    info["VolcInpaint"]["input"]["optional"]["logo_info"][0] = "VOLC_WATERMARK"


def renamed_socket(info: Json) -> None:
    node = info["VolcInpaint"]
    node["input"]["required"]["picture"] = node["input"]["required"].pop("image")
    node["input_order"]["required"][0] = "picture"


def moved_output(info: Json) -> None:
    for key in ("output", "output_name"):
        info["VolcInpaint"][key][1:] = reversed(info["VolcInpaint"][key][1:])


def removed_output(info: Json) -> None:
    for key in ("output", "output_name"):
        del info["VolcSegment"][key][2:]


@pytest.mark.parametrize(
    "change",
    [
        moved_widget,
        inserted_widget,
        renamed_widget,
        renamed_node,
        removed_choice,
        narrowed_range,
        other_type,
        other_socket,
        renamed_socket,
        moved_output,
        removed_output,
    ],
)
def test_the_guard_fails_when_a_node_changed_under_a_shared_file(
    object_info: Json, change: Callable[[Json], None]
) -> None:
    changed = copy.deepcopy(object_info)
    change(changed)

    assert problems(examples.load(EVERY_NODE), changed) != []


def test_the_guard_lets_inputs_and_outputs_be_appended(object_info: Json) -> None:
    appended = copy.deepcopy(object_info)
    node = appended["VolcInpaint"]
    node["input"]["required"]["added"] = ["COMBO", {"options": ["first", "second"]}]
    node["input_order"]["required"].append("added")
    node["output"].append("MASK")
    node["output_name"].append("added")
    workflow = examples.load(EVERY_NODE)

    assert problems(workflow, appended) == []
    # as on the canvas, a file older than an input gets its default
    (inpaint,) = [
        n for n in to_prompt(workflow, appended).values() if n["class_type"] == "VolcInpaint"
    ]
    assert inpaint["inputs"]["added"] == "first"


def test_a_moved_widget_sends_something_else_than_the_canvas_sent(object_info: Json) -> None:
    changed = copy.deepcopy(object_info)
    moved_widget(changed)

    sent = examples.load(EVERY_NODE.with_suffix(".prompt.json"))
    sends = to_prompt(examples.load(EVERY_NODE), changed)

    (number,) = [key for key, node in sent.items() if node["class_type"] == "VolcInpaint"]
    assert not sent[number]["inputs"].items() <= sends[number]["inputs"].items()
