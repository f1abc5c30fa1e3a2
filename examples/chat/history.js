// What was said, in an order that is the same on every page.
//
// A Lamport clock orders it: whatever is written after something was read stands after it. Wall
// clocks of two machines would not do. Two that were written at once stand by their ids.

const ENTRIES_MAX = 500;
const TEXT_LENGTH_MAX = 2000;
/** How far ahead of us a clock may be: a made-up one must not use all numbers up. */
const CLOCK_LEAP_MAX = 1_000_000;

/** @typedef {{id: string, from: string, name: string, text: string, clock: number, time: number}} Entry */

export class History {
  /** @type {Entry[]} in order */
  entries = [];
  #ids = new Set();
  #clock = 0;
  #count = 0;

  /** A new entry of ours. */
  write({ id, name }, text) {
    this.#count += 1;
    const entry = { id: `${id}-${this.#count}`, from: id, name, text, clock: this.#clock + 1,
      time: Date.now() };
    this.add(entry);
    return entry;
  }

  /** Adds what somebody said; false if it was there already, or is nothing that one can say. */
  add(entry) {
    if (!isEntry(entry) || this.#ids.has(entry.id)) return false;
    if (entry.clock > this.#clock + CLOCK_LEAP_MAX) return false;
    this.#clock = Math.max(this.#clock, entry.clock);
    this.#ids.add(entry.id);
    const at = this.entries.findLastIndex(each => before(each, entry)) + 1;
    this.entries.splice(at, 0, entry);
    if (this.entries.length > ENTRIES_MAX) this.#ids.delete(this.entries.shift().id);
    return true;
  }

  get ids() { return [...this.#ids]; }

  /** The entries that are not among these. */
  without(ids) {
    const had = new Set(Array.isArray(ids) ? ids : []);
    return this.entries.filter(entry => !had.has(entry.id));
  }
}

export const before = (a, b) => a.clock < b.clock || (a.clock === b.clock && a.id < b.id);

/** What comes from others may be anything. */
function isEntry(entry) {
  const { id, from, name, text, clock, time } = entry ?? {};
  return [id, from, name, text].every(each => typeof each === "string" && each !== "")
    && text.length <= TEXT_LENGTH_MAX && name.length <= 40 && id.length <= 40
    && Number.isSafeInteger(clock) && Number.isFinite(new Date(time).getTime());
}
