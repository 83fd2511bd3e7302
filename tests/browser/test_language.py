"""English and Chinese: every name, tooltip and page, by ComfyUI's own mechanisms."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from harness.launch import ROOT
from playwright.sync_api import expect

if TYPE_CHECKING:
    from harness.browser import Canvas
    from harness.comfyui import ComfyUIServer

LOCALES = ("en", "zh")
CHINESE = re.compile("[\u4e00-\u9fff]")
# Whether every line of our panels is in Chinese, or none.
LINES = """([pattern, chinese]) => {
    const lines = [...document.querySelectorAll(".volc-line")].map((one) => one.textContent).filter(Boolean);
    return lines.length >= 2 && lines.every((line) => new RegExp(pattern).test(line) === chinese);
}"""

# What of a page must be scrolled sideways to be read, itself included.
TOO_WIDE = """page => [page, ...page.querySelectorAll("*")]
    .filter((one) => one.scrollWidth > one.clientWidth)
    .map((one) => `${one.tagName} ${one.scrollWidth} > ${one.clientWidth}: ${one.textContent.trim().slice(0, 80)}`)"""


def locale(language: str, name: str) -> Any:
    return json.loads((ROOT / "locales" / language / f"{name}.json").read_text("utf-8"))


def ours(server: ComfyUIServer) -> dict[str, Any]:
    """The nodes of this pack as the server describes them."""
    return {
        name: node
        for name, node in server.object_info().items()
        if node["python_module"].startswith("custom_nodes.comfyui-volc-inpaint")
    }


def described(node: dict[str, Any]) -> dict[str, Any]:
    """What the server says of a node, in the form of `nodeDefs.json`."""
    inputs = {**node["input"].get("required", {}), **node["input"].get("optional", {})}
    outputs = zip(node["output_name"], node["output_tooltips"], strict=True)
    return {
        "display_name": node["display_name"],
        "description": node["description"],
        "inputs": {
            name: {"name": name, "tooltip": options["tooltip"]}
            for name, (_, options) in inputs.items()
        },
        "outputs": {
            str(index): {"name": name, "tooltip": tooltip}
            for index, (name, tooltip) in enumerate(outputs)
        },
    }


def shape(value: Any) -> Any:
    """The keys of a tree, without its texts."""
    return {key: shape(inner) for key, inner in value.items()} if isinstance(value, dict) else ""


def texts(value: Any) -> list[str]:
    return (
        [text for inner in value.values() for text in texts(inner)]
        if isinstance(value, dict)
        else [value]
    )


def test_the_english_names_are_those_of_the_schemas(server: ComfyUIServer) -> None:
    assert locale("en", "nodeDefs") == {
        name: described(node) for name, node in ours(server).items()
    }


@pytest.mark.parametrize("name", ["nodeDefs", "settings", "commands", "main"])
def test_both_languages_name_the_same_things(name: str) -> None:
    english, chinese = locale("en", name), locale("zh", name)

    assert shape(english) == shape(chinese)
    # vue-i18n, which ComfyUI hands the texts to, gives these characters a meaning of its own
    assert [text for text in texts(english) + texts(chinese) if re.search(r"[{}|@]", text)] == []
    assert all(texts(english) + texts(chinese))


def test_the_chinese_texts_are_chinese() -> None:
    said = texts(locale("zh", "nodeDefs"))

    assert [text for text in said if not CHINESE.search(text)] == []


def test_the_scripts_say_everything_in_both_languages(canvas: Canvas) -> None:
    english, chinese = canvas.page.evaluate(
        """async (url) => {
            const source = await (await fetch(url)).text();
            const start = source.indexOf("const WORDS = ") + 14;
            const { GALLERY } = await import(url.replace("text.js", "gallery_text.js"));
            const words = new Function("GALLERY", `return ${source.slice(start, source.indexOf("\\n};", start) + 2)}`)(GALLERY);
            return [words.en, words.zh];
        }""",
        "/extensions/comfyui-volc-inpaint/js/text.js",
    )

    assert list(english) == list(chinese)
    values = re.compile(r"\{\w+\}")
    assert [
        k
        for k in english
        if sorted(values.findall(english[k])) != sorted(values.findall(chinese[k]))
    ] == []
    same = [key for key in english if english[key] == chinese[key]]
    assert same == []


def shown(canvas: Canvas) -> dict[str, Any]:
    """Titles, labels and tooltips as the canvas has them, of every node on it."""
    return dict(canvas.page.evaluate(
        """() => Object.fromEntries(app.rootGraph.nodes.map((node) => [node.type, {
            display_name: node.title,
            inputs: Object.fromEntries(node.inputs.map((one) => [one.name, one.label ?? one.localized_name])),
            outputs: node.outputs.map((one) => one.label ?? one.localized_name ?? one.name),
        }]))"""
    ))  # fmt: skip


def test_switching_the_language_switches_every_name(
    canvas: Canvas, server: ComfyUIServer, renderer: str
) -> None:
    nodes = ours(server)
    canvas.build({name: {"type": name, "pos": [80 + 420 * n, 120]} for n, name in enumerate(nodes)})

    for language in ("en", "zh", "en"):
        canvas.language(language)
        names = locale(language, "nodeDefs")
        on_canvas = shown(canvas)
        for name, node in nodes.items():
            told = on_canvas[name]
            assert told["display_name"] == names[name]["display_name"]
            assert told["outputs"] == [one["name"] for one in names[name]["outputs"].values()]
            for key, entry in described(node)["inputs"].items():
                assert (key, told["inputs"][key]) == (key, names[name]["inputs"][key]["name"]), (
                    entry
                )
        for name in nodes:
            title = names[name]["display_name"]
            if renderer == "vue":
                expect(canvas.page.get_by_text(title, exact=True).first).to_be_visible()
        canvas.wait(LINES, arg=[CHINESE.pattern, language == "zh"])


def test_the_settings_and_the_command_switch_too(canvas: Canvas) -> None:
    for language in LOCALES:
        canvas.language(language)
        canvas.page.evaluate("app.extensionManager.command.execute('volc_inpaint.open_settings')")
        dialog = canvas.page.get_by_test_id("settings-dialog")
        settings = locale(language, "settings")["volc_inpaint_credentials"]
        heading = locale(language, "main")["settingsCategories"]["Volcengine keys"]
        expect(dialog.get_by_text(heading, exact=True)).to_be_visible()
        expect(dialog.get_by_text(settings["name"], exact=True)).to_be_visible()
        expect(dialog.locator(".volc-keys label").first).to_have_text(
            {"en": "Access key", "zh": "Access Key"}[language]
        )
        # every command has a line among the keybindings
        label = locale(language, "commands")["volc_inpaint_open_settings"]["label"]
        dialog.locator("[data-nav-id=keybinding]").click()
        dialog.get_by_role("combobox").nth(1).fill(label)  # the first searches the settings
        expect(dialog.get_by_role("cell", name=label)).to_be_visible()
        canvas.page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)


@pytest.mark.parametrize("language", LOCALES)
def test_each_help_page_opens_in_comfyuis_panel(
    canvas: Canvas, server: ComfyUIServer, language: str
) -> None:
    canvas.language(language)
    for name, node in ours(server).items():
        page = (ROOT / "web" / "docs" / name / f"{language}.md").read_text("utf-8")
        page = re.sub("</?code>", "`", page.replace("<wbr>", ""))  # names that may break
        title = page.splitlines()[0].removeprefix("# ")
        assert title == locale(language, "nodeDefs")[name]["display_name"]
        for key in described(node)["inputs"]:
            assert f"`{key}`" in page, (name, key)
        for output in node["output_name"]:
            assert f"`{output}`" in page, (name, output)

        ids = canvas.build({"one": {"type": name, "pos": [300, 200]}})
        canvas.select(ids["one"])
        canvas.page.get_by_test_id("info-button").click()
        help_page = canvas.page.locator(".node-help-content")
        expect(help_page.get_by_role("heading", name=title, exact=True).first).to_be_visible()
        expect(help_page.get_by_role("table").first).to_be_visible()
        assert help_page.evaluate(TOO_WIDE) == []
        canvas.page.get_by_test_id("info-button").click()
