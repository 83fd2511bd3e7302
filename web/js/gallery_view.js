// One paid picture over everything: large, with all that is known of it and what can be done with it.
import { app } from "../../../scripts/app.js";
import { create } from "./dom.js";
import { copyInto, putOnCanvas } from "./gallery_canvas.js";
import { beijing, call, fileName, pictureUrl } from "./routes.js";
import { text } from "./text.js";

export class View {
  /** Opens picture `index` of `pictures`; `closed(picture, deleted)` is called at the end. `ask`: whether to delete it. */
  constructor(pictures, index, closed, ask = false) {
    Object.assign(this, { pictures, index });
    this.image = create("img", { draggable: true });
    this.image.addEventListener("load", () => this.drawDetails());
    this.image.addEventListener("error", () => this.say(text("galleryGone", { status: 404 })));
    this.details = create("dl", {});
    this.buttons = create("div", { className: "volc-keys-buttons" });
    this.line = create("div", { className: "volc-gallery-said", role: "status" });
    const side = create("div", { className: "volc-gallery-side" }, this.details, this.buttons, this.line);
    this.dialog = create("dialog", { className: "volc-viewer volc-gallery-view", ariaLabel: text("gallery") }, this.image, side);
    this.dialog.addEventListener("keydown", (event) => this.onKey(event));
    this.dialog.addEventListener("close", () => {
      this.dialog.remove();
      closed(this.picture, Boolean(this.deleted));
    });
    this.turn(0);
    document.body.append(this.dialog);
    this.dialog.showModal();
    if (ask) this.ask();
    else this.buttons.firstChild.focus();
  }

  get picture() {
    return this.pictures[this.index];
  }

  onKey(event) {
    event.stopPropagation(); // Escape closes the dialog by itself
    if (event.key === "ArrowLeft") this.turn(-1);
    else if (event.key === "ArrowRight") this.turn(1);
    else if (event.key === "Delete") this.ask();
  }

  turn(by) {
    const to = this.index + by;
    if (to < 0 || to >= this.pictures.length) return;
    this.index = to;
    this.image.src = pictureUrl(this.picture);
    this.image.alt = this.picture.prompt || text("galleryNoPrompt");
    this.say(text("galleryPlace", { number: to + 1, count: this.pictures.length }));
    this.drawDetails();
    if (!by || this.asking) this.drawButtons(); // a question was about another one
  }

  drawDetails() {
    const { prompt, seed, model, at, request_id, node } = this.picture;
    const loaded = this.image.complete && this.image.naturalWidth;
    const facts = {
      galleryPrompt: prompt,
      gallerySeed: seed,
      galleryModel: model,
      galleryDate: at && `${beijing(at)} (UTC+8)`,
      gallerySize: loaded && `${this.image.naturalWidth} × ${this.image.naturalHeight}`,
      galleryRequest: request_id,
      galleryNode: node,
    };
    const known = Object.entries(facts).filter(([, value]) => value || value === 0);
    this.details.replaceChildren(
      ...known.flatMap(([name, value]) => [
        create("dt", { textContent: text(name) }),
        create("dd", { textContent: value, dataset: { fact: name } }),
      ]),
    );
  }

  drawButtons() {
    this.asking = false;
    this.buttons.replaceChildren(
      this.button("galleryPut", async () => {
        await putOnCanvas(this.picture);
        this.dialog.close();
      }),
      this.button("galleryCopy", () => this.say(text(copyInto(this.picture) ? "galleryCopied" : "gallerySelect"))),
      this.button("gallerySave", () => this.save()),
      this.button("galleryDelete", () => this.ask()),
    );
  }

  /** Asks in place of the buttons: a dialog of ComfyUI would lie below this one. */
  ask() {
    this.asking = true;
    this.buttons.replaceChildren(
      this.button("galleryDeleteYes", () => this.remove()),
      this.button("galleryKeep", () => {
        this.drawButtons();
        this.say("");
        this.buttons.lastChild.focus();
      }),
    );
    this.say(text("galleryDeleteSure"));
    this.buttons.lastChild.focus();
  }

  async remove() {
    await call("DELETE", `pictures/${this.picture.key}`);
    this.deleted = true;
    this.dialog.close();
  }

  save() {
    const link = create("a", { href: pictureUrl(this.picture), download: fileName(this.picture) });
    link.click();
  }

  button(name, work) {
    const button = create("button", { type: "button", textContent: text(name), dataset: { action: name } });
    button.addEventListener("click", async () => {
      try {
        await work();
      } catch (error) {
        this.say(error.message);
      }
    });
    return button;
  }

  say(words) {
    this.line.textContent = words;
  }
}

/** Has a picture that is dragged arrive at a node as a file that is dropped on it. */
export function drag(picture, { dataTransfer }) {
  const url = new URL(pictureUrl(picture, fileName(picture)), location.href);
  dataTransfer.effectAllowed = "copy";
  dataTransfer.setData("text/uri-list", url.href);
}

/** Says what went wrong where there is no line for it. */
export function complain(error) {
  app.extensionManager.toast.add({ severity: "error", summary: text("gallery"), detail: error.message });
}
