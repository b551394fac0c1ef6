/**
 * Where tickets come from: the page's own function, or the server, asked with the page's session.
 *
 * @import { CtiOptions } from "./types.js"
 */
import { CtiError } from "./error.js";

/**
 * @param {string} server
 * @param {Pick<CtiOptions, "ticket" | "session">} options
 * @returns {(signal: AbortSignal) => Promise<string>}
 */
export function ticketSource(server, { ticket, session }) {
  if (ticket === undefined && session === undefined) throw new CtiError("invalid", "ticket: expected a function, or a session");
  return async (signal) => {
    const brought = ticket ? await ticket(signal) : await askServer(server, session, signal);
    return typeof brought === "string" ? brought : readTicket(brought);
  };
}

/**
 * @param {string} server
 * @param {CtiOptions["session"]} session
 * @param {AbortSignal} signal
 */
async function askServer(server, session, signal) {
  const bearer = typeof session === "function" ? await session() : session;
  return fetch(`${server}/api/v1/ws-ticket`, {
    method: "POST",
    body: "{}",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${bearer}` },
    cache: "no-store",
    // No door that takes a bearer reads a cookie.
    credentials: "omit",
    signal,
  });
}

/** @param {Response} answer */
async function readTicket(answer) {
  const body = await answer.json().catch(() => null);
  if (answer.ok && typeof body?.ticket === "string") return body.ticket;
  const { status } = answer;
  const retryAfterMs = 1_000 * (Number(answer.headers.get("Retry-After")) || 0);
  const said = body?.error ?? {};
  throw new CtiError(said.code ?? "no_ticket", said.message ?? `No ticket came: status ${status}.`, { status, retryAfterMs });
}
