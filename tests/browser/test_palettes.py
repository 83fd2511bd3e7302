"""What our scripts write in colour can be read on ComfyUI's dark and on its light palette."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.browser import repaint
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.browser import Canvas
    from playwright.sync_api import Locator
    from simulated_service import SimulatedService

# The contrast of an element's text with what it stands on, https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
CONTRAST = """element => {
    const area = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const luminance = () => {
        const [red, green, blue] = [...area.getImageData(0, 0, 1, 1).data].map((value) => {
            const part = value / 255;
            return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const fill = (colour) => {
        area.fillStyle = colour;
        area.fillRect(0, 0, 1, 1);
    };
    const behind = [];
    for (let one = element; one; one = one.parentElement) behind.unshift(getComputedStyle(one).backgroundColor);
    behind.forEach(fill);
    const ground = luminance();
    fill(getComputedStyle(element).color);
    const text = luminance();
    return (Math.max(ground, text) + 0.05) / (Math.min(ground, text) + 0.05);
}"""
READABLE = 4.5  # https://www.w3.org/TR/WCAG22/#contrast-minimum


@pytest.fixture(params=["dark", "light"])
def palette(request: pytest.FixtureRequest, canvas: Canvas) -> Iterator[str]:
    canvas.set("Comfy.ColorPalette", request.param)
    yield request.param
    canvas.set("Comfy.ColorPalette", "dark")


def contrast(element: Locator) -> float:
    expect(element).to_be_visible()
    return float(element.evaluate(CONTRAST))


def test_warnings_and_verdicts_can_be_read(
    canvas: Canvas, service: SimulatedService, keys: None, palette: str
) -> None:
    canvas.renderer("vue")
    canvas.build(*repaint("cat " * 101))
    assert contrast(canvas.page.locator(".volc-too-long")) >= READABLE

    canvas.page.evaluate("app.extensionManager.command.execute('volc_inpaint.open_settings')")
    check = canvas.page.locator(".volc-keys [data-action=keysCheck]")
    service.activated = ["entity_seg"]
    check.click()
    assert contrast(canvas.page.locator(".volc-keys-verdict.good")) >= READABLE
    rows = canvas.page.locator(".volc-keys-rows")
    for part in (".good", ".bad >> nth=0", "code >> nth=0", "a >> nth=0"):
        assert contrast(rows.locator(part)) >= READABLE, part
    service.keys = {}
    check.click()
    assert contrast(canvas.page.locator(".volc-keys-verdict.bad")) >= READABLE
    canvas.page.keyboard.press("Escape")
    expect(canvas.page.get_by_test_id("settings-dialog")).to_have_count(0)


def test_the_page_of_paid_pictures_can_be_read(canvas: Canvas, keys: None, palette: str) -> None:
    tab = canvas.page.locator(".volc_inpaint-tab-button, [data-testid=volc_inpaint-tab-button]")
    tab.click()
    page = canvas.page.locator(".volc-gallery")
    assert contrast(page.locator(".volc-gallery-said").first) >= READABLE
    assert contrast(page.locator("[data-page=galleryAccount]")) >= READABLE
    page.locator("[data-page=galleryAccount]").click()
    for part in ("a", "td", "h3"):
        assert contrast(page.locator(".volc-gallery-account").locator(part).first) >= READABLE
    tab.click()
    expect(page).to_have_count(0)
