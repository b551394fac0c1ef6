/**
 * Makes the telephone numbers of the page clickable while the softphone wants it: links, marked elements, and numbers in running
 * text. Everything is undone again; text nodes of the page stay where its own scripts put them.
 */

import { dialable, numbersIn } from "./numbers.js";

/** @typedef {(number: string, element: Element) => void} Dial */
/** A text with numbers: the page's own node keeps what stands before the first, the rest follows it. */
/** @typedef {{ head: Text, shown: string, text: string, rest: ChildNode[] }} Split */

const MARKED = "[data-cti-phone]";
/** Where running text is none: fields, code, what can be clicked or edited already, and what the page excepts. */
const LEFT_ALONE = [
  ...["a", "button", "input", "textarea", "select", "option", "label", "summary", "script", "style", "noscript", "template"],
  ...["svg", "math", "iframe", "object", "code", "[role=button]", "[role=link]", "[role=textbox]"],
  ...["[role=option]", "[role=menuitem]", "[role=tab]", "[data-cti-no-dial]"],
  ...["[contenteditable]:not([contenteditable=false])", MARKED],
].join(",");
const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";
const MARK_STYLES = `${MARKED}[data-cti-dials] { cursor: pointer; text-decoration: underline; text-underline-offset: 0.2em; }`;

/** @type {Map<Text, Split>} */
const splits = new Map();
/** What marked elements were given: the names of attributes. @type {Map<Element, string[]>} */
const given = new Map();
/** @type {CSSStyleSheet | null} */
let sheet = null;
/** @type {Dial | null} whom a click tells, while it is on */
let dial = null;
let isOn = false;

/** @param {string} href */
function numberOf(href) {
  try {
    return dialable(decodeURIComponent(href.replace(/^tel:(\/\/)?/i, "")));
  } catch {
    return null;
  }
}

/** @param {Element} element */
function numberOfMarked(element) {
  return dialable(element.getAttribute("data-cti-phone") || element.textContent || "");
}

/** The element with a number that was clicked or chosen, also in open trees of components. @param {Event} event */
function meant(event) {
  for (const element of event.composedPath()) {
    if (!(element instanceof Element)) continue;
    const href = element instanceof HTMLAnchorElement ? element.getAttribute("href") : null;
    const isMarked = element.matches(MARKED);
    const isLink = !isMarked && href !== null && /^tel:/i.test(href);
    const number = isMarked ? numberOfMarked(element) : isLink ? numberOf(href) : null;
    if (number) return { element, number };
    // a field or a link inside a marked element is meant itself
    if (element.matches("a[href], button, input, select, textarea")) return null;
  }
  return null;
}

/** @param {MouseEvent | KeyboardEvent} event */
function choose(event) {
  if (!dial) return;
  const found = meant(event);
  if (!found) return;
  event.preventDefault();
  // around a number in running text the page expects no click on a link
  if (found.element.hasAttribute("data-cti-number")) event.stopPropagation();
  // the second click of a double one
  if (event.detail > 1) return;
  dial(found.number, found.element);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.repeat || (event.key !== "Enter" && event.key !== " ")) return;
  // everything else makes a click of it by itself
  if (event.target instanceof Element && given.get(event.target)?.includes("role")) choose(event);
}

/** @param {Element} element */
function mark(element) {
  if (given.has(element) || !numberOfMarked(element)) return;
  /** @type {Record<string, string>} */
  const attributes = { "data-cti-dials": "" };
  if (!element.matches(FOCUSABLE)) Object.assign(attributes, { tabindex: "0", role: "button" });
  const missing = Object.keys(attributes).filter((name) => !element.hasAttribute(name));
  for (const name of missing) element.setAttribute(name, attributes[name] ?? "");
  given.set(element, missing);
}

/** @param {Element} element */
function unmark(element) {
  for (const name of given.get(element) ?? []) element.removeAttribute(name);
  given.delete(element);
}

