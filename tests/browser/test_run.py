"""VolcInpaint on the canvas: what a run may buy, how it stands, its variants as they arrive, what it came to."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

import pytest
from harness import graphs
from harness.browser import repaint
from playwright.sync_api import expect

if TYPE_CHECKING:
    from harness.browser import Canvas
    from harness.comfyui import ComfyUIServer
    from playwright.sync_api import Locator
    from simulated_service import SimulatedService

pytestmark = pytest.mark.usefixtures("keys")

# How many pictures the node's own grid shows.
GRID = """([id, count]) => {
    const vue = document.querySelectorAll(`[data-node-id="${id}"] img[src*="subfolder=volc_inpaint"]`);
    return (LiteGraph.vueNodesMode ? vue : app.rootGraph.getNodeById(id).imgs)?.length === count;
}"""


def lines(canvas: Canvas) -> tuple[Locator, Locator]:
    """What a run may buy, and how it stands."""
    panel = canvas.page.locator(".volc-panel", has=canvas.page.locator("[role=status]")).first
    return panel.locator(".volc-line").first, panel.locator("[role=status]")


@pytest.mark.core
@pytest.mark.usefixtures("new_account")
def test_variants_arrive_one_by_one_under_a_line_that_counts_them(
    canvas: Canvas, service: SimulatedService, renderer: str
) -> None:
    ids = canvas.build(*repaint(f"one by one {renderer}", variants=3))
    service.allowance, service.latency_s = 1, 60.0
    prompt = canvas.queue()

    for arrived in (1, 2, 3):
        assert service.wait_for("on_wire", 1)
        hanging, service.hangs = service.hangs, threading.Event()
        hanging.set()
        if arrived < 3:
            expect(lines(canvas)[1]).to_have_text(re.compile(f"^{arrived} of 3 · 1 on the wire"))
        canvas.wait(GRID, arg=[ids["paint"], arrived])

    canvas.finished(prompt)
    expect(lines(canvas)[1]).to_have_text(re.compile(r"^paid 3 · from the journal 0 · \d+\.\d s$"))


def test_the_encoding_of_a_batch_and_the_time_left_are_told(canvas: Canvas, renderer: str) -> None:
    ids = canvas.build(*repaint(f"meanwhile {renderer}"))
    # what the server sends, at a moment that no test could catch
    event = {
        "node": str(ids["paint"]), "prompt_id": "one", "run": 1, "total": 16, "delivered": 1, "from_journal": 0,
        "failed": 0, "unknown": 0, "on_wire": 2, "in_queue": 0, "waiting_for": "", "done": False,
    }  # fmt: skip

    for more, expected in (
        ({"encoding": [4, 16], "left_s": None}, "1 of 16 · encoding 4 of 16 · 2 on the wire"),
        ({"encoding": None, "left_s": 14}, "1 of 16 · 2 on the wire · about 14 s left"),
        ({"encoding": None, "left_s": 100}, "1 of 16 · 2 on the wire · about 2 min left"),
        ({"encoding": None, "left_s": 0}, "1 of 16 · 2 on the wire"),
    ):
        canvas.page.evaluate(
            "detail => app.api.dispatchEvent(new CustomEvent('volc_inpaint.status', { detail }))",
            {**event, **more},
        )
        expect(lines(canvas)[1]).to_have_text(expected)


@pytest.mark.core
def test_the_end_of_a_run_tells_what_was_paid(canvas: Canvas, renderer: str) -> None:
    nodes, links = repaint(f"told {renderer}", variants=2)
    ids = canvas.build(nodes, links)
    canvas.finished(canvas.queue())
    line = lines(canvas)[1]
    expect(line).to_have_text(re.compile(r"^paid 2 · from the journal 0 · \d+\.\d s$"))

    canvas.fill(ids["paint"], variants=4)
    canvas.finished(canvas.queue())
    expect(line).to_have_text(re.compile(r"^paid 2 · from the journal 2 · \d+\.\d s$"))

    # another picture behind it makes a prompt of its own, in which this node has nothing to do
    canvas.fill(ids["save"], filename_prefix="again")
    canvas.finished(canvas.queue())
    expect(line).to_have_text("unchanged: nothing was run or paid")

    canvas.language("zh")  # makes the node anew
    expect(line).to_have_text("付费 2 · 取自本地记录 2")


def test_the_prompt_is_counted_as_the_interface_counts(canvas: Canvas, renderer: str) -> None:
    ids = canvas.build(*repaint(""))
    plan = lines(canvas)[0]
    prompt = canvas.panel(ids["paint"], "prompt") if renderer == "classic" else None
    box = prompt or canvas.page.get_by_role("textbox", name="prompt").element_handle()

    for text, length in [
        ("一顶红色的针织帽", 8),
        ("a red knitted hat", 4),
        ("a cat's hat, 2nd try: 猫帽子!", 8),
        ("   ", 0),
        ("猫" * 100, 100),
        ("猫 " * 100 + "cat", 101),
    ]:
        box.fill(text)
        expect(plan).to_contain_text(f"prompt {length} of about 100 words")
        expect(plan).to_have_class(
            re.compile("volc-too-long") if length > 100 else re.compile("^volc-line ?$")
        )


def test_the_prompt_is_counted_as_its_model_counts(canvas: Canvas, renderer: str) -> None:
    ids = canvas.build(*repaint("a hat 帽子"))
    plan = lines(canvas)[0]
    expect(plan).to_have_text("prompt 4 of about 100 words · up to 4 paid calls per picture")

    def choose(model: str, prompt: str = "a hat 帽子") -> None:
        canvas.fill(ids["paint"], model=model, prompt=prompt)

    # https://www.volcengine.com/docs/85621/1976207: 120 characters
    choose("jimeng_image2image_dream_inpaint")
    expect(plan).to_have_text(
        "prompt 8 of 120 characters · up to 4 paid calls per picture · not used: steps, scale"
    )
    for length, colour in [(120, "^volc-line ?$"), (121, "volc-too-long")]:
        choose("jimeng_image2image_dream_inpaint", "🐱" * length)
        expect(plan).to_contain_text(f"prompt {length} of 120 characters")
        expect(plan).to_have_class(re.compile(colour))
    # https://www.volcengine.com/docs/6791/1223709: no prompt
    choose("i2i_inpainting", "猫" * 200)
    expect(plan).to_have_text("up to 4 paid calls per picture · not used: prompt")
    expect(plan).to_have_class(re.compile("^volc-line ?$"))
    choose("img2img_inpainting_edit_zi2i")
    expect(plan).to_contain_text("prompt 4 of about 100 words")


def test_the_number_of_calls_follows_the_variants(canvas: Canvas, renderer: str) -> None:
    nodes, links = repaint("calls")
    nodes["number"] = {"type": "PrimitiveInt", "pos": [80, 600], "values": {"value": 2}}
    ids = canvas.build(nodes, links)
    plan = lines(canvas)[0]
    expect(plan).to_have_text("prompt 1 of about 100 words · up to 4 paid calls per picture")

    canvas.fill(ids["paint"], variants=7)
    expect(plan).to_have_text("prompt 1 of about 100 words · up to 7 paid calls per picture")

    canvas.page.evaluate(
        """([from, to]) => {
            const node = app.rootGraph.getNodeById(to);
            const slot = node.inputs.findIndex((one) => one.name === "variants");
            app.rootGraph.getNodeById(from).connect(0, node, slot);
        }""",
        [ids["number"], ids["paint"]],
    )
    expect(plan).to_have_text("prompt 1 of about 100 words")


def test_a_list_is_summed_up_and_its_pictures_count_for_the_next_run(
    canvas: Canvas, service: SimulatedService, renderer: str
) -> None:
    nodes, links = repaint(f"a list {renderer}", variants=2)
    nodes["more"] = {"type": "RepeatImageBatch", "pos": [80, 600], "values": {"amount": 3}}
    nodes["list"] = {"type": "RebatchImages", "pos": [80, 760], "values": {"batch_size": 1}}
    links = [
        ("cat", 0, "more", "image"), ("more", 0, "list", "images"), ("list", 0, "paint", "image"),
        *links[1:],
    ]  # fmt: skip
    canvas.build(nodes, links)
    plan, line = lines(canvas)
    expect(plan).to_contain_text("up to 2 paid calls per picture")
    service.latency_s = 30
    prompt = canvas.queue()

    # three runs of one picture: what one of them buys is what the others wait for
    expect(line).to_contain_text("0 of 6 · 2 on the wire")
    service.hangs.set()
    canvas.finished(prompt)

    expect(line).to_contain_text("paid 2 · from the journal 4")
    expect(plan).to_contain_text("up to 6 paid calls for 3 pictures as in the last run")


def test_cancel_is_seen_on_the_node(
    canvas: Canvas, service: SimulatedService, renderer: str
) -> None:
    canvas.build(*repaint(f"cancel {renderer}", variants=1))
    service.latency_s = 30
    prompt = canvas.queue()
    line = lines(canvas)[1]
    expect(line).to_have_text("0 of 1 · 1 on the wire")

    canvas.page.get_by_role("button", name="Cancel current run").click()

    canvas.finished(prompt, "interrupted")
    expect(line).to_have_text("cancelled; what is on the wire goes into the journal")
    service.hangs.set()


def side_by_side(prompt: str) -> tuple[dict[str, Any], list[Any]]:
    """Two paying nodes that run at once, the second with seed 9."""
    nodes, links = repaint(prompt, variants=1)
    second, _ = repaint(f"{prompt}, too", variants=1, seed=9)
    nodes["other"] = {**second["paint"], "pos": [420, 700]}
    nodes["save other"] = {**second["save"], "pos": [1200, 700]}
    links += [
        ("cat", 0, "other", "image"),
        ("cat", 1, "other", "mask"),
        ("other", 0, "save other", "images"),
    ]
    return nodes, links


@pytest.mark.usefixtures("new_account")
def test_a_page_loaded_anew_shows_how_the_run_stands_and_what_came(
    canvas: Canvas, service: SimulatedService
) -> None:
    node = canvas.build(*repaint("loaded anew", variants=2))["paint"]
    service.allowance, service.latency_s = 1, 60.0
    canvas.queue()
    assert service.wait_for("on_wire", 1)
    hanging, service.hangs = service.hangs, threading.Event()
    hanging.set()
    stands = re.compile("^1 of 2 · 1 on the wire")
    expect(lines(canvas)[1]).to_have_text(stands)

    workflow = canvas.serialize()
    canvas.open()
    canvas.console.clear()  # ComfyUI warns of an event that comes before the scripts do
    canvas.load(workflow)

    expect(lines(canvas)[1]).to_have_text(stands)
    canvas.wait(GRID, arg=[node, 1])
    service.hangs.set()
    expect(lines(canvas)[1]).to_contain_text("paid 2 · from the journal 0")
    canvas.wait(GRID, arg=[node, 2])


@pytest.mark.usefixtures("new_account")
def test_cancel_is_seen_on_every_node_that_ran(canvas: Canvas, service: SimulatedService) -> None:
    canvas.build(*side_by_side("cancel both"))
    service.latency_s = 30
    prompt = canvas.queue()
    both = canvas.page.locator(".volc-panel [role=status]")
    expect(both).to_have_text(["0 of 1 · 1 on the wire"] * 2)

    canvas.page.get_by_role("button", name="Cancel current run").click()

    canvas.finished(prompt, "interrupted")
    expect(both).to_have_text(["cancelled; what is on the wire goes into the journal"] * 2)
    service.hangs.set()


@pytest.mark.usefixtures("new_account")
def test_an_error_is_seen_on_its_node_and_ends_the_one_beside_it(
    canvas: Canvas, service: SimulatedService
) -> None:
    canvas.build(*side_by_side("error beside"))
    service.latency_s = 30
    service.fail(50413, seed=9)
    canvas.finished(canvas.queue(), "error")

    expect(canvas.page.locator(".volc-panel [role=status]")).to_have_text(
        ["cancelled; what is on the wire goes into the journal", "ended with an error"]
    )
    service.hangs.set()


def test_a_list_of_pictures_is_told_as_one_sum(
    canvas: Canvas, server: ComfyUIServer, service: SimulatedService
) -> None:
    graphs.upload(server, "flipped.png", graphs.photograph("chelsea")[:, ::-1])
    nodes, links = repaint("list", variants=2)
    nodes["flipped"] = {"type": "LoadImage", "pos": [80, 500], "values": {"image": "flipped.png"}}
    nodes["batch"] = {"type": "ImageBatch", "pos": [80, 860]}
    nodes["list"] = {"type": "RebatchImages", "pos": [80, 960], "values": {"batch_size": 1}}
    links = [
        *(link for link in links if link[3] != "image"),
        ("cat", 0, "batch", "image1"),
        ("flipped", 0, "batch", "image2"),
        ("batch", 0, "list", "images"),
        ("list", 0, "paint", "image"),
    ]
    canvas.build(nodes, links)
    canvas.finished(canvas.queue())

    assert service.billed == 4
    expect(lines(canvas)[1]).to_have_text(re.compile(r"^paid 4 · from the journal 0 · \d+\.\d s$"))
    canvas.language("zh")  # makes the node anew
    expect(lines(canvas)[1]).to_have_text("付费 4 · 取自本地记录 0")


def test_failures_are_counted_on_the_node(canvas: Canvas, service: SimulatedService) -> None:
    canvas.build(*repaint("failures", variants=3))
    service.fail(50413, seed=2)
    canvas.finished(canvas.queue())
    expect(lines(canvas)[1]).to_have_text(re.compile("^paid 2 · from the journal 0 · failed 1 · "))

    service.fail(50413, times=9)
    canvas.build(*repaint("failures all", variants=2))
    canvas.finished(canvas.queue(), "error")
    expect(lines(canvas)[1]).to_have_text("ended with an error")


def test_segmenting_is_told_alike(canvas: Canvas, renderer: str) -> None:
    refine = {"classic": "none", "vue": "light"}[renderer]
    canvas.build(
        {
            "cup": {"type": "LoadImage", "pos": [80, 120], "values": {"image": "coffee.png"}},
            "segment": {"type": "VolcSegment", "pos": [420, 120], "values": {"refine": refine}},
            "report": {"type": "PreviewAny", "pos": [900, 120]},
        },
        [("cup", 0, "segment", "image"), ("segment", 2, "report", "source")],
    )
    canvas.finished(canvas.queue())

    line = canvas.page.locator(".volc-panel [role=status]")
    expect(line).to_have_text(re.compile(r"^paid 1 · from the journal 0 · \d+\.\d s$"))


# What a subgraph says on its outside: its badges, which the classic renderer draws onto the canvas.
SAID = """([id, words]) => {
    const badges = () => app.rootGraph.getNodeById(id).badges.map((one) => (typeof one === "function" ? one() : one).text);
    const vue = () => document.querySelector(`[data-node-id="${id}"]`)?.innerText.split("\\n") ?? [];
    return (LiteGraph.vueNodesMode ? vue() : badges()).some((line) => new RegExp(words).test(line));
}"""


@pytest.mark.usefixtures("new_account")
def test_a_subgraph_tells_outside_how_the_run_within_stands(
    canvas: Canvas, server: ComfyUIServer, service: SimulatedService, renderer: str
) -> None:
    ids = canvas.build(*repaint(f"outside {renderer}", variants=2))
    outer = canvas.page.evaluate(
        "id => String(app.rootGraph.convertToSubgraph(new Set([app.rootGraph.getNodeById(id)])).node.id)",
        ids["paint"],
    )
    pictures = canvas.page.locator(f'[data-node-id="{outer}"] img')
    canvas.wait(SAID, arg=[outer, "^up to 2 paid calls per picture$"])
    service.allowance, service.latency_s = 1, 60.0
    prompt = canvas.queue()

    for arrived in (1, 2):
        assert service.wait_for("on_wire", 1)
        hanging, service.hangs = service.hangs, threading.Event()
        hanging.set()
        if arrived < 2:
            canvas.wait(SAID, arg=[outer, "^1 of 2 · 1 on the wire"])
        if (
            renderer == "vue"
        ):  # the classic renderer shows no picture outside, not those of ComfyUI's nodes either
            expect(pictures).to_have_count(arrived)

    canvas.finished(prompt)
    canvas.wait(SAID, arg=[outer, r"^paid 2 · from the journal 0 · \d+\.\d s$"])
    if renderer == "vue":
        sources = pictures.evaluate_all(
            "all => all.map((one) => new URL(one.src).searchParams.get('filename'))"
        )
        files = server.history(prompt)["outputs"][f"{outer}:{ids['paint']}"]["images"]
        assert sources == [file["filename"] for file in files]
