/** Why something that was asked for is not done, in words for whoever asked. */
export class Refusal extends Error {
  /** @param {string} message @param {{ status: number, statusText: string }} [answer] what a server said */
  constructor(message, answer) {
    super(message);
    this.name = "Refusal";
    this.answer = answer ?? { status: 0, statusText: "" };
  }
}

/** The text of whatever was thrown. @param {unknown} error */
export function reason(error) {
  return error instanceof Error ? error.message : String(error);
}
