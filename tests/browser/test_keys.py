"""The Volcengine page of ComfyUI's settings: keys go in, are checked, replaced and removed, and never come out."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from harness.browser import repaint
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect

if TYPE_CHECKING:
    from harness.browser import Canvas
    from harness.comfyui import ComfyUIServer
    from playwright.sync_api import Browser, Locator, Route
    from simulated_service import SimulatedService

ACCESS = "AKLTBROWSERBROWSERBROWSERBROWSERBROWSERBROWS4321"
SECRET = "UExBTlRFRC1TRUNSRVQtT0YtVEhFLUJST1dTRVItVEVTVFM="
TOKEN = "PLANTEDSESSIONTOKENOFTHEBROWSERTESTS"

# All interfaces that the nodes use.
MODELS = [
    "img2img_inpainting_edit_zi2i",
    "jimeng_image2image_dream_inpaint",
    "i2i_inpainting",
    "jimeng_img2img_seed3_painting_edit",
    "saliency_seg",
    "entity_seg",
]

WORDS = {
    "en": {
        "none": "No keys are configured.",
        "configured": "Configured; the access key ends in …4321.",
        "source": "Saved on this page.",
        "activated": "activated",
        "not_activated": "not activated, or retired · Activate it",
        "classic": "repaints what is masked",
        "rows": "Interfaces of this account",
        "good": "The keys work and the service answers. Nothing was bought.",
        "sure": "Remove the keys saved on this page",
        "needed": "Volcengine keys are needed",
    },
    "zh": {
        "none": "尚未配置密钥。",
        "configured": "已配置，Access Key 末四位为 …4321。",
        "source": "通过本页面保存。",
        "activated": "已开通",
        "not_activated": "未开通，或已下线 · 前往开通",
        "classic": "重绘遮罩区域",
        "rows": "该账号的接口",
        "good": "密钥有效，服务应答正常。未产生任何费用。",
        "sure": "要从 ComfyUI 服务器删除通过本页面保存的密钥吗？",
        "needed": "需要火山引擎密钥",
    },
}
# What is wrong, and the words that say so.
WRONG = {
    "unknown_key": ("does not know this access key", "不存在该 Access Key"),
    "wrong_secret": ("does not belong to the access key", "Secret Key 与 Access Key 不匹配"),
    "clock": ("clock of this machine is wrong", "本机时钟误差"),
    "no_permission": ("CVFullAccess", "CVFullAccess"),
    "not_activated": ("not activated", "服务未开通"),
    "no_network": ("could not be reached", "无法连接火山引擎"),
}


@pytest.fixture(autouse=True)
def no_keys(server: ComfyUIServer, canvas: Canvas, service: SimulatedService) -> Any:
    service.keys = {ACCESS: (SECRET, TOKEN)}
    yield
    canvas.page.keyboard.press("Escape")
    expect(canvas.page.get_by_test_id("settings-dialog")).to_have_count(0)
    server.request("/volc_inpaint/credentials", method="DELETE")


def open_page(canvas: Canvas) -> Locator:
    """The page as its command opens it."""
    canvas.page.evaluate("app.extensionManager.command.execute('volc_inpaint.open_settings')")
    keys = canvas.page.locator(".volc-keys")
    expect(keys).to_be_visible()
    return keys


def enter(keys: Locator, access: str = ACCESS, secret: str = SECRET, token: str = TOKEN) -> None:
    keys.locator("[name=access_key]").fill(access)
    keys.locator("[name=secret_key]").fill(secret)
    keys.locator("[name=session_token]").fill(token)
    keys.locator("[data-action=keysSave]").click()


@pytest.mark.core
@pytest.mark.parametrize("locale", ["en", "zh"])
def test_keys_are_saved_checked_replaced_and_removed(
    canvas: Canvas, server: ComfyUIServer, service: SimulatedService, locale: str
) -> None:
    words = WORDS[locale]
    canvas.language(locale)
    keys = open_page(canvas)
    expect(keys).to_contain_text(words["none"])
    assert keys.locator("[name=secret_key]").get_attribute("type") == "password"
    assert keys.locator("[name=session_token]").get_attribute("type") == "password"

    enter(keys)
    expect(keys).to_contain_text(words["configured"])
    expect(keys).to_contain_text(words["source"])
    expect(keys.locator(".volc-keys-verdict.good")).to_have_text(words["good"])
    saved = server.base / "user" / "__volc_inpaint" / "credentials.json"
    assert json.loads(saved.read_bytes()) == {
        "access_key": ACCESS,
        "secret_key": SECRET,
        "session_token": TOKEN,
    }

    keys.locator("[data-action=keysReplace]").click()
    assert keys.locator("input").evaluate_all("all => all.map((one) => one.value)") == ["", "", ""]
    keys.locator("[data-action=keysCancel]").click()
    expect(keys).to_contain_text(words["configured"])
    keys.locator("[data-action=keysReplace]").click()
    other = ACCESS[:-4] + "8765"
    service.keys = {other: (SECRET, "")}
    enter(keys, other, token="")
    expect(keys).to_contain_text("…8765")
    keys.locator("[data-action=keysCheck]").click()
    expect(keys.locator(".volc-keys-verdict.good")).to_have_text(words["good"])

    keys.locator("[data-action=keysRemove]").click()
    expect(canvas.page.get_by_text(words["sure"])).to_be_visible()
    canvas.page.get_by_role("button", name={"en": "Confirm", "zh": "确认"}[locale]).click()
    expect(keys).to_contain_text(words["none"])
    assert not saved.exists()
    assert service.billed == 0


@pytest.mark.parametrize("locale", ["en", "zh"])
def test_one_interface_of_all_is_activated_and_the_others_say_where_that_is_done(
    canvas: Canvas, service: SimulatedService, locale: str
) -> None:
    words = WORDS[locale]
    canvas.language(locale)
    service.activated = ["jimeng_image2image_dream_inpaint"]
    keys = open_page(canvas)
    enter(keys)

    expect(keys.locator(".volc-keys-verdict.good")).to_have_text(words["good"])
    rows = keys.get_by_role("list", name=words["rows"]).get_by_role("listitem")
    expect(rows).to_have_count(len(MODELS))
    for model, row in zip(MODELS, rows.all(), strict=True):
        activated = model == "jimeng_image2image_dream_inpaint"
        expect(row.locator("code")).to_have_text(model)
        expect(row.locator("div").last).to_have_text(
            words["activated" if activated else "not_activated"]
        )
        expect(row.get_by_role("link")).to_have_count(0 if activated else 1)
    expect(rows.first).to_contain_text(words["classic"])
    link = rows.first.get_by_role("link")
    expect(link).to_have_attribute("href", "https://console.volcengine.com/ai/ability")
    expect(link).to_have_attribute("target", "_blank")

    keys.locator("[data-action=keysReplace]").click()
    expect(rows).to_have_count(0)
    keys.locator("[data-action=keysCancel]").click()
    keys.locator("[data-action=keysCheck]").press("Enter")
    expect(rows).to_have_count(len(MODELS))
    for _ in range(3):  # past Replace and Remove
        canvas.page.keyboard.press("Tab")
    expect(link).to_be_focused()
    assert service.billed == 0


def test_the_keyboard_alone_is_enough(canvas: Canvas) -> None:
    press = canvas.page.keyboard.press
    keys = open_page(canvas)
    verdict = keys.locator(".volc-keys-verdict")
    keys.locator("[name=access_key]").focus()
    for value in (ACCESS, SECRET, TOKEN):
        canvas.page.keyboard.type(value)
        press("Tab")
    press("Enter")  # Save
    expect(verdict).to_have_class(re.compile("good"))
    expect(keys.locator("[data-action=keysCheck]")).to_be_focused()

    out_of_reach: list[list[bool]] = []

    def look(route: Route) -> None:
        inert = "one => Boolean(one.closest('[inert]'))"
        places = (keys.locator(".volc-keys-body"), verdict)
        out_of_reach.append([place.evaluate(inert) for place in places])
        route.continue_()

    canvas.page.route("**/volc_inpaint/check", look)
    with canvas.page.expect_response("**/volc_inpaint/check"):
        press("Enter")  # Check
    expect(verdict).to_have_class(re.compile("good"))
    expect(keys.locator("[data-action=keysCheck]")).to_be_focused()
    canvas.page.unroute("**/volc_inpaint/check")
    # meanwhile nothing can be pressed, and what is said is said to screen readers, too
    assert out_of_reach == [[True, False]]
    press("Tab")
    press("Enter")  # Replace
    expect(keys.locator("[name=access_key]")).to_be_focused()
    press("Escape")
    expect(canvas.page.get_by_test_id("settings-dialog")).to_have_count(0)
    keys = open_page(canvas)
    keys.locator("[data-action=keysReplace]").press("Enter")
    for _ in range(4):
        press("Tab")
    press("Enter")  # Cancel
    expect(keys.locator("[data-action=keysCheck]")).to_be_focused()


@pytest.mark.parametrize(("locale", "language"), [("en", 0), ("zh", 1)])
def test_each_wrong_key_is_told_in_plain_words(
    canvas: Canvas, service: SimulatedService, locale: str, language: int
) -> None:
    canvas.language(locale)
    keys = open_page(canvas)
    enter(keys)
    check, verdict = keys.locator("[data-action=keysCheck]"), keys.locator(".volc-keys-verdict")
    expect(verdict).to_have_class(re.compile("good"))

    def wrong(name: str) -> None:
        check.click()
        expect(verdict).to_have_class(re.compile("bad"))
        expect(verdict).to_contain_text(WRONG[name][language])
        expect(verdict).not_to_contain_text(WRONG["unknown_key"][1 - language])

    service.keys = {"AKLTOTHER": (SECRET, "")}
    wrong("unknown_key")
    service.keys = {ACCESS: ("b3RoZXI=", TOKEN)}
    wrong("wrong_secret")
    service.keys = {ACCESS: (SECRET, TOKEN)}
    service.clock_offset_s = 3600
    wrong("clock")
    service.clock_offset_s = 0
    service.denied = "LackPolicy"
    wrong("no_permission")
    service.denied = None
    service.activated = []
    wrong("not_activated")
    service.activated = None
    service.fail("reset_before_body", times=9)
    wrong("no_network")
    assert service.billed == 0


STORES = """async () => {
    const stores = { local: { ...localStorage }, session: { ...sessionStorage }, databases: [] };
    for (const { name } of await indexedDB.databases()) {
        const database = await new Promise((done, fail) => {
            const request = indexedDB.open(name);
            request.onsuccess = () => done(request.result);
            request.onerror = fail;
        });
        for (const store of database.objectStoreNames)
            stores.databases.push(await new Promise((done) => {
                const request = database.transaction(store).objectStore(store).getAll();
                request.onsuccess = () => done([name, store, request.result]);
            }));
        database.close();
    }
    return JSON.stringify(stores);
}"""
INPUTS = (
    "() => [...document.querySelectorAll('input, textarea')].map((one) => one.value).join('\\n')"
)


def test_no_secret_is_anywhere_but_in_its_file(
    canvas: Canvas, server: ComfyUIServer, service: SimulatedService
) -> None:
    page = canvas.page
    since = len(canvas.requests)
    answers: list[Any] = []
    hear = lambda answer: answers.append(answer)  # noqa: E731 - Playwright takes no built-in method
    page.on("response", hear)
    bodies: dict[str, str] = {}

    def read() -> None:
        """Before the page is left, which takes the bodies with it."""
        for answer in answers:
            fetched = answer.request.resource_type in ("fetch", "xhr")
            if fetched and answer.status not in (101, 204, 304):
                try:
                    bodies[f"answer {len(bodies)} {answer.url}"] = answer.text()
                except PlaywrightError:  # the page never read it
                    assert "volc_inpaint" not in answer.url
        answers.clear()

    keys = open_page(canvas)
    enter(keys)
    expect(keys.locator(".volc-keys-verdict.good")).to_be_visible()
    page.keyboard.press("Escape")
    # a run that fails and one that succeeds, with the picture and the workflow they leave
    canvas.build(*repaint("hat"))
    service.denied = "LackPolicy"
    canvas.finished(canvas.queue(), "error")
    service.denied = None
    canvas.finished(canvas.queue())
    workflow = canvas.serialize()
    read()
    canvas.open()
    keys = open_page(canvas)
    expect(keys).to_contain_text("…4321")

    page.remove_listener("response", hear)
    read()
    requests = canvas.requests[since:]
    saving = [
        one for one in requests if one.method == "POST" and one.url.endswith("/volc_inpaint/credentials")
    ]  # fmt: skip
    assert len(saving) == 1
    places = {
        "document": page.content() + page.evaluate(INPUTS),
        "stores": page.evaluate(STORES),
        "workflow": json.dumps(workflow),
        "settings": server.request("/settings")[1].decode(),
        "history": server.request("/history")[1].decode(),
        "log": server.log,
        "console": "\n".join(message.text for message in canvas.console),
        **{
            f"request {number} {one.url}": f"{one.url}\n{one.headers}\n{one.post_data}"
            for number, one in enumerate(requests)
            if one not in saving
        },
        **bodies,
    }
    assert [place for place in places if place.endswith("/volc_inpaint/check")] != []
    told = [
        (place, secret)
        for place, text in places.items()
        for secret in (ACCESS, SECRET, TOKEN)
        if secret in text
    ]
    assert told == []
    files = [
        str(file.relative_to(server.base))
        for file in server.base.rglob("*")
        if file.is_file() and SECRET.encode() in file.read_bytes()
    ]
    assert files == ["user/__volc_inpaint/credentials.json"]
    assert any(file.suffix == ".png" for file in (server.base / "output").iterdir())
    for path in (
        "/userdata/..%2F__volc_inpaint%2Fcredentials.json",
        "/userdata/__volc_inpaint/credentials.json",
    ):
        status, body = server.request(path)
        assert status >= 400
        assert SECRET.encode() not in body


def test_another_sites_page_changes_nothing(
    canvas: Canvas, server: ComfyUIServer, service: SimulatedService, browser: Browser
) -> None:
    keys = open_page(canvas)
    enter(keys)
    expect(keys.locator(".volc-keys-verdict.good")).to_be_visible()
    saved = server.base / "user" / "__volc_inpaint" / "credentials.json"
    before = saved.read_bytes()
    evil = browser.new_page()
    try:
        evil.goto(service.endpoint + "/evil")  # another port is another origin
        script = """async ([url, method, type]) => {
            const body = method === "GET" ? undefined : '{"access_key":"AKLTEVIL","secret_key":"ZXZpbA=="}';
            const headers = body ? { "Content-Type": type } : {};
            const sent = { method, body, headers, mode: type === "application/json" ? "cors" : "no-cors" };
            return fetch(url, sent).then((answer) => answer.text(), () => "");
        }"""
        url = server.url + "/volc_inpaint/credentials"
        for method, kind in [
            ("POST", "application/json"),
            ("POST", "text/plain"),
            ("DELETE", "application/json"),
            ("GET", "application/json"),
        ]:
            assert evil.evaluate(script, [url, method, kind]) == ""
    finally:
        evil.close()
    assert saved.read_bytes() == before


@pytest.mark.parametrize("locale", ["en", "zh"])
def test_a_run_without_keys_says_what_to_do_and_opens_the_page(
    canvas: Canvas, service: SimulatedService, locale: str
) -> None:
    canvas.language(locale)
    canvas.build(*repaint(f"no keys {locale}"))
    canvas.finished(canvas.queue(), "error")

    dialog = canvas.page.get_by_role("dialog").filter(has_text=WORDS[locale]["needed"])
    expect(dialog).to_contain_text(
        {"en": "Enter them in ComfyUI's Settings", "zh": "ComfyUI 设置"}[locale]
    )
    expect(dialog).not_to_contain_text({"zh": "Enter them", "en": "尚未配置"}[locale])
    dialog.get_by_role("button", name={"en": "Confirm", "zh": "确认"}[locale]).click()
    expect(canvas.page.locator(".volc-keys")).to_contain_text(WORDS[locale]["none"])
    assert service.ledger.calls() == []
