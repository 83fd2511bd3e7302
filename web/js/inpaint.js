// The paying nodes: what a prompt holds and a run may buy, how the run stands, its variants as they arrive.
import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { addPanel, chain, create, nodeOfOutput, nodeOfRun, nodesWithin } from "./dom.js";
import { leftLine, onLimit } from "./limit.js";
import { addOutside } from "./outside.js";
import { own, text } from "./text.js";

const NODES = ["VolcInpaint", "VolcInpaintURL", "VolcSegment"];
// How a prompt is counted, as the schema says of each model.
const COUNTED = {
  words: { says: "planPrompt", length: promptLength },
  characters: { says: "planCharacters", length: (prompt) => [...prompt.trim()].length },
};
const LINE = 20;

const panels = new WeakMap();
const running = new Set();

/** Chinese characters, and words of other scripts. */
export function promptLength(prompt) {
  return prompt.match(/\p{Script=Han}|(?:(?!\p{Script=Han})[\p{L}\p{N}'’-])+/gu)?.length ?? 0;
}

/** How a run stands, of the server's event. */
function statusLine({ delivered, total, from_journal, encoding, on_wire, in_queue, failed, unknown, waiting_for, left_s }) {
  const parts = [text("runDelivered", { delivered, total })];
  if (encoding) parts.push(text("runEncoding", { number: encoding[0], count: encoding[1] }));
  if (from_journal) parts.push(text("runFromJournal", { from_journal }));
  if (on_wire > in_queue) parts.push(text("runOnWire", { on_wire: on_wire - in_queue }));
  if (in_queue) parts.push(text("runInQueue", { in_queue }));
  parts.push(...losses(failed, unknown));
  const reason = { allowance: "runAllowance", retry: "runRetry", another_run: "runAnother" }[waiting_for];
  if (reason) parts.push(text(reason));
  if (left_s >= 100) parts.push(text("runMinutesLeft", { minutes: Math.round(left_s / 60) }));
  else if (left_s) parts.push(text("runSecondsLeft", { seconds: left_s }));
  return parts.join(" · ");
}

/** Events of the runs of one node at one time: ComfyUI calls it once for each entry of a list, side by side. */
function together(events) {
  const sum = (name) => events.reduce((total, event) => total + event[name], 0);
  const names = ["delivered", "total", "from_journal", "on_wire", "in_queue", "failed", "unknown"];
  return {
    ...Object.fromEntries(names.map((name) => [name, sum(name)])),
    encoding: events.find(({ encoding }) => encoding)?.encoding,
    waiting_for: events.find(({ waiting_for }) => waiting_for)?.waiting_for,
    left_s: Math.max(...events.map(({ left_s }) => left_s ?? 0)),
  };
}

/** What a run came to, of the node's output; ComfyUI calls the node once for each entry of a list that it is given. */
function resultLine(calls, elapsed_s) {
  const [paid, from_journal, failed, unknown] = ["paid", "from_journal", "failed", "unknown"].map((name) =>
    calls.reduce((sum, call) => sum + call[name], 0),
  );
  const parts = [text("runPaid", { paid }), text("runFromJournal", { from_journal }), ...losses(failed, unknown)];
  if (elapsed_s !== undefined) parts.push(`${elapsed_s.toFixed(1)} s`);
  return parts.join(" · ");
}

const notesOf = (calls) => [...new Set(calls.flatMap(({ notes }) => notes.map(own)))].join("\n");

function losses(failed, unknown) {
  const parts = [];
  if (failed) parts.push(text("runFailed", { failed }));
  if (unknown) parts.push(text("runUnknown", { unknown }));
  return parts;
}

class Panel {
  constructor(node) {
    this.node = node;
    this.prompt = this.widget("prompt");
    this.variants = this.widget("variants");
    this.model = this.widget("model");
    this.models = node.constructor.nodeData.input.optional?.model?.[1].volc_models;
    this.plan = create("div", { className: "volc-line" });
    this.line = create("div", { className: "volc-line", role: "status" });
    const lines = this.prompt ? [this.plan, this.line] : [this.line];
    addPanel(node, "volc_run", create("div", {}, ...lines), () => lines.length * LINE + 4)();
    this.sayOutside = addOutside(node);
    for (const widget of [this.prompt, this.variants, this.model]) {
      if (widget) chain(widget, "callback", () => this.drawPlan());
    }
    chain(node, "onConfigure", () => this.drawPlan());
    chain(node, "onConnectionsChange", () => {
      this.pictures = undefined; // what is connected now may be another number
      this.drawPlan();
    });
    chain(node, "onExecuted", (output) => this.finish(output));
    this.drawPlan();
  }

  widget(name) {
    return this.node.widgets.find((widget) => widget.name === name);
  }

  label(name) {
    const widget = this.widget(name);
    return widget.label ?? widget.name;
  }

  linked(widget) {
    return this.node.inputs.some((input) => input.widget?.name === widget.name && input.link != null);
  }

  drawPlan() {
    if (!this.prompt) return;
    const parts = [leftLine()];
    const model = this.linked(this.model) ? undefined : this.models[this.model.value];
    const limit = model?.advised_prompt;
    const counted = this.linked(this.prompt) ? undefined : COUNTED[model?.prompt_counted];
    const length = counted?.length(this.prompt.value);
    if (counted) parts.push(text(counted.says, { length, limit }));
    this.plan.classList.toggle("volc-too-long", length > limit);
    const cost = this.linked(this.variants) ? "" : this.cost();
    parts.push(cost);
    if (model?.unused.length) parts.push(text("planUnused", { names: model.unused.map((name) => this.label(name)).join(", ") }));
    this.plan.textContent = this.plan.title = parts.filter(Boolean).join(" · ");
    this.sayOutside(this.line.textContent || cost);
  }

  /** What a run may buy. */
  cost() {
    const calls = this.variants.value * (this.pictures ?? 1);
    return text(this.pictures > 1 ? "planCallsKnown" : "planCalls", { calls, pictures: this.pictures });
  }

  say(words, notes = "") {
    this.line.textContent = words;
    this.line.title = notes;
    this.sayOutside(words);
  }

  /** Begins anew with the first event of a prompt. */
  follow(prompt) {
    if (prompt === this.promptId) return;
    this.promptId = prompt;
    running.add(this);
    this.runs = new Map();
    this.started = performance.now();
  }

  run(number) {
    if (!this.runs.has(number)) this.runs.set(number, { images: [] });
    return this.runs.get(number);
  }

  status(event) {
    this.follow(event.prompt_id);
    const run = this.run(event.run);
    run.status = event;
    // those that came while this page was away
    const missed = (event.images ?? []).filter(([index]) => !run.images[index - 1]);
    for (const [index, image] of missed) run.images[index - 1] = image;
    if (missed.length) this.show(event);
    this.say(statusLine(together([...this.runs.values()].flatMap(({ status }) => status ?? []))));
  }

  variant({ node, prompt_id, run, index, image }) {
    this.follow(prompt_id);
    this.run(run).images[index - 1] = image;
    this.show({ node, prompt_id });
  }

  show({ node, prompt_id }) {
    // what ComfyUI itself tells the canvas when a node is done: its grid then shows those that are there
    const output = { images: [...this.runs.values()].flatMap(({ images }) => images.filter(Boolean)) };
    const detail = { node, display_node: node, prompt_id, output };
    api.dispatchEvent(new CustomEvent("executed", { detail }));
    this.node.setDirtyCanvas(true, true); // the classic renderer looks for new pictures when it draws
  }

  finish(output) {
    if (!output?.volc_inpaint) return;
    const calls = output.volc_inpaint;
    this.count(calls);
    if (this.started === undefined) return this.say(text("runCached"));
    const elapsed_s = (performance.now() - this.started) / 1000;
    this.stop();
    this.say(resultLine(calls, elapsed_s), notesOf(calls));
  }

  /** Says again what the last run came to, on a node that was made anew. */
  restore(output) {
    const calls = output?.volc_inpaint;
    if (calls) this.count(calls);
    if (calls && !this.line.textContent) this.say(resultLine(calls), notesOf(calls));
  }

  /** Remembers how many pictures the last run sent: nobody knows before a run what is connected. */
  count(calls) {
    this.pictures = calls.reduce((sum, { pictures }) => sum + (pictures ?? 1), 0);
    this.drawPlan();
  }

  stop() {
    this.started = undefined;
    running.delete(this);
  }

  end(words) {
    this.stop();
    this.say(text(words));
  }
}

const panelOf = (id) => panels.get(nodeOfRun(id));

/** Of the nodes that run side by side ComfyUI names the one that ended the run; the others are cancelled with it. */
function endRun({ node_id, prompt_id }, words) {
  const named = panelOf(node_id);
  for (const panel of running) {
    if (panel.promptId === prompt_id && panel !== named) panel.end("runCancelled");
  }
  named?.end(words);
}

app.registerExtension({
  name: "volc_inpaint.inpaint",
  nodeCreated(node) {
    if (NODES.includes(node.comfyClass)) panels.set(node, new Panel(node));
  },
  // another workflow tab, another language, or an undo
  onNodeOutputsUpdated(outputs) {
    for (const [id, output] of Object.entries(outputs)) panels.get(nodeOfOutput(id))?.restore(output);
  },
  setup() {
    onLimit(() => {
      for (const node of nodesWithin(app.rootGraph)) panels.get(node)?.drawPlan();
    });
    api.addEventListener("volc_inpaint.status", ({ detail }) => panelOf(detail.node)?.status(detail));
    api.addEventListener("volc_inpaint.variant", ({ detail }) => panelOf(detail.node)?.variant(detail));
    api.addEventListener("execution_interrupted", ({ detail }) => endRun(detail, "runCancelled"));
    api.addEventListener("execution_error", ({ detail }) => endRun(detail, "runEnded"));
  },
});
