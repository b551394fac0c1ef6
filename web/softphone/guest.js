/**
 * The softphone inside a page that speaks Desk's Open CTI: numbers that are clicked are dialed, and who calls is shown there, once.
 *
 * @import { Call } from "../sdk/types.js"
 */
import { firstTime } from "./once.js";

/** The library that speaks with such a page, which `index.html` includes. @typedef {{ ready: Function, interaction: any }} DeskLibrary */

export class DeskGuest {
  /** @type {(number: string) => void} */
  onDial = () => {};
  /** A click that came to nothing. @type {(message: string) => void} */
  onTrouble = () => {};
  /** @type {DeskLibrary} */
  #desk = /** @type {any} */ (globalThis).desk;

  /** Whether the page that frames us says in our address that it speaks Open CTI. */
  static get isMeant() {
    return new URLSearchParams(location.search).has("frameOrigin");
  }

  /** Listens to clicks on numbers. */
  start() {
    const desk = this.#desk;
    desk.ready(() => {
      desk.interaction.cti.onClickToDial((/** @type {any} */ { result, error }) => {
        if (typeof result?.number === "string") this.onDial(result.number);
        else if (typeof error === "string") this.onTrouble(error);
      });
      desk.interaction.cti.enableClickToDial();
    });
  }

  /** Shows who calls, or who is to be called; once for each call, and only from the enabled tab. @param {readonly Call[]} calls */
  pop(calls) {
    for (const { state, dtCallId, fromType, fromId, phone, direction } of calls) {
      const isNews = state === "incoming" || state === "preview" || (state === "ringing" && direction === "ccOutbound");
      if (!isNews || phone === null || !firstTime(dtCallId, "pop")) continue;
      this.#desk.interaction.setVisible(true);
      if (fromType === "case" && fromId !== null) this.#desk.interaction.screenPop(fromId, "object=case");
      else this.#desk.interaction.searchAndScreenPop(phone, `object=customer&call=${dtCallId}`);
    }
  }
}
