// The pack's routes on the server.
import { api } from "../../../scripts/api.js";
import { own, text } from "./text.js";

/** Calls a route of the pack. Throws an Error with the server's words. */
export async function call(method, route, content) {
  const request = { method };
  if (content) {
    request.headers = { "Content-Type": "application/json" };
    request.body = JSON.stringify(content);
  }
  const response = await api.fetchApi(`/volc_inpaint/${route}`, request);
  const answer = await response.text();
  if (response.ok) return JSON.parse(answer);
  let message = `HTTP ${response.status} ${answer.slice(0, 200)}`;
  if ([400, 403].includes(response.status) && answer.startsWith("{")) message = own(JSON.parse(answer).message);
  throw new Error(message);
}

/** Where a paid picture is, whole; `name` is what it is called when it is saved or dropped. */
export function pictureUrl({ key, at }, name) {
  const query = new URLSearchParams({ at, ...(name && { filename: name }) });
  return api.apiURL(`/volc_inpaint/pictures/${key}?${query}`);
}

/** Where its thumbnail is. */
export function thumbnailUrl({ key, at }) {
  return api.apiURL(`/volc_inpaint/pictures/${key}/thumbnail?${new URLSearchParams({ at })}`);
}

/** The file of a paid picture. */
export async function pictureFile(picture) {
  const response = await fetch(pictureUrl(picture));
  if (!response.ok) throw new Error(text("galleryGone", { status: response.status }));
  const content = await response.blob();
  return new File([content], fileName(picture, content.type.split("/")[1]), { type: content.type });
}

/** What a paid picture is called as a file. */
export function fileName({ key }, kind = "jpeg") {
  return `volc_${key.slice(0, 12)}.${kind === "jpeg" ? "jpg" : kind}`;
}

/** A moment of the bill, whose days are Beijing's (UTC+8): `2026-11-25 22:05`. */
export function beijing(at) {
  return at ? new Date((at + 8 * 3600) * 1000).toISOString().slice(0, 16).replace("T", " ") : "–";
}
