/**
 * Small parts that several views are made of: buttons, rows, options. No markup is ever parsed from text.
 */
import { find, stamp, write } from "../shared/dom.js";

/**
 * @param {string} name what tests and styles know it by
 * @param {string} text
 * @param {() => void} act
 * @param {string} [look]
 */
export function makeButton(name, text, act, look = "quiet") {
  const button = document.createElement("button");
  button.type = "button";
  button.className = look;
  button.dataset.testid = name;
  button.textContent = text;
  button.addEventListener("click", act);
  return button;
}

/** @param {string} value @param {string} text */
export function makeOption(value, text) {
  const option = document.createElement("option");
  option.value = value;
  option.textContent = text;
  return option;
}

/**
 * A row of a list.
 *
 * @param {string} main
 * @param {string} more
 * @param {HTMLButtonElement[]} buttons
 */
export function makeRow(main, more, buttons) {
  const row = stamp("row", HTMLLIElement);
  write(find(row, ".row-main", HTMLElement), main);
  write(find(row, ".row-more", HTMLElement), more);
  find(row, ".verbs", HTMLElement).append(...buttons);
  return row;
}

/**
 * The keys of a telephone.
 *
 * @param {HTMLElement} group
 * @param {(key: string) => void} press
 */
export function fillKeys(group, press) {
  for (const key of "123456789*0#") group.append(makeButton(`key-${key}`, key, () => press(key), "key"));
}
