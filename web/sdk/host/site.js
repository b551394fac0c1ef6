/** Requests to the page's own server, and addresses that are made of templates. */

import { Refusal, reason } from "./refusal.js";
import { isObject, settings, webAddress } from "./settings.js";

const PATIENCE_MS = 30_000;

/**
 * A template with its values put in; an address of this origin, or of one of `origins`.
 *
 * @param {string} template
 * @param {Record<string, string>} values
 * @param {string[]} [origins]
 */
export function fill(template, values, origins = []) {
  const filled = template.replace(/\{(\w+)\}/g, (whole, name) => {
    if (!Object.hasOwn(values, name)) return whole;
    const value = values[name] ?? "";
    // they would climb in the path, also when encoded
    if (value === "." || value === "..") throw new Refusal(`"${value}" is no ${name}.`);
    return encodeURIComponent(value);
  });
  const address = webAddress(filled);
  if (!address) throw new Refusal(`${filled} is no http or https address.`);
  if (address.origin !== location.origin && !origins.includes(address.origin)) {
    throw new Refusal(`${address.origin} is another origin than this page's.`);
  }
  return address.href;
}

/** @param {Response} response */
async function content(response) {
  const text = await response.text();
  if (!/\bjson\b/.test(response.headers.get("Content-Type") ?? "")) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** What goes out, and as what. @param {unknown} data @returns {[string, string] | null} */
function body(data) {
  if (data === undefined || data === null) return null;
  if (typeof data !== "string") return [JSON.stringify(data), "application/json"];
  try {
    return [data, isObject(JSON.parse(data)) || data.trimStart().startsWith("[") ? "application/json" : "text/plain"];
  } catch {
    return [data, "text/plain"];
  }
}

/**
 * Asks this page's server; an answer that is no success is a Refusal. It is followed nowhere else, and goes on when the page is left.
 *
 * @param {string} url
 * @param {{ method?: string, data?: unknown, headers?: Record<string, string> }} [how]
 */
export async function request(url, { method = "GET", data, headers = {} } = {}) {
  const more = typeof settings.headers === "function" ? await settings.headers() : settings.headers;
  const sent = body(data);
  /** @type {RequestInit} */
  const init = { method, redirect: "manual", credentials: "same-origin", cache: "no-store", keepalive: (sent?.[0].length ?? 0) < 32_768 };
  init.headers = { Accept: "application/json", ...(sent && { "Content-Type": sent[1] }), ...more, ...headers };
  if (sent) init.body = sent[0];
  let response;
  let answered;
  try {
    response = await fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) });
    answered = await content(response);
  } catch (error) {
    throw new Refusal(`The server did not answer: ${reason(error)}`);
  }
  // it could lead to where the page does not allow requests
  if (response.type === "opaqueredirect") throw new Refusal("The server redirects, which is not followed: name the address that answers.");
  const { status, statusText } = response;
  if (!response.ok) throw new Refusal(`The server answered ${status} ${statusText}`.trim(), { status, statusText });
  return { data: answered, status, statusText };
}
