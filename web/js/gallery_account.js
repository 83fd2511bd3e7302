// What the calls came to: sums, those that may have been billed, and all of them as a table to compare with the bill.
import { api } from "../../../scripts/api.js";
import { create } from "./dom.js";
import { complain } from "./gallery_view.js";
import { leftLine, refreshLimit } from "./limit.js";
import { beijing, call } from "./routes.js";
import { language, text } from "./text.js";

const SPANS = ["today", "month", "all"];
const OUTCOMES = ["paid", "fetched", "unknown", "failed", "sent", "journal"];
const BILL = "https://console.volcengine.com/finance";

export class Account {
  constructor() {
    this.limit = create("div", { className: "volc-gallery-said", role: "status" });
    this.body = create("div", { className: "volc-gallery-account" });
    this.element = create("div", { className: "volc-gallery-page" }, this.limit, this.body);
  }

  async load() {
    this.show(await call("GET", "book"));
    await refreshLimit();
    this.limit.textContent = leftLine();
  }

  show({ sums, unknown }) {
    const models = Object.keys(sums.all.models).sort();
    const exporting = create("a", {
      href: api.apiURL(`/volc_inpaint/book.csv?lang=${language()}`),
      download: "",
      textContent: text("accountExport"),
      className: "volc-gallery-button",
      dataset: { action: "accountExport" },
    });
    const bill = create("a", { href: BILL, target: "_blank", rel: "noreferrer", textContent: text("accountBill") });
    this.body.replaceChildren(
      this.table(text("accountCalls"), OUTCOMES.map((name) => [text(`account_${name}`), (sum) => sum[name]]), sums),
      ...(models.length
        ? [this.table(text("accountModels"), models.map((name) => [name, (sum) => paid(sum.models[name])]), sums)]
        : []),
      create("p", {}, text("accountDays"), " ", bill),
      create("h3", { textContent: text("accountUnknown", { count: unknown.filter(({ ticked }) => !ticked).length }) }),
      create("p", { textContent: text(unknown.length ? "accountCompare" : "accountNoneUnknown") }),
      create("ul", {}, ...unknown.map((one) => this.unknown(one))),
      exporting,
    );
  }

  /** Rows of [name, its number of a span's sums]. */
  table(caption, rows, sums) {
    const cell = (tag, words, scope) => create(tag, { textContent: words, ...(scope && { scope }) });
    const head = create("tr", {}, cell("th", ""), ...SPANS.map((span) => cell("th", text(`account_${span}`), "col")));
    const lines = rows.map(([name, number]) =>
      create("tr", { dataset: { row: name } }, cell("th", name, "row"), ...SPANS.map((span) => cell("td", number(sums[span])))),
    );
    return create("table", {}, create("caption", { textContent: caption }), head, ...lines);
  }

  unknown({ call: number, at, model, seed, prompt, request_id, task_id, node, ticked }) {
    const box = create("input", { type: "checkbox", checked: ticked, dataset: { call: number } });
    box.addEventListener("change", async () => {
      try {
        this.show(await call("POST", "book/ticks", { call: number, ticked: box.checked }));
        this.body.querySelector(`[data-call="${number}"]`)?.focus();
      } catch (error) {
        box.checked = ticked;
        complain(error);
      }
    });
    const ids = [request_id, task_id].filter(Boolean).join(" · ");
    const facts = [model, seed != null && text("accountSeed", { seed }), node, ids, prompt].filter(Boolean);
    const label = create("label", {}, box, create("strong", { textContent: beijing(at) }), create("span", { textContent: facts.join(" · ") }));
    return create("li", { className: ticked ? "volc-ticked" : "" }, label);
  }
}

/** Of a model's counts, what the bill shows for certain. */
function paid(counts) {
  return counts ? counts.paid + counts.fetched : 0;
}
