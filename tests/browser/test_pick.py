"""VolcPickVariant on the canvas: chosen by click and by key, saved with the workflow, and never paid for."""

from __future__ import annotations

import io
import statistics
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np
import pytest
from harness.browser import repaint
from harness.graphs import photograph
from PIL import Image
from playwright.sync_api import expect

if TYPE_CHECKING:
    from harness.browser import Canvas
    from harness.comfyui import ComfyUIServer
    from playwright.sync_api import Locator
    from simulated_service import SimulatedService

pytestmark = pytest.mark.usefixtures("keys")


def thumbnails(canvas: Canvas, count: int = 4) -> Locator:
    """The buttons of the only picker on the page, once their pictures are there."""
    buttons = canvas.page.locator(".volc-pick-grid button")
    expect(buttons).to_have_count(count)
    canvas.wait(
        "[...document.querySelectorAll('.volc-pick-grid img')].every((one) => one.naturalWidth)"
    )
    return buttons


def expect_picked(canvas: Canvas, *numbers: int) -> None:
    """Wait until these buttons are pressed, counted from 1, and no other."""
    canvas.wait(
        """numbers => {
            const buttons = [...document.querySelectorAll(".volc-pick-grid button")];
            const pressed = buttons.flatMap((one, index) => (one.ariaPressed === "true" ? [index + 1] : []));
            return pressed.join() === numbers.join();
        }""",
        arg=list(numbers),
    )


def saved(server: ComfyUIServer, prompt_id: str, node_id: str) -> list[np.ndarray[Any, Any]]:
    return [
        np.asarray(Image.open(io.BytesIO(server.image(**file))))
        for file in server.history(prompt_id)["outputs"][node_id]["images"]
    ]


DROP = """async (url) => {
    const picture = await (await fetch(url)).blob();
    await app.handleFile(new File([picture], "picked.png", { type: "image/png" }));
}"""


@pytest.mark.core
def test_a_click_picks_and_only_what_hangs_behind_runs_again(
    canvas: Canvas, server: ComfyUIServer, service: SimulatedService, renderer: str
) -> None:
    ids = canvas.build(*repaint(f"pick by click {renderer}", pick=True))
    first = canvas.queue()
    canvas.finished(first)
    buttons = thumbnails(canvas)
    line = canvas.page.locator(".volc-pick [role=status]")
    expect(line).to_have_text("all 4 pass · click one to pick it")
    assert [number.strip() for number in buttons.evaluate_all("all => all.map((one) => one.dataset.number)")] == [
        "1", "2", "3", "4",
    ]  # fmt: skip

    buttons.nth(2).click()
    assert canvas.widget(ids["pick"], "pick") == 3
    expect_picked(canvas, 3)
    expect(line).to_have_text("3 of 4 · click it again for all")
    second = canvas.queue()
    run = canvas.finished(second)

    assert sorted(run["cached"]) == sorted([ids["cat"], ids["paint"]])
    assert service.billed == 4
    (one,) = saved(server, second, ids["save"])
    assert np.array_equal(one, saved(server, first, ids["save"])[2])

    buttons.nth(2).click()
    assert canvas.widget(ids["pick"], "pick") == 0
    expect_picked(canvas)
    assert len(service.ledger.calls()) == 4

    (file,) = server.history(second)["outputs"][ids["save"]]["images"]
    canvas.page.evaluate(DROP, f"/view?{urlencode(file)}")
    assert canvas.widget(ids["pick"], "pick") == 3


def test_of_many_pictures_the_first_are_shown_and_any_may_be_picked(
    canvas: Canvas, server: ComfyUIServer, renderer: str
) -> None:
    nodes = {
        "empty": {"type": "EmptyImage", "pos": [80, 120], "values": {"width": 8, "height": 8, "batch_size": 90}},
        "pick": {"type": "VolcPickVariant", "pos": [420, 120], "values": {"pick": 0}},
        "save": {"type": "PreviewImage", "pos": [900, 120]},
    }  # fmt: skip
    ids = canvas.build(nodes, [("empty", 0, "pick", "images"), ("pick", 0, "save", "images")])
    canvas.finished(canvas.queue())
    thumbnails(canvas, 64)
    line = canvas.page.locator(".volc-pick [role=status]")
    expect(line).to_have_text("all 90 pass · click one of the first 64, or type its number")

    canvas.fill(ids["pick"], pick=88)
    prompt = canvas.queue()
    canvas.finished(prompt)

    expect(line).to_have_text("88 of 90 · click it again for all")
    assert len(server.history(prompt)["outputs"][ids["save"]]["images"]) == 1


