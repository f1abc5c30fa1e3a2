// What the proxy says at /status, asked for again and again, and the rates that follow. No page.

/** How often it is asked, and how long an answer may take, in milliseconds. */
const EVERY_MS = 1000;
const TIMEOUT_MS = 5000;
/** Points of the history of rates. */
const HISTORY_MAX = 60;

export class Status {
  /** What /status said last; null while it does not answer. */
  latest = null;
  /** What is wrong, and what to do; empty if nothing is. */
  problem = "";
  /** Messages a second: taken in by the proxy, handed out by it, and by channel path. */
  rates = { received: 0, delivered: 0, channels: new Map() };
  /** The latest of `rates.received`. */
  history = [];
  #before = null;
  #asking = null;
  #tell;

  constructor(tell) {
    this.#tell = tell;
  }

  /** Asks now and then every second while the page is seen. */
  start() {
    document.addEventListener("visibilitychange", () => document.hidden || this.refresh());
    setInterval(() => document.hidden || this.refresh(), EVERY_MS);
    return this.refresh();
  }

  /** Asks now. Called while an answer is due, it waits for that one. */
  refresh() {
    this.#asking ??= this.#ask().finally(() => { this.#asking = null; });
    return this.#asking;
  }

  async #ask() {
    this.problem = "";
    try {
      const answer = await fetch("/status", {
        cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      this.latest = answer.ok ? await answer.json() : null;
      if (!answer.ok) {
        this.problem = `/status answered ${answer.status}. Open this page as ` +
          "http://localhost:<port>/console.";
      }
    } catch {
      this.latest = null;
      this.problem = `No proxy answers at ${location.host}. Start it with “${startCommand()}”; ` +
        "this page goes on asking.";
    }
    this.#measure();
    this.#tell();
  }

  #measure() {
    this.rates = ratesBetween(this.#before, this.latest);
    this.#before = this.latest;
    this.history.push(this.rates.received);
    if (this.history.length > HISTORY_MAX) this.history.shift();
  }
}

/** How a person starts the proxy that this page came from. */
export const startCommand = () => location.port === "9009" ? "namedwebsockets"
  : `namedwebsockets --port ${location.port || 80}`;

/** Messages a second between two statuses of one run of a proxy. */
export function ratesBetween(before, now) {
  const rates = { received: 0, delivered: 0, channels: new Map() };
  if (now === null || before === null || before.proxy !== now.proxy) return rates;
  const seconds = now.uptime_seconds - before.uptime_seconds;
  if (seconds <= 0) return rates;
  const path = channel => `/${channel.scope}/${channel.name}`;
  const earlier = new Map(before.channels.map(channel => [path(channel), channel]));
  // A channel that ended and began again meanwhile counts from 0.
  const since = (then, count) => (count >= then ? count - then : count) / seconds;
  rates.received = since(before.counters.messages_received, now.counters.messages_received);
  rates.delivered = since(before.counters.messages_delivered, now.counters.messages_delivered);
  for (const channel of now.channels) {
    const then = earlier.get(path(channel))?.messages_received ?? 0;
    rates.channels.set(path(channel), since(then, channel.messages_received));
  }
  return rates;
}
