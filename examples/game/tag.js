// The rules: who moves how, who is it, and who decides. No sockets and no screen in here.
//
// Only who is it may say that somebody was tagged, so there is nothing to argue about: what the
// chaser sees counts. Each tag has a number one higher than the last. If who is it leaves, the player
// with the lowest id steps in; should two do so at once, the higher id is it.

export const FIELD = { width: 100, height: 60 };
export const RADIUS = 2;
/** Steps per second; who is it is faster. */
export const SPEED = 36;
const SPEED_IT = 40;
/** Who was just tagged cannot tag back at once, in ms. */
const REST_MS = 1500;
/** How far ahead of ours the number of a tag may be: a made-up one must not end the game. */
const NUMBER_LEAP_MAX = 1_000_000;

/** Moves `player` for `ms` in the direction `[x, y]`, which need not be of length 1. */
export function move(player, [x, y], ms, isIt) {
  const length = Math.hypot(x, y);
  const speed = length === 0 ? 0 : (isIt ? SPEED_IT : SPEED) / length;
  player.v = [x * speed, y * speed];
  player.at = clamp(player.at[0] + player.v[0] * ms / 1000, player.at[1] + player.v[1] * ms / 1000);
}

export const clamp = (x, y) => [
  Math.min(FIELD.width - RADIUS, Math.max(RADIUS, x)),
  Math.min(FIELD.height - RADIUS, Math.max(RADIUS, y)),
];

export const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

export class Tag {
  /** Who is it, and the number of the tag; nobody at first. */
  it = null;
  number = 0;
  #since = -Infinity;

  /** A tag that was heard or made; false if it is no news. */
  hear({ it, number }, now) {
    if (typeof it !== "string" || !Number.isSafeInteger(number)) return false;
    if (number > this.number + NUMBER_LEAP_MAX) return false;
    const isNews = number > this.number || (number === this.number && it > this.it);
    if (isNews) [this.it, this.number, this.#since] = [it, number, now];
    return isNews;
  }

  /** Whom `me`, who is it, touches now, of the `others`; null for nobody. */
  touched(me, others, now) {
    if (this.it !== me.id || now - this.#since < REST_MS) return null;
    return others.find(other => distance(me.at, other.at) < 2 * RADIUS) ?? null;
  }

  /** Whether `me` must step in, since who is it is none of `ids` (ours among them). */
  mustStepIn(me, ids) {
    return ids.length > 1 && !ids.includes(this.it) && ids.every(id => me <= id);
  }
}
