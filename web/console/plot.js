/**
 * Small pictures of figures, drawn as SVG: a line over the time that the page is open, a bar of parts, a share against its cap.
 */
import { draw, make } from "../shared/dom.js";
import { grouped } from "./format.js";

const WIDTH = 240;
const HEIGHT = 48;
/** Room for the line's own width. */
const EDGE = 3;

/** @typedef {{ at: number, values: Record<string, number | null> }} Sample */

/** A longer pause between two samples, while nobody looked, is left out of the line. */
const PAUSE_MS = 90_000;
/** Samples that are kept; when there are more, every second of the older half goes. */
const SAMPLES_MAX = 720;

/**
 * @param {readonly Sample[]} samples oldest first
 * @param {Sample} sample
 * @returns {readonly Sample[]}
 */
export function keep(samples, sample) {
  const all = [...samples, sample];
  if (all.length <= SAMPLES_MAX) return all;
  const half = Math.floor(all.length / 2);
  return all.filter((_, i) => i >= half || i % 2 === 0);
}

/**
 * One figure over time, with its name and its present value.
 *
 * @param {readonly Sample[]} samples
 * @param {{ name: string, key: string, show: (value: number) => string, limit?: number }} what `limit` is drawn as a line across
 */
export function plot(samples, { name, key, show, limit }) {
  const points = samples.flatMap(({ at, values }) => {
    const value = values[key];
    return value === null || value === undefined ? [] : [{ at, value }];
  });
  const last = points.at(-1);
  const most = Math.max(1e-9, limit ?? 0, ...points.map(({ value }) => value));
  const [begin, end] = [samples[0]?.at ?? 0, samples.at(-1)?.at ?? 0];
  const x = (/** @type {number} */ at) => EDGE + ((WIDTH - 2 * EDGE) * (at - begin)) / Math.max(1, end - begin);
  const y = (/** @type {number} */ value) => HEIGHT - EDGE - ((HEIGHT - 2 * EDGE) * value) / most;
  const values = points.map(({ value }) => value);
  const range = `${show(Math.min(...values))} to ${show(Math.max(...values))} since this page is open`;
  const told = `${name}: ${last ? `${show(last.value)} now, ${range}` : "not known"}`;
  const picture = image("plot", `0 0 ${WIDTH} ${HEIGHT}`, told);
  picture.append(draw("line", { x1: 0, x2: WIDTH, y1: HEIGHT - 1, y2: HEIGHT - 1, class: "ground" }));
  if (limit !== undefined) picture.append(draw("line", { x1: 0, x2: WIDTH, y1: y(limit), y2: y(limit), class: "limit" }));
  for (const run of runsOf(points)) {
    const path = run.map(({ at, value }) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    const [from, to] = [x(run[0]?.at ?? 0).toFixed(1), x(run.at(-1)?.at ?? 0).toFixed(1)];
    picture.append(draw("polygon", { points: `${from},${HEIGHT} ${path} ${to},${HEIGHT}`, class: "area" }));
    picture.append(draw("polyline", { points: path, class: "curve" }));
  }
  const caption = make("figcaption", "", make("span", "", name), make("strong", "", last ? show(last.value) : "–"));
  return make("figure", "figure", caption, picture);
}

/**
 * A picture that is stretched to its place.
 *
 * @param {string} kind
 * @param {string} viewBox
 * @param {string} told what it says to those who do not see it
 */
function image(kind, viewBox, told) {
  return draw("svg", { viewBox, class: kind, role: "img", "aria-label": told, preserveAspectRatio: "none" });
}

/**
 * The points between pauses. One alone makes no line.
 *
 * @param {readonly { at: number, value: number }[]} points
 */
function runsOf(points) {
  /** @type {{ at: number, value: number }[][]} */
  const runs = [];
  for (const point of points) {
    const run = runs.at(-1);
    const before = run?.at(-1);
    if (run === undefined || before === undefined || point.at - before.at > PAUSE_MS) runs.push([point]);
    else run.push(point);
  }
  return runs.filter((run) => run.length > 1);
}

/**
 * A bar of parts, each in the tone of its class, with a legend.
 *
 * @param {string} name
 * @param {{ kind: string, word: string, n: number }[]} parts
 */
export function parts(name, parts) {
  const whole = parts.reduce((sum, { n }) => sum + n, 0);
  const told = parts.filter(({ n }) => n > 0).map(({ word, n }) => `${grouped(n)} ${word.toLowerCase()}`);
  const label = `${name}: ${told.join(", ") || "none"}`;
  const bar = image("parts", "0 0 1000 10", label);
  bar.append(draw("rect", { width: 1000, height: 10, class: "trough" }));
  let x = 0;
  for (const { kind, n } of parts) {
    if (n === 0) continue;
    const width = (1000 * n) / whole;
    bar.append(draw("rect", { x: x.toFixed(2), width: width.toFixed(2), height: 10, class: "part", "data-kind": kind }));
    x += width;
  }
  const legend = parts.filter(({ n }) => n > 0).map(({ kind, word, n }) => {
    const item = make("li", "", make("span", "dot"), `${grouped(n)} ${word.toLowerCase()}`);
    item.dataset.kind = kind;
    return item;
  });
  return [bar, make("ul", "legend", ...legend)];
}

/**
 * A share against its cap, both in parts of one.
 *
 * @param {string} told
 * @param {number} share
 * @param {number} cap
 */
export function gauge(told, share, cap) {
  const end = Math.max(cap * 1.25, share, 1e-9);
  const is = share > cap ? "over" : share > 0.8 * cap ? "near" : "fine";
  const picture = image(`gauge ${is}`, "0 0 1000 14", told);
  picture.append(
    draw("rect", { y: 2, width: 1000, height: 10, class: "trough" }),
    draw("rect", { y: 2, width: ((1000 * share) / end).toFixed(1), height: 10, class: "filled" }),
    draw("rect", { x: ((1000 * cap) / end - 2).toFixed(1), width: 4, height: 14, class: "cap" }),
  );
  return picture;
}
