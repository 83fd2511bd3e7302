// Brings our templates' pictures along: ComfyUI opens a template without them, and Load Image has nothing to load.
import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { upload } from "./dom.js";
import { text } from "./text.js";

// What the pictures of our templates are called; they lie beside the templates, which ComfyUI serves.
const PICTURE = /^volc_inpaint_\w+\.(?:jpg|png)$/;
// The pack's folder is called as whoever cloned it liked.
const [, PACK] = import.meta.url.match(/\/extensions\/([^/]+)\//);

const coming = new Map(); // a picture's name -> until it was looked for, and brought if it was missing
const present = new Set(); // names of those that lie in the folder `input`

/** What Load Image may choose from now; the page itself asked when it was opened. */
async function inputFolder() {
  const { LoadImage } = await (await api.fetchApi("/object_info/LoadImage")).json();
  const [kind, options] = LoadImage.input.required.image;
  return Array.isArray(kind) ? kind : options.options;
}

/** Puts a picture that is not there into the folder; one that is there stays as it is, whatever it shows. */
async function bring(name) {
  try {
    if (!(await inputFolder()).includes(name)) {
      const picture = await api.fetchApi(`/workflow_templates/${PACK}/input/${name}`);
      if (!picture.ok) return; // none of ours after all
      await upload(new File([await picture.blob()], name));
    }
    present.add(name);
  } catch (error) {
    coming.delete(name); // the next time may do better
    const detail = text("templatePicture", { name, reason: error.message });
    app.extensionManager.toast.add({ severity: "warn", summary: "Volc Inpaint", detail });
  }
}

app.registerExtension({
  name: "volc_inpaint.templates",
  /** ComfyUI makes the nodes when this is done. */
  async beforeConfigureGraph({ nodes = [] }) {
    const values = nodes.flatMap((node) => Object.values(node.widgets_values ?? {}));
    const names = values.filter((value) => typeof value === "string" && PICTURE.test(value));
    for (const name of names) if (!coming.has(name)) coming.set(name, bring(name));
    await Promise.all(names.map((name) => coming.get(name)));
  },
  /** A new widget offers what was there when the page was opened. */
  loadedGraphNode({ widgets = [] }) {
    for (const { value, options } of widgets) {
      if (present.has(value) && !options.values.includes(value)) options.values.push(value);
    }
  },
});
