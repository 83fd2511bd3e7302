// The sidebar's page of Volcengine: every paid picture, and where the money went.
import { app } from "../../../scripts/app.js";
import { create, onRunEnd } from "./dom.js";
import { Account } from "./gallery_account.js";
import { Grid } from "./gallery_grid.js";
import { View, complain, drag } from "./gallery_view.js";
import { beijing, call, thumbnailUrl } from "./routes.js";
import { language, text } from "./text.js";

class Pictures {
  constructor() {
    this.all = [];
    this.words = create("input", { type: "search", name: "words", placeholder: text("galleryWords") });
    this.model = create("select", { name: "model" });
    this.day = create("input", { type: "date", name: "day", title: text("galleryDay") });
    this.words.ariaLabel = text("galleryWords");
    this.model.ariaLabel = text("galleryModel");
    this.day.ariaLabel = text("galleryDay");
    for (const input of [this.words, this.model, this.day]) {
      input.addEventListener("input", () => this.filter());
      input.addEventListener("keydown", (event) => event.stopPropagation());
    }
    this.line = create("div", { className: "volc-gallery-said", role: "status" });
    this.grid = new Grid(text("galleryGrid"), {
      describe: ({ prompt, seed, at }) => [prompt || text("galleryNoPrompt"), seed, beijing(at)].filter((one) => one != null).join(" · "),
      source: thumbnailUrl,
      open: (index) => this.open(index),
      remove: (index) => this.open(index, true),
      drag,
    });
    const filters = create("div", { className: "volc-gallery-filters" }, this.words, this.model, this.day);
    this.element = create("div", { className: "volc-gallery-page" }, filters, this.line, this.grid.element);
  }

  async load() {
    if (!this.all.length) this.line.textContent = text("keysWait");
    const { pictures } = await call("GET", "pictures");
    for (const picture of pictures) {
      picture.searched = picture.prompt.toLowerCase();
      picture.day = beijing(picture.at).slice(0, 10);
    }
    this.all = pictures;
    const models = [...new Set(pictures.map(({ model }) => model))].filter(Boolean).sort();
    const chosen = this.model.value;
    this.model.replaceChildren(
      create("option", { value: "", textContent: text("galleryModels") }),
      ...models.map((model) => create("option", { value: model, textContent: model })),
    );
    this.model.value = models.includes(chosen) ? chosen : "";
    this.filter(true);
  }

  filter(stay) {
    const words = this.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const [model, day] = [this.model.value, this.day.value];
    this.shown = this.all.filter(
      (picture) =>
        (!model || picture.model === model) &&
        (!day || picture.day === day) &&
        words.every((word) => picture.searched.includes(word)),
    );
    const counts = { shown: this.shown.length, count: this.all.length };
    this.line.textContent = text(this.all.length ? "galleryCount" : "galleryNone", counts);
    this.grid.show(this.shown, stay);
  }

  open(index, ask) {
    // a run may have brought others meanwhile
    const closed = ({ key }, deleted) => {
      const at = this.shown.findIndex((picture) => picture.key === key);
      if (deleted) {
        this.all = this.all.filter((picture) => picture.key !== key);
        this.filter(true);
      }
      this.grid.focus(at);
    };
    new View(this.shown, index, closed, ask);
  }
}

class Page {
  constructor() {
    this.language = language();
    this.pages = { galleryPictures: new Pictures(), galleryAccount: new Account() };
    this.tabs = create("div", { className: "volc-gallery-tabs", role: "tablist", ariaLabel: text("gallery") });
    for (const [name, page] of Object.entries(this.pages)) {
      const [id, panel] = [`volc-${name}-tab`, `volc-${name}`];
      const tab = create("button", { type: "button", role: "tab", id, textContent: text(name), dataset: { page: name } });
      tab.setAttribute("aria-controls", panel);
      tab.addEventListener("click", () => this.choose(name));
      this.tabs.append(tab);
      Object.assign(page.element, { role: "tabpanel", id: panel });
      page.element.setAttribute("aria-labelledby", id);
    }
    this.tabs.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      const other = [...this.tabs.children].find((tab) => tab.ariaSelected === "false");
      this.choose(other.dataset.page);
      other.focus();
      event.stopPropagation();
    });
    const panels = Object.values(this.pages).map(({ element }) => element);
    this.element = create("div", { className: "volc-gallery" }, this.tabs, ...panels);
    this.choose("galleryPictures");
  }

  choose(name) {
    this.chosen = name;
    for (const tab of this.tabs.children) {
      const chosen = tab.dataset.page === name;
      tab.ariaSelected = String(chosen);
      tab.tabIndex = chosen ? 0 : -1;
      this.pages[tab.dataset.page].element.hidden = !chosen;
    }
    this.load();
  }

  async load() {
    try {
      await this.pages[this.chosen].load();
    } catch (error) {
      complain(error);
    }
  }

  end() {
    this.pages.galleryPictures.grid.end();
  }
}

let page;

function render(element) {
  page?.end();
  page = new Page();
  element.style.height = "100%";
  element.replaceChildren(page.element);
}

app.registerExtension({
  name: "volc_inpaint.gallery",
  // another language loads the workflow anew
  afterConfigureGraph() {
    if (page && page.language !== language()) render(page.element.parentElement);
  },
  setup() {
    app.extensionManager.registerSidebarTab({
      id: "volc_inpaint",
      icon: "volc-gallery-icon",
      title: "sideToolbar.volc_inpaint", // ComfyUI looks these two up in locales/
      tooltip: "sideToolbar.volc_inpaint_tooltip",
      type: "custom",
      render,
      destroy() {
        page?.end();
        page = undefined;
      },
    });
    onRunEnd(() => page?.load());
  },
});
