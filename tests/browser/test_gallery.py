"""The sidebar's page of paid pictures: found, put back to work, deleted; and what the calls came to."""

from __future__ import annotations

import csv
import io
import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.browser import repaint
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.browser import Canvas
    from harness.comfyui import ComfyUIServer
    from playwright.sync_api import Browser, Locator
    from simulated_service import SimulatedService

WORDS = {
    "en": {
        "count": "{} of {} pictures",
        "put": "Put on the canvas",
        "unknown": "Perhaps billed: {} to compare",
        "time": "Time (UTC+8)",
        "left": "{} of {} left today",
    },
    "zh": {
        "count": "{} / {} 张图片",
        "put": "放到画布上",
        "unknown": "可能已计费：{} 条待核对",
        "time": "时间（UTC+8）",
        "left": "今日剩余 {} / {} 次",
    },
}


def journal(server: ComfyUIServer) -> Path:
    return server.base / "user" / "__volc_inpaint" / "journal"


@pytest.fixture(autouse=True)
def fresh(server: ComfyUIServer, canvas: Canvas, keys: None) -> Iterator[None]:
    """An empty journal; its book cannot be emptied, for the server goes on writing it."""
    for entry in journal(server).glob("??"):
        shutil.rmtree(entry)
    yield
    if canvas.page.evaluate("document.querySelector('dialog[open]')"):
        canvas.page.keyboard.press("Escape")
    close_page(canvas)
    server.post("/volc_inpaint/limit", {"calls": 0})


def open_page(canvas: Canvas) -> Locator:
    page = canvas.page.locator(".volc-gallery")
    if not page.count():
        canvas.page.locator(
            ".volc_inpaint-tab-button, [data-testid=volc_inpaint-tab-button]"
        ).click()
    expect(page).to_be_visible()
    return page


def close_page(canvas: Canvas) -> None:
    page = canvas.page.locator(".volc-gallery")
    if page.count():
        canvas.page.locator(
            ".volc_inpaint-tab-button, [data-testid=volc_inpaint-tab-button]"
        ).click()
    expect(page).to_have_count(0)


def tiles(page: Locator) -> Locator:
    return page.locator(".volc-gallery-grid [role=option]")


