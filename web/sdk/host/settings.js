/** What a page may set, from the script's data- attributes and `CtiHost.configure`; and what is wrong with it, in clear words. */

/** @typedef {"customer" | "company" | "case"} Kind */
/** @typedef {{ object: Kind, objectId: string, objectName?: string | null }} PageInfo */
/** @typedef {Partial<Record<Kind, string>>} Templates */
/** @typedef {{ object: Kind, id: string | null, url: string | null, text: string | null }} Pop */
/** @typedef {{ customerId: string, call: string, text: string, key: string }} NewCase */
/** @typedef {string | number | { id: string | number }} Made */
/**
 * @template T
 * @typedef {T | Promise<T>} Eventual
 */
/**
 * @typedef {object} Settings
 * @property {string} server the gateway's origin
 * @property {string} client the client app whose softphone is framed
 * @property {string} softphone the address of another softphone
 * @property {string} place a selector of the element that holds the softphone
 * @property {string} title the softphone's name
 * @property {boolean} visible whether it shows at first
 * @property {number} width
 * @property {number} height
 * @property {string} sandbox more flags of the frame's sandbox
 * @property {string | (() => Eventual<string | { token: string }>)} embedToken
 * @property {Templates} screenPop addresses of records
 * @property {Templates} list addresses of lists
 * @property {string[]} popOrigins other origins that these may be of
 * @property {(pop: Pop) => Eventual<boolean | void>} onScreenPop
 * @property {(object: Kind, text: string) => Eventual<{ id: string | number }[] | { items: { id: string | number }[] }>} search
 * @property {string} searchUrl
 * @property {(wanted: NewCase) => Eventual<Made>} onCreatePhoneCase
 * @property {string} createCaseUrl
 * @property {(object: Kind, id: string) => Eventual<boolean>} recordExists
 * @property {PageInfo | null} pageInfo
 * @property {Record<string, unknown> | (() => Eventual<Record<string, unknown>>)} user
 * @property {string[]} ajaxPaths
 * @property {Record<string, string> | (() => Eventual<Record<string, string>>)} headers sent with requests to the page's own server
 */

/** @type {readonly Kind[]} */
export const KINDS = ["customer", "company", "case"];

/** What each setting must be: one of the words. @type {Record<string, string>} */
const FORMS = {
  server: "address",
  client: "text",
  softphone: "address",
  place: "selector",
  title: "text",
  visible: "boolean",
  width: "size",
  height: "size",
  sandbox: "flags",
  embedToken: "text or function",
  screenPop: "templates",
  list: "templates",
  popOrigins: "origins",
  onScreenPop: "function",
  search: "function",
  searchUrl: "text",
  onCreatePhoneCase: "function",
  createCaseUrl: "text",
  recordExists: "function",
  pageInfo: "page",
  user: "object or function",
  ajaxPaths: "paths",
  headers: "object or function",
};

/** @param {unknown} value @returns {value is Record<string, unknown>} */
export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
/** @param {unknown} value @returns {value is string} */
export const isText = (value) => typeof value === "string" && value !== "";
/** @param {unknown} value @returns {value is Kind} */
export const isKind = (value) => KINDS.some((kind) => kind === value);
/** @param {unknown} value @returns {value is number} */
export const isSize = (value) => typeof value === "number" && Number.isFinite(value) && value >= 0;

/** The address, if it is one of the web. @param {unknown} value */
export function webAddress(value) {
  const address = isText(value) && URL.canParse(value, document.baseURI) ? new URL(value, document.baseURI) : null;
  return address && /^https?:$/.test(address.protocol) ? address : null;
}

/** @param {unknown} value */
function isSelector(value) {
  try {
    document.createDocumentFragment().querySelector(String(value));
    return isText(value);
  } catch {
    return false;
  }
}

/** @param {unknown} value @param {(one: unknown) => boolean} test */
const isListOf = (value, test) => Array.isArray(value) && value.every(test);

/** @type {Record<string, { form: string, test: (value: unknown) => boolean }>} */
const TESTS = {
  address: { form: "an http or https address", test: (value) => webAddress(value) !== null },
  text: { form: "text", test: isText },
  selector: { form: "a selector", test: isSelector },
  boolean: { form: "true or false", test: (value) => typeof value === "boolean" },
  size: { form: "a finite number, 0 or more", test: isSize },
  flags: { form: "sandbox flags, such as allow-forms", test: (value) => typeof value === "string" && /^(allow-[a-z-]+\s*)*$/.test(value) },
  function: { form: "a function", test: (value) => typeof value === "function" },
  object: { form: "an object", test: isObject },
  templates: {
    form: "an object of addresses by customer, company and case",
    test: (value) => isObject(value) && Object.entries(value).every(([kind, template]) => isKind(kind) && isText(template)),
  },
  origins: { form: "a list of origins", test: (value) => isListOf(value, (one) => isText(one) && webAddress(one)?.origin === one) },
  paths: { form: "a list of paths that begin with /", test: (value) => isListOf(value, (one) => isText(one) && /^\/(?!\/)/.test(one)) },
  page: { form: "null or {object, objectId, objectName}, with object one of customer, company and case", test: isPage },
};

/** @param {unknown} value */
function isPage(value) {
  if (!isObject(value)) return value === null;
  const { object, objectId, objectName = null, ...rest } = value;
  return isKind(object) && isText(objectId) && (objectName === null || typeof objectName === "string") && Object.keys(rest).length === 0;
}

/** Throws what is wrong with what was given. @param {unknown} given */
export function check(given) {
  if (!isObject(given)) throw new TypeError("CtiHost: the configuration must be an object.");
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(FORMS, name)) throw new TypeError(`CtiHost: there is no setting "${name}".`);
    const forms = (FORMS[name] ?? "").split(" or ").flatMap((form) => TESTS[form] ?? []);
    if (forms.some(({ test }) => test(value))) continue;
    throw new TypeError(`CtiHost: "${name}" must be ${forms.map(({ form }) => form).join(" or ")}.`);
  }
}

/** The settings in a script's data- attributes. @param {HTMLScriptElement} script @returns {Partial<Settings>} */
export function attributes({ dataset, src }) {
  const { popCustomer, popCompany, popCase, ...rest } = dataset;
  /** @type {Record<string, unknown>} */
  const found = { server: new URL(src, document.baseURI).origin };
  for (const [name, text] of Object.entries(rest)) {
    // other scripts may have attributes here, too
    if (!Object.hasOwn(FORMS, name)) continue;
    const form = FORMS[name];
    if (form === "boolean") found[name] = text !== "false";
    else if (form === "size") found[name] = Number(text);
    else if (form === "paths" || form === "origins") found[name] = text?.split(/[\s,]+/).filter(isText);
    else found[name] = text;
  }
  const pops = Object.entries({ customer: popCustomer, company: popCompany, case: popCase }).filter(([, template]) => template);
  if (pops.length > 0) found.screenPop = Object.fromEntries(pops);
  check(found);
  return found;
}

/** What is set now. @type {Partial<Settings>} */
export const settings = {};
