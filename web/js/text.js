// The words of our scripts, in English and Chinese. Names of nodes, inputs and settings are in locales/.
import { app } from "../../../scripts/app.js";
import { GALLERY } from "./gallery_text.js";

const WORDS = {
  en: {
    ...GALLERY.en,
    pickEmpty: "Run, then click the one you want.",
    pickAll: "all {count} pass · click one to pick it",
    pickMany: "all {count} pass · click one of the first {shown}, or type its number",
    pickOne: "{pick} of {count} · click it again for all",
    pickBeyond: "{pick} is picked, but only {count} arrived",
    pickLinked: "pick comes from a link",
    pickThumbnail: "Picture {number} of {count}",
    pickGrid: "Pictures to choose from: arrow keys move, Enter picks, 0 is all, V enlarges",
    viewer: "Picture {number} of {count} · arrow keys turn, Enter picks, Escape closes",
    volc_run: "run",
    volc_pick: "variants",
    volc_pictures: "pictures",
    planPrompt: "prompt {length} of about {limit} words",
    planCharacters: "prompt {length} of {limit} characters",
    planCalls: "up to {calls} paid calls per picture",
    planCallsKnown: "up to {calls} paid calls for {pictures} pictures as in the last run",
    planUnused: "not used: {names}",
    runDelivered: "{delivered} of {total}",
    runEncoding: "encoding {number} of {count}",
    runOnWire: "{on_wire} on the wire",
    runInQueue: "{in_queue} in the service's queue",
    runAllowance: "waiting for the allowance",
    runSecondsLeft: "about {seconds} s left",
    runMinutesLeft: "about {minutes} min left",
    runRetry: "trying again after a failure",
    runAnother: "waiting for another run that buys the same",
    runPaid: "paid {paid}",
    runFromJournal: "from the journal {from_journal}",
    runFailed: "failed {failed}",
    runUnknown: "unknown {unknown}",
    runCached: "unchanged: nothing was run or paid",
    runEnded: "ended with an error",
    runCancelled: "cancelled; what is on the wire goes into the journal",
    access_key: "Access key",
    secret_key: "Secret key",
    session_token: "Session token (temporary keys only)",
    keysWait: "One moment …",
    keysConfigured: "Configured; the access key ends in …{tail}.",
    keysConfiguredShort: "Configured.",
    keysFromSettings: "Saved on this page.",
    keysFromEnvironment: "From the environment of the ComfyUI server.",
    keysFromFile: "From the file {source} on the ComfyUI server.",
    keysOverridden: "Those saved on this page are not used, because the environment comes first.",
    keysReadable: "The system of the ComfyUI server does not keep this file to its owner: whoever may read the folder user/__volc_inpaint there can read the keys. On Windows, keep ComfyUI below your own user folder, which other accounts cannot read.",
    keysCheck: "Check",
    keysReplace: "Replace",
    keysRemove: "Remove",
    keysRemoveSure: "Remove the keys saved on this page from the ComfyUI server?",
    keysSave: "Save",
    keysCancel: "Cancel",
    keysMake: "Create keys in the Volcengine console",
    keysNone: "No keys are configured. Enter them here; they are kept on the ComfyUI server and shown nowhere.",
    keysGood: "The keys work and the service answers. Nothing was bought.",
    keysRows: "Interfaces of this account",
    keysActivated: "activated",
    keysNotActivated: "not activated, or retired",
    keysCannotTell: "answers; whether it is activated shows only when something is bought",
    keysRefused: "refused",
    keysActivate: "Activate it",
    keysNeeded: "Volcengine keys are needed",
    keysOpen: "Open the Volcengine page of the settings now?",
    templatePicture: "{name} could not be put into ComfyUI's input folder ({reason}). Load a picture of your own instead.",
  },
  zh: {
    ...GALLERY.zh,
    pickEmpty: "运行后点击想要的图片。",
    pickAll: "输出全部 {count} 张 · 点击可选一张",
    pickMany: "输出全部 {count} 张 · 点击前 {shown} 张中的一张，或输入编号",
    pickOne: "第 {pick} 张，共 {count} 张 · 再次点击恢复全部",
    pickBeyond: "选择了第 {pick} 张，但只收到 {count} 张",
    pickLinked: "pick 由连线决定",
    pickThumbnail: "第 {number} 张，共 {count} 张",
    pickGrid: "可选图片：方向键移动，回车选择，0 为全部，V 放大",
    viewer: "第 {number} 张，共 {count} 张 · 方向键翻看，回车选择，Esc 关闭",
    volc_run: "运行",
    volc_pick: "变体",
    volc_pictures: "图片",
    planPrompt: "提示词 {length} 字，约 {limit} 字以内为宜",
    planCharacters: "提示词 {length} 个字符，不超过 {limit} 个为宜",
    planCalls: "每张图片最多 {calls} 次付费调用",
    planCallsKnown: "最多 {calls} 次付费调用（按上次运行的 {pictures} 张图片计算）",
    planUnused: "不使用：{names}",
    runDelivered: "{delivered} / {total}",
    runEncoding: "正在编码第 {number} 张，共 {count} 张",
    runOnWire: "{on_wire} 个进行中",
    runInQueue: "{in_queue} 个在服务端排队",
    runAllowance: "等待账号并发额度",
    runSecondsLeft: "约剩 {seconds} 秒",
    runMinutesLeft: "约剩 {minutes} 分钟",
    runRetry: "失败后重试中",
    runAnother: "等待另一个相同的请求",
    runPaid: "付费 {paid}",
    runFromJournal: "取自本地记录 {from_journal}",
    runFailed: "失败 {failed}",
    runUnknown: "结果未知 {unknown}",
    runCached: "未变化：未运行，也未付费",
    runEnded: "运行出错",
    runCancelled: "已取消；进行中的调用完成后存入本地记录",
    access_key: "Access Key",
    secret_key: "Secret Key",
    session_token: "Session Token（仅临时密钥需要）",
    keysWait: "请稍候……",
    keysConfigured: "已配置，Access Key 末四位为 …{tail}。",
    keysConfiguredShort: "已配置。",
    keysFromSettings: "通过本页面保存。",
    keysFromEnvironment: "来自 ComfyUI 服务器的环境变量。",
    keysFromFile: "来自 ComfyUI 服务器上的文件 {source}。",
    keysOverridden: "通过本页面保存的密钥未被使用，因为环境变量优先。",
    keysReadable: "ComfyUI 服务器的系统未将该文件限定为仅所有者可读：凡能读取其 user/__volc_inpaint 文件夹的人都能读取密钥。在 Windows 上，请将 ComfyUI 放在自己的用户文件夹内，其他账户无法读取。",
    keysCheck: "检查",
    keysReplace: "更换",
    keysRemove: "删除",
    keysRemoveSure: "要从 ComfyUI 服务器删除通过本页面保存的密钥吗？",
    keysSave: "保存",
    keysCancel: "取消",
    keysMake: "在火山引擎控制台创建密钥",
    keysNone: "尚未配置密钥。请在此填写；密钥只保存在 ComfyUI 服务器上，不会在任何地方显示。",
    keysGood: "密钥有效，服务应答正常。未产生任何费用。",
    keysRows: "该账号的接口",
    keysActivated: "已开通",
    keysNotActivated: "未开通，或已下线",
    keysCannotTell: "有应答；是否已开通，实际购买时才能确定",
    keysRefused: "被拒绝",
    keysActivate: "前往开通",
    keysNeeded: "需要火山引擎密钥",
    keysOpen: "现在打开设置中的 Volcengine 页面吗？",
    templatePicture: "无法将 {name} 放入 ComfyUI 的 input 文件夹（{reason}）。请改为加载自己的图片。",
  },
};

/** "zh" while ComfyUI speaks Chinese, else "en". A change makes every node anew, so nobody needs to listen for it. */
export function language() {
  return String(app.extensionManager.setting.get("Comfy.Locale")).startsWith("zh") ? "zh" : "en";
}

/** The words of `key` in ComfyUI's language, with `{name}` replaced by `values.name`. */
export function text(key, values = {}) {
  return WORDS[language()][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Of a text in both languages, ComfyUI's. */
export const own = (pair) => pair[language()];

/**
 * Of an error of ours, which ComfyUI hands on as one string, the lines in ComfyUI's language: as many English ones as Chinese
 * ones after them.
 */
export function ownLines(message) {
  const lines = message.split("\n");
  const half = lines.length / 2;
  if (!Number.isInteger(half)) return message; // not one of ours
  return lines.slice(...(language() === "zh" ? [half] : [0, half])).join("\n");
}
