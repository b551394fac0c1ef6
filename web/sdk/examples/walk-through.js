/**
 * The walk-through: what a page does with the global `DynamicsTelephony`. Events are shown as text, never as markup: whoever
 * calls chooses parts of them.
 */
(() => {
  /** @typedef {{ dtEventArgs: string }} DtEvent */
  const { DynamicsTelephony } = /** @type {any} */ (window);

  /** @type {Window | null} */
  let events = null;

  /** The window that lists the events; opened anew when it was closed. */
  function eventsWindow() {
    if (events === null || events.closed) {
      events = window.open("", "dtEventsWindow", "popup,width=750,height=250");
      if (events === null) return null;
      const heading = events.document.createElement("h1");
      heading.textContent = "DynamicsTelephony events";
      events.document.body.replaceChildren(heading);
    }
    return events.document;
  }

  /** @param {string} text */
  function list(text) {
    const page = eventsWindow();
    if (page === null) return;
    const line = page.createElement("div");
    line.textContent = text;
    page.body.append(line);
  }

  /** @param {string} id */
  const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
  /** @param {SubmitEvent} event */
  const fields = (event) => Object.fromEntries(new FormData(/** @type {HTMLFormElement} */ (event.target)));

  DynamicsTelephony.RegisterForEvents((/** @type {DtEvent} */ event) => list(event.dtEventArgs.toString()));

  document.addEventListener("dynamicstelephony:connection", (event) => {
    const { state, reason = "" } = /** @type {CustomEvent} */ (event).detail;
    byId("connection").textContent = `${state} ${reason}`.trim();
  });
  document.addEventListener("dynamicstelephony:result", (event) => {
    const { ok, method, message } = /** @type {CustomEvent} */ (event).detail;
    byId("refusal").textContent = ok ? "" : `${method}: ${message}`;
  });

  byId("sign-in").addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = JSON.stringify(fields(event));
    // Opened while the click still counts: later the browser would hold it for an advertisement.
    eventsWindow();
    const answer = await fetch("/api/v1/sessions", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    const { token, error } = await answer.json();
    byId("refusal").textContent = error?.message ?? "";
    if (!answer.ok) return;
    byId("sign-in").hidden = true;
    byId("dial").hidden = false;
    DynamicsTelephony.configure({ session: token });
  });
  byId("dial").addEventListener("submit", (event) => {
    event.preventDefault();
    DynamicsTelephony.Dial(String(fields(event).number));
  });
  byId("hold").addEventListener("click", () => DynamicsTelephony.Hold());
  byId("release").addEventListener("click", () => DynamicsTelephony.Release());
})();
