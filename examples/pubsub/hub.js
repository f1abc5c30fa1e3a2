// Publish and subscribe: any number of topics over one channel.
//
//   const hub = new Hub("my-app");
//   const stop = hub.subscribe("weather", (data, topic) => …);
//   hub.publish("weather", { rain: true });
//   hub.publish("login", { user: "Ann" }, { keep: true });    // late comers hear it, too
//
// Everyone on the channel hears what is published, the publisher's own subscribers as well. While
// the proxy is away, what is published waits, in order, and goes out when it is back.
//
// To use it elsewhere copy this file and ../shared/channel.js, and load namedwebsockets.js before.
//
// On the channel: {topic, data, keep?: [version, author]} and, from who just came, {ask: true}.
import { Channel } from "../shared/channel.js";

const WAITING_MAX = 1000;
/** How far ahead of ours the version of a value may be: a made-up one must not use all numbers up. */
const VERSION_LEAP_MAX = 1_000_000;

export class Hub {
  #channel; #subscribers = new Map(); #kept = new Map(); #waiting = [];
  #id = Array.from(crypto.getRandomValues(new Uint32Array(2)), n => n.toString(36)).join("");

  /**
   * @param {string} channel its name
   * @param {"broadcast" | "local"} options.scope who hears: the network too, or this machine only
   * @param {function} options.state as a Channel's: `state("connecting" | "open" | "down", text)`
   */
  constructor(channel, { scope = "broadcast", state } = {}) {
    this.#channel = new Channel(channel, {
      open: () => this.#opened(),
      message: text => this.#hear(text),
      state,
    }, scope);
  }

  /** How many messages wait for the proxy. */
  get waiting() { return this.#waiting.length; }

  /** Calls `listener(data, topic)` for each message, and now for one that is kept. Returns what
   *  ends it. */
  subscribe(topic, listener) {
    const listeners = this.#subscribers.get(topic) ?? new Set();
    this.#subscribers.set(topic, listeners.add(listener));
    if (this.#kept.has(topic)) listener(this.#kept.get(topic).data, topic);
    return () => listeners.delete(listener);
  }

  /**
   * Publishes anything that JSON can carry. With `keep`, it is the topic's value from then on: who
   * subscribes later, on a page that is opened later even, hears it.
   * @throws {RangeError} if too much waits already for a proxy that is not there
   */
  publish(topic, data, { keep = false } = {}) {
    if (typeof topic !== "string") throw new TypeError("a topic is a string");
    // A copy, as the others get one: the caller may change its own while this one waits.
    const message = JSON.parse(JSON.stringify({ topic, data }));
    if (keep) {
      message.keep = [(this.#kept.get(topic)?.keep[0] ?? 0) + 1, this.#id];
      // Nobody needs the values before it.
      this.#waiting = this.#waiting.filter(each => each.topic !== topic || !each.keep);
    }
    if (!this.#send(message)) {
      if (this.#waiting.length >= WAITING_MAX) {
        throw new RangeError(`${WAITING_MAX} messages wait for the proxy; publish again later`);
      }
      this.#waiting.push(message);
    }
    this.#take(message);
  }

  close() { this.#channel.close(); }

  #send(message) { return this.#channel.send(JSON.stringify(message)); }

  #opened() {
    this.#send({ ask: true });
    while (this.#waiting.length > 0 && this.#send(this.#waiting[0])) this.#waiting.shift();
    for (const kept of this.#kept.values()) this.#send(kept);
  }

  #hear(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return; // not of a hub
    }
    if (message?.ask === true) for (const kept of this.#kept.values()) this.#send(kept);
    if (typeof message?.topic === "string") this.#take(message);
  }

  /** Hands a message to the subscribers; not a kept value that is no newer than ours. */
  #take(message) {
    const { topic, data, keep } = message;
    if (keep !== undefined) {
      const old = this.#kept.get(topic)?.keep ?? [0, ""];
      if (!isVersion(keep) || keep[0] > old[0] + VERSION_LEAP_MAX || !isNewer(keep, old)) return;
      this.#kept.set(topic, { topic, data, keep });
    }
    for (const listener of [...this.#subscribers.get(topic) ?? []]) listener(data, topic);
  }
}

const isVersion = keep => Array.isArray(keep) && Number.isSafeInteger(keep[0])
  && typeof keep[1] === "string";

/** Of two values that were set at once, all pages choose the same. */
const isNewer = ([version, author], old) => version > old[0]
  || (version === old[0] && author > old[1]);
