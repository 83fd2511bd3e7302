"""The main job: a picture and a mask become variants, in a real ComfyUI, over real HTTP."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from harness import graphs
from PIL import Image
from simulated_service import SimulatedService

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.comfyui import ComfyUIServer, Result

CAT = graphs.photograph("chelsea")
MASK = graphs.ellipse(*CAT.shape[:2])


@pytest.fixture(scope="module")
def service() -> Iterator[SimulatedService]:
    with SimulatedService() as running:
        yield running


@pytest.fixture(scope="module")
def server(comfyui: Callable[..., ComfyUIServer], service: SimulatedService) -> ComfyUIServer:
    started = comfyui(
        env={
            "VOLC_ENDPOINT": service.endpoint,
            "VOLC_ACCESSKEY": service.access_key,
            "VOLC_SECRETKEY": service.secret_key,
        }
    )
    graphs.upload(started, "cat.png", CAT)
    graphs.upload(started, "mask.png", MASK)
    return started


@pytest.fixture(autouse=True)
def fresh_ledger(service: SimulatedService) -> None:
    service.reset()
    service.configure(
        {"latency_s": 0.0, "allowance": None, "rate_per_s": None, "answer_size": None}
    )


def saved(server: ComfyUIServer, result: Result) -> list[np.ndarray[Any, Any]]:
    return [
        np.asarray(Image.open(io.BytesIO(server.image(**file))))
        for file in result.outputs["save"]["images"]
    ]


def test_four_variants_come_back_in_order_of_their_seeds(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    result = server.run(graphs.repaint())

    assert result.error_message == ""
    pictures = saved(server, result)
    report = json.loads(result.text("report"))
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
    for picture in saved(server, result):
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
    assert "watermark" in " ".join(json.loads(result.text("report"))["notes"])


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


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prompt": "  "}, ("prompt is empty", "提示词为空")),
        ({"mask": ["image", 1]}, ("64x64", "64x64")),
        ({"image": ["tiny", 0], "mask": ["tiny", 1]}, ("64", "64")),
    ],
)
def test_bad_input_is_an_error_in_two_languages_and_no_call(
    server: ComfyUIServer,
    service: SimulatedService,
    change: dict[str, Any],
    words: tuple[str, str],
) -> None:
    graph = graphs.repaint()
    graph["inpaint"]["inputs"].update(change)
    graphs.upload(server, "tiny.png", graphs.photograph("coffee", (63, 200)))
    graph["tiny"] = {"class_type": "LoadImage", "inputs": {"image": "tiny.png"}}

    result = server.run(graph)

    assert result.status == "error"
    english, chinese = result.error_message.splitlines()[:2]
    assert words[0] in english
    assert words[1] in chinese
    assert service.ledger.calls() == []


def test_a_second_run_after_a_restart_pays_nothing(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    first = server.run(graphs.repaint(prompt="restart"))
    server.restart()
    again = server.run(graphs.repaint(prompt="restart", variants=6))

    report = json.loads(again.text("report"))
    assert (report["paid"], report["from_journal"]) == (2, 4)
    assert service.billed == 6
    assert first.status == again.status == "success"
