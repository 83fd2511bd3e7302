// What our scripts share: elements, the style sheet, nodes by their ids, callbacks that others may have set as well, and what
// ComfyUI wants done in steps: a change that can be undone, an upload.
import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { text } from "./text.js";

document.head.append(
  create("link", { rel: "stylesheet", href: new URL("./volc_inpaint.css", import.meta.url).href }),
);

/** A new element with these properties (`dataset` included) and children. */
export function create(tag, { dataset = {}, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  Object.assign(element.dataset, dataset);
  element.append(...children);
  return element;
}

/** On a page of the settings: Enter does `work`, Escape closes the settings, and no other key gets beyond `input`. */
export function onEnter(input, work) {
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") event.stopPropagation();
    if (event.key === "Enter") work();
  });
}

/** Calls `then` after `object[name]`, whoever set that. */
export function chain(object, name, then) {
  const before = object[name];
  object[name] = function (...values) {
    const result = before?.apply(this, values);
    then.apply(this, values);
    return result;
  };
}

/** Does `change` so that one undo takes it back. */
export function undoable(change) {
  // ComfyUI looks for changes at the release of the button, which is before the click; so it is told of this one
  app.canvas.emitBeforeChange();
  change();
  app.canvas.emitAfterChange();
  app.canvas.setDirty(true, true);
}

/** Gives a widget a value as its control does. */
export function setWidget(widget, value) {
  widget.value = value;
  widget.callback?.(value);
}

/** Calls `listener` at the end of each run, however it ended. */
export function onRunEnd(listener) {
  const ends = ["execution_success", "execution_error", "execution_interrupted"];
  for (const end of ends) api.addEventListener(end, listener);
}

/** Puts a file into ComfyUI's folder `input`; returns what it is called there. */
export async function upload(file) {
  const body = new FormData();
  body.append("image", file);
  const answer = await api.fetchApi("/upload/image", { method: "POST", body });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return (await answer.json()).name;
}

/** Where ComfyUI serves a file of a node's output. */
export function viewUrl({ filename, subfolder, type }) {
  return api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type })}`);
}

/** All nodes of a graph, and of the subgraphs within it. */
export function* nodesWithin(graph) {
  for (const node of graph.nodes) {
    yield node;
    if (node.subgraph) yield* nodesWithin(node.subgraph);
  }
}

/** The node of an id in a run, which is `12:5` for node 5 within subgraph node 12. */
export function nodeOfRun(id) {
  const path = String(id).split(":");
  let graph = app.rootGraph;
  for (const part of path.slice(0, -1)) graph = graph?.getNodeById(part)?.subgraph;
  return graph?.getNodeById(path.at(-1));
}

/** The node of an id in the canvas's outputs, which is `<subgraph>:5` for node 5 within that subgraph. */
export function nodeOfOutput(id) {
  const path = id.split(":");
  const graph = path.length > 1 ? app.rootGraph.subgraphs.get(path[0]) : app.rootGraph;
  return graph?.getNodeById(path.at(-1));
}

const MARGIN = 10; // the classic renderer's, above and below

let panelCount = 0;

/** Adds `element` below the widgets of `node`; it is not saved. `minHeight()` is in pixels, and may change. */
export function addPanel(node, name, element, minHeight) {
  element.classList.add("volc-panel");
  // the classic renderer lays panels over the canvas, where they would swallow the wheel
  element.addEventListener("wheel", (event) => {
    if (!element.closest("[data-node-id]")) app.canvas.processMouseWheel(event);
  });
  // Nodes 2.0 goes on showing the element that it has for a node's id, a name and a type, even when an undo or another
  // workflow has put a new node there; so every element is of a type of its own.
  const widget = node.addDOMWidget(name, `${name}_${++panelCount}`, element, {
    margin: MARGIN,
    getMinHeight: () => minHeight() + 2 * MARGIN,
    serialize: false,
    hideOnZoom: false,
    hideInPanel: true, // the properties panel would list it by its id
  });
  widget.serialize = false;
  widget.label = text(name); // where a panel of ComfyUI lists it all the same
  return function fit() {
    element.style.minHeight = `${minHeight()}px`;
    const [width, height] = node.computeSize();
    node.setSize([Math.max(node.size[0], width), Math.max(node.size[1], height)]);
    node.setDirtyCanvas(true, true);
  };
}