def test_keys_move_pick_and_enlarge(canvas: Canvas, renderer: str) -> None:
    ids = canvas.build(*repaint("pick by key", pick=True))
    canvas.finished(canvas.queue())
    buttons, press = thumbnails(canvas), canvas.page.keyboard.press

    def chosen() -> Any:
        return canvas.widget(ids["pick"], "pick")

    buttons.first.focus()
    for key, pick in [
        ("2", 2),
        ("0", 0),
        ("4", 4),
        ("9", 4),  # there is no ninth
        ("Enter", 1),
        ("Enter", 0),
        ("ArrowRight", 0),
        ("Enter", 2),
        ("ArrowDown", 2),
        (" ", 4),
        ("ArrowLeft", 4),
        (" ", 3),
        ("ArrowUp", 3),
        ("Enter", 1),
    ]:
        press(key)
        assert (key, pick) == (key, chosen())
    large = canvas.page.locator("dialog.volc-viewer")
    press("v")
    expect(large).to_contain_text("Picture 1 of 4")
    press("ArrowLeft")
    expect(large).to_contain_text("Picture 4 of 4")
    press("ArrowLeft")
    press("Enter")
    expect(large).to_have_count(0)
    assert chosen() == 3
    press("v")
    press("Escape")
    expect(large).to_have_count(0)
    assert chosen() == 3


def test_a_double_click_enlarges_and_chooses_nothing(canvas: Canvas, renderer: str) -> None:
    ids = canvas.build(*repaint("double click", pick=True))
    canvas.finished(canvas.queue())
    buttons = thumbnails(canvas)
    buttons.nth(1).click()

    buttons.nth(3).dblclick()

    large = canvas.page.locator("dialog.volc-viewer img")
    expect(large).to_have_js_property("naturalWidth", 451)
    assert canvas.widget(ids["pick"], "pick") == 2
    canvas.page.mouse.click(5, 5)
    expect(large).to_have_count(0)
    assert canvas.widget(ids["pick"], "pick") == 2


def test_the_larger_view_keeps_its_pictures_when_a_run_brings_fewer(
    canvas: Canvas, service: SimulatedService
) -> None:
    ids = canvas.build(*repaint("fewer", pick=True, variants=3))
    canvas.finished(canvas.queue())
    thumbnails(canvas, 3).nth(2).dblclick()
    large = canvas.page.locator("dialog.volc-viewer")
    expect(large).to_contain_text("Picture 3 of 3")

    canvas.fill(ids["paint"], variants=1)
    # the view lies over the button that runs
    canvas.page.evaluate("app.extensionManager.command.execute('Comfy.QueuePrompt')")
    expect(canvas.page.locator(".volc-pick-grid button")).to_have_count(1)

    canvas.page.keyboard.press("ArrowLeft")
    expect(large).to_contain_text("Picture 2 of 3")
    expect(large.locator("img")).to_have_js_property("naturalWidth", 451)
    canvas.page.keyboard.press("Enter")
    expect(large).to_have_count(0)
    assert canvas.widget(ids["pick"], "pick") == 0  # there is no second any more
    assert canvas.errors == []


def test_the_choice_outlives_saving_undo_and_copies(canvas: Canvas, renderer: str) -> None:
    ids = canvas.build(*repaint("outlive", pick=True))
    canvas.finished(canvas.queue())
    thumbnails(canvas).nth(1).click()
    workflow = canvas.serialize()

    (node,) = [one for one in workflow["nodes"] if one["type"] == "VolcPickVariant"]
    assert node["widgets_values"] == [2]

    canvas.page.keyboard.press("Control+z")  # the click
    canvas.wait("([id]) => app.rootGraph.getNodeById(id).widgets[0].value === 0", arg=[ids["pick"]])
    expect_picked(canvas)
    thumbnails(canvas).nth(3).click()
    assert canvas.widget(ids["pick"], "pick") == 4

    canvas.language("zh")  # makes the node anew
    thumbnails(canvas)
    expect_picked(canvas, 4)
    expect(canvas.page.locator(".volc-pick [role=status]")).to_have_text(
        "第 4 张，共 4 张 · 再次点击恢复全部"
    )

    canvas.load(workflow)
    assert canvas.widget(ids["pick"], "pick") == 2

    copies = canvas.page.evaluate(
        """id => {
            app.canvas.select(app.rootGraph.getNodeById(id));
            app.canvas.copyToClipboard();
            app.canvas.pasteFromClipboard();
            return app.rootGraph.nodes.filter((one) => one.type === "VolcPickVariant").map((one) => String(one.id));
        }""",
        ids["pick"],
    )
    assert len(copies) == 2
    (copy,) = {*copies} - {ids["pick"]}
    assert canvas.widget(copy, "pick") == 2
    canvas.fill(copy, pick=1)
    assert canvas.widget(ids["pick"], "pick") == 2


