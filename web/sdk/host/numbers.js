/** Telephone numbers in running text. Careful: what may as well be a date, an amount or an order is none. */

/** A digit, then digits and what stands between them: blanks, dots, hyphens, slashes, brackets. */
const CANDIDATE = /\+?\(?\d(?:[ \u00a0\u2007\u2009\u202f.\-\u2010\u2011\u2013/()]{0,3}\d){5,18}/g;
/** What is part of something longer that is no number: a word, an amount, an address, a fraction. */
const BEFORE = /(?:[\p{L}\p{N}_@#=&$\u20ac\u00a3\u00a5%+*,/\\-]|(?<![\p{L}.]):|(?<!\p{L})\.)$/u;
/** A plus says that it is a number. */
const BEFORE_PLUS = /[\p{L}\p{N}_+]$/u;
const AFTER = /^(?:[\p{L}\p{N}_@%\u20ac$\u00a3+*=\\]|[.,:/\-]\p{N}|[:/\-]\p{L}| ?[\u20ac$\u00a3%])/u;
const DATE = /^\(?(?:\d{1,2}[.\-/]\d{1,2}[.\-/]\d{2,4}|\d{4}[.\-/]\d{1,2}[.\-/]\d{1,2})(?!\d)/;
/** With the country: +49 30 1234567, +49 (0)30 1234567, 0049 30 1234567. */
const WORLD = /^(?:\+[1-9]|00[1-9]\d?[ \-/])/;
/** Inside a country, in groups: 030 1234567, (030) 123 45 67, 030/1234567. */
const TRUNK = /^(?:\(0\d{1,5}\) ?|0\d{1,5}[ \-/])[\d \-/]+$/;
/** North America, in its own groups: 781-555-0100, (781) 555-0100, 1 781.555.0100. */
const NORTH_AMERICA = /^(?:1[ .\-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d([ .\-]))[2-9]\d\d[ .\-]\d{4}$/;

/** The number as it is dialed: a plus and digits. Null, if the text is none. @param {string} text */
export function dialable(text) {
  const [number = ""] = text.split(/;|,|\bext\b|\bx\d/i);
  const plain = number.trim().replace(/^\+([\s\S]*?)\(0\)/, "+$1");
  const digits = plain.replace(/[^\d*#]/g, "");
  const isNumber = /^\+?[\d\s.\-\u2010\u2011\u2013/()*#]+$/.test(plain) && digits.length >= 2 && digits.length <= 17;
  return isNumber ? (plain.startsWith("+") ? "+" : "") + digits : null;
}

/** @param {string} text */
function isNumber(text) {
  const plain = text.replace(/[\u00a0\u2007\u2009\u202f]/g, " ").replace(/[\u2010\u2011\u2013]/g, "-");
  const digits = plain.replace(/\D/g, "").length;
  if (DATE.test(plain) || digits > 15 + (plain.startsWith("00") ? 2 : 0) + (plain.includes("(0)") ? 1 : 0)) return false;
  if (plain.split("(").length !== plain.split(")").length) return false;
  if (WORLD.test(plain)) return digits >= 8;
  return (TRUNK.test(plain) && digits >= 8) || NORTH_AMERICA.test(plain);
}

/**
 * Where numbers stand in a text, in order.
 *
 * @param {string} text
 * @returns {{ start: number, end: number, number: string }[]}
 */
export function numbersIn(text) {
  const found = [];
  for (const match of text.matchAll(CANDIDATE)) {
    let [written] = match;
    let start = match.index;
    const end = start + written.length;
    // the bracket may be the sentence's
    if (written.startsWith("(") && !written.includes(")")) {
      written = written.slice(1);
      start += 1;
    }
    const isPart = (written.startsWith("+") ? BEFORE_PLUS : BEFORE).test(text.slice(Math.max(0, start - 3), start));
    if (isPart || AFTER.test(text.slice(end, end + 3)) || !isNumber(written)) continue;
    const number = dialable(written);
    if (number) found.push({ start, end, number });
  }
  return found;
}