@pytest.mark.parametrize(("locale", "renderer"), [("en", "classic"), ("zh", "vue")])
def test_a_picture_of_a_cancelled_run_is_found_put_on_the_canvas_and_run_on_with(
    canvas: Canvas, server: ComfyUIServer, service: SimulatedService, locale: str, renderer: str
) -> None:
    canvas.language(locale)
    canvas.renderer(renderer)
    service.configure({"latency_s": 1.2})
    canvas.build(*repaint(f"a cat with a {locale} hat", variants=2, seed=-1))
    run = canvas.queue()
    assert service.wait_for("on_wire", 2)
    server.interrupt()
    canvas.finished(run, "interrupted")
    assert service.wait_for("billed", 2)
    deadline = time.monotonic() + 10
    while len(list(journal(server).glob("??/*.zip"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)

    page = open_page(canvas)
    expect(page.locator(".volc-gallery-said").first).to_have_text(
        WORDS[locale]["count"].format(2, 2)
    )
    expect(tiles(page)).to_have_count(2)
    page.locator("[name=words]").fill(f"{locale} CAT")
    expect(tiles(page)).to_have_count(2)
    page.locator("[name=words]").fill("dog")
    expect(tiles(page)).to_have_count(0)
    page.locator("[name=words]").fill("")

    tiles(page).first.click()
    view = canvas.page.locator(".volc-gallery-view")
    expect(view.locator("[data-fact=galleryPrompt]")).to_have_text(f"a cat with a {locale} hat")
    seed = int(view.locator("[data-fact=gallerySeed]").inner_text())
    ids = {call.request_id: call.seed for call in service.ledger.calls()}
    assert ids[view.locator("[data-fact=galleryRequest]").inner_text()] == seed
    expect(view.locator("[data-fact=gallerySize]")).to_contain_text("×")

    with canvas.page.expect_response("**/upload/image"):
        view.get_by_role("button", name=WORDS[locale]["put"]).click()
    expect(view).to_have_count(0)
    close_page(canvas)
    canvas.wait("() => app.rootGraph.nodes.filter(({ type }) => type === 'LoadImage').length === 2")
    name = canvas.page.evaluate(
        "app.rootGraph.nodes.findLast(({ type }) => type === 'LoadImage').widgets[0].value"
    )
    kept = [path for path in journal(server).glob("??/*.zip") if name[5:17] in path.name]
    assert 1 == len(kept)
    canvas.page.evaluate(
        """() => {
            const [loaded] = app.rootGraph.nodes.filter(({ type }) => type === "LoadImage").slice(-1);
            const paint = app.rootGraph.nodes.find(({ type }) => type === "VolcInpaint");
            loaded.connect(0, paint, paint.inputs.findIndex(({ name }) => name === "image"));
        }"""
    )
    canvas.finished(canvas.queue())
    assert 4 == service.billed


def test_prompt_and_seed_go_into_the_selected_node(
    canvas: Canvas, service: SimulatedService
) -> None:
    ids = canvas.build(*repaint("first", variants=1, seed=11))
    canvas.finished(canvas.queue())
    page = open_page(canvas)
    tiles(page).first.click()
    canvas.fill(ids["paint"], prompt="x", seed=99)
    view = canvas.page.locator(".volc-gallery-view")
    view.locator("[data-action=galleryCopy]").click()
    expect(view.locator("[role=status]")).to_have_text("Prompt and seed are in the selected node.")
    assert ("first", 11) == (
        canvas.widget(ids["paint"], "prompt"),
        canvas.widget(ids["paint"], "seed"),
    )
    with canvas.page.expect_download() as download:
        view.locator("[data-action=gallerySave]").click()
    assert Path(download.value.path()).read_bytes()[:3] == b"\xff\xd8\xff"


def test_the_keyboard_alone_finds_turns_and_deletes(
    canvas: Canvas, server: ComfyUIServer, service: SimulatedService
) -> None:
    canvas.build(*repaint("keyboard", variants=3, seed=5))
    canvas.finished(canvas.queue())
    press = canvas.page.keyboard.press
    page = open_page(canvas)
    expect(tiles(page)).to_have_count(3)
    page.locator("[name=day]").focus()
    tiles(page).first.focus()
    press("ArrowRight")
    expect(tiles(page).nth(1)).to_be_focused()
    press("Enter")
    view = canvas.page.locator(".volc-gallery-view")
    expect(view).to_contain_text("Picture 2 of 3")
    press("ArrowRight")
    expect(view).to_contain_text("Picture 3 of 3")
    press("Escape")
    expect(tiles(page).nth(2)).to_be_focused()
    press("Delete")
    expect(view).to_contain_text("pays again")
    expect(view.locator("[data-action=galleryKeep]")).to_be_focused()
    press("Enter")  # Keep
    press("Escape")
    assert 3 == len(list(journal(server).glob("??/*.zip")))
    press("Delete")
    press("Shift+Tab")
    press("Enter")  # Delete
    expect(tiles(page)).to_have_count(2)
    assert 2 == len(list(journal(server).glob("??/*.zip")))
    expect(tiles(page).nth(1)).to_be_focused()
    assert 3 == canvas.page.evaluate("app.rootGraph.nodes.length")


def test_a_picture_is_dropped_onto_load_image(
    canvas: Canvas, service: SimulatedService, renderer: str
) -> None:
    nodes, links = repaint(f"dropped {renderer}", variants=1, seed=21)
    nodes["cat"]["pos"] = [900, 350]  # beside the sidebar
    ids = canvas.build(nodes, links)
    canvas.finished(canvas.queue())
    page = open_page(canvas)
    with canvas.page.expect_response("**/upload/image"):
        x, y = canvas.page.evaluate(
            """id => {
                const node = app.rootGraph.getNodeById(id);
                const { left, top } = app.canvas.canvas.getBoundingClientRect();
                const [x, y] = app.canvas.ds.convertOffsetToCanvas([node.pos[0] + 150, node.pos[1] + 150]);
                return [left + x, top + y];
            }""",
            ids["cat"],
        )
        box = tiles(page).first.bounding_box()
        assert box is not None
        canvas.page.mouse.move(box["x"] + 30, box["y"] + 30)
        canvas.page.mouse.down()
        canvas.page.mouse.move(x - 5, y - 5, steps=5)
        canvas.page.mouse.move(x, y, steps=2)
        canvas.page.mouse.up()
    canvas.wait(
        "id => app.rootGraph.getNodeById(id).widgets[0].value.startsWith('volc_')", arg=ids["cat"]
    )


@pytest.mark.parametrize("locale", ["en", "zh"])
def test_an_unknown_call_is_ticked_off_and_the_calls_are_exported(
    canvas: Canvas, server: ComfyUIServer, service: SimulatedService, locale: str
) -> None:
    words = WORDS[locale]
    canvas.language(locale)
    before = server.get("/volc_inpaint/book")
    open_ones = sum(not one["ticked"] for one in before["unknown"])
    canvas.build(*repaint(f"lost {locale}", variants=1, seed=31))
    service.fail("reset_after_body", times=1)
    canvas.finished(canvas.queue(), "error")
    service.reset()
    canvas.finished(canvas.queue())

    page = open_page(canvas)
    page.locator("[data-page=galleryAccount]").click()
    expect(page.locator("h3")).to_have_text(words["unknown"].format(open_ones + 1))
    box = page.locator("input[type=checkbox]").first
    expect(page.locator("li").first).to_contain_text(f"lost {locale}")
    box.check()
    expect(page.locator("h3")).to_have_text(words["unknown"].format(open_ones))
    close_page(canvas)
    page = open_page(canvas)
    page.locator("[data-page=galleryAccount]").click()
    expect(page.locator("input[type=checkbox]").first).to_be_checked()

    with canvas.page.expect_download() as download:
        page.locator("[data-action=accountExport]").click()
    rows = list(csv.reader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))
    assert words["time"] == rows[0][0]
    (billed,) = [call for call in service.ledger.calls() if call.state == "billed"]
    assert billed.request_id == rows[1][2]
    assert "x" == rows[2][-1]


@pytest.mark.parametrize("locale", ["en", "zh"])
def test_the_limit_is_set_in_the_settings_and_shown_on_the_node(
    canvas: Canvas, server: ComfyUIServer, service: SimulatedService, locale: str
) -> None:
    words = WORDS[locale]
    canvas.language(locale)
    used = server.get("/volc_inpaint/book")["sums"]["today"]
    used = used["paid"] + used["fetched"] + used["unknown"]
    ids = canvas.build(*repaint(f"limit {locale}", variants=2, seed=41))
    canvas.page.evaluate("app.extensionManager.command.execute('volc_inpaint.open_settings')")
    field = canvas.page.locator(".volc-limit")
    field.locator("input").fill(str(used + 3))
    field.locator("input").press("Enter")
    expect(field).to_contain_text(words["left"].format(3, used + 3))
    canvas.page.keyboard.press("Escape")
    expect(canvas.page.get_by_test_id("settings-dialog")).to_have_count(0)
    plan = canvas.panel(ids["paint"], "volc_run")
    canvas.wait(
        "([panel, words]) => panel.textContent.includes(words)",
        arg=[plan, words["left"].format(3, used + 3)],
    )

    canvas.finished(canvas.queue())
    canvas.wait(
        "([panel, words]) => panel.textContent.includes(words)",
        arg=[plan, words["left"].format(1, used + 3)],
    )
    canvas.fill(ids["paint"], seed=77)
    told = canvas.finished(canvas.queue(), "error")["message"]
    assert f"1 of the {used + 3} a day" in told
    assert 2 == service.billed


def test_ten_thousand_pictures_open_at_once_and_scroll(
    canvas: Canvas, server: ComfyUIServer, service: SimulatedService
) -> None:
    canvas.build(*repaint("one of many", variants=1, seed=51))
    canvas.finished(canvas.queue())
    folder = journal(server)
    (entry,) = folder.glob("??/*.zip")
    lines = []
    for number in range(1, 10_000):
        key = f"{number % 256:02x}{number:062x}"
        path = folder / key[:2] / f"{key}.zip"
        path.parent.mkdir(exist_ok=True)
        path.hardlink_to(entry)
        about = {"id": f"2026-01-{number:016x}", "at": 1_767_300_000.0 + number}
        asked = {"model": "img2img_inpainting_edit_zi2i", "seed": number, "key": key}
        sent = {"state": "sent", **about, **asked, "prompt": f"number {number} of many"}
        lines += [json.dumps(sent), json.dumps({"state": "paid", **about})]
    (folder / "book" / "2026-01-00c0ffee-0123456789ab.jsonl").write_text("\n".join(lines) + "\n")
    try:
        started = time.monotonic()
        page = open_page(canvas)
        expect(page.locator(".volc-gallery-said").first).to_have_text("10000 of 10000 pictures")
        expect(tiles(page).first.locator("img")).to_have_js_property("complete", True)
        took_s = time.monotonic() - started
        print(f"10,000 pictures: opened after {took_s:.2f} s")

        grid = page.locator(".volc-gallery-grid")
        assert tiles(page).count() < 100
        grid.evaluate("one => void (one.scrollTop = one.scrollHeight / 2)")
        middle = page.locator("[aria-posinset='5002']")
        expect(middle).to_be_visible()
        expect(middle).to_have_attribute("title", "number 4999 of many · 4999 · 2026-01-02 06:03")
        expect(middle.locator("img")).to_have_js_property("complete", True)
        frames = grid.evaluate(
            """async (one) => {
                let slowest = 0;
                for (let last = performance.now(), step = 0; step < 60; step++) {
                    one.scrollTop += 400;
                    await new Promise(requestAnimationFrame);
                    const now = performance.now();
                    slowest = Math.max(slowest, now - last);
                    last = now;
                }
                return slowest;
            }"""
        )
        print(f"slowest of 60 frames while scrolling: {frames:.0f} ms")
        assert tiles(page).count() < 100
        # 300 places for two sevens, less the 20 + 1 numbers with two of them, more the one with three
        page.locator("[name=words]").fill("77 NUMBER")
        expect(page.locator(".volc-gallery-said").first).to_have_text("280 of 10000 pictures")
        page.locator("[name=words]").fill("")
        page.locator("[name=day]").fill("2026-01-02")
        expect(page.locator(".volc-gallery-said").first).to_contain_text("of 10000 pictures")
    finally:
        (folder / "book" / "2026-01-00c0ffee-0123456789ab.jsonl").unlink()


def test_another_sites_page_can_neither_read_nor_delete(
    canvas: Canvas, server: ComfyUIServer, service: SimulatedService, browser: Browser
) -> None:
    canvas.build(*repaint("hostile", variants=1, seed=61))
    canvas.finished(canvas.queue())
    (entry,) = journal(server).glob("??/*.zip")
    evil = browser.new_page()
    try:
        evil.goto(service.endpoint + "/evil")  # another port is another origin
        fetching = """async ([url, method, mode]) =>
            fetch(url, { method, mode }).then((answer) => answer.text(), () => "")"""
        for path in ("pictures", f"pictures/{entry.stem}", "book", "book.csv"):
            for mode in ("cors", "no-cors"):
                url = f"{server.url}/volc_inpaint/{path}"
                assert "" == evil.evaluate(fetching, [url, "GET", mode])
        url = f"{server.url}/volc_inpaint/pictures/{entry.stem}"
        evil.evaluate(fetching, [url, "DELETE", "cors"])
        shows = """async (url) => {
            const image = new Image();
            image.src = url;
            return image.decode().then(() => true, () => false);
        }"""
        assert evil.evaluate(shows, url) is False
    finally:
        evil.close()
    assert entry.exists()
    assert canvas.page.evaluate(shows, url) is True
