// The Volcengine page of ComfyUI's settings. Keys go to the server and never come back: they are no settings of ComfyUI,
// which would keep them as plain text and hand them out.
import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { create, onEnter } from "./dom.js";
import { call } from "./routes.js";
import { own, ownLines, text } from "./text.js";

const CONSOLE = "https://console.volcengine.com/iam/keymanage";
const FIELDS = ["access_key", "secret_key", "session_token"];
// What an interface answered: how it looks, and what it is called. Any other verdict is a refusal.
const VERDICTS = {
  activated: ["good", "keysActivated"],
  not_activated: ["bad", "keysNotActivated"],
  cannot_tell: ["", "keysCannotTell"],
};

/** The line of one interface. */
function row({ model, says, verdict, message, link }) {
  const [kind, words] = VERDICTS[verdict] ?? ["bad", "keysRefused"];
  const name = create("div", {}, create("code", { textContent: model }), ` ${own(says)}`);
  const answer = create("div", { className: kind, textContent: text(words) + (message ? `: ${own(message)}` : "") });
  if (link) answer.append(" · ", create("a", { href: link, target: "_blank", rel: "noreferrer", textContent: text("keysActivate") }));
  return create("li", { dataset: { verdict } }, name, answer);
}

class KeysPage {
  constructor() {
    this.body = create("div", { className: "volc-keys-body" });
    this.verdict = create("div", { className: "volc-keys-verdict", role: "status" });
    this.rows = create("ul", { className: "volc-keys-rows", ariaLabel: text("keysRows"), ariaLive: "polite" });
    this.element = create("div", { className: "volc-keys" }, this.body, this.verdict, this.rows);
    this.during(async () => this.show(await call("GET", "credentials")));
  }

  /** Does `work` with the buttons out of reach, and says why it failed. */
  async during(work) {
    this.say("", text("keysWait"));
    const focused = this.body.contains(document.activeElement) && document.activeElement;
    this.body.inert = true; // which drops the focus; the verdict stays outside, so that it is read out
    try {
      await work();
    } catch (error) {
      this.say("bad", error.message);
    } finally {
      this.body.inert = false;
      if (focused) this.focus(focused);
    }
  }

  /** Gives the keyboard what it had, or if that is gone, the first of what came in its place. */
  focus(wanted) {
    (wanted?.isConnected ? wanted : this.body.querySelector("input, button")).focus();
  }

  say(kind, words) {
    this.verdict.className = `volc-keys-verdict ${kind}`;
    this.verdict.textContent = words;
    this.rows.replaceChildren();
  }

  button(name, work) {
    const button = create("button", { type: "button", textContent: text(name), dataset: { action: name } });
    button.addEventListener("click", work);
    return button;
  }

  show(state) {
    this.say("", "");
    if (!state.configured) return this.edit(state);
    const { tail, source, saved } = state;
    const lines = [text(tail ? "keysConfigured" : "keysConfiguredShort", { tail })];
    lines.push(text({ settings: "keysFromSettings", environment: "keysFromEnvironment" }[source] ?? "keysFromFile", { source }));
    if (saved && source !== "settings") lines.push(text("keysOverridden"));
    if (saved && state.readable) lines.push(text("keysReadable"));
    const buttons = [
      this.button("keysCheck", () => this.during(() => this.check())),
      this.button("keysReplace", () => {
        this.edit(state);
        this.focus();
      }),
    ];
    if (saved) buttons.push(this.button("keysRemove", () => this.remove()));
    this.body.replaceChildren(
      create("p", {}, ...lines.flatMap((line) => [line, create("br")])),
      create("div", { className: "volc-keys-buttons" }, ...buttons),
    );
  }

  edit(state) {
    this.say("", "");
    const inputs = FIELDS.map((name) => {
      const input = create("input", {
        type: name === "access_key" ? "text" : "password",
        name,
        autocomplete: name === "access_key" ? "off" : "new-password",
        spellcheck: false,
      });
      onEnter(input, () => save());
      return input;
    });
    const save = () =>
      this.during(async () => {
        const answer = await call(
          "POST",
          "credentials",
          Object.fromEntries(inputs.map(({ name, value }) => [name, value])),
        );
        this.show(answer);
        await this.check();
      });
    const buttons = [this.button("keysSave", save)];
    const cancel = () => {
      this.show(state);
      this.focus();
    };
    if (state.configured) buttons.push(this.button("keysCancel", cancel));
    this.body.replaceChildren(
      ...(state.configured ? [] : [create("p", { textContent: state.message ? own(state.message) : text("keysNone") })]),
      ...inputs.map((input) => create("label", {}, text(input.name), input)),
      create("div", { className: "volc-keys-buttons" }, ...buttons),
      create("a", { href: CONSOLE, target: "_blank", rel: "noreferrer", textContent: text("keysMake") }),
    );
  }

  async check() {
    this.say("", text("keysWait"));
    const { ok, message, rows } = await call("POST", "check", {});
    this.say(ok ? "good" : "bad", ok ? text("keysGood") : own(message));
    this.rows.replaceChildren(...rows.map(row));
  }

  async remove() {
    const sure = await app.extensionManager.dialog.confirm({
      title: text("keysRemove"),
      message: text("keysRemoveSure"),
    });
    if (!sure) return;
    await this.during(async () => this.show(await call("DELETE", "credentials")));
    this.focus();
  }
}

/** The page's entry before frontend 1.40, which marked its entries by their words alone. */
const olderEntry = () =>
  [...document.querySelectorAll('[role="dialog"] [role="option"]')].find((option) => option.textContent.trim() === "Volcengine");

/** Opens the page. */
async function openPage() {
  await app.extensionManager.command.execute("Comfy.ShowSettingsDialog");
  // ComfyUI has no call that opens one page of its settings, so its entry is clicked as soon as it is there.
  for (let frame = 0; frame < 300; frame++) {
    const entry = document.querySelector('[data-nav-id$="/Volcengine"]') ?? olderEntry();
    if (entry) return entry.click();
    await new Promise(requestAnimationFrame);
  }
}

app.registerExtension({
  name: "volc_inpaint.settings",
  settings: [
    {
      id: "volc_inpaint.credentials",
      name: "Keys",
      category: ["Volcengine", "Volcengine keys", "credentials"],
      tooltip: "Kept on the server, outside everything that it serves; shown nowhere, saved in no workflow.",
      type: () => new KeysPage().element,
      defaultValue: null,
    },
  ],
  commands: [{ id: "volc_inpaint.open_settings", label: "Volcengine keys", function: openPage }],
  setup() {
    api.addEventListener("execution_error", async ({ detail }) => {
      if (!detail.exception_type?.endsWith("CredentialsError")) return;
      const open = await app.extensionManager.dialog.confirm({
        title: text("keysNeeded"),
        message: `${ownLines(detail.exception_message.trim())}\n\n${text("keysOpen")}`,
      });
      if (open) await openPage();
    });
  },
});
