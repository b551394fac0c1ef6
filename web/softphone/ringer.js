/**
 * The sound of an incoming call. Only the enabled tab makes it; a browser that wants a gesture first keeps quiet, and the page shows
 * the call all the same.
 */

const TONES_HZ = [440, 480];
const RING_MS = 1_000;
const PAUSE_MS = 2_000;
const LOUDNESS = 0.08;

export class Ringer {
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /** @param {boolean} rings */
  set rings(rings) {
    document.body.dataset.ringing = String(rings);
    if (rings === (this.#timer !== undefined)) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (!rings) {
      void this.#context?.close();
      this.#context = null;
      return;
    }
    this.#sound();
    this.#timer = setInterval(() => this.#sound(), RING_MS + PAUSE_MS);
  }

  #sound() {
    // Before the first gesture a browser warns of each sound that it does not make.
    if (!navigator.userActivation?.hasBeenActive) return;
    this.#context ??= new AudioContext();
    const context = this.#context;
    const gain = context.createGain();
    gain.gain.value = LOUDNESS;
    gain.connect(context.destination);
    for (const hz of TONES_HZ) {
      const tone = context.createOscillator();
      tone.frequency.value = hz;
      tone.connect(gain);
      tone.start();
      tone.stop(context.currentTime + RING_MS / 1_000);
    }
  }
}
