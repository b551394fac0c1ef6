/**
 * Small verbs on the document, so that the views stay short and no markup is ever parsed from text.
 */

/**
 * The element that the page must have; a missing one is a mistake in `index.html`.
 *
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} type
 * @returns {T}
 */
export function find(root, selector, type) {
  const element = root.querySelector(selector);
  if (!(element instanceof type)) throw new Error(`the page has no ${selector}`);
  return element;
}

/**
 * A copy of a template's one element.
 *
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function stamp(id, type) {
  const copy = document.importNode(find(document, `#${id}`, HTMLTemplateElement).content, true);
  return find(copy, "*", type);
}

/**
 * Writes text only when it differs: an untouched node keeps the selection and stays silent in a live region.
 *
 * @param {Element} element
 * @param {string} text
 */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Gives `parent` exactly these children in this order, and moves only those that are out of place.
 *
 * @param {Element} parent
 * @param {readonly Element[]} children
 */
export function arrange(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  children.forEach((child, i) => {
    const there = parent.children[i];
    if (there !== child) parent.insertBefore(child, there ?? null);
  });
}

/**
 * A new element with these children; null is none.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  element.append(...children.filter((child) => child !== null));
  return element;
}

/**
 * A new element of a picture.
 *
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number>} attributes
 * @param {...Node} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function draw(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** What elements were last filled from. @type {WeakMap<Element, string>} */
const filled = new WeakMap();

/**
 * Fills an element anew when what it shows has changed, and leaves it alone otherwise: so it keeps focus and selection.
 *
 * @param {Element} element
 * @param {unknown} shown what it is made of
 * @param {() => (Node | string)[]} build
 */
export function fill(element, shown, build) {
  const text = JSON.stringify(shown) ?? "";
  if (filled.get(element) === text) return;
  filled.set(element, text);
  element.replaceChildren(...build());
}

/**
 * A badge in the tone of a state.
 *
 * @param {string} state
 * @param {string} text
 */
export function badge(state, text) {
  const element = make("span", "badge", text);
  element.dataset.state = state;
  return element;
}

/**
 * The rows of a description list.
 *
 * @param {[string, string | Node][]} rows
 */
export function facts(rows) {
  return rows.map(([name, value]) => make("div", "", make("dt", "", name), make("dd", "", value)));
}
