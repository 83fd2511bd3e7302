"""Repainting by links in a real ComfyUI: nothing is uploaded, bad links cost nothing, edits chain, dead links are no links."""

from __future__ import annotations

import io
import json
import time
import zipfile
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from harness import graphs
from PIL import Image
from simulated_service import SimulatedService

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.comfyui import ComfyUIServer

CAT = graphs.photograph("chelsea")
MASK = graphs.ellipse(*CAT.shape[:2])
CAT_URL, MASK_URL = "https://pictures.example/cat.png", "https://pictures.example/mask.png"
DAY_S = 24 * 3600


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedService]:
    web: Path = tmp_path_factory.mktemp("web")
    (web / "cat.png").write_bytes(graphs.png(CAT))
    (web / "mask.png").write_bytes(graphs.png(MASK.astype(np.uint8) * 255))
    with SimulatedService() as running:
        running.web = web
        yield running


def repaint(prompt: str, **inputs: Any) -> graphs.Graph:
    """VolcInpaintURL ("inpaint"), its pictures ("save"), links ("urls") and report ("report")."""
    graph = graphs.repaint()
    wanted = {
        "image_url": CAT_URL,
        "mask_url": MASK_URL,
        "prompt": prompt,
        "variants": 1,
        "seed": 1,
        "steps": 25,
        "scale": 5.0,
        "return_url": True,
        "require_all": False,
        **inputs,
    }
    graph["inpaint"] = {"class_type": "VolcInpaintURL", "inputs": wanted}
    return {name: graph[name] for name in ("inpaint", "save", "urls", "report")}


def chained(prompt: str, **inputs: Any) -> graphs.Graph:
    """Two edits, the second ("again", "save_again") of the first one's link."""
    graph = repaint(prompt, **inputs)
    again = repaint(f"{prompt} again")
    graph["again"], graph["save_again"] = again["inpaint"], again["save"]
    graph["again"]["inputs"]["image_url"] = ["inpaint", 1]
    graph["save_again"]["inputs"]["images"] = ["again", 0]
    return graph


def age_journal(journal: Path, seconds: float) -> None:
    """Make everything in the journal older. An entry is a zip file with the pictures and `report.json`."""
    for path in journal.glob("**/*.zip"):
        with zipfile.ZipFile(path) as file:
            contents = {name: file.read(name) for name in file.namelist()}
        report = json.loads(contents["report.json"])
        report["received_at"] -= seconds
        contents["report.json"] = json.dumps(report).encode()
        with zipfile.ZipFile(path, "w") as file:
            for name, data in contents.items():
                file.writestr(name, data)


def test_both_pictures_go_as_links_and_the_answers_come_as_they_are(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    graph = repaint("一只小狗", variants=3, seed=7)
    graph["logo"] = {
        "class_type": "LogoInfo",
        "inputs": {
            "add_logo": True,
            "position": "top_right",
            "language": "chinese",
            "opacity": 0.5,
            "text": "",
        },
    }
    schema = server.object_info()["LogoInfo"]["input"]["required"]
    for name in schema:  # whatever else the watermark has by now
        graph["logo"]["inputs"].setdefault(name, schema[name][1].get("default"))
    graph["inpaint"]["inputs"]["logo_info"] = ["logo", 0]
    result = server.run(graph)

    report = graphs.report(result)
    calls = service.ledger.calls()
    assert (report["paid"], report["from_journal"], report["failed"]) == (3, 0, 0)
    assert sorted(call.seed or 0 for call in calls) == [7, 8, 9]
    for call in calls:
        logo = call.fields.pop("logo_info")
        assert (logo["add_logo"], logo["position"], logo["opacity"]) == (True, 3, 0.5)
        assert call.fields == {
            "req_key": "img2img_inpainting_edit_zi2i",
            "image_urls": [CAT_URL, MASK_URL],
            "custom_prompt": "一只小狗",
            "seed": call.seed,
            "steps": 25,
            "scale": 5.0,
            "return_url": True,
        }
    urls = result.text("urls").splitlines()
    assert urls == [variant["url"] for variant in report["variants"]]
    for url, picture in zip(urls, graphs.saved(server, result), strict=True):
        answered = service.pictures[url.rsplit("/", 1)[1]]
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(answered))), picture)


