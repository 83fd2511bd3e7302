"""Four interfaces behind one node: what each receives, what the report says of it, and tasks that survive a crash."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from harness import graphs, workflow

if TYPE_CHECKING:
    from pathlib import Path

    from harness.comfyui import ComfyUIServer, Result
    from simulated_service import SimulatedService

CLASSIC = "img2img_inpainting_edit_zi2i"
SUCCESSOR = "jimeng_image2image_dream_inpaint"
ERASER = "i2i_inpainting"
EXTENDER = "jimeng_img2img_seed3_painting_edit"
CAT = graphs.photograph("chelsea")
MASK = graphs.ellipse(*CAT.shape[:2])
PICTURES = {"cat.png": CAT, "mask.png": MASK}
ARGUMENTS = ("--cache-lru", "20", "--multi-user")

LOGO = {
    "add_logo": True, "position": "top_left", "language": "english", "opacity": 0.6, "text": "demo",
    "content_producer": "我们", "producer_id": "42", "content_propagator": "them", "propagate_id": "7",
}  # fmt: skip
WATERMARK = {
    "add_logo": True, "position": 2, "language": 1, "opacity": 0.6, "logo_text_content": "demo",
}  # fmt: skip
LABEL = {
    "content_producer": "我们", "producer_id": "42", "content_propagator": "them", "propagate_id": "7",
}  # fmt: skip


def repaint(logo: dict[str, Any] | None = None, **inputs: Any) -> graphs.Graph:
    graph = graphs.repaint(**inputs)
    if logo is not None:
        graph["logo"] = {"class_type": "LogoInfo", "inputs": logo}
        graph["inpaint"]["inputs"]["logo_info"] = ["logo", 0]
    return graph


def notes(result: Result) -> str:
    return "\n".join(graphs.report(result)["notes"])


def statuses(result: Result) -> list[str]:
    return [variant["status"] for variant in graphs.report(result)["variants"]]


# What the documents of each interface list, field by field, for one and the same node.
# https://www.volcengine.com/docs/86081/1804490
CLASSIC_FIELDS = {
    "req_key": CLASSIC, "custom_prompt": "一只小狗", "steps": 31, "scale": 7.5, "seed": 77,
    "return_url": True, "logo_info": WATERMARK,
}  # fmt: skip
# https://www.volcengine.com/docs/85621/1976207
SUCCESSOR_FIELDS = {"req_key": SUCCESSOR, "prompt": "一只小狗", "seed": 77}
SUCCESSOR_QUERY = {"return_url": True, "logo_info": WATERMARK, "aigc_meta": LABEL}
# https://www.volcengine.com/docs/85621/2375477
EXTENDER_FIELDS = {"req_key": EXTENDER, "prompt": "一只小狗", "seed": 77}
# https://www.volcengine.com/docs/6791/1223709; the watermark, without opacity, as in the typed SDK
ERASER_FIELDS = {
    "req_key": ERASER, "steps": 31, "scale": 7.5, "seed": 77, "return_url": True,
    "logo_info": {name: value for name, value in WATERMARK.items() if name != "opacity"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("model", "action", "fields"),
    [
        (CLASSIC, "CVProcess", CLASSIC_FIELDS),
        (SUCCESSOR, "CVSync2AsyncSubmitTask", SUCCESSOR_FIELDS),
        (ERASER, "CVProcess", ERASER_FIELDS),
        (EXTENDER, "CVSync2AsyncSubmitTask", EXTENDER_FIELDS),
    ],
)
def test_each_model_receives_its_own_fields(
    server: ComfyUIServer, service: SimulatedService, model: str, action: str, fields: Any
) -> None:
    result = server.run(
        repaint(LOGO, model=model, variants=1, seed=77, steps=31, scale=7.5, return_url=True)
    )

    assert statuses(result) == ["paid"]
    (call,) = service.ledger.calls()
    assert (call.action, call.fields) == (action, fields)
    image, mask = call.pictures
    assert (image["format"], image["size"]) == ("PNG", [CAT.shape[1], CAT.shape[0]])
    assert mask["white"] == int(MASK.sum())
    assert result.text("urls").startswith(f"{service.endpoint}/pictures/")
    for query in service.ledger.calls("query"):
        assert query.action == "CVSync2AsyncGetResult"
        assert set(query.fields) == {"req_key", "task_id", "req_json"}
        assert query.fields["req_key"] == model
        assert json.loads(query.fields["req_json"]) == SUCCESSOR_QUERY
        assert {"authorization", "x-date", "x-content-sha256"} <= set(query.header_names)
    assert bool(service.ledger.calls("query")) == (model in (SUCCESSOR, EXTENDER))


def test_a_prompt_without_a_model_means_the_classic(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    without = server.run(graphs.repaint(variants=1, prompt="no model"))
    named = server.run(graphs.repaint(variants=1, prompt="no model", model=CLASSIC))

    (call,) = service.ledger.calls()
    assert call.fields["req_key"] == CLASSIC
    assert (call.fields["steps"], call.fields["scale"]) == (25, 5.0)
    assert statuses(without) + statuses(named) == ["paid", "journal"]
    assert graphs.report(without)["notes"] == []


@pytest.mark.parametrize("node", ["VolcInpaint", "VolcInpaintURL"])
def test_the_model_is_the_last_widget_and_old_workflows_keep_their_values(
    server: ComfyUIServer, node: str
) -> None:
    info = server.object_info()
    order = info[node]["input_order"]
    kind, options = info[node]["input"]["optional"]["model"][:2]
    assert order["required"][-1] == "require_all"
    appended = ["context", "match_colors"] if node == "VolcInpaint" else []
    assert order["optional"] == ["model", "logo_info", *appended]
    assert options["default"] == CLASSIC
    assert (options.get("options") or kind) == [CLASSIC, SUCCESSOR, ERASER, EXTENDER]

    own = {
        "VolcInpaint": [True, 8, "crop", False, True],
        "VolcInpaintURL": [False, True],
    }[node]
    links = ["https://a.example/1.png", "https://a.example/2.png"] if "URL" in node else []
    values = [*links, "a dog", 3, 5, "fixed", 30, 6.5, *own]
    saved = {"id": 1, "type": node, "widgets_values": values}
    inputs = workflow.to_prompt({"nodes": [saved], "links": []}, info)["1"]["inputs"]
    assert inputs.get("model", CLASSIC) == CLASSIC
    assert (inputs["prompt"], inputs["seed"], inputs["require_all"]) == ("a dog", 5, True)
    saved["widgets_values"] = [*values, SUCCESSOR]
    inputs = workflow.to_prompt({"nodes": [saved], "links": []}, info)["1"]["inputs"]
    assert (inputs["require_all"], inputs["model"]) == (True, SUCCESSOR)


def test_the_report_says_what_a_model_does_not_take(server: ComfyUIServer) -> None:
    classic, successor, eraser = (
        notes(server.run(repaint(LOGO, variants=1, model=model)))
        for model in (CLASSIC, SUCCESSOR, ERASER)
    )

    assert "takes no implicit label" in classic
    assert "takes no steps and no scale" in successor
    assert "nothing was pasted back" in successor
    assert "takes no prompt" in eraser
    assert "steps 30, scale 7 was sent" in eraser
    assert "watermark of i2i_inpainting has an opacity of its own" in eraser
    assert "nothing was pasted back" in eraser


def test_the_label_is_in_the_file_as_received(
    server: ComfyUIServer, service: SimulatedService, journal: Path
) -> None:
    result = server.run(repaint(LOGO, variants=1, model=SUCCESSOR, prompt="a labelled dog"))

    (variant,) = graphs.report(result)["variants"]
    kept = [path.read_bytes() for path in journal.glob("*/*.zip")]
    (entry,) = [content for content in kept if variant["request_id"].encode() in content]
    assert json.dumps(LABEL).encode() in entry
    assert service.billed == 1


def test_a_label_without_its_number_is_an_error_before_anything_is_sent(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    result = server.run(repaint({**LOGO, "producer_id": " "}, model=SUCCESSOR))

    english, chinese = result.error_message.splitlines()
    assert english.startswith("The implicit label has content_producer")
    assert "no producer_id" in english
    assert "缺少必填的 producer_id" in chinese
    assert service.ledger.calls() == []


def test_old_prompts_of_logo_info_still_run(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    old = {name: LOGO[name] for name in ("add_logo", "position", "language", "opacity", "text")}
    result = server.run(repaint(old, variants=1, prompt="an old watermark"))

    (call,) = service.ledger.calls()
    assert statuses(result) == ["paid"]
    assert call.fields["logo_info"] == WATERMARK


def test_an_empty_prompt_erases_or_extends_with_two_models_and_is_an_error_with_the_others(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    errors = {m: server.run(graphs.repaint(prompt=" ", model=m)) for m in (CLASSIC, SUCCESSOR)}
    assert all("prompt is empty" in result.error_message for result in errors.values())
    assert "write 删除" in errors[SUCCESSOR].error_message
    assert "删除" not in errors[CLASSIC].error_message
    assert service.ledger.calls() == []

    extended = server.run(graphs.repaint(prompt=" ", model=EXTENDER, variants=1, seed=9))
    assert statuses(extended) == ["paid"]
    assert service.ledger.calls()[0].fields["prompt"] == ""
    service.reset()
    erased = server.run(graphs.repaint(prompt=" ", model=ERASER, variants=1, seed=9))
    assert statuses(erased) == ["paid"]
    assert "prompt" not in notes(erased)
    named = server.run(graphs.repaint(prompt="删除", model=SUCCESSOR, variants=1))
    assert statuses(named) == ["paid"]
    assert service.ledger.calls()[-1].fields["prompt"] == "删除"


def test_a_distorted_face_is_told_on_the_node(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    service.fail(201304)
    result = server.run(graphs.repaint(prompt="", model=ERASER, variants=1, seed=201304))

    assert result.status == "error"
    assert "distorted face" in result.error_message
    assert "畸形人脸" in result.error_message
    assert service.billed == 0


def test_a_model_that_is_none_is_refused(server: ComfyUIServer, service: SimulatedService) -> None:
    result = server.run(graphs.repaint(model="saliency_seg"))

    assert result.status == "rejected"
    assert "model" in result.error_message
    assert service.ledger.calls() == []


def test_a_large_picture_keeps_the_limit_of_each_model(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    noise = np.random.default_rng(7).integers(0, 256, (1500, 1500, 3), dtype=np.uint8)
    graphs.upload(server, "noise.png", noise)
    graphs.upload(server, "noise_mask.png", graphs.ellipse(1500, 1500))
    for model in (SUCCESSOR, ERASER):
        graph = graphs.repaint("noise.png", "noise_mask.png", variants=1, model=model)
        assert statuses(server.run(graph)) == ["paid"]

    # https://www.volcengine.com/docs/85621/1976207: 4.7 MB; as base64 text, the stricter reading
    assert all(call.pictures[0]["bytes"] <= 3_525_000 for call in service.ledger.calls())


def test_links_go_to_the_successor_too(server: ComfyUIServer, service: SimulatedService) -> None:
    first = server.run(graphs.repaint(variants=1, prompt="for a link", return_url=True))
    image_url = first.text("urls")
    mask_file = f"{service.endpoint}/pictures/mask.png"
    service.pictures["mask.png"] = graphs.png(MASK.astype(np.uint8) * 255)
    inputs = {
        "image_url": image_url, "mask_url": mask_file, "prompt": "edited", "variants": 2, "seed": 1,
        "steps": 25, "scale": 5.0, "return_url": True, "require_all": False, "model": SUCCESSOR,
    }  # fmt: skip
    result = server.run(
        {
            "inpaint": {"class_type": "VolcInpaintURL", "inputs": inputs},
            "report": {"class_type": "PreviewAny", "inputs": {"source": ["inpaint", 2]}},
        }
    )

    assert statuses(result) == ["paid"] * 2
    sent = service.ledger.calls()[-1].fields
    assert sent == {
        "req_key": SUCCESSOR, "prompt": "edited", "seed": sent["seed"],
        "image_urls": [image_url, mask_file],
    }  # fmt: skip
    assert "takes no steps and no scale" in notes(result)


def test_the_canvas_is_told_of_the_services_queue(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    service.configure({"queue_s": 60.0})
    since = len(server.messages)
    prompt_id = server.queue(graphs.repaint(variants=2, prompt="queued", model=SUCCESSOR))
    server.wait_for(
        lambda message: message.type == "volc_inpaint.status" and message.data["in_queue"] == 2
    )
    service.hangs.set()
    result = server.result(prompt_id, since=since)

    assert statuses(result) == ["paid"] * 2
    last = [m.data for m in result.messages if m.type == "volc_inpaint.status"][-1]
    assert (last["in_queue"], last["on_wire"], last["delivered"]) == (0, 0, 2)


def submitted(journal: Path) -> int:
    """How many notes of tasks are on the disk."""
    return sum(b'"submitted"' in path.read_bytes() for path in journal.glob("*/*.inflight"))


def wait_for_notes(journal: Path, count: int) -> None:
    deadline = time.monotonic() + 30
    while submitted(journal) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_cancelled_while_tasks_run_the_next_run_pays_nothing(
    server: ComfyUIServer, service: SimulatedService, journal: Path
) -> None:
    service.configure({"latency_s": 60.0})
    graph = graphs.repaint(variants=4, prompt="cancelled", model=SUCCESSOR)
    since = len(server.messages)
    prompt_id = server.queue(graph)
    wait_for_notes(journal, 4)
    server.interrupt()
    assert server.result(prompt_id, since=since).status == "interrupted"
    service.hangs.set()
    again = server.run(graph)

    assert statuses(again) == ["journal"] * 4
    assert service.billed == len(service.ledger.calls()) == 4
    assert submitted(journal) == 0


def test_killed_between_submission_and_picture_the_next_run_pays_nothing(
    server: ComfyUIServer, service: SimulatedService, journal: Path
) -> None:
    service.configure({"queue_s": 60.0})
    graph = graphs.repaint(variants=4, prompt="killed", model=SUCCESSOR)
    server.queue(graph)
    wait_for_notes(journal, 4)
    server.kill()
    service.hangs.set()
    assert service.wait_for("billed", 4)
    server.restart()
    again = server.run(graph)

    assert statuses(again) == ["journal"] * 4
    assert (graphs.report(again)["paid"], graphs.report(again)["from_journal"]) == (0, 4)
    assert notes(again).count("Nothing was paid for it now") == 4
    assert service.billed == len(service.ledger.calls()) == 4
    assert submitted(journal) == 0
