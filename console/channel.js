// One open channel: its socket, its state, and what to do when something is wrong. No page.
//
//   opening ──▶ open ──▶ closing ──▶ closed       a person closed it, or gave up opening it
//      │         ├─────▶ ended                    the proxy closed it; `advice` says why
//      │         └─────▶ lost ──(proxy answers)─▶ opening
//      └───────▶ failed                           `advice` says what to do

/** What a close code means here, and what to do. */
const CLOSED = {
  1000: "Disconnected.",
  1001: "The proxy stopped. This channel opens again when the proxy is back; what others say " +
    "until then is missed.",
  1002: "The proxy found an error in what this browser sent. Connect again.",
  1005: "Disconnected.",
  1006: "The connection was lost. This channel opens again when the proxy answers; what others " +
    "say until then is missed.",
  1008: "The proxy gave up on this page: it took in too little for too long. Connect again.",
  1009: "The message was larger than the proxy takes. Connect again and send a smaller one, " +
    "or start the proxy with a larger --max-message-size.",
};

/** Codes after which the channel opens again by itself. */
const COMES_BACK = [1001, 1006];

/** Bytes that may wait in the browser before more are refused. */
const WAITING_BYTES_MAX = 64 * 1024 * 1024;

export class Channel {
  state = "closed";
  advice = "";
  sent = 0;
  received = 0;
  #socket = null;
  /** Whether it is to come back by itself. */
  #wasLost = false;
  #events;

  /** `events`: `changed()`, `note(direction, text)`, `message(direction, data)`,
   *  `whyNotOpened(url)`, a promise of `{ advice, proxyAnswers }`. */
  constructor(scope, name, proxy, events) {
    this.scope = scope;
    this.name = name;
    this.proxy = proxy;
    this.#events = events;
  }

  get path() {
    return `/${this.scope}/${this.name}`;
  }

  /** Bytes that were sent but have not left the browser. */
  get waiting() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  get isActive() {
    return ["opening", "open", "closing"].includes(this.state);
  }

  /** Throws a DOMException if the name is not valid. */
  open() {
    const Named = this.scope === "local" ? LocalWebSocket : BroadcastWebSocket;
    const socket = new Named(this.name, [], { proxy: this.proxy });
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#become("open");
      this.#events.note("note", `Connected to ${socket.url}`);
    };
    socket.onmessage = ({ data }) => {
      this.received += 1;
      this.#events.message("received", typeof data === "string" ? data : new Uint8Array(data));
    };
    socket.onclose = event => this.#closed(event, socket.url);
    this.#become("opening");
  }

  close() {
    if (this.#socket === null) {
      this.#become("closed");
      return;
    }
    this.#become("closing");
    this.#socket.close(1000);
  }

  /** Sends text or bytes. Throws an Error that says what to do if it can't. */
  send(data, bytes) {
    if (this.state !== "open") {
      throw new Error(`${this.path} is not open. Connect it, then send again.`);
    }
    if (this.waiting + bytes > WAITING_BYTES_MAX) {
      throw new Error("Too much waits to be sent already: somebody on the channel reads slowly. " +
        "Wait a little, then send again.");
    }
    this.#socket.send(data);
    this.sent += 1;
    this.#events.message("sent", data);
  }

  #become(state, advice = "") {
    this.#wasLost = state === "lost" || (this.#wasLost && state === "opening");
    this.state = state;
    this.advice = advice;
    this.#events.changed();
  }

  async #closed({ code, reason }, url) {
    const before = this.state;
    this.#socket = null;
    if (before === "opening") {
      // A browser does not say why a WebSocket could not be opened.
      const { advice, proxyAnswers } = await this.#events.whyNotOpened(url);
      if (this.state !== "opening" || this.#socket !== null) return; // given up meanwhile
      if (this.#wasLost && !proxyAnswers) {
        this.#become("lost", CLOSED[1006]); // tried too early
        return;
      }
      this.#become("failed", advice);
      this.#events.note("error", advice);
      return;
    }
    const advice = CLOSED[code] ?? "Connect again.";
    const said = reason === "" ? "" : `, “${reason}”`;
    const ended = before === "closing" || code === 1000 || code === 1005;
    if (ended) this.#become("closed");
    else this.#become(COMES_BACK.includes(code) ? "lost" : "ended", advice);
    this.#events.note(ended ? "note" : "error",
      `${ended ? "Disconnected." : advice} (close code ${code}${said})`);
  }
}

/** The channels behind the `#` of an address, as `[scope, name]`, and what there is no channel. */
export function parseFragment(fragment) {
  const channels = [];
  const wrong = [];
  for (const part of fragment.replace(/^#/, "").split("&").filter(part => part !== "")) {
    const match = /^(local|broadcast)\/([A-Za-z0-9._-]{1,255})$/.exec(part);
    if (match === null || [".", ".."].includes(match[2])) wrong.push(part);
    else channels.push([match[1], match[2]]);
  }
  return { channels, wrong };
}

export const toFragment = channels =>
  channels.length === 0 ? "" : `#${channels.map(({ path }) => path.slice(1)).join("&")}`;
