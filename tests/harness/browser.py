"""ComfyUI's real frontend in a real Chromium, worked as a person would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from playwright.sync_api import ConsoleMessage, ElementHandle, Page, Request

PACK_URL = "/extensions/comfyui-volc-inpaint/"

# No first-visit dialogs, and nothing that moves by itself.
QUIET = {
    "Comfy.TutorialCompleted": True,
    "Comfy.Locale": "en",
    "Comfy.VueNodes.Enabled": False,
    "Comfy.Workflow.ShowMissingModelsWarning": False,
    "Comfy.Minimap.Visible": False,
    "Comfy.Workflow.WarnBlueprintOverwrite": False,
    "Comfy.VueNodes.AutoScaleLayout": False,
}

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# What the server tells the page of its runs, and how often a workflow was loaded.
_LISTEN = """
() => {
    window.loads = 0;
    app.registerExtension({ name: "tests", afterConfigureGraph: () => void window.loads++ });
    const runs = (window.runs = {});
    const run = (detail) =>
        (runs[detail.prompt_id] ??= { cached: [], ended: null, message: "", recorded: false });
    app.api.addEventListener("execution_cached", ({ detail }) => run(detail).cached.push(...detail.nodes));
    app.api.addEventListener("execution_error", ({ detail }) => (run(detail).message = detail.exception_message));
    for (const end of ["success", "error", "interrupted"])
        app.api.addEventListener(`execution_${end}`, ({ detail }) => (run(detail).ended = end));
    // ComfyUI writes a run into its history after it told the end, and then says that no node executes
    app.api.addEventListener("executing", ({ detail }) => {
        if (detail === null) for (const one of Object.values(runs)) one.recorded = one.ended !== null;
    });
}
"""

_BUILD = """
async ([nodes, links]) => {
    const empty = { version: 0.4, nodes: [], links: [], last_node_id: 0, last_link_id: 0 };
    await app.loadGraphData(empty, true, true, app.extensionManager.workflow.activeWorkflow);
    app.nodeOutputs = {};
    const graph = app.rootGraph;
    const made = {};
    for (const [name, { type, pos, size, values }] of Object.entries(nodes)) {
        const node = LiteGraph.createNode(type);
        node.pos = pos;
        graph.add(node);
        if (size) node.setSize(size);
        for (const [widget, value] of Object.entries(values ?? {}))
            node.widgets.find((one) => one.name === widget).value = value;
        made[name] = node;
    }
    for (const [from, output, to, input] of links)
        made[from].connect(output, made[to], made[to].inputs.findIndex((one) => one.name === input));
    app.canvas.ds.reset();
    app.canvas.setDirty(true, true);
    // so that a reload of the workflow brings it back
    const { changeTracker } = app.extensionManager.workflow.activeWorkflow;
    changeTracker.captureCanvasState ? changeTracker.captureCanvasState() : changeTracker.checkState(); // frontend < 1.43
    await new Promise(requestAnimationFrame);
    return Object.fromEntries(Object.entries(made).map(([name, node]) => [name, String(node.id)]));
}
"""


def repaint(prompt: str, pick: bool = False, **values: Any) -> tuple[dict[str, Any], list[Any]]:
    """What `Canvas.build` takes for the cat, VolcInpaint ("paint"), VolcPickVariant ("pick") and SaveImage ("save")."""
    nodes: dict[str, Any] = {
        "cat": {"type": "LoadImage", "pos": [80, 120], "values": {"image": "volc_inpaint_cat.png"}},
        "paint": {"type": "VolcInpaint", "pos": [420, 120], "values": {"prompt": prompt, **values}},
        "save": {"type": "SaveImage", "pos": [1200, 120]},
    }
    links = [("cat", 0, "paint", "image"), ("cat", 1, "paint", "mask")]
    if not pick:
        return nodes, [*links, ("paint", 0, "save", "images")]
    nodes["pick"] = {"type": "VolcPickVariant", "pos": [860, 120]}
    return nodes, [*links, ("paint", 0, "pick", "images"), ("pick", 0, "save", "images")]


class Canvas:
    """One page with ComfyUI in it.

    Attributes:
        page: Playwright's.
        console: Every console message so far.
        errors: Every uncaught exception so far.
        requests: Every request so far.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.console: list[ConsoleMessage] = []
        self.errors: list[str] = []
        self.requests: list[Request] = []
        page.on("console", lambda message: self.console.append(message))
        page.on("pageerror", lambda error: self.errors.append(f"{error}\n{error.stack}"))
        page.on("request", lambda request: self.requests.append(request))

    def open(self) -> None:
        """Load the page (again) and wait until the canvas takes input."""
        self.page.goto(self.url)
        self.page.wait_for_function(
            "window.app?.vueAppReady && window.app.canvas?.graph && !document.querySelector('#splash-loader')"
        )
        self.page.evaluate(_LISTEN)

    # -- settings

    def set(self, name: str, value: Any) -> None:
        """Change a setting of ComfyUI, as its page does."""
        self.page.evaluate(
            "([name, value]) => app.extensionManager.setting.set(name, value)", [name, value]
        )

    def language(self, locale: str) -> None:
        """Switch ComfyUI's language and wait until the workflow is there again."""
        if self.page.evaluate("app.extensionManager.setting.get('Comfy.Locale')") == locale:
            return
        loads = self.page.evaluate("window.loads")
        self.set("Comfy.Locale", locale)
        self.wait("loads => window.loads > loads", arg=loads)

    def renderer(self, name: str) -> None:
        """Draw nodes as "classic" or as "vue" (Nodes 2.0)."""
        self.set("Comfy.VueNodes.Enabled", name == "vue")
        self.page.wait_for_function(
            "wanted => !app.rootGraph.nodes.length || Boolean(document.querySelector('[data-node-id]')) === wanted",
            arg=name == "vue",
        )

    # -- the graph

    def build(
        self, nodes: Mapping[str, Mapping[str, Any]], links: Sequence[Sequence[Any]] = ()
    ) -> dict[str, str]:
        """Replace the graph.

        Args:
            nodes: By a name of the caller's: `type`, `pos`, and if wanted `size` and `values` of widgets.
            links: (from, output slot, to, input name).

        Returns:
            The nodes' ids by the same names.
        """
        return dict(self.page.evaluate(_BUILD, [nodes, list(links)]))

    def load(self, workflow: Any) -> None:
        """Load a workflow file's content into the open tab."""
        self.page.evaluate(
            "workflow => app.loadGraphData(workflow, true, true, app.extensionManager.workflow.activeWorkflow)",
            workflow,
        )

    def select(self, node_id: str) -> None:
        """Click on a node's title."""
        x, y = self.page.evaluate(
            """id => {
                const node = app.rootGraph.getNodeById(id);
                const { left, top } = app.canvas.canvas.getBoundingClientRect();
                const [x, y] = app.canvas.ds.convertOffsetToCanvas([node.pos[0] + 60, node.pos[1] - 12]);
                return [left + x, top + y];
            }""",
            node_id,
        )
        self.page.mouse.click(x, y)

    def serialize(self) -> Any:
        """What the canvas would save."""
        return self.page.evaluate("app.rootGraph.serialize()")

    def widget(self, node_id: str, name: str) -> Any:
        """The value of a widget."""
        return self.page.evaluate(f"({_WIDGET})({_path(node_id)}, {name!r}).value")

    def fill(self, node_id: str, **values: Any) -> None:
        """Set widgets by their names, as a person does: who listens to one is called."""
        script = f"([path, name, value]) => {{ const widget = ({_WIDGET})(path, name); widget.value = value; widget.callback?.(value); }}"
        for name, value in values.items():
            self.page.evaluate(script, [_path(node_id), name, value])

    def panel(self, node_id: str, name: str) -> ElementHandle:
        """The element of a DOM widget, shown already or not."""
        handle = self.page.evaluate_handle(f"({_WIDGET})({_path(node_id)}, {name!r}).element")
        return handle.as_element()  # type: ignore[return-value]

    def wait(self, expression: str, timeout_s: float = 30.0, arg: Any = None) -> None:
        """Wait until an expression of JavaScript is true."""
        self.page.wait_for_function(expression, arg=arg, timeout=timeout_s * 1000)

    # -- running

    def queue(self) -> str:
        """Press Run; returns the prompt's id."""
        with self.page.expect_response(lambda answer: answer.url.endswith("/prompt")) as answer:
            self.page.get_by_test_id("queue-button").click()
        return str(answer.value.json()["prompt_id"])

    def finished(self, prompt_id: str, ended: str = "success") -> dict[str, Any]:
        """Wait for a run's end, and until the history knows of it.

        Args:
            prompt_id: From `queue`.
            ended: How it must end: success, error or interrupted.

        Returns:
            `ended`, the nodes that were `cached`, and the error's `message`.
        """
        self.wait("id => window.runs[id]?.recorded", arg=prompt_id)
        run: dict[str, Any] = self.page.evaluate("id => window.runs[id]", prompt_id)
        assert run["ended"] == ended, run["message"]
        return run

    def of_ours(self) -> list[str]:
        """Errors and warnings of our scripts, or about them."""
        told = [
            f"{message.type}: {message.text} ({message.location['url']})"
            for message in self.console
            if message.type in ("error", "warning")
            and (PACK_URL in message.location["url"] or "volc" in message.text.lower())
        ]
        return told + [error for error in self.errors if PACK_URL in error]


_WIDGET = """(path, name) => {
    let graph = app.rootGraph;
    for (const part of path.slice(0, -1)) graph = graph.getNodeById(part).subgraph;
    return graph.getNodeById(path.at(-1)).widgets.find((one) => one.name === name);
}"""


def _path(node_id: str) -> list[str]:
    return node_id.split(":")
