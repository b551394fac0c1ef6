/**
 * The demo CRM's records: contacts that are always there, and cases, which this browser's tab keeps.
 */

/** @typedef {{ id: string, name: string, company: string, number: string, email: string }} Contact */
/** @typedef {{ id: string, customerId: string, subject: string, call: string | null, createdAt: string }} Case */

/** @type {readonly Contact[]} */
export const CONTACTS = [
  { id: "c-1", name: "Greta Sommer", company: "Sommer & Sons", number: "+4930123456", email: "greta@sommer.example" },
  { id: "c-2", name: "Hiro Tanaka", company: "Tanaka Trading", number: "+81312345678", email: "hiro@tanaka.example" },
  { id: "c-3", name: "Ines Duarte", company: "Casa Duarte", number: "+351211234567", email: "ines@duarte.example" },
  { id: "c-4", name: "Ada Marsh", company: "Marsh Gardens", number: "+12025550142", email: "ada@marsh.example" },
];

const KEPT = "demo cases";
const FIRST_CASES = [
  { id: "1001", customerId: "c-1", subject: "The parcel has not arrived", call: null, createdAt: "2026-11-20T09:30:00Z" },
  { id: "1002", customerId: "c-4", subject: "Asks for an offer", call: null, createdAt: "2026-11-23T14:05:00Z" },
];

/** @returns {Case[]} */
export function allCases() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? "null") ?? FIRST_CASES;
  } catch {
    return FIRST_CASES;
  }
}

/**
 * A case of a telephone call: one for a customer and a call, however often it is asked for.
 *
 * @param {string} customerId
 * @param {string} call
 */
export function phoneCase(customerId, call) {
  const cases = allCases();
  const known = cases.find((known) => known.customerId === customerId && known.call === call);
  if (known) return known;
  const id = String(1 + Math.max(...cases.map((known) => Number(known.id))));
  const subject = `Call of ${new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`;
  const made = { id, customerId, subject, call, createdAt: new Date().toISOString() };
  sessionStorage.setItem(KEPT, JSON.stringify([...cases, made]));
  return made;
}

/** @param {string} id */
export function contactOf(id) {
  return CONTACTS.find((contact) => contact.id === id) ?? null;
}

/** Contacts whose number or name this is. @param {string} text */
export function searchContacts(text) {
  const digits = text.replace(/\D/g, "");
  const words = text.trim().toLowerCase();
  return CONTACTS.filter(({ number, name }) => (digits.length > 5 ? number.endsWith(digits.slice(-9)) : name.toLowerCase().includes(words)));
}
