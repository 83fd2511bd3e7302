// The words of our scripts, in English and Chinese. Names of nodes, inputs and settings are in locales/.
import { app } from "../../../scripts/app.js";

const WORDS = {
  en: {
    pickEmpty: "Run the workflow, then click the picture you want.",
    pickAll: "all {count} pass · click one to pick it",
    pickOne: "{pick} of {count} · click it again for all",
    pickBeyond: "{pick} is picked, but only {count} arrived",
    pickLinked: "pick comes from a link",
    pickThumbnail: "Picture {number} of {count}",
    pickGrid: "Pictures to choose from: arrow keys move, Enter picks, 0 is all, V enlarges",
    viewer: "Picture {number} of {count} · arrow keys turn, Enter picks, Escape closes",
  },
  zh: {
    pickEmpty: "运行工作流后，点击想要的图片。",
    pickAll: "输出全部 {count} 张 · 点击可选一张",
    pickOne: "第 {pick} 张，共 {count} 张 · 再次点击恢复全部",
    pickBeyond: "选择了第 {pick} 张，但只收到 {count} 张",
    pickLinked: "pick 由连线决定",
    pickThumbnail: "第 {number} 张，共 {count} 张",
    pickGrid: "可选图片：方向键移动，回车选择，0 为全部，V 放大",
    viewer: "第 {number} 张，共 {count} 张 · 方向键翻看，回车选择，Esc 关闭",
  },
};

let locale;

/** "zh" while ComfyUI speaks Chinese, else "en". */
export function language() {
  locale ??= app.extensionManager.setting.get("Comfy.Locale");
  return String(locale).startsWith("zh") ? "zh" : "en";
}

/** The words of `key` in ComfyUI's language, with `{name}` replaced by `values.name`. */
export function text(key, values = {}) {
  return WORDS[language()][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Of a message of ours, whose English lines stand before the Chinese ones, those in ComfyUI's language. */
export function ownLines(message) {
  const lines = message.split("\n");
  const chinese = lines.findIndex((line) => /[\u4e00-\u9fff]/.test(line));
  if (chinese < 1) return message;
  return (language() === "zh" ? lines.slice(chinese) : lines.slice(0, chinese)).join("\n");
}

/** Calls `redraw` whenever ComfyUI's language changes; returns the function that ends it. */
export function onLanguage(redraw) {
  const listener = (event) => {
    locale = event.detail.value;
    redraw();
  };
  app.ui.settings.addEventListener("Comfy.Locale.change", listener);
  return () => app.ui.settings.removeEventListener("Comfy.Locale.change", listener);
}
