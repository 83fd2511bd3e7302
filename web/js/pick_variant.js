// VolcPickVariant: the pictures as numbered thumbnails on the node. The choice itself is the node's own `pick` widget.
import { app } from "../../../scripts/app.js";
import { addPanel, chain, create, nodeOfOutput, setWidget, undoable, viewUrl } from "./dom.js";
import { text } from "./text.js";

const NODE = "VolcPickVariant";
const ROW = 120;
const LINE = 24;

const pickers = new WeakMap();

class Picker {
  constructor(node) {
    this.node = node;
    this.widget = node.widgets.find(({ name }) => name === "pick");
    this.pictures = [];
    this.count = 0;
    this.grid = create("div", { className: "volc-pick-grid", role: "group" });
    this.line = create("div", { className: "volc-line", role: "status" });
    const panel = create("div", { className: "volc-pick" }, this.grid, this.line);
    this.fit = addPanel(node, "volc_pick", panel, () => this.rows * ROW + LINE);
    this.grid.addEventListener("keydown", (event) => this.onKey(event));
    chain(this.widget, "callback", () => this.mark());
    chain(node, "onConfigure", () => this.mark());
    chain(node, "onConnectionsChange", () => this.mark());
    chain(node, "onExecuted", (output) => this.show(output));
    this.draw();
  }

  get columns() {
    return Math.ceil(Math.sqrt(this.pictures.length)) || 1;
  }

  get rows() {
    return Math.ceil(this.pictures.length / this.columns);
  }

  get linked() {
    return this.node.inputs.some((input) => input.widget?.name === "pick" && input.link != null);
  }

  /** Takes the pictures of an output of the node: of many, the first. */
  show(output) {
    if (!output?.volc_pick) return;
    const counts = output.volc_pick_count ?? [output.volc_pick.length];
    this.count = counts.reduce((sum, count) => sum + count, 0);
    const same = JSON.stringify(output.volc_pick) === JSON.stringify(this.pictures);
    this.pictures = output.volc_pick;
    if (same) this.mark();
    else this.draw();
  }

  draw() {
    const count = this.pictures.length;
    this.grid.ariaLabel = text("pickGrid");
    this.grid.style.gridTemplateColumns = `repeat(${this.columns}, minmax(0, 1fr))`;
    this.grid.replaceChildren(
      ...this.pictures.map(({ small }, index) => {
        const number = index + 1;
        const label = text("pickThumbnail", { number, count });
        const image = create("img", { src: viewUrl(small), alt: label, draggable: false });
        const item = create("button", { type: "button", title: label, dataset: { number } }, image);
        item.addEventListener("click", ({ detail }) => this.onClick(number, detail));
        item.addEventListener("dblclick", () => this.onDoubleClick(number));
        return item;
      }),
    );
    this.mark();
    this.fit();
  }

  /** Shows which one is picked. */
  mark() {
    const pick = Number(this.widget.value);
    const { count } = this;
    const shown = this.pictures.length;
    for (const item of this.grid.children) {
      item.ariaPressed = String(Number(item.dataset.number) === pick);
      item.disabled = this.linked;
      item.tabIndex = Number(item.dataset.number) === Math.max(pick, 1) ? 0 : -1;
    }
    this.grid.classList.toggle("volc-picked", pick > 0 && pick <= count);
    if (this.linked) this.line.textContent = text("pickLinked");
    else if (!count) this.line.textContent = text("pickEmpty");
    else if (pick > count) this.line.textContent = text("pickBeyond", { pick, count });
    else if (pick) this.line.textContent = text("pickOne", { pick, count });
    else this.line.textContent = text(shown < count ? "pickMany" : "pickAll", { shown, count });
  }

  set(pick) {
    if (this.linked || pick > this.pictures.length) return;
    undoable(() => setWidget(this.widget, pick));
  }

  toggle(number) {
    this.set(Number(this.widget.value) === number ? 0 : number);
  }

  onClick(number, clicks) {
    if (clicks > 1) return; // the second of a double click
    this.before = Number(this.widget.value);
    this.toggle(number);
  }

  onDoubleClick(number) {
    this.set(this.before); // to look is not to choose
    this.enlarge(number);
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // the browser makes a click of these two; the canvas must not have them as well
    if (event.key === "Enter" || event.key === " ") return event.stopPropagation();
    const number = Number(event.target.dataset.number);
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns }[event.key];
    if (step) this.grid.children[number + step - 1]?.focus();
    else if (/^\d$/.test(event.key)) this.set(Number(event.key));
    else if (event.key === "v" || event.key === "V") this.enlarge(number);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** The large picture over everything. */
  enlarge(number) {
    const pictures = this.pictures; // another run may bring others meanwhile
    const count = pictures.length;
    const image = create("img", { draggable: false });
    const line = create("div", { className: "volc-line", role: "status" });
    const dialog = create("dialog", { className: "volc-viewer" }, image, line);
    const turn = (by) => {
      number = ((number - 1 + by + count) % count) + 1;
      image.src = viewUrl(pictures[number - 1].large);
      image.alt = text("pickThumbnail", { number, count });
      line.textContent = text("viewer", { number, count });
    };
    dialog.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      this.grid.children[number - 1]?.focus();
    });
    dialog.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "ArrowLeft") turn(-1);
      else if (event.key === "ArrowRight") turn(1);
      else if (event.key === "Enter") {
        event.preventDefault(); // or the button that gets the focus back is clicked
        this.set(number);
        dialog.close();
      }
    });
    turn(0);
    document.body.append(dialog);
    dialog.showModal();
  }
}

app.registerExtension({
  name: "volc_inpaint.pick_variant",
  nodeCreated(node) {
    if (node.comfyClass === NODE) pickers.set(node, new Picker(node));
  },
  // another workflow tab, another language, or an undo: the pictures of nodes that were made anew
  onNodeOutputsUpdated(outputs) {
    for (const [id, output] of Object.entries(outputs)) pickers.get(nodeOfOutput(id))?.show(output);
  },
});
