// One file that goes out: read a part at a time, and never faster than the channel takes it.
import { Sha256 } from "./sha256.js";
import { PART_BYTES, newId, writePart } from "./wire.js";

/** Bytes that may wait in the browser for the socket. Enough to keep it busy; beyond it, reading
 *  on would only fill the page's memory. */
const WAITING_BYTES_MAX = 2 * 1024 * 1024;
/** There is no event for a socket that has room again. In milliseconds. */
const ASK_AGAIN_MS = 5;

const pause = () => new Promise(resolve => setTimeout(resolve, ASK_AGAIN_MS));

export class Outgoing {
  state = "waiting"; // then "going", "sent" or "broken"
  bytes = 0;
  why = "";
  /** What each receiver said last, by its id: `{ bytes, state, why, time }`. */
  receivers = new Map();
  id = newId();
  #changed;
  #socket = null;

  constructor(file, changed) {
    [this.file, this.#changed] = [file, changed];
  }

  /** Sends all of it over `socket`. */
  async send(socket) {
    if (this.state !== "waiting") return;
    this.#socket = socket;
    this.#become("going");
    const { id, file } = this;
    this.#tell({ type: "offer", id, name: file.name, size: file.size });
    const hash = new Sha256();
    while (this.bytes < file.size) {
      const bytes = await this.#read();
      while (socket.bufferedAmount > WAITING_BYTES_MAX && this.state === "going") await pause();
      if (this.state !== "going") return; // cancelled, or the connection was lost
      socket.send(writePart(id, this.bytes, bytes));
      hash.update(bytes);
      this.bytes += bytes.length;
      this.#changed();
    }
    this.sha256 = hash.digest();
    this.#tell({ type: "end", id, sha256: this.sha256 });
    // Not before it is out: until then it can still break.
    while (socket.bufferedAmount > 0 && this.state === "going") await pause();
    if (this.state === "going") this.#become("sent");
  }

  /** Tells a page that came meanwhile that it is too late for this one. */
  tellLate() {
    const { id, file: { name, size } } = this;
    if (this.state === "going") this.#tell({ type: "offer", id, name, size, late: true });
  }

  /** Ends it, and tells the others why. */
  cancel(why) {
    if (this.state === "going") this.#tell({ type: "cancel", id: this.id, why });
    this.break(why);
  }

  break(why) {
    if (this.state !== "going" && this.state !== "waiting") return;
    this.why = why;
    this.#become("broken");
  }

  heard({ type, from, bytes, why = "" }) {
    const before = this.receivers.get(from)?.bytes ?? 0;
    this.receivers.set(from, { bytes: type === "kept" ? this.file.size : bytes ?? before,
      state: type, why, time: performance.now() });
    this.#changed();
  }

  /** Gives up receivers that said nothing for so long, in milliseconds, though they have not all. */
  missSilent(most) {
    for (const receiver of this.receivers.values()) {
      if (receiver.state !== "got" || performance.now() - receiver.time < most) continue;
      receiver.state = "broken";
      receiver.why = `nothing was heard of it for ${most / 1000} s: its page was closed or lost ` +
        "its connection.";
      this.#changed();
    }
  }

  async #read() {
    try {
      const part = this.file.slice(this.bytes, this.bytes + PART_BYTES);
      return new Uint8Array(await part.arrayBuffer());
    } catch (error) {
      this.cancel(`the file cannot be read any more; was it changed or moved? (${error.name})`);
      return new Uint8Array();
    }
  }

  #tell(message) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #become(state) {
    this.state = state;
    this.#changed();
  }
}
