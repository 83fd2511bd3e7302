// A grid of any number of pictures, of which only those in sight are elements of the page.
import { create } from "./dom.js";

const GAP = 6;
const CELL = 96; // at least, in pixels
const AHEAD = 2; // rows beyond those in sight

export class Grid {
  /**
   * Shows pictures that the keyboard and the mouse can choose from.
   * @param {string} label Of all of it, for screen readers.
   * @param {{describe, source, open, remove, drag}} does What a picture is called, where its thumbnail is, and what to do.
   */
  constructor(label, does) {
    this.does = does;
    this.pictures = [];
    this.current = 0;
    this.tiles = new Map();
    this.sheet = create("div", { className: "volc-gallery-sheet" });
    this.element = create("div", { className: "volc-gallery-grid", role: "listbox", ariaLabel: label }, this.sheet);
    this.element.addEventListener("scroll", () => this.drawSoon());
    this.element.addEventListener("keydown", (event) => this.onKey(event));
    this.element.addEventListener("focusin", ({ target }) => this.mark(Number(target.dataset.index)));
    this.observer = new ResizeObserver(() => this.drawSoon());
    this.observer.observe(this.element);
  }

  /** Puts these in place of all others; the place is kept if `stay`. */
  show(pictures, stay) {
    this.pictures = pictures;
    const had = this.element.contains(document.activeElement);
    if (!stay) this.element.scrollTop = 0;
    this.current = stay ? Math.max(0, Math.min(this.current, pictures.length - 1)) : 0;
    for (const tile of this.tiles.values()) tile.remove();
    this.tiles.clear();
    this.draw();
    if (had) this.focus(this.current);
  }

  drawSoon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.draw();
    });
  }

  draw() {
    const width = this.element.clientWidth;
    if (!width) return;
    this.columns = Math.max(1, Math.floor((width + GAP) / (CELL + GAP)));
    this.side = (width - GAP * (this.columns - 1)) / this.columns;
    this.pitch = this.side + GAP;
    this.sheet.style.height = `${Math.ceil(this.pictures.length / this.columns) * this.pitch}px`;
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / this.pitch) - AHEAD) * this.columns;
    const rows = Math.ceil(clientHeight / this.pitch) + 2 * AHEAD;
    const wanted = new Set();
    for (let index = first; index < Math.min(first + rows * this.columns, this.pictures.length); index++) wanted.add(index);
    // the one that has the keyboard stays, or the keyboard would lose its place
    if (this.current < this.pictures.length) wanted.add(this.current);
    for (const [index, tile] of this.tiles) {
      if (wanted.has(index)) continue;
      tile.firstChild.removeAttribute("src"); // no longer worth loading
      tile.remove();
      this.tiles.delete(index);
    }
    for (const index of wanted) {
      if (!this.tiles.has(index)) this.tiles.set(index, this.tile(index));
      this.place(this.tiles.get(index), index);
    }
  }

  tile(index) {
    const picture = this.pictures[index];
    const label = this.does.describe(picture);
    const image = create("img", { src: this.does.source(picture), alt: "", draggable: false });
    const tile = create("div", { role: "option", draggable: true, title: label, ariaLabel: label, dataset: { index } }, image);
    tile.ariaSetSize = String(this.pictures.length);
    tile.ariaPosInSet = String(index + 1);
    tile.tabIndex = index === this.current ? 0 : -1;
    tile.ariaSelected = String(index === this.current);
    tile.addEventListener("click", () => this.does.open(index));
    tile.addEventListener("dragstart", (event) => this.does.drag(picture, event));
    this.sheet.append(tile);
    return tile;
  }

  place(tile, index) {
    const [column, row] = [index % this.columns, Math.floor(index / this.columns)];
    tile.style.width = tile.style.height = `${this.side}px`;
    tile.style.transform = `translate(${column * this.pitch}px, ${row * this.pitch}px)`;
  }

  mark(index) {
    if (Number.isNaN(index)) return;
    for (const one of new Set([this.current, index])) {
      const tile = this.tiles.get(one);
      if (!tile) continue;
      tile.tabIndex = one === index ? 0 : -1;
      tile.ariaSelected = String(one === index);
    }
    this.current = index;
  }

  /** Gives a picture the keyboard. */
  focus(index) {
    if (!this.pictures.length) return this.element.focus();
    const to = Math.max(0, Math.min(index, this.pictures.length - 1));
    const top = Math.floor(to / this.columns) * this.pitch;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + this.side > scrollTop + clientHeight) this.element.scrollTop = top + this.side - clientHeight;
    this.mark(to);
    this.draw();
    this.tiles.get(to).focus({ preventScroll: true });
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.pitch)) * this.columns;
    const to = {
      ArrowLeft: this.current - 1,
      ArrowRight: this.current + 1,
      ArrowUp: this.current - this.columns,
      ArrowDown: this.current + this.columns,
      PageUp: Math.max(0, this.current - page),
      PageDown: Math.min(this.pictures.length - 1, this.current + page),
      Home: 0,
      End: this.pictures.length - 1,
    }[event.key];
    if (to !== undefined) {
      if (to >= 0 && to < this.pictures.length) this.focus(to);
    } else if (!this.pictures.length) return;
    else if (event.key === "Enter" || event.key === " ") this.does.open(this.current);
    else if (event.key === "Delete") this.does.remove(this.current);
    else return;
    event.preventDefault();
    event.stopPropagation(); // the canvas must not have them as well: Delete would delete a node
  }

  end() {
    this.observer.disconnect();
  }
}
