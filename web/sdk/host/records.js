/** Which customer, company or case this page is about, who looks at it, and whether a record is there. */

import { Refusal } from "./refusal.js";
import { isKind, settings } from "./settings.js";

/** @typedef {import("./settings.js").Kind} Kind */
/** @typedef {import("./settings.js").PageInfo} PageInfo */
/** @typedef {{ object: string | null, objectId: string | null }} Named */

const USER_KEYS = [
  ...["userId", "email", "userName", "fullName", "profilePhotoUrl", "profileThumbnailUrl", "userType", "language", "locale", "siteUrl"],
];

/** @param {string} name */
const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.getAttribute("content") ?? null;

/** What the page says that it is about: set by it, else written into its head. @returns {Named & { objectName: string | null }} */
function said() {
  const { pageInfo } = settings;
  if (pageInfo === undefined) return { object: meta("cti-object"), objectId: meta("cti-object-id"), objectName: meta("cti-object-name") };
  return { object: null, objectId: null, objectName: null, ...pageInfo };
}

export function pageInfo() {
  const { object, objectId, objectName } = said();
  if (!isKind(object) || !objectId) throw new Refusal("This page is about no customer, company or case.");
  return { url: location.href, objectId, object, objectName };
}

/** The record that an element belongs to: its nearest ancestor's, else the page's. @param {Element} element @returns {Named} */
export function recordOf(element) {
  const near = element.closest("[data-cti-object][data-cti-id]");
  if (near) return { object: near.getAttribute("data-cti-object"), objectId: near.getAttribute("data-cti-id") };
  const { object, objectId } = said();
  return { object, objectId };
}

/** Refuses what is no record. @param {Named} record @returns {Promise<{ object: Kind, objectId: string }>} */
export async function existing({ object, objectId }) {
  const isRecord = isKind(object) && !!objectId && ((await settings.recordExists?.(object, objectId)) ?? true);
  if (!isRecord) throw new Refusal("Resource Object does not exist.");
  return { object, objectId };
}

export async function userInfo() {
  const { user } = settings;
  const found = typeof user === "function" ? await user() : user;
  if (!found) throw new Refusal("This page does not say who is signed in.");
  return { ...Object.fromEntries(USER_KEYS.map((key) => [key, found[key] ?? null])), siteUrl: found.siteUrl ?? location.origin };
}

/** @type {((info: ReturnType<typeof pageInfo>) => void) | null} */
let watcher = null;
/** A page that is shown and then gets the focus is looked at once. */
let isLookedAt = false;

/** Tells of the page's record, if it has one. */
export function tellFocus() {
  if (!watcher) return;
  try {
    watcher(pageInfo());
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
}

function look() {
  if (!isLookedAt) tellFocus();
  isLookedAt = true;
}

/** Whom to tell when the page of a record is looked at. @param {NonNullable<typeof watcher>} told */
export function watchFocus(told) {
  if (watcher === null) {
    window.addEventListener("focus", look);
    window.addEventListener("blur", () => void (isLookedAt = false));
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") look();
      else isLookedAt = false;
    });
  }
  watcher = told;
  // one that is looked at already is told of at once
  if (document.hasFocus()) queueMicrotask(look);
}
