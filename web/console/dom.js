/**
 * Four small verbs on the document, so that the views stay short and no markup is ever parsed from text.
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
