"""The shared workflows on the real canvas: nothing missing, nothing on top of something else, and the prompt that we convert."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from harness import examples
from harness.launch import PACK
from harness.workflow import to_prompt

if TYPE_CHECKING:
    from pathlib import Path

    from harness.browser import Canvas
    from harness.comfyui import ComfyUIServer

FILES = [*examples.examples(), *examples.saved()]

# A node's box with its title, as it is drawn.
BOXES = """
() => app.rootGraph.nodes.map((node) => {
    const [x, y, width, height] = node.boundingRect;
    return { what: `${node.id} ${node.type}`, box: [x, y, x + width, y + height] };
})
"""
MISSING = "() => app.rootGraph.nodes.filter((node) => node.has_errors || !(node.type in LiteGraph.registered_node_types))"


@pytest.fixture(scope="module", autouse=True)
def pictures(server: ComfyUIServer, page_of_all: Canvas) -> None:
    """The examples' pictures in the input folder, and a page that knows of them."""
    examples.put_pictures(server)
    page_of_all.open()


def overlapping(canvas: Canvas) -> list[tuple[str, str]]:
    drawn = canvas.page.evaluate(BOXES)
    # a pixel more or less is no overlap
    return [
        (one["what"], other["what"])
        for number, one in enumerate(drawn)
        for other in drawn[number + 1 :]
        if one["box"][0] + 1 < other["box"][2]
        and other["box"][0] + 1 < one["box"][2]
        and one["box"][1] + 1 < other["box"][3]
        and other["box"][1] + 1 < one["box"][3]
    ]


def prompt(canvas: Canvas) -> Any:
    """What the canvas would send to run."""
    return json.loads(
        canvas.page.evaluate("app.graphToPrompt().then((one) => JSON.stringify(one.output))")
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shared_workflow_opens_whole_and_sends_what_we_convert(
    canvas: Canvas, server: ComfyUIServer, renderer: str, path: Path
) -> None:
    workflow = examples.load(path)
    canvas.load(workflow)
    # one more frame, so that every node has its size
    canvas.page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
    )

    assert canvas.page.evaluate(f"({MISSING})().length") == 0
    assert len(canvas.page.evaluate(BOXES)) == len(workflow["nodes"])
    assert overlapping(canvas) == []
    assert prompt(canvas) == to_prompt(workflow, server.object_info())


def test_an_example_opens_from_the_template_browsers_address(
    canvas: Canvas, server: ComfyUIServer
) -> None:
    canvas.page.goto(f"{server.url}/?template=repaint_subject&source={PACK}")
    wanted = examples.load(examples.EXAMPLES / "repaint_subject.json")

    titles = [group["title"] for group in wanted["groups"]]
    canvas.wait(
        "titles => window.app?.rootGraph?.groups.map((group) => group.title).join() === titles.join()",
        arg=titles,
    )
    assert canvas.page.evaluate(f"({MISSING})().length") == 0
    canvas.open()
