// The outside of a subgraph: all that ComfyUI lets a pack show on such a node is a badge above its title, and Nodes 2.0
// looks at badges only when it draws the node anew.
import { app } from "../../../scripts/app.js";

// What the nodes within say, by the node outside.
const said = new WeakMap();
const badges = new WeakMap();

/** Shows `words` of `node` on every subgraph node that holds it, at any depth. */
export function sayOutside(node, words) {
  for (const outer of outersOf(node)) {
    const lines = said.get(outer) ?? new Map();
    said.set(outer, lines.set(node, words));
    const badge = new window.LGraphBadge({ text: [...lines.values()].join(" | ") });
    outer.badges = [...outer.badges.filter((one) => one !== badges.get(outer)), badge];
    badges.set(outer, badge);
    outer.setDirtyCanvas(true, true);
  }
}

function outersOf(node) {
  const graphs = [app.rootGraph, ...(app.rootGraph.subgraphs?.values() ?? [])];
  const direct = graphs.flatMap((graph) => graph.nodes).filter((one) => one.subgraph && one.subgraph === node.graph);
  return direct.flatMap((outer) => [outer, ...outersOf(outer)]);
}
