// A channel that comes back: it reconnects for as long as it is wanted, and says in words what to
// do while it cannot.
//
//   const channel = new Channel("chat", { open() {…}, message(data) {…}, state(state, text) {…} });
//   channel.send("hello");      // false if it is not open
//
// Needs namedwebsockets.js, loaded before.

const RETRY_MS_MIN = 250;
const RETRY_MS_MAX = 4000;

/** The proxy that served this page; the one of this machine for a page from elsewhere. */
export const PROXY = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(location.hostname)
  ? `ws://${location.host}` : "ws://localhost:9009";

export class Channel {
  #name; #scope; #on; #socket = null; #timer = null; #tries = 0; #wanted = true;

  /**
   * @param {string} name
   * @param {object} on what to call: `open()`, `message(text)`, and `state("connecting" | "open" |
   *   "down", text)` whenever there is something new to show
   * @param {"broadcast" | "local"} scope
   */
  constructor(name, on, scope = "broadcast") {
    [this.#name, this.#on, this.#scope] = [name, on, scope];
    // Whoever leaves closes the channel; whoever comes back by "back" wants it again.
    addEventListener("pagehide", () => this.#drop());
    addEventListener("pageshow", event => event.persisted && this.#wanted && this.#connect());
    addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.#hurry());
    this.#on.state?.("connecting", "Connecting to the proxy…");
    this.#connect();
  }

  get isOpen() { return this.#socket?.readyState === WebSocket.OPEN; }

  send(text) {
    if (this.isOpen) this.#socket.send(text);
    return this.isOpen;
  }

  close() {
    this.#wanted = false;
    this.#drop();
  }

  #drop() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
  }

  #connect() {
    const { LocalWebSocket, BroadcastWebSocket } = namedwebsockets;
    const Named = this.#scope === "local" ? LocalWebSocket : BroadcastWebSocket;
    const socket = new Named(this.#name, [], { proxy: PROXY });
    this.#socket = socket;
    socket.onopen = () => {
      this.#tries = 0;
      const reach = this.#scope === "local" ? "this machine" : "this machine and the local network";
      this.#on.state?.("open", `Connected: everyone on ${reach} who opens this page.`);
      this.#on.open?.();
    };
    socket.onmessage = ({ data }) => typeof data === "string" && this.#on.message?.(data);
    socket.onclose = () => {
      if (socket === this.#socket) this.#retry(); // else nobody wants it any more
    };
  }

  async #retry() {
    const wait = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** this.#tries);
    this.#tries += 1;
    // Not all at the same instant.
    this.#timer = setTimeout(() => this.#connect(), wait * (0.5 + Math.random() / 2));
    const tries = this.#tries;
    const text = await whatToDo();
    if (tries === this.#tries && !this.isOpen) this.#on.state?.("down", text);
  }

  /** Tries now, if it waits to try again. */
  #hurry() {
    if (this.#socket?.readyState !== WebSocket.CLOSED) return;
    clearTimeout(this.#timer);
    this.#connect();
  }
}

/** Why no channel opens, as far as a page can know, and what its person can do. */
async function whatToDo() {
  const permission = await navigator.permissions?.query({ name: "loopback-network" })
    .catch(() => null); // a browser that asks nobody
  if (permission?.state === "denied") {
    return "This browser does not let the page reach programs on this machine. Allow it in the " +
      "settings left of the page's address; the page goes on trying.";
  }
  const { host, port } = new URL(PROXY);
  const command = port === "9009" ? "namedwebsockets" : `namedwebsockets --port ${port || 80}`;
  return `No proxy answers at ${host}. Start it with “${command}”; the page goes on trying.`;
}

/** Shows a channel's state in `element`; give it as `state`. */
export const showState = element => (state, text) => {
  element.dataset.state = state;
  if (element.textContent !== text) element.textContent = text;
};
