/** Screen pops: the page of a record, the list of a search, and the one phone case that a found customer gets for a call. */

import { keep, recall } from "./memory.js";
import { existing } from "./records.js";
import { Refusal } from "./refusal.js";
import { fill, request } from "./site.js";
import { isObject, isText, settings } from "./settings.js";

/** @typedef {import("./settings.js").Kind} Kind */
/** @typedef {import("./settings.js").Pop} Pop */

/** So many calls' cases are remembered. */
const MOST_CASES = 200;

/** Cases that are being created, by customer and call. @type {Map<string, Promise<string>>} */
const creating = new Map();
let isLeaving = false;
window.addEventListener("pagehide", () => void (isLeaving = true));
window.addEventListener("pageshow", () => void (isLeaving = false));

/** @param {Pop} pop */
async function go(pop) {
  if ((await settings.onScreenPop?.(pop)) === true) return;
  const { object, id, url } = pop;
  if (url === null) throw new Refusal(`This page has no address for ${id === null ? "a list of" : "a"} ${object}.`);
  // Who is there already stays: a softphone that pops when it is loaded would load it for ever. The answer goes out first.
  if (url !== location.href) setTimeout(() => location.assign(url));
}

/** @param {Kind} object @param {string} id */
export async function screenPop(object, id) {
  await existing({ object, objectId: id });
  const template = settings.screenPop?.[object];
  const url = template === undefined ? null : fill(template, { id, object }, settings.popOrigins);
  await go({ object, id, url, text: null });
}

/** @param {Kind} object @param {string} text */
async function list(object, text) {
  const template = settings.list?.[object];
  const url = template === undefined ? null : fill(template, { text, object }, settings.popOrigins);
  await go({ object, id: null, url, text });
}

/** @param {unknown} one @returns {string | null} */
function idOf(one) {
  const id = isObject(one) ? one.id : one;
  return typeof id === "number" || isText(id) ? String(id) : null;
}

/** The ids of the customers that a search finds. @param {string} text */
async function customers(text) {
  let found;
  if (settings.search) found = await settings.search("customer", text);
  else if (settings.searchUrl) found = (await request(fill(settings.searchUrl, { object: "customer", text }))).data;
  else throw new Refusal("This page cannot search for customers.");
  const items = Array.isArray(found) ? found : found?.items;
  const ids = Array.isArray(items) ? items.map(idOf) : [null];
  if (ids.includes(null)) throw new Refusal("The search did not answer {items: [{id}]}.");
  return /** @type {string[]} */ (ids);
}

/** @param {string} key @param {string | null | undefined} id null while it is being created, undefined if it is not */
function remember(key, id) {
  const others = (recall("cases") ?? []).filter((/** @type {[string, unknown]} */ [known]) => known !== key);
  keep("cases", id === undefined ? others : [...others, [key, id]].slice(-MOST_CASES));
}

/** @param {import("./settings.js").NewCase} wanted */
async function make({ key, ...wanted }) {
  if (settings.onCreatePhoneCase) return settings.onCreatePhoneCase({ key, ...wanted });
  if (!settings.createCaseUrl) throw new Refusal("This page cannot create phone cases.");
  // A server that knows the key creates no second case either.
  const how = { method: "POST", data: wanted, headers: { "Idempotency-Key": key } };
  return (await request(fill(settings.createCaseUrl, { customerId: wanted.customerId }), how)).data;
}

/** @param {string} customerId @param {string} call @param {string} text */
async function create(customerId, call, text) {
  const key = `${encodeURIComponent(customerId)}:${encodeURIComponent(call)}`;
  /** @type {[string, string | null] | undefined} */
  const known = (recall("cases") ?? []).find((/** @type {[string, unknown]} */ [known]) => known === key);
  if (known?.[1]) return known[1];
  // Nobody knows how that went. One case too few can be made by hand; one too many stays.
  if (known) throw new Refusal("The phone case of this call was being created when the page was left. It is not created again.");
  remember(key, null);
  let id;
  try {
    id = idOf(await make({ customerId, call, text, key }));
  } catch (error) {
    if (!isLeaving) remember(key, undefined);
    throw error;
  }
  // It may have been created all the same: it stays remembered as begun.
  if (id === null) throw new Refusal("The id of the new phone case is not known.");
  remember(key, id);
  return id;
}

/** The phone case of a customer for a call: the one that was created before, or a new one. @type {typeof create} */
function phoneCase(customerId, call, text) {
  const key = JSON.stringify([customerId, call]);
  const begun = creating.get(key);
  if (begun) return begun;
  const created = create(customerId, call, text);
  creating.set(key, created);
  // what is done is remembered; what failed may be tried again
  const over = () => void creating.delete(key);
  created.then(over, over);
  return created;
}

/** @param {Kind} object @param {string} text @param {string | null} call */
export async function searchAndScreenPop(object, text, call) {
  if (object !== "customer") return list(object, text);
  const found = new Set(await customers(text));
  const [only] = found;
  if (found.size === 1 && only !== undefined) return screenPop("case", await phoneCase(only, call ?? recall("call") ?? text, text));
  const hasList = settings.list?.customer !== undefined || settings.onScreenPop !== undefined;
  if (!hasList) throw new Refusal(found.size === 0 ? "No customer was found." : `${found.size} customers were found.`);
  return list(object, text);
}

/** The softphone has told of a call: what follows is about it. @param {unknown} call */
export function concerns(call) {
  const id = isObject(call) ? (call.dtCallId ?? call.id) : null;
  if (typeof id === "number" || isText(id)) keep("call", String(id));
}
