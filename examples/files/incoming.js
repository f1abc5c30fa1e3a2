// One file that comes: written to disk as it comes, its checksum compared at the end.
import { Sha256 } from "./sha256.js";
import { openStore } from "./store.js";

/** Nothing came for so long: its sender has gone without a word. Twice the time after which the
 *  proxy cuts off a reader that holds the sender up. In milliseconds. */
export const SILENCE_MS = 20_000;

export class Incoming {
  state = "coming"; // then "kept" or "broken"
  bytes = 0;
  why = "";
  /** The whole of it, once it is kept. */
  file = null;
  #changed;
  #store = null;
  #opening;
  #waiting = [];
  #hash = new Sha256();
  #silence;

  /** @param {() => void} changed called whenever there is something new to say */
  constructor(id, name, size, changed) {
    [this.id, this.name, this.size, this.#changed] = [id, name, size, changed];
    this.#opening = openStore(id, size).then(store => {
      this.#store = store;
      if (this.state !== "coming") return store.remove();
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const act of waiting) act();
      return undefined;
    }).catch(error => this.break(error.message));
    this.#hear();
  }

  /** The next part. */
  part(offset, bytes) {
    this.#hear();
    this.#inOrder(() => {
      if (offset !== this.bytes) {
        this.break(`a part is missing: ${this.bytes} bytes came, and the next is of ${offset}.`);
      } else if (offset + bytes.length > this.size) {
        this.break("more came than its sender said.");
      } else {
        this.#write(bytes);
      }
    });
  }

  /** That was all: keeps it if the checksum is right. */
  end(sha256) {
    this.#hear();
    this.#inOrder(async () => {
      if (this.bytes !== this.size) {
        this.break(`${this.bytes} of ${this.size} bytes came.`);
        return;
      }
      this.sha256 = this.#hash.digest();
      if (this.sha256 !== sha256) {
        this.break("the checksum is wrong: what came is not what was sent.");
        return;
      }
      clearTimeout(this.#silence);
      try {
        const file = await this.#store.finish();
        if (this.state !== "coming") return; // the connection was lost in that instant
        this.file = file;
        this.#become("kept");
      } catch (error) {
        this.break(`it could not be written: ${error.message}`);
      }
    });
  }

  /** Gives up, says why, and keeps nothing. */
  break(why) {
    if (this.state !== "coming") return;
    this.why = why;
    this.#become("broken");
    this.#store?.remove();
  }

  /** Removes what was kept. */
  async remove() {
    this.break("removed.");
    await this.#opening;
    await this.#store?.remove();
  }

  #write(bytes) {
    try {
      this.#store.write(bytes);
    } catch (error) {
      this.break(error.name === "QuotaExceededError"
        ? "there is no room left. Save and remove other files, or free some of the disk."
        : `it could not be written: ${error.message}`);
      return;
    }
    this.#hash.update(bytes);
    this.bytes += bytes.length;
    this.#changed();
  }

  /** Does it when the store is open: that takes an instant, in which parts come already. */
  #inOrder(act) {
    if (this.state !== "coming") return;
    if (this.#store === null) this.#waiting.push(() => this.state === "coming" && act());
    else act();
  }

  #hear() {
    clearTimeout(this.#silence);
    if (this.state !== "coming") return;
    this.#silence = setTimeout(() => this.break(
      `nothing came for ${SILENCE_MS / 1000} s: its sender has left or lost its connection.`),
    SILENCE_MS);
  }

  #become(state) {
    clearTimeout(this.#silence);
    this.state = state;
    this.#changed();
  }
}
