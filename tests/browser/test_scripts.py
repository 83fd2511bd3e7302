"""What the scripts may cost the page: nothing in its console, and no node needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.browser import PACK_URL, Canvas, repaint
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.comfyui import ComfyUIServer
    from playwright.sync_api import Browser
    from simulated_service import SimulatedService


@pytest.fixture
def bare(server: ComfyUIServer, browser: Browser, canvas: Canvas) -> Iterator[Canvas]:
    """A page that gets none of our scripts."""
    page = browser.new_page(viewport=canvas.page.viewport_size)
    page.route(f"**{PACK_URL}**", lambda route: route.abort())
    page.route("**/extensions", lambda route: route.fulfill(json=others(server)))
    bare = Canvas(page, server.url)
    bare.open()
    yield bare
    page.close()


def others(server: ComfyUIServer) -> list[str]:
    return [path for path in server.get("/extensions") if not path.startswith(PACK_URL)]


def told(canvas: Canvas) -> set[str]:
    """Warnings and errors of a page, without those that depend on the network around it."""
    return {
        message.text
        for message in canvas.console
        if message.type in ("error", "warning") and "net::" not in message.text
    }


def test_the_console_says_nothing_that_it_does_not_say_without_our_scripts(
    canvas: Canvas, bare: Canvas, keys: None
) -> None:
    canvas.console.clear()
    canvas.open()
    for page in (bare, canvas):
        page.build(*repaint("console", pick=True))
        page.finished(page.queue())
    canvas.page.locator(".volc-pick-grid button").nth(1).click()
    canvas.page.locator(".volc-pick-grid button").nth(1).dblclick()
    canvas.page.keyboard.press("Escape")
    canvas.page.evaluate("app.extensionManager.command.execute('volc_inpaint.open_settings')")
    expect(canvas.page.locator(".volc-keys")).to_be_visible()
    canvas.page.keyboard.press("Escape")

    assert told(canvas) - told(bare) == set()
    assert canvas.errors == []


def test_every_node_works_without_our_scripts(
    bare: Canvas, server: ComfyUIServer, service: SimulatedService, keys: None
) -> None:
    for name in ("classic", "vue"):
        bare.renderer(name)
        nodes, links = repaint(f"bare {name}", pick=True)
        nodes["pick"]["values"] = {"pick": 2}
        nodes["logo"] = {"type": "LogoInfo", "pos": [80, 500], "values": {"add_logo": False}}
        nodes["mask"] = {"type": "MaskNormalize", "pos": [80, 760]}
        links = [link for link in links if link[3] != "mask"]
        links += [
            ("cat", 1, "mask", "mask"),
            ("mask", 0, "paint", "mask"),
            ("logo", 0, "paint", "logo_info"),
        ]
        ids = bare.build(nodes, links)
        prompt = bare.queue()
        bare.finished(prompt)

        outputs = server.history(prompt)["outputs"]
        assert len(outputs[ids["save"]]["images"]) == 1
        assert len(outputs[ids["paint"]]["images"]) == 4
        assert (
            bare.page.evaluate("Boolean(document.querySelector('.volc-panel, .volc-keys'))")
            is False
        )
    bare.renderer("classic")
    assert service.billed == 8
