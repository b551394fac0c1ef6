/** What the softphone may ask of the page's own server: only below the paths that the page lists. */

import { Refusal } from "./refusal.js";
import { request } from "./site.js";
import { isObject, isText, settings } from "./settings.js";

const VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const WITH_DATA = ["POST", "PUT", "PATCH"];
/** What servers read in more than one way: backslashes, blanks, and dots, slashes and percent signs that are encoded. */
const AMBIGUOUS = /[\\\p{Cc}\s]|%(?:2e|2f|5c|25|00)/iu;

/** @param {string} path @param {string} prefix */
const isBelow = (path, prefix) => path === prefix || path.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`);

/** The address that is asked, if it may be. @param {unknown} url */
export function allowed(url) {
  if (!isText(url)) throw new Refusal("ajax: url must be text.");
  const [path = "", ...query] = (url.split("#")[0] ?? "").split("?");
  const isPlain = !AMBIGUOUS.test(path) && !/[\\\p{Cc}]/u.test(query.join("?"));
  const isWhole = /^https?:\/\//i.test(path);
  const inside = isWhole ? path.replace(/^https?:\/\//i, "") : path;
  // a segment of dots climbs; some servers take off what follows a semicolon first
  const climbs = /(^|\/)\.{1,2}(;[^/]*)?(\/|$)/.test(inside);
  if (!isPlain || climbs || inside.includes("//") || !(isWhole || path.startsWith("/")) || !URL.canParse(url, location.origin)) {
    throw new Refusal("ajax: url must be a plain path that begins with /.");
  }
  const { origin, username, password, pathname, search } = new URL(url, location.origin);
  if (origin !== location.origin || username || password) throw new Refusal("ajax: url is of another origin.");
  if (!settings.ajaxPaths?.some((prefix) => isBelow(pathname, prefix))) throw new Refusal(`ajax: this page does not open ${pathname}.`);
  return origin + pathname + search;
}

/** @param {unknown} url @param {unknown} config */
export async function ajax(url, config = {}) {
  const address = allowed(url);
  if (!isObject(config)) throw new Refusal("ajax: config must be an object.");
  const { method = "GET", data, ...rest } = config;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new Refusal(`ajax: there is no option "${unknown}".`);
  const verb = typeof method === "string" ? method.toUpperCase() : "";
  if (!VERBS.includes(verb)) throw new Refusal(`ajax: method must be one of ${VERBS.join(", ")}.`);
  const isData = data === undefined || typeof data === "string" || (typeof data === "object" && data !== null);
  if (!isData) throw new Refusal("ajax: data must be text, an object or an array.");
  if (data !== undefined && !WITH_DATA.includes(verb)) throw new Refusal(`ajax: ${verb} takes no data.`);
  return request(address, { method: verb, data });
}
