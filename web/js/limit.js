// The limit of calls a day: a field on the settings page, and what is left of it.
import { app } from "../../../scripts/app.js";
import { create, onEnter, onRunEnd } from "./dom.js";
import { call } from "./routes.js";
import { text } from "./text.js";

const listeners = new Set();
let limit = { calls: 0, left: null, source: "" };

/** Calls `listener` whenever what is left has changed. */
export function onLimit(listener) {
  listeners.add(listener);
}

/** "12 of 50 left today", or nothing without a limit. */
export function leftLine() {
  return limit.calls ? text("limitLeft", limit) : "";
}

/** Asks the server what is left. */
export async function refreshLimit() {
  take(await call("GET", "limit"));
}

function take(state) {
  limit = state;
  for (const listener of listeners) listener();
}

class LimitField {
  constructor() {
    this.input = create("input", { type: "number", name: "calls", min: 0, step: 1, ariaLabel: text("limitCalls") });
    this.button = create("button", { type: "button", textContent: text("keysSave"), dataset: { action: "limitSave" } });
    this.line = create("div", { className: "volc-keys-verdict", role: "status" });
    const row = create("div", { className: "volc-keys-buttons" }, this.input, this.button);
    this.element = create("div", { className: "volc-limit" }, row, this.line);
    this.button.addEventListener("click", () => this.save());
    onEnter(this.input, () => this.save());
    this.input.disabled = this.button.disabled = true; // until the first answer, which would overwrite what is typed
    this.during(() => call("GET", "limit"));
  }

  save() {
    this.during(() => call("POST", "limit", { calls: this.input.value.trim() === "" ? 0 : Number(this.input.value) }));
  }

  async during(work) {
    this.say("", text("keysWait"));
    try {
      take(await work());
      this.input.value = limit.calls;
      const words = [leftLine() || text("limitNone")];
      if (limit.source === "environment") words.push(text("limitFromEnvironment"));
      this.say("", words.join("\n"));
    } catch (error) {
      this.say("bad", error.message);
    }
    this.input.disabled = this.button.disabled = limit.source === "environment";
  }

  say(kind, words) {
    this.line.className = `volc-keys-verdict ${kind}`;
    this.line.textContent = words;
  }
}

app.registerExtension({
  name: "volc_inpaint.limit",
  settings: [
    {
      id: "volc_inpaint.limit",
      name: "Calls per day",
      category: ["Volcengine", "Volcengine limit", "limit"],
      tooltip: "How many calls all servers that share the journal may send on one day in Beijing (UTC+8); 0 is no limit. Kept on the server.",
      type: () => new LimitField().element,
      defaultValue: null,
    },
  ],
  setup() {
    const ask = () => refreshLimit().catch(() => {}); // the run itself says what is wrong
    onRunEnd(ask);
    ask();
  },
});
