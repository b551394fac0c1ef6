/** The methods of Open CTI, as the host carries them out: what each takes, what it does, and what it answers. */

import { ajax } from "./ajax.js";
import { disable, enable, listen } from "./dialing.js";
import { answer, isVisible, resize, setVisible } from "./panel.js";
import { screenPop, searchAndScreenPop } from "./pops.js";
import { existing, pageInfo, recordOf, userInfo, watchFocus } from "./records.js";
import { Refusal, reason } from "./refusal.js";
import { isKind, isSize, isText } from "./settings.js";

/** @typedef {Record<string, unknown>} Args */
/** @typedef {{ takes: string[], failed: false | null, run: (args: Args) => unknown }} Method */

/** What belongs to every message. */
const ENVELOPE = ["method", "apiVersion", "token", "callbackId"];

/** @param {string} callbackId @param {unknown} result @param {unknown} [error] */
function respond(callbackId, result, error) {
  const response = { __postTarget: "interaction", callbackId, result, ...(error !== undefined && { error }) };
  try {
    answer(response);
  } catch {
    // what a hook of the page gave may be no data
    answer({ ...response, result: null, error: "The page's answer cannot be sent." });
  }
}

/** What it does not know in it, it leaves to others. @param {string} name @param {unknown} text */
function query(name, text) {
  if (typeof text !== "string") throw new Refusal(`${name}: queryParams must be text, such as "object=case".`);
  const params = new URLSearchParams(text);
  for (const key of ["object", "call"]) {
    if (params.getAll(key).length > 1) throw new Refusal(`${name}: the query parameter "${key}" is given more than once.`);
  }
  const object = params.get("object");
  if (!isKind(object)) throw new Refusal(`${name}: object must be one of customer, company and case.`);
  return { object, call: params.get("call") || null };
}

/** @param {string} name @param {string} key @param {Args} args */
function text(name, key, args) {
  const value = typeof args[key] === "number" ? String(args[key]) : args[key];
  if (isText(value) && value.trim() !== "") return value;
  throw new Refusal(`${name}: ${key} must be text that is not empty.`);
}

/** @param {"width" | "height"} side @returns {Method} */
function sizing(side) {
  const run = (/** @type {Args} */ { [side]: pixels }) => {
    if (!isSize(pixels)) throw new Refusal(`${side} must be a finite number of pixels, 0 or more.`);
    resize(side, pixels);
    return true;
  };
  return { takes: [side], failed: false, run };
}

/** A number was clicked: the softphone is told it, and whose it is. @param {string} number @param {Element} element */
async function clicked(number, element) {
  const record = recordOf(element);
  try {
    // a page that is about no record at all still has numbers
    const found = record.object === null && record.objectId === null ? record : await existing(record);
    respond("onClickToDial", { number, objectId: found.objectId, object: found.object });
  } catch (error) {
    respond("onClickToDial", null, reason(error));
  }
}

/** @type {Map<string, Method>} */
const METHODS = new Map(
  Object.entries({
    setSoftphoneHeight: sizing("height"),
    setSoftphoneWidth: sizing("width"),
    enableClickToDial: { takes: [], failed: false, run: () => (enable(), true) },
    disableClickToDial: { takes: [], failed: false, run: () => (disable(), true) },
    onClickToDial: { takes: [], failed: null, run: () => listen(clicked) },
    onFocus: { takes: [], failed: null, run: () => watchFocus((info) => respond("onFocus", info)) },
    screenPop: {
      takes: ["id", "queryString", "queryParams"],
      failed: false,
      async run(args) {
        // by either name, as libraries differ
        const { object } = query("screenPop", args.queryString ?? args.queryParams);
        await screenPop(object, text("screenPop", "id", args));
        return true;
      },
    },
    searchAndScreenPop: {
      takes: ["searchString", "queryString", "queryParams"],
      failed: false,
      async run(args) {
        const { object, call } = query("searchAndScreenPop", args.queryParams ?? args.queryString);
        await searchAndScreenPop(object, text("searchAndScreenPop", "searchString", args), call);
        return true;
      },
    },
    setVisible: {
      takes: ["value"],
      failed: false,
      run({ value }) {
        if (typeof value !== "boolean") throw new Refusal("setVisible: value must be true or false.");
        return setVisible(value);
      },
    },
    isVisible: { takes: [], failed: false, run: isVisible },
    getPageInfo: { takes: [], failed: null, run: pageInfo },
    getUserInfo: { takes: [], failed: null, run: userInfo },
    ajax: { takes: ["url", "config"], failed: null, run: ({ url, config }) => ajax(url, config) },
  }),
);

/** @param {string} name @param {Args} message */
async function run(name, message) {
  const method = METHODS.get(name);
  if (!method) throw new Refusal(`There is no method "${name}".`);
  const known = [...ENVELOPE, ...method.takes];
  const unknown = Object.keys(message).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new Refusal(`${name}: there is no argument "${unknown}".`);
  return method.run(message);
}

/** Carries out what the softphone asks, and answers if it waits for an answer. @param {string} name @param {Args} message */
export async function perform(name, message) {
  const callbackId = isText(message.callbackId) ? message.callbackId : null;
  try {
    const result = await run(name, message);
    // a subscription is answered by what it hears
    if (callbackId !== null && result !== undefined) respond(callbackId, result);
  } catch (error) {
    if (!(error instanceof Refusal)) console.warn("CtiHost:", error);
    if (callbackId === null) return;
    const message = reason(error);
    const answered = error instanceof Refusal ? error.answer : { status: 0, statusText: "" };
    respond(callbackId, METHODS.get(name)?.failed ?? null, name === "ajax" ? { message, ...answered } : message);
  }
}
