/**
 * The global `CtiHost`, for any page that shows a softphone: it frames it, makes telephone numbers clickable and carries out what
 * the softphone asks. Served as one classic script, so that the global is there at once.
 */

import { dialable } from "./numbers.js";
import { current, isVisible, open, setVisible } from "./panel.js";
import { tellFocus } from "./records.js";
import { attributes, check, settings } from "./settings.js";
import { dialWith, ignoredMessages, listenToFrames } from "./wire.js";

/** @typedef {import("./settings.js").Settings} Settings */

let isReady = document.readyState !== "loading";

const api = {
  /** Sets what the data- attributes do not, or sets it anew. @param {Partial<Settings>} more */
  configure(more) {
    check(more);
    Object.assign(settings, more);
    if (isReady) open();
  },
  /** Says which record the page is about now; null, if none. @param {Settings["pageInfo"]} pageInfo */
  setPageInfo(pageInfo) {
    check({ pageInfo });
    const isNew = JSON.stringify(pageInfo) !== JSON.stringify(settings.pageInfo);
    settings.pageInfo = pageInfo;
    if (isNew && document.visibilityState === "visible") tellFocus();
  },
  /** False, if there is no softphone. */
  show: () => setVisible(true) || !isReady,
  hide: () => setVisible(false) || !isReady,
  /** Has the softphone dial, and shows it. False, if that is no number or there is no softphone. @param {string} number */
  dial(number) {
    const digits = dialable(String(number));
    if (digits === null || (isReady && !current())) return false;
    dialWith(digits);
    setVisible(true);
    return true;
  },
  get visible() {
    return isVisible();
  },
  /** How many messages were not the softphone's. */
  get ignored() {
    return ignoredMessages();
  },
  /** The softphone's frame, if it is there. */
  get frame() {
    return current()?.frame ?? null;
  },
};

// included twice it is there once
if (!("CtiHost" in window)) {
  Object.defineProperty(window, "CtiHost", { value: Object.freeze(api), enumerable: true });
  listenToFrames();
  const script = document.currentScript;
  if (script instanceof HTMLScriptElement) Object.assign(settings, attributes(script));
  const start = () => {
    isReady = true;
    open();
  };
  if (isReady) start();
  else document.addEventListener("DOMContentLoaded", start, { once: true });
}
