// The outside of a subgraph: what the nodes within say, as a badge, and their pictures, which Nodes 2.0 shows there.
import { app } from "../../../scripts/app.js";
import { nodesWithin } from "./dom.js";
import { text } from "./text.js";

// ComfyUI takes a widget whose name begins so for a preview: of a node that has one it shows the pictures outside.
const NAME = "$$volc_pictures";

const widgets = new WeakMap();

/** Prepares `node` for a subgraph; returns what says words on its outside. */
export function addOutside(node) {
  const widget = node.addCustomWidget({
    name: NAME,
    type: "text",
    value: "",
    y: 0,
    label: text("volc_pictures"), // among what a subgraph shows, where the user may take it off
    hidden: true,
    serialize: false,
    options: { serialize: false, hidden: true, canvasOnly: true }, // the last as on ComfyUI's own: no panel edits it
  });
  widgets.set(node, widget);
  return (words) => {
    if (widget.value === words) return;
    widget.value = words;
    app.canvas.setDirty(true, true);
  };
}

function wordsWithin(graph) {
  return [...nodesWithin(graph)].map((node) => widgets.get(node)?.value).filter(Boolean);
}

app.registerExtension({
  name: "volc_inpaint.outside",
  nodeCreated(node) {
    if (!node.subgraph) return;
    // Nodes 2.0 asks again when a value changes that was read here: it watches those of widgets, and not `badges`
    node.badges.push(() => new window.LGraphBadge({ text: wordsWithin(node.subgraph).join(" | ") }));
  },
});
