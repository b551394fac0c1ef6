/**
 * The self-test of sound: a few seconds are recorded and played back, so that one hears what others will hear.
 */

const RECORD_MS = 3_000;
const LOOK_MS = 100;
/** Below this part of the full swing it is noise. */
const HEARD = 0.02;

/**
 * @param {MediaStream} stream of the microphone
 * @param {(level: number) => void} show how loud it is now, from 0 to 1
 * @returns {Promise<{ heard: boolean, played: Promise<void> }>} whether there was any sound, and when it has been played back
 */
export async function checkSound(stream, show) {
  const context = new AudioContext();
  try {
    return await listen(context, stream, show);
  } catch (error) {
    await context.close();
    throw error;
  }
}

/** @param {AudioContext} context @param {MediaStream} stream @param {(level: number) => void} show */
async function listen(context, stream, show) {
  await context.resume();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let loudest = 0;
  const watching = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    loudest = Math.max(loudest, peak);
    show(Math.min(1, peak));
  }, LOOK_MS);
  const recorded = await record(stream).finally(() => clearInterval(watching));
  show(0);
  return { heard: loudest >= HEARD, played: play(context, recorded) };
}

/** @param {MediaStream} stream @returns {Promise<Blob>} */
async function record(stream) {
  const recorder = new MediaRecorder(stream);
  /** @type {Blob[]} */
  const parts = [];
  recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
  const stopped = new Promise((resolve) => recorder.addEventListener("stop", resolve, { once: true }));
  recorder.start();
  setTimeout(() => recorder.state === "recording" && recorder.stop(), RECORD_MS);
  await stopped;
  return new Blob(parts);
}

/** @param {AudioContext} context @param {Blob} recorded */
async function play(context, recorded) {
  const source = context.createBufferSource();
  source.buffer = await context.decodeAudioData(await recorded.arrayBuffer());
  source.connect(context.destination);
  const ended = new Promise((resolve) => source.addEventListener("ended", resolve, { once: true }));
  source.start();
  await ended;
  await context.close();
}
