"""A template of ours opens from the template browser with its pictures, and runs at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness import examples, graphs
from harness.browser import Canvas
from harness.launch import PACK
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.comfyui import ComfyUIServer
    from playwright.sync_api import Browser

TOAST = (
    ".p-toast-message, [data-testid=toast-viewport] > *"  # the newest canvas has toasts of its own
)


@pytest.fixture
def bare(server: ComfyUIServer, browser: Browser, canvas: Canvas, keys: None) -> Iterator[Canvas]:
    """A page of its own, with no workflow to go on with, over an input folder without the examples' pictures."""
    for file in (server.base / "input").glob("volc_inpaint_*"):
        file.unlink()
    page = browser.new_page(viewport=canvas.page.viewport_size)
    bare = Canvas(page, server.url)
    bare.open()
    yield bare
    page.close()
    assert bare.of_ours() == []
    examples.put_pictures(server)  # as the tests beside this file know the folder


def names(server: ComfyUIServer) -> list[str]:
    """The examples' pictures in the input folder, those that a second upload would have renamed too."""
    return sorted(file.name for file in (server.base / "input").glob("volc_inpaint_*"))


def open_template(canvas: Canvas, name: str) -> None:
    """As a newcomer does: open the template browser, find the template, click it."""
    canvas.page.evaluate("app.extensionManager.command.execute('Comfy.BrowseTemplates')")
    browser = canvas.page.get_by_role("dialog")
    browser.get_by_text(PACK, exact=True).click()
    browser.locator(f"[data-testid='template-workflow-{name}']").click()
    titles = [
        group["title"] for group in examples.load(examples.EXAMPLES / f"{name}.json")["groups"]
    ]
    canvas.wait(
        "titles => app.rootGraph.groups.map((group) => group.title).join() === titles.join()",
        arg=titles,
    )


def test_a_template_brings_its_pictures_and_runs_at_once(
    bare: Canvas, server: ComfyUIServer, renderer: str
) -> None:
    bare.renderer(renderer)
    open_template(bare, "erase")
    expect(bare.page.get_by_text("errors found")).to_have_count(0)
    run = bare.queue()
    bare.finished(run)

    outputs = server.history(run)["outputs"].values()
    saved = [file for output in outputs for file in output.get("images", [])]
    assert [file["type"] for file in saved].count("output") == 4
    assert names(server) == ["volc_inpaint_coffee.jpg", "volc_inpaint_mask_spoon.png"]
    for name in names(server):
        assert (server.base / "input" / name).read_bytes() == (examples.INPUT / name).read_bytes()


def test_a_picture_of_that_name_stays_as_it_is(bare: Canvas, server: ComfyUIServer) -> None:
    own = server.base / "input" / "volc_inpaint_cat.png"
    before = graphs.png(graphs.photograph("coffee", (96, 64)))
    own.write_bytes(before)
    bare.load(examples.load(examples.EXAMPLES / "repaint_by_brush.json"))

    assert names(server) == [own.name]
    assert own.read_bytes() == before


def test_a_picture_that_no_template_has_is_nobody_s_business(
    bare: Canvas, server: ComfyUIServer
) -> None:
    workflow = examples.load(examples.EXAMPLES / "repaint_by_brush.json")
    workflow["nodes"][0]["widgets_values"] = ["volc_inpaint_own.png", "image"]
    bare.load(workflow)

    assert names(server) == []
    expect(bare.page.locator(TOAST)).to_have_count(0)


def test_a_folder_that_takes_none_is_said(bare: Canvas, server: ComfyUIServer) -> None:
    bare.page.route("**/upload/image", lambda route: route.fulfill(status=507))
    bare.load(examples.load(examples.EXAMPLES / "repaint_subject.json"))
    bare.page.unroute("**/upload/image")

    expect(bare.page.locator(TOAST)).to_contain_text(
        "volc_inpaint_coffee.jpg could not be put into ComfyUI's input folder (HTTP 507)"
    )
    # and the next time it comes
    bare.load(examples.load(examples.EXAMPLES / "repaint_subject.json"))
    assert names(server) == ["volc_inpaint_coffee.jpg"]
