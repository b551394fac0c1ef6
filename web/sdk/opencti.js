/**
 * The global `desk` for softphone pages that were written for Desk's Open CTI: asks the page that frames the softphone, and hands
 * its answers to callbacks. A classic script, so that the global is there at once.
 */
(() => {
  "use strict";

  /** @typedef {(response: { result: any, error?: any }) => void} Callback */
  /** @typedef {"onClickToDial" | "onFocus"} Subscription */

  const VERSION = "0.0.1";
  const NO_HOST = "There is no host: the softphone is not framed by a page that gives it token and frameOrigin.";
  /** What answers true or false; everything else answers an object, or null. */
  const YES_OR_NO = new Set([
    ...["screenPop", "searchAndScreenPop", "setVisible", "isVisible", "setSoftphoneHeight", "setSoftphoneWidth"],
    ...["enableClickToDial", "disableClickToDial"],
  ]);
  /** Their responses have no `error` on success; those of the others have one that is undefined. */
  const WITHOUT_ERROR = new Set(["screenPop", "searchAndScreenPop", "getPageInfo", "onFocus", "getUserInfo"]);

  // Taken now: a page that moves inside itself changes its address later. The host's are the last, behind the page's own.
  const query = new URLSearchParams(location.search);
  const token = query.getAll("token").at(-1) ?? "";
  const frameOrigin = query.getAll("frameOrigin").at(-1) ?? "";
  const hasHost = window.parent !== window && token !== "" && isOrigin(frameOrigin);

  /** Who waits for one answer, by callbackId. @type {Map<string, { method: string, callback: Callback }>} */
  const waiting = new Map();
  /** Who is told again and again. @type {Record<Subscription, Set<Callback>>} */
  const listeners = { onClickToDial: new Set(), onFocus: new Set() };
  let asked = 0;
  let ignored = 0;

  /** @param {string} text */
  function isOrigin(text) {
    return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text;
  }

  /** A callback that throws is reported, and keeps nobody from hearing. @param {Function} callback @param {object[]} given */
  function run(callback, ...given) {
    try {
      callback(...given);
    } catch (error) {
      reportError(error);
    }
  }

  /** @param {string} method @param {Callback} callback @param {unknown} result @param {unknown} error */
  function respond(method, callback, result, error) {
    run(callback, error === undefined && WITHOUT_ERROR.has(method) ? { result } : { result, error });
  }

  /**
   * What could not be asked is answered as what failed, and as late.
   *
   * @param {string} method
   * @param {Callback} callback
   * @param {string} why
   */
  function fail(method, callback, why) {
    const error = method === "ajax" ? { message: why, status: 0, statusText: "" } : why;
    queueMicrotask(() => respond(method, callback, YES_OR_NO.has(method) ? false : null, error));
  }

  /**
   * @param {string} method
   * @param {object} args
   * @param {string} [callbackId]
   * @returns {string | null} why it could not be sent
   */
  function post(method, args, callbackId) {
    if (!hasHost) return NO_HOST;
    try {
      window.parent.postMessage({ ...args, method, apiVersion: VERSION, token, ...(callbackId && { callbackId }) }, frameOrigin);
      return null;
    } catch (error) {
      // what is no data, such as a function, cannot be sent
      return String(error);
    }
  }

  /** @param {string} method @param {object} args @param {unknown} callback what is no function is ignored */
  function ask(method, args, callback) {
    if (typeof callback !== "function") return void post(method, args);
    const callbackId = `${method}_${(asked += 1)}`;
    waiting.set(callbackId, { method, callback: /** @type {Callback} */ (callback) });
    const why = post(method, args, callbackId);
    if (why === null) return;
    waiting.delete(callbackId);
    fail(method, /** @type {Callback} */ (callback), why);
  }

  /** @param {Subscription} method @param {unknown} listener */
  function subscribe(method, listener) {
    if (typeof listener !== "function") return;
    // A page that subscribes anew, perhaps with a new function, means the same dialing: it must not dial twice.
    if (method === "onClickToDial") listeners[method].clear();
    listeners[method].add(/** @type {Callback} */ (listener));
    const why = post(method, {}, method);
    if (why !== null) fail(method, /** @type {Callback} */ (listener), why);
  }

  /** Whether it was an answer of the host. @param {MessageEvent} event */
  function take({ source, origin, data }) {
    if (!hasHost || source !== window.parent || origin !== frameOrigin) return false;
    if (typeof data !== "object" || data === null) return false;
    // another protocol between the same two pages
    if (typeof data.api === "string") return true;
    const { __postTarget: target, callbackId, result, error } = data;
    if (target !== "interaction" || typeof callbackId !== "string") return false;
    if (callbackId === "onClickToDial" || callbackId === "onFocus") {
      for (const listener of [...listeners[callbackId]]) respond(callbackId, listener, result, error);
      return listeners[callbackId].size > 0;
    }
    const asker = waiting.get(callbackId);
    if (!asker) return false;
    waiting.delete(callbackId);
    respond(asker.method, asker.callback, result, error);
    return true;
  }

  window.addEventListener("message", (event) => {
    if (!take(event)) ignored += 1;
  });

  /** @param {unknown} callback */
  const getUserInfo = (callback) => ask("getUserInfo", {}, callback);
  /** @param {string} url @param {{ method?: string, data?: unknown, callback?: Callback }} [config] */
  function ajax(url, config) {
    if (typeof config !== "object" || config === null) return ask("ajax", { url, config }, null);
    const { callback, ...rest } = config;
    ask("ajax", { url, config: rest }, callback);
  }

  const cti = {
    /** @param {number} height @param {Callback} [callback] */
    setSoftphoneHeight: (height, callback) => ask("setSoftphoneHeight", { height }, callback),
    /** @param {number} width @param {Callback} [callback] */
    setSoftphoneWidth: (width, callback) => ask("setSoftphoneWidth", { width }, callback),
    /** @param {Callback} [callback] */
    enableClickToDial: (callback) => ask("enableClickToDial", {}, callback),
    /** @param {Callback} [callback] */
    disableClickToDial: (callback) => ask("disableClickToDial", {}, callback),
    /** @param {Callback} listener */
    onClickToDial: (listener) => subscribe("onClickToDial", listener),
    getUserInfo,
    ajax,
  };
  const interaction = {
    cti: Object.freeze(cti),
    /** @param {string} id @param {string} queryParams @param {Callback} [callback] */
    screenPop: (id, queryParams, callback) => ask("screenPop", { id, queryString: queryParams }, callback),
    /** @param {string} searchString @param {string} queryParams @param {Callback} [callback] */
    searchAndScreenPop: (searchString, queryParams, callback) => ask("searchAndScreenPop", { searchString, queryParams }, callback),
    /** @param {boolean} value @param {Callback} [callback] */
    setVisible: (value, callback) => ask("setVisible", { value }, callback),
    /** @param {Callback} callback */
    isVisible: (callback) => ask("isVisible", {}, callback),
    /** @param {Callback} callback */
    getPageInfo: (callback) => ask("getPageInfo", {}, callback),
    /** @param {Callback} listener */
    onFocus: (listener) => subscribe("onFocus", listener),
    getUserInfo,
    ajax,
  };
  const desk = {
    VERSION,
    interaction: Object.freeze(interaction),
    /** Runs a function when the document is ready. @param {() => void} listener */
    ready(listener) {
      if (typeof listener !== "function") return;
      if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => run(listener), { once: true });
      else queueMicrotask(() => run(listener));
    },
    getUserInfo,
    ajax,
    /** How many messages were none of the host's answers. */
    get ignored() {
      return ignored;
    },
  };
  Object.defineProperty(window, "desk", { value: Object.freeze(desk), enumerable: true });
})();