@pytest.mark.parametrize("name", ["image_url", "mask_url"])
@pytest.mark.parametrize(
    "link",
    [
        "",
        "  \n",
        "cat.png",
        "http://pictures.example/cat.png",
        "ftp://pictures.example/cat.png",
        "file:///etc/passwd",
        "https://user:secret@pictures.example/cat.png",
        "https://",
        f"{CAT_URL}\n{CAT_URL}",
    ],
)
def test_a_bad_link_is_an_error_in_two_languages_and_no_call(
    server: ComfyUIServer, service: SimulatedService, name: str, link: str
) -> None:
    result = server.run(repaint("bad link", **{name: link}))

    assert result.status == "error"
    english, chinese = result.error_message.splitlines()
    assert name in english
    assert name in chinese
    assert "secret" not in english.replace("user:secret", "")
    assert service.ledger.calls() == []


def test_a_link_on_this_machine_may_be_plain_http(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    service.pictures["cat.png"] = graphs.png(CAT)
    link = f"{service.endpoint}/pictures/cat.png"
    result = server.run(repaint("loopback", image_url=f"  {link}\n"))

    assert graphs.report(result)["paid"] == 1
    assert service.ledger.calls()[0].fields["image_urls"] == [link, MASK_URL]


def test_a_link_that_the_service_cannot_fetch_is_its_refusal_and_costs_nothing(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    result = server.run(repaint("missing", image_url="https://pictures.example/missing.png"))

    assert "50207" in result.error_message
    assert service.billed == 0


def test_edits_chain_by_the_services_own_links(
    server: ComfyUIServer, service: SimulatedService
) -> None:
    result = server.run(chained("a hat"))

    first, second = service.ledger.calls()
    assert graphs.report(result)["paid"] == 1
    assert result.outputs["save_again"]["images"]
    assert second.fields["image_urls"] == [result.text("urls"), MASK_URL]
    assert second.fields["image_urls"][0].startswith(f"{service.endpoint}/pictures/")
    assert (first.state, second.state) == ("billed", "billed")
    assert all("binary_data_base64" not in call.fields for call in (first, second))


def test_four_links_are_not_one(server: ComfyUIServer, service: SimulatedService) -> None:
    result = server.run(chained("four hats", variants=4))

    assert "image_url holds 4 links" in result.error_message
    assert service.billed == 4


def test_a_link_says_when_it_dies_and_is_gone_a_day_later(
    server: ComfyUIServer, service: SimulatedService, journal: Path
) -> None:
    before = time.time()
    (bought,) = graphs.report(server.run(repaint("mortal", variants=1)))["variants"]
    after = time.time()
    # Another `require_all`, so that the journal answers and not ComfyUI's own cache.
    (kept,) = graphs.report(server.run(repaint("mortal", require_all=True)))["variants"]

    dies_at = datetime.fromisoformat(bought["url_expires_at"].replace("Z", "+00:00")).timestamp()
    assert before + DAY_S - 1 <= dies_at <= after + DAY_S
    assert (kept["status"], kept["url"], kept["url_expires_at"]) == (
        "journal",
        bought["url"],
        bought["url_expires_at"],
    )

    age_journal(journal, DAY_S)
    calls = len(service.ledger.calls())
    result = server.run(chained("mortal"))

    # The first node's picture is there without a link, so the second has nothing to send.
    assert "image_url is empty" in result.error_message
    assert "return_url" in result.error_message
    assert len(service.ledger.calls()) == calls


def test_a_dead_link_is_named_in_the_report(
    server: ComfyUIServer, service: SimulatedService, journal: Path
) -> None:
    server.run(repaint("dead"))
    age_journal(journal, DAY_S)
    result = server.run(repaint("dead", require_all=True))

    report = graphs.report(result)
    assert report["variants"][0]["url"] == report["variants"][0]["url_expires_at"] == ""
    assert result.text("urls") == ""
    (note,) = report["notes"]
    assert note.startswith("No living link for variant 1")
    assert "没有有效链接" in note
    assert len(graphs.saved(server, result)) == 1
    assert service.billed == 1
