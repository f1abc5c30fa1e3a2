// How long it takes to a player and back: measured, over the way that moves take as well.
//
//   page ─ping─▶ our proxy ─▶ their proxy ─▶ their page ─pong─▶ and back again
//
// The clock is read when a message is sent and when its answer comes, so the time that both pages
// and both proxies take is in it. No two clocks are compared.

const SAMPLES = 20;
const PENDING_MAX = 50;

export class Latency {
  #sent = new Map(); // number of a ping → when it was sent
  #samples = new Map(); // player → round trips in ms, oldest first
  #count = 0;

  /** The number of a new ping. */
  ping(now) {
    this.#count += 1;
    this.#sent.set(this.#count, now);
    this.#sent.delete(this.#count - PENDING_MAX);
    return this.#count;
  }

  pong(player, number, now) {
    const sent = this.#sent.get(number);
    if (sent === undefined) return; // older than we remember, or made up
    const samples = this.#samples.get(player) ?? [];
    samples.push(now - sent);
    if (samples.length > SAMPLES) samples.shift();
    this.#samples.set(player, samples);
  }

  /** The median and the longest of the last round trips, in ms; null before the first. */
  of(player) {
    const samples = this.#samples.get(player);
    if (samples === undefined) return null;
    const sorted = samples.toSorted((a, b) => a - b);
    return { median: sorted[sorted.length >> 1], longest: sorted.at(-1) };
  }

  forget(player) { this.#samples.delete(player); }
}
