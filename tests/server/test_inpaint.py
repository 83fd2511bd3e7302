"""The main job: a picture and a mask become variants, in a real ComfyUI, over real HTTP."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from harness import graphs
from PIL import Image
from simulated_service.faults import Fault

if TYPE_CHECKING:
    from harness.comfyui import ComfyUIServer
    from simulated_service import SimulatedService

CAT = graphs.photograph("chelsea")
MASK = graphs.ellipse(*CAT.shape[:2])
PICTURES = {"cat.png": CAT, "mask.png": MASK}


def test_four_variants_come_back_in_order_of_their_seeds(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    result = server.run(graphs.repaint())

    pictures = graphs.saved(server, result)
    report = graphs.report(result)
    assert [picture.shape for picture in pictures] == [CAT.shape] * 4
    assert len({picture.tobytes() for picture in pictures}) == 4
    assert [variant["seed"] for variant in report["variants"]] == [1, 2, 3, 4]
    assert (report["paid"], report["from_journal"], report["failed"]) == (4, 0, 0)
    assert report["region"] == [0, 0, CAT.shape[1], CAT.shape[0]]
    assert service.billed == 4
    # The answer of each seed, by the service's own ledger, is where its seed belongs.
    by_seed = {call.seed: call.request_id for call in service.ledger.calls()}
    assert [v["request_id"] for v in report["variants"]] == [by_seed[s] for s in (1, 2, 3, 4)]


def test_nothing_changes_beyond_mask_and_feather(server: ComfyUIServer) -> None:
    from scipy import ndimage

    result = server.run(graphs.repaint(feather=8, prompt="feather"))

    reached = ndimage.distance_transform_edt(~MASK) <= 8
    for picture in graphs.saved(server, result):
        assert np.array_equal(picture[~reached], CAT[~reached])
        assert (picture[MASK] != CAT[MASK]).any(axis=-1).mean() > 0.9


def test_every_field_reaches_the_service_by_name_type_and_value(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    graph = graphs.repaint(
        prompt="一只小狗，戴红帽子", variants=1, seed=77, steps=31, scale=7.5, return_url=True
    )
    graph["logo"] = {
        "class_type": "LogoInfo",
        "inputs": {
            "add_logo": True,
            "position": "top_left",
            "language": "english",
            "opacity": 0.6,
            "text": "我的水印",
        },
    }
    graph["inpaint"]["inputs"]["logo_info"] = ["logo", 0]
    result = server.run(graph)

    assert result.error_message == ""
    (call,) = service.ledger.calls()
    assert call.fields == {
        "req_key": "img2img_inpainting_edit_zi2i",
        "custom_prompt": "一只小狗，戴红帽子",
        "seed": 77,
        "steps": 31,
        "scale": 7.5,
        "return_url": True,
        "logo_info": {
            "add_logo": True,
            "position": 2,
            "language": 1,
            "opacity": 0.6,
            "logo_text_content": "我的水印",
        },
    }
    assert result.text("urls").startswith(f"{service.endpoint}/pictures/")
    assert "watermark" in " ".join(graphs.report(result)["notes"])


def test_the_defaults_are_those_of_the_interface(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    node = server.object_info()["VolcInpaint"]
    names = ("prompt", "variants", "seed", "steps", "scale", "paste_back", "feather", "fit")
    widgets = [*names, "return_url", "require_all"]
    required = node["input"]["required"]
    assert list(required) == ["image", "mask", *widgets]
    assert {name: required[name][1].get("default") for name in ("steps", "scale", "variants")} == {
        "steps": 25,
        "scale": 5.0,
        "variants": 4,
    }
    assert required["seed"][1]["control_after_generate"] == "fixed"
    assert node["output_name"] == ["images", "urls", "report"]


def test_the_drift_of_an_answer_is_taken_out_where_a_prompt_asks_for_it_and_costs_nothing(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    optional = server.object_info()["VolcInpaint"]["input"]["optional"]
    assert list(optional) == ["model", "logo_info", "context", "match_colors"]
    assert optional["match_colors"][1]["default"] is True
    assert optional["context"][1]["default"] == 0
    service.configure({"drift": {"cast": [9, 9, 9]}})

    # an older prompt has no such input
    (old,) = graphs.saved(server, server.run(graphs.repaint(variants=1, prompt="drift")))
    (off,) = graphs.saved(
        server, server.run(graphs.repaint(variants=1, prompt="drift", match_colors=False))
    )
    (on,) = graphs.saved(
        server, server.run(graphs.repaint(variants=1, prompt="drift", match_colors=True))
    )

    assert np.array_equal(old, off)
    assert service.billed == 1
    # of the values that the unmasked part shows, too
    change = (off[MASK].astype(int) - on[MASK])[(off[MASK] > 90) & (off[MASK] < 200)]
    assert abs(np.median(change) - 9) <= 1
    assert np.array_equal(off[0], CAT[0])
    assert np.array_equal(on[0], CAT[0])


def big(width: int, height: int) -> np.ndarray[Any, Any]:
    return np.zeros((height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("change", "english_words", "chinese_words"),
    [
        ({"prompt": "  "}, ["prompt is empty"], ["提示词为空"]),
        (
            {"context": 0.5},
            ["context is 0.5", "0, or a number from 1 to 10"],
            ["context 的值为 0.5"],
        ),
        ({"mask": ["image", 1]}, ["64x64", "Load Image", "MaskEditor"], ["64x64", "加载图像"]),
        (
            {"mask": ["black", 0]},
            ["Nothing is masked", "451x300", "0.00"],
            ["没有遮罩区域", "451x300"],
        ),
        ({"mask": ["other", 0]}, ["The mask is 100x200", "451x300"], ["100x200", "451x300"]),
        (
            {"image": ["tiny", 0], "mask": ["tiny_mask", 0]},
            ["63x200", "below 64"],
            ["63x200", "64"],
        ),
        (
            {"image": ["wide", 0], "mask": ["wide_mask", 0], "fit": "error"},
            ["4097x100", "above 4096", "crop"],
            ["4097x100", "4096"],
        ),
        ({"mask": ["batch", 0]}, ["2 masks", "3 pictures"], ["3 张图片", "2 个遮罩"]),
    ],
)
def test_bad_input_is_an_error_in_two_languages_and_no_call(
    server: ComfyUIServer,
    service: SimulatedService,
    change: dict[str, Any],
    english_words: list[str],
    chinese_words: list[str],
) -> None:
    graph = graphs.repaint()
    graph["inpaint"]["inputs"].update(change)
    used = {value[0] for value in change.values() if isinstance(value, list)}
    for name, pixels in {"tiny": big(63, 200), "wide": big(4097, 100)}.items():
        if name in used:
            graphs.upload(server, f"{name}.png", pixels)
            graph[name] = {"class_type": "LoadImage", "inputs": {"image": f"{name}.png"}}
    for name, shape in {
        "black": (0.0, 451, 300),
        "other": (1.0, 100, 200),
        "tiny_mask": (1.0, 63, 200),
        "wide_mask": (1.0, 4097, 100),
    }.items():
        if name in used:
            value, width, height = shape
            inputs = {"value": value, "width": width, "height": height}
            graph[name] = {"class_type": "SolidMask", "inputs": inputs}
    if "batch" in used:
        graph["three"] = {
            "class_type": "RepeatImageBatch",
            "inputs": {"image": ["image", 0], "amount": 3},
        }
        graph["two"] = {
            "class_type": "RepeatImageBatch",
            "inputs": {"image": ["image", 0], "amount": 2},
        }
        graph["batch"] = {
            "class_type": "ImageToMask",
            "inputs": {"image": ["two", 0], "channel": "red"},
        }
        graph["inpaint"]["inputs"]["image"] = ["three", 0]

    result = server.run(graph)

    assert result.status == "error"
    english, chinese = result.error_message.splitlines()
    for word in english_words:
        assert word in english
    for word in chinese_words:
        assert word in chinese
    assert service.ledger.calls() == []


def test_values_outside_the_contract_are_refused_before_anything_runs(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    for change in ({"variants": 9}, {"steps": 0}, {"scale": 20.5}, {"seed": -2}, {"fit": "squash"}):
        result = server.run(graphs.repaint(**change))
        assert result.status == "rejected"
        assert next(iter(change)) in result.error_message
    assert service.ledger.calls() == []


def test_two_nodes_of_one_graph_are_on_the_wire_together_and_the_server_answers_meanwhile(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    service.configure({"latency_s": 30.0})
    graph = graphs.repaint(variants=2, prompt="the first node")
    graph["second"] = {
        "class_type": "VolcInpaint",
        "inputs": {**graph["inpaint"]["inputs"], "prompt": "the second node"},
    }
    graph["save second"] = {
        "class_type": "SaveImage",
        "inputs": {"images": ["second", 0], "filename_prefix": "second"},
    }
    since = len(server.messages)
    prompt_id = server.queue(graph)
    try:
        # None can end before all four are there: they wait for the release below.
        together = service.wait_for("on_wire", 4)
        running = server.get("/queue")["queue_running"]
    finally:
        service.hangs.set()

    result = server.result(prompt_id, since=since)
    assert together
    assert [entry[1] for entry in running] == [prompt_id]
    assert result.status == "success"
    assert service.ledger.peak == 4
    assert service.billed == 4


def test_two_nodes_of_one_graph_that_ask_for_the_same_pay_once(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    graph = graphs.repaint(variants=2, prompt="the same")
    graph["second"] = {**graph["inpaint"], "inputs": {**graph["inpaint"]["inputs"]}}
    graph["second report"] = {"class_type": "PreviewAny", "inputs": {"source": ["second", 2]}}

    result = server.run(graph)

    # the one beside the other or after it: one waits for the other's, or ComfyUI itself hands it on
    told = [graphs.report(result), json.loads(result.text("second report"))]
    ids = [[variant["request_id"] for variant in one["variants"]] for one in told]
    assert service.billed == 2
    assert ids[0] == ids[1]
    assert set(ids[0]) == {call.request_id for call in service.ledger.calls()}


def test_progress_and_a_preview_arrive_with_each_variant(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    result = server.run(graphs.repaint(variants=3, prompt="progress"))

    shown = [message.data for message in result.messages if message.type == "volc_inpaint.variant"]
    assert sorted(data["index"] for data in shown) == [1, 2, 3]
    assert {data["node"] for data in shown} == {"inpaint"}
    for data in shown:
        preview = Image.open(io.BytesIO(server.image(**data["image"])))
        assert (preview.format, preview.size) == ("JPEG", (CAT.shape[1], CAT.shape[0]))
    steps = [
        message.data["nodes"]["inpaint"]["value"]
        for message in result.messages
        if message.type == "progress_state" and "inpaint" in message.data.get("nodes", {})
    ]
    assert steps == sorted(steps)
    # ComfyUI itself may skip a step that the next one has overtaken
    assert steps[-1] == 3
    last = [message.data for message in result.messages if message.type == "volc_inpaint.status"][
        -1
    ]
    assert (last["delivered"], last["total"], last["done"]) == (3, 3, True)
    # The node's own grid holds them in order.
    assert len(result.outputs["inpaint"]["images"]) == 3


def test_what_a_script_runs_for_no_page_is_shown_on_no_page(server: ComfyUIServer) -> None:
    since = len(server.messages)
    status, answer = server.post("/prompt", {"prompt": graphs.repaint(variants=1, prompt="script")})
    assert status == 200
    # of the next prompt this page is told, and of the one before it until then
    shown = server.run(graphs.repaint(variants=1, prompt="page"))

    told = [one.data for one in server.messages[since:] if one.type.startswith("volc_inpaint.")]
    assert {shown.prompt_id} == {one["prompt_id"] for one in told}
    assert server.history(answer["prompt_id"])["status"]["status_str"] == "success"


def test_a_page_that_was_away_is_told_all_again(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    service.faults.set([Fault("hang", seed=2)])
    since = len(server.messages)
    prompt_id = server.queue(graphs.repaint(variants=2, prompt="away"))
    (arrived,) = [server.wait_for(lambda m: m.type == "volc_inpaint.variant", since=since).data]
    later = len(server.messages)
    try:
        again = server.wait_for(lambda m: "images" in m.data, since=later).data
    finally:
        service.hangs.set()

    assert (1, 2, 1) == (again["delivered"], again["total"], again["on_wire"])
    assert [[1, arrived["image"]]] == again["images"]
    assert server.result(prompt_id, since=since).status == "success"


def test_only_what_the_interface_needs_is_sent_and_signed(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    server.run(graphs.repaint(variants=1, prompt="headers"))

    (call,) = service.ledger.calls()
    assert call.action == "CVProcess"
    assert {"authorization", "x-date", "x-content-sha256", "content-type", "host"} <= set(
        call.header_names
    )
    assert not {"cookie", "x-security-token"} & set(call.header_names)
    image, mask = call.pictures
    assert (image["format"], image["size"]) == ("PNG", [CAT.shape[1], CAT.shape[0]])
    assert (mask["format"], mask["white"]) == ("PNG", int(MASK.sum()))
    assert call.fields["steps"] == 25
    assert call.fields["scale"] == 5.0
    assert call.fields["return_url"] is False
    assert "logo_info" not in call.fields


def test_a_second_run_after_a_restart_pays_nothing(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    first = server.run(graphs.repaint(prompt="restart"))
    server.restart()
    again = server.run(graphs.repaint(prompt="restart", variants=6))

    report = graphs.report(again)
    assert (report["paid"], report["from_journal"]) == (2, 4)
    assert service.billed == 6
    assert first.status == again.status == "success"