def test_it_works_within_a_subgraph(
    canvas: Canvas, server: ComfyUIServer, service: SimulatedService, renderer: str
) -> None:
    ids = canvas.build(*repaint(f"subgraph {renderer}", pick=True))
    outer = canvas.page.evaluate(
        """ids => {
            const { subgraph, node } = app.rootGraph.convertToSubgraph(new Set(ids.map((id) => app.rootGraph.getNodeById(id))));
            app.canvas.setGraph(subgraph);
            return String(node.id);
        }""",
        [ids["paint"], ids["pick"]],
    )
    inner = f"{outer}:{ids['pick']}"
    first = canvas.queue()
    canvas.finished(first)
    buttons = thumbnails(canvas)
    run_line = canvas.page.locator(".volc-panel [role=status]", has_text="paid 4")
    expect(run_line).to_be_visible()

    buttons.nth(1).click()
    assert canvas.widget(inner, "pick") == 2
    second = canvas.queue()
    run = canvas.finished(second)

    assert service.billed == 4
    assert inner not in run["cached"]
    assert f"{outer}:{ids['paint']}" in run["cached"]
    (one,) = saved(server, second, ids["save"])
    assert np.array_equal(one, saved(server, first, ids["save"])[1])
    canvas.page.evaluate("app.canvas.setGraph(app.rootGraph)")


def test_the_properties_panel_lists_inputs_and_not_our_panels(
    canvas: Canvas, renderer: str
) -> None:
    ids = canvas.build(*repaint("properties", pick=True))
    panel = canvas.page.get_by_test_id("properties-panel")
    if not panel.is_visible():
        canvas.page.get_by_role("button", name="Toggle properties panel").click()
    for node, name in (("pick", "pick"), ("paint", "feather")):
        canvas.select(ids[node])
        expect(panel.get_by_text(name, exact=True)).to_be_visible()
        expect(panel).not_to_contain_text("volc_")
    expect(canvas.page.locator(".volc-pick")).to_be_visible()
    canvas.page.get_by_role("button", name="Toggle properties panel").click()
    expect(panel).to_have_count(0)


def test_a_linked_pick_cannot_be_clicked(canvas: Canvas, renderer: str) -> None:
    nodes, links = repaint("linked", pick=True)
    nodes["number"] = {"type": "PrimitiveInt", "pos": [420, 760], "values": {"value": 2}}
    ids = canvas.build(nodes, [*links, ("number", 0, "pick", "pick")])
    canvas.finished(canvas.queue())

    buttons = thumbnails(canvas)

    expect(canvas.page.locator(".volc-pick [role=status]")).to_have_text("pick comes from a link")
    assert buttons.evaluate_all("all => all.every((one) => one.disabled)")
    assert canvas.widget(ids["pick"], "pick") == 0


def test_a_pick_beyond_the_pictures_is_an_error_with_the_count(canvas: Canvas) -> None:
    nodes, links = repaint("beyond", pick=True)
    nodes["pick"]["values"] = {"pick": 5}
    canvas.build(nodes, links)

    run = canvas.finished(canvas.queue(), "error")

    english, chinese = run["message"].strip().split("\n")
    assert "Picture 5 was picked, but only 4 arrived." in english
    assert "选择了第 5 张，但只收到 4 张图片。" in chinese
    canvas.page.get_by_role("button", name="View details").click()
    expect(
        canvas.page.get_by_text("Picture 5 was picked, but only 4 arrived.").first
    ).to_be_visible()


DELAYS = """() => {
    window.measuring?.abort();
    window.measuring = new AbortController();
    const delays = (window.delays = []);
    const { signal } = window.measuring;
    window.addEventListener("click", () => {
        const clicked = performance.now();
        const drawn = () => void delays.push(performance.now() - clicked);
        requestAnimationFrame(() => requestAnimationFrame(drawn));
    }, { capture: true, signal });
}"""


@pytest.fixture(scope="module")
def eight(server: ComfyUIServer) -> None:
    """Eight photographs of 2048² pixels, which ComfyUI loads as one batch."""
    cup = Image.fromarray(photograph("coffee", (2048, 2048)))
    pages = [cup.rotate(45 * number) for number in range(8)]
    pages[0].save(
        server.base / "input" / "eight.png", save_all=True, append_images=pages[1:], compress_level=1
    )  # fmt: skip


@pytest.mark.usefixtures("eight")
def test_eight_pictures_of_2048_pixels_leave_the_canvas_quick(
    canvas: Canvas, renderer: str
) -> None:
    ids = canvas.build(
        {
            "eight": {"type": "LoadImage", "pos": [80, 120], "values": {"image": "eight.png"}},
            "pick": {"type": "VolcPickVariant", "pos": [420, 120], "size": [500, 560]},
            "sink": {"type": "PreviewAny", "pos": [960, 120]},
        },
        [("eight", 0, "pick", "images"), ("pick", 1, "sink", "source")],
    )
    canvas.finished(canvas.queue())
    buttons = thumbnails(canvas, 8)
    widths = buttons.locator("img").evaluate_all("all => all.map((one) => one.naturalWidth)")
    assert widths == [512] * 8

    canvas.page.evaluate(DELAYS)
    for number in range(8):
        buttons.nth(number).click()
        canvas.wait("count => window.delays.length >= count", arg=number + 1)
        assert canvas.widget(ids["pick"], "pick") == number + 1

    # loose, so that a busy machine passes: a canvas that decoded eight full pictures again would take seconds
    assert statistics.median(canvas.page.evaluate("window.delays")) < 300
