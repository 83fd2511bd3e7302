"""README's pictures of the canvas, in English and Chinese: the real frontend, drawn by Nodes 2.0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import chromium, examples
from .browser import FLAGS, Canvas, repaint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from playwright.sync_api import FloatRect, ViewportSize

    from .comfyui import ComfyUIServer

# One for each language, and none of an example's, so that each is bought anew.
_PROMPTS = {"en": "a red knitted hat", "zh": "一顶红色的针织帽"}
_SIZE: ViewportSize = {"width": 1440, "height": 900}
# What is shown of the canvas, beside ComfyUI's own bars.
_CLIP: FloatRect = {"x": 70, "y": 110, "width": 1300, "height": 700}

# The sidebar, and what opens in the middle.
_BESIDE: FloatRect = {"x": 0, "y": 36, "width": 1180, "height": 700}

# ComfyUI's banner about runs goes by itself after four seconds.
_NO_NEWS = "[data-testid=queue-notification-banner] { display: none }"


def take(server: ComfyUIServer, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """The screenshots called so (see `NAMES`) as PNG files. The server has the examples' pictures, and keys."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium.program(), args=FLAGS)
        for name in names:
            page = browser.new_page(viewport=_SIZE)
            canvas = Canvas(page, server.url)
            canvas.open()
            kind, language = name.split("-")
            canvas.set("Comfy.Locale", language)
            canvas.set("Comfy.VueNodes.Enabled", True)
            canvas.open()  # a page that was opened in a language has all of its words
            yield name, _TAKING[kind](canvas, _PROMPTS[language])
            page.close()
        browser.close()


def _whole(canvas: Canvas, prompt: str) -> bytes:
    """The first example, run with another prompt."""
    workflow = examples.load(examples.EXAMPLES / "repaint_by_brush.json")
    (paint,) = [node for node in workflow["nodes"] if node["type"] == "VolcInpaint"]
    paint["widgets_values"][0] = prompt
    canvas.load(workflow)
    _look_at(canvas, 312, 164, 0.73)
    canvas.finished(canvas.queue())
    _settle(canvas)
    return canvas.page.screenshot(style=_NO_NEWS)


def _pick(canvas: Canvas, prompt: str) -> bytes:
    """Four variants, the second one picked and saved."""
    nodes, links = repaint(prompt, pick=True)
    nodes["paint"] |= {"pos": [420, 120], "size": [400, 800]}
    nodes["pick"] |= {"pos": [840, 120], "size": [420, 450]}
    nodes["save"] |= {"pos": [1300, 120], "size": [380, 330]}
    ids = canvas.build(nodes, links)
    _look_at(canvas, _CLIP["x"] - 400, _CLIP["y"] - 75, 1)
    canvas.finished(canvas.queue())
    canvas.page.locator(".volc-pick-grid button").nth(1).click()
    canvas.finished(canvas.queue())
    canvas.wait("id => app.rootGraph.getNodeById(id).imgs?.length === 1", arg=ids["save"])
    _settle(canvas)
    return canvas.page.screenshot(clip=_CLIP, style=_NO_NEWS)


def _keys(canvas: Canvas, _: str) -> bytes:
    """The page of the keys after a check."""
    canvas.page.evaluate("app.extensionManager.command.execute('volc_inpaint.open_settings')")
    canvas.page.locator("[data-action=keysCheck]").click()
    canvas.page.locator(".volc-keys-verdict.good").wait_for()
    return canvas.page.get_by_test_id("settings-dialog").screenshot()


def _gallery(canvas: Canvas, prompt: str) -> bytes:
    """The sidebar's page of paid pictures, one of them enlarged."""
    for seed in (101, 111, 121):
        canvas.build(*repaint(prompt, seed=seed))
        canvas.finished(canvas.queue())
    canvas.page.locator(".volc_inpaint-tab-button, [data-testid=volc_inpaint-tab-button]").click()
    canvas.page.locator(".volc-gallery-grid [role=option]").nth(2).click()
    canvas.page.locator("[data-fact=gallerySize]").wait_for()
    _settle(canvas)
    return canvas.page.screenshot(clip=_BESIDE, style=_NO_NEWS)


def _look_at(canvas: Canvas, x: float, y: float, scale: float) -> None:
    canvas.page.evaluate(
        "([x, y, scale]) => { app.canvas.ds.offset = [x, y]; app.canvas.ds.scale = scale; app.canvas.setDirty(true, true); }",
        [x, y, scale],
    )


def _settle(canvas: Canvas) -> None:
    """Wait until every picture on the page is there, and drawn; the pointer is out of the way."""
    canvas.page.mouse.move(_SIZE["width"] - 5, _SIZE["height"] / 2)
    canvas.page.wait_for_load_state("networkidle")
    canvas.wait("[...document.images].every((image) => image.complete)")
    canvas.page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


_TAKING: dict[str, Callable[[Canvas, str], bytes]] = {
    "canvas": _whole,
    "pick": _pick,
    "keys": _keys,
    "gallery": _gallery,
}
NAMES = tuple(f"{kind}-{language}" for kind in _TAKING for language in ("en", "zh"))
