// A paid picture back on the canvas: as a node that loads it, or its prompt and seed in a node that paints.
import { app } from "../../../scripts/app.js";
import { setWidget, undoable, upload } from "./dom.js";
import { pictureFile } from "./routes.js";

const PAINTING = ["VolcInpaint", "VolcInpaintURL"];

/** Puts the picture into the folder `input`, and a Load Image with it in the middle of the canvas. */
export async function putOnCanvas(picture) {
  const name = await upload(await pictureFile(picture));
  const [x, y, width, height] = app.canvas.visible_area;
  const node = LiteGraph.createNode("LoadImage");
  node.pos = [x + width / 2 - node.size[0] / 2, y + height / 2 - node.size[1] / 2];
  undoable(() => {
    app.canvas.graph.add(node);
    const widget = node.widgets.find((one) => one.name === "image");
    if (!widget.options.values.includes(name)) widget.options.values.push(name);
    setWidget(widget, name);
    app.canvas.deselectAll();
    app.canvas.select(node);
  });
}

/** The nodes that are meant: those selected, else the only one there is. */
function painting() {
  const paints = ({ comfyClass }) => PAINTING.includes(comfyClass);
  const selected = [...app.canvas.selectedItems].filter(paints);
  const all = app.canvas.graph.nodes.filter(paints);
  return selected.length || all.length !== 1 ? selected : all;
}

/** Copies prompt and seed; false if there is no node to copy them into. */
export function copyInto({ prompt, seed }) {
  const nodes = painting();
  undoable(() => {
    for (const node of nodes) {
      for (const [name, value] of Object.entries({ prompt, seed })) {
        const widget = node.widgets.find((one) => one.name === name);
        if (value != null && value !== "" && widget) setWidget(widget, value);
      }
    }
  });
  return nodes.length > 0;
}
