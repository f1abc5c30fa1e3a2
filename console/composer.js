// The form that sends: text, bytes in hex, or a file, to one of the open channels.
import { at, rows, say } from "./dom.js";
import { encode, parseHex, size } from "./bytes.js";

const FIELDS = { text: "text", hex: "hex", file: "file" };

export class Composer {
  #channels;
  #limit;

  /** `channels()` are those in the page, `limit()` the bytes that a message may have, if known. */
  constructor(channels, limit) {
    this.#channels = channels;
    this.#limit = limit;
    const form = at("send-form");
    form.addEventListener("submit", event => {
      event.preventDefault();
      this.#send();
    });
    form.addEventListener("input", () => this.#typed());
    for (const name of ["text", "hex"]) {
      at(name).addEventListener("keydown", event => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        form.requestSubmit();
      });
    }
    // Else the browser would leave the page, and show the file instead.
    addEventListener("dragover", event => event.preventDefault());
    addEventListener("drop", event => {
      event.preventDefault();
      this.#dropped(event.dataTransfer.files);
    });
    this.#typed();
  }

  /** Takes what was dropped as the file to send; a person then sends it. */
  #dropped(files) {
    if (files.length === 0) return;
    if (files.length > 1) {
      this.#problem(`${files.length} files were dropped. Drop one at a time.`);
      return;
    }
    document.querySelector("input[name=kind][value=file]").checked = true;
    at("file").files = files;
    this.#typed();
    at("send").focus();
  }

  get #kind() {
    return document.querySelector("input[name=kind]:checked").value;
  }

  /** Offers the channels that are open; the chosen one stays. */
  show() {
    const open = this.#channels().filter(({ state }) => state === "open").map(({ path }) => path);
    const to = at("to");
    const before = to.value;
    rows(to, open.length === 0 ? ["no open channel"] : open, path => new Option(path));
    if (open.includes(before)) to.value = before;
    to.disabled = open.length === 0;
    at("send").disabled = open.length === 0;
  }

  /** Takes this channel as the one to send to, and goes to the field. */
  aim(channel) {
    this.show();
    at("to").value = channel.path;
    at(FIELDS[this.#kind]).focus();
  }

  #typed() {
    const kind = this.#kind;
    for (const [name, field] of Object.entries(FIELDS)) {
      at(`${field}-field`).hidden = name !== kind;
    }
    this.#problem("");
    say(at("count"), this.#count(kind));
  }

  #count(kind) {
    if (kind === "text") return size(encode(at("text").value).length);
    if (kind === "file") return at("file").files.length === 0 ? "" : size(at("file").files[0].size);
    try {
      return size(parseHex(at("hex").value).length);
    } catch {
      return "not hex yet";
    }
  }

  async #send() {
    this.#problem("");
    try {
      const kind = this.#kind;
      const data = kind === "text" ? at("text").value
        : kind === "hex" ? this.#bytes() : await this.#file();
      const bytes = typeof data === "string" ? encode(data).length : data.length;
      this.#check(bytes);
      const channel = this.#channels().find(({ path }) => path === at("to").value);
      if (channel === undefined) throw new Error("Connect a channel first, then send.");
      channel.send(data, bytes);
      // A file stays chosen, so that it can be sent again.
      if (kind !== "file") at(FIELDS[kind]).value = "";
      say(at("count"), this.#count(kind));
    } catch (error) {
      this.#problem(error.message);
      at(FIELDS[this.#kind]).focus();
    }
  }

  #bytes() {
    const bytes = parseHex(at("hex").value);
    if (bytes.length === 0) {
      throw new Error("There are no bytes to send. Write pairs of hex digits, such as 68 69.");
    }
    return bytes;
  }

  async #file() {
    const [file] = at("file").files;
    if (file === undefined) throw new Error("Choose a file first.");
    // Before it is read: it may be larger than the memory there is.
    this.#check(file.size);
    try {
      return new Uint8Array(await file.arrayBuffer());
    } catch (error) {
      throw new Error(`${file.name} cannot be read: ${error.message} Choose it again.`);
    }
  }

  #check(bytes) {
    const most = this.#limit();
    if (most === null || bytes <= most) return;
    throw new Error(`This message has ${bytes} bytes; the proxy takes ${most} (${size(most)}). ` +
      "Send less, start the proxy with a larger --max-message-size, or use the files example " +
      "(/examples/files/), which sends files of any size in parts.");
  }

  #problem(text) {
    say(at("send-problem"), text);
    at("send-problem").hidden = text === "";
    for (const field of Object.values(FIELDS)) {
      at(field).setAttribute("aria-invalid", String(text !== ""));
    }
  }
}
