// What passed on the channels: kept within bounds, filtered, paused, exported. Pure: no page.
//
//   add ──▶ entries (the newest, within bounds) ──▶ filter ──▶ shown (stands still while paused)
import { encode, hex } from "./bytes.js";

/** What is kept. Beyond either bound the oldest entries go, and `dropped` counts them. */
export const LINES_MAX = 10_000;
export const BYTES_MAX = 32 * 1024 * 1024;
/** Entries beyond LINES_MAX before the oldest are cut off, so that it is not done for each. */
const SLACK = 1000;
/** The filter looks at so many bytes of a binary message. */
const SEARCHED_BYTES = 4096;

/**
 * @typedef {object} Entry
 * @property {number} id        grows by one with each entry
 * @property {number} time      milliseconds since 1970
 * @property {"sent"|"received"|"note"|"error"} direction
 * @property {string} channel   such as `/local/chat`; empty if it concerns none
 * @property {string|Uint8Array} data
 * @property {number} bytes     of the message on the wire
 */

export class MessageLog {
  entries = [];
  /** Those that the filter lets through. */
  shown = [];
  /** Entries that came while paused. */
  held = 0;
  dropped = 0;
  /** How many of those shown were ever dropped from their beginning. */
  cut = 0;
  paused = false;
  #bytes = 0;
  #next = 1;
  #matches = () => true;

  add(direction, channel, data, time = Date.now()) {
    const bytes = typeof data === "string" ? encode(data).length : data.length;
    const entry = { id: this.#next, time, direction, channel, data, bytes };
    this.#next += 1;
    this.entries.push(entry);
    this.#bytes += bytes;
    if (this.paused) this.held += 1;
    else if (this.#matches(entry)) this.shown.push(entry);
    if (this.entries.length > LINES_MAX + SLACK || this.#bytes > BYTES_MAX) this.trim();
    return entry;
  }

  /** Drops the oldest beyond the bounds. */
  trim() {
    let count = Math.max(0, this.entries.length - LINES_MAX);
    let bytes = this.#bytes;
    for (let i = 0; i < count; i += 1) bytes -= this.entries[i].bytes;
    // The newest stays, however large.
    while (bytes > BYTES_MAX && count < this.entries.length - 1) {
      bytes -= this.entries[count].bytes;
      count += 1;
    }
    if (count > 0) {
      this.entries.splice(0, count);
      this.#bytes = bytes;
      this.dropped += count;
    }
    if (this.paused) return; // What is looked at stays; on resuming it is made anew.
    const first = this.entries[0]?.id ?? this.#next;
    let gone = 0;
    while (gone < this.shown.length && this.shown[gone].id < first) gone += 1;
    this.shown.splice(0, gone);
    this.cut += gone;
  }

  /** Shows only entries of this channel and these directions that have `words` in them; an empty
   *  string or list means any. Case does not matter. */
  filter({ channel = "", directions = [], words = "" } = {}) {
    const wanted = words.trim() === "" ? null
      : new RegExp(words.trim().replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "i");
    this.#matches = entry =>
      (channel === "" || entry.channel === channel) &&
      (directions.length === 0 || directions.includes(entry.direction)) &&
      (wanted === null || wanted.test(searched(entry)));
    // While paused, of what was there before, as far as it is still kept.
    const there = Math.max(0, this.entries.length - this.held);
    this.shown = this.entries.slice(0, there).filter(this.#matches);
  }

  pause() {
    this.paused = true;
  }

  resume() {
    this.paused = false;
    this.held = 0;
    this.trim();
    this.shown = this.entries.filter(this.#matches);
  }

  clear() {
    this.entries = [];
    this.shown = [];
    this.held = 0;
    this.dropped = 0;
    this.#bytes = 0;
  }

  /** What is shown as JSON, one entry on a line. */
  export() {
    return this.shown.map(entry => `${JSON.stringify(exported(entry))}\n`);
  }
}

function exported({ time, direction, channel, data, bytes }) {
  const content = typeof data === "string" ? { text: data } : { hex: hex(data) };
  return { time: new Date(time).toISOString(), direction, channel, bytes, ...content };
}

function searched({ channel, data }) {
  return `${channel} ${typeof data === "string" ? data : hex(data, SEARCHED_BYTES)}`;
}