/** @param {string} number @param {string} written */
function link(number, written) {
  const link = document.createElement("a");
  link.href = `tel:${number}`;
  link.setAttribute("data-cti-number", "");
  link.textContent = written;
  return link;
}

/** @param {Text} head */
function split(head) {
  const text = head.data;
  const numbers = splits.has(head) ? [] : numbersIn(text);
  const [first] = numbers;
  if (!first || !head.parentElement || head.parentElement.closest(LEFT_ALONE)) return;
  /** @type {ChildNode[]} */
  const rest = [];
  numbers.forEach(({ start, end, number }, at) => {
    rest.push(link(number, text.slice(start, end)));
    const after = text.slice(end, numbers[at + 1]?.start);
    if (after) rest.push(document.createTextNode(after));
  });
  head.data = text.slice(0, first.start);
  head.after(...rest);
  splits.set(head, { head, shown: head.data, text, rest });
}

/**
 * Puts a text together again. What the page itself has written there meanwhile stays, and so does what it has merged.
 *
 * @param {Split} split
 */
function join({ head, shown, text, rest }) {
  splits.delete(head);
  const before = rest[0]?.previousSibling ?? null;
  // `normalize()` takes empty nodes away, and gives the text of others to the one before
  const isMerged = !head.isConnected && (shown === "" || (before instanceof Text && before.data.endsWith(shown)));
  for (const node of rest) {
    if (isMerged && node instanceof Element) node.replaceWith(node.textContent ?? "");
    else if (!isMerged) node.remove();
  }
  if (head.data === shown) head.data = text;
}

/** @param {Node} root */
function scan(root) {
  if (root instanceof Element && root.matches(MARKED)) mark(root);
  if (root instanceof Element) root.querySelectorAll(MARKED).forEach(mark);
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  /** @type {Text[]} */
  const texts = root instanceof Text ? [root] : [];
  while (walker.nextNode()) texts.push(/** @type {Text} */ (walker.currentNode));
  for (const text of texts) if (text.data.length > 6) split(text);
}

/** Whether the page has left alone what was made of its text, and may still. @param {Split} split */
function isWhole({ head, shown, rest }) {
  const isInOrder = rest.every((node, at) => node.isConnected && node.previousSibling === (rest[at - 1] ?? head));
  return isInOrder && head.data === shown && !head.parentElement?.closest(LEFT_ALONE);
}

/** What the page has changed is its own again, and looked at anew. */
function tidy() {
  const changed = [...splits.values()].filter((one) => !isWhole(one));
  const places = new Set(changed.flatMap(({ head, rest }) => [head, ...rest].map((node) => node.parentElement)));
  changed.forEach(join);
  for (const place of places) if (place?.isConnected) scan(place);
  for (const element of [...given.keys()]) if (!element.isConnected || !element.matches(MARKED)) unmark(element);
}

const observer = new MutationObserver((records) => {
  tidy();
  for (const { type, target, addedNodes } of records) {
    if (type !== "childList") {
      if (target.isConnected) scan(target);
      continue;
    }
    for (const node of addedNodes) if (node.isConnected) scan(node);
  }
  // those of our own doing
  observer.takeRecords();
});

export function enable() {
  if (isOn) return;
  isOn = true;
  sheet ??= new CSSStyleSheet();
  sheet.replaceSync(MARK_STYLES);
  document.adoptedStyleSheets.push(sheet);
  scan(document.body);
  const kinds = { childList: true, characterData: true, attributes: true, attributeFilter: ["data-cti-phone", "contenteditable"] };
  observer.observe(document.body, { subtree: true, ...kinds });
  document.addEventListener("click", choose, true);
  document.addEventListener("keydown", onKey, true);
}

export function disable() {
  if (!isOn) return;
  isOn = false;
  observer.disconnect();
  document.removeEventListener("click", choose, true);
  document.removeEventListener("keydown", onKey, true);
  document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
  for (const one of [...splits.values()]) join(one);
  for (const element of [...given.keys()]) unmark(element);
}

/** Whom a click tells. @param {Dial} told */
export function listen(told) {
  dial = told;
}
