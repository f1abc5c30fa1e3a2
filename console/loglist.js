// The log as people see it: only the rows in sight are in the page, so that ten thousand cost no
// more than thirty. A list box for the keyboard and for screen readers; the chosen row in full.
import { at, element, save, say } from "./dom.js";
import { clock, dump, encode, hex, size } from "./bytes.js";

/** Rows made above and below those in sight. */
const ROWS_BEYOND = 8;
/** New entries come to the page together, this often, in milliseconds: a page that is busy
 *  drawing reads too slowly, and holds up everyone who sends to it. */
const DRAW_EVERY_MS = 50;
/** What a row and the pane of the chosen one show of a long message. */
const ROW_CHARACTERS = 300;
const ROW_BYTES = 64;
const PANE_CHARACTERS = 100_000;
const PANE_BYTES = 16 * 1024;

export class LogList {
  /** `auto` shows text as text and binary as hex; `text` and `hex` show either so. */
  view = "auto";
  #log;
  #made = new Map();
  #chosen = null;
  /** `cut` of the log when it was drawn. */
  #cut = 0;
  #drawing = null;
  #follows = true;
  #rowHeight = 28;

  constructor(log) {
    this.#log = log;
    const box = at("log");
    box.addEventListener("scroll", () => {
      this.#follows = box.scrollHeight - box.scrollTop - box.clientHeight < this.#rowHeight;
      this.#drawRows();
    });
    box.addEventListener("keydown", event => this.#key(event));
    box.addEventListener("click", event => {
      const row = event.target.closest("[role=option]");
      if (row !== null) this.choose(Number(row.dataset.id));
    });
    new ResizeObserver(() => this.#measure()).observe(box);
    at("newest").addEventListener("click", () => this.#toEnd());
    at("pane-close").addEventListener("click", () => this.choose(null));
    at("pane-copy").addEventListener("click", () => this.#copy());
    at("pane-save").addEventListener("click", () => this.#save());
  }

  /** Draws soon what has changed in the log. */
  draw() {
    this.#drawing ??= setTimeout(() => {
      this.#drawing = null;
      this.#draw();
    }, DRAW_EVERY_MS);
  }

  /** Draws all anew: another filter, another view. */
  redraw() {
    for (const row of this.#made.values()) row.remove();
    this.#made.clear();
    this.#cut = this.#log.cut;
    this.#draw();
    this.#drawPane();
  }

  /** Shows the entry with this id in full, or none. */
  choose(id) {
    const entry = id === null ? null : this.#log.shown.find(each => each.id === id) ?? null;
    this.#chosen = entry;
    for (const [made, row] of this.#made) {
      row.setAttribute("aria-selected", String(made === entry?.id));
    }
    this.#drawRows();
    this.#drawPane();
    if (entry === null) at("log").focus({ preventScroll: true });
    else this.#reveal(entry);
  }

  #measure() {
    const probe = element("div", "0", "row");
    at("lines").append(probe);
    this.#rowHeight = probe.offsetHeight || this.#rowHeight;
    probe.remove();
    this.redraw();
  }

  #draw() {
    const { shown } = this.#log;
    const box = at("log");
    // Rows that went at the top move the rest up; who reads there sees no jump.
    const gone = this.#log.cut - this.#cut;
    this.#cut = this.#log.cut;
    at("lines").style.height = `${shown.length * this.#rowHeight}px`;
    if (this.#follows) box.scrollTop = box.scrollHeight;
    else if (gone > 0) box.scrollTop -= gone * this.#rowHeight;
    this.#drawRows();
    at("empty").hidden = shown.length > 0;
    say(at("empty"), this.#log.entries.length === 0
      ? "Nothing yet. Open a channel and send something; what others send appears here."
      : "Nothing that passed matches the filter.");
    this.#drawCounts();
  }

  #drawCounts() {
    const { entries, shown, held, dropped, paused } = this.#log;
    const number = count => count.toLocaleString("en").replaceAll(",", "\u202f");
    const lines = count => `${number(count)} line${count === 1 ? "" : "s"}`;
    const parts = [shown.length === entries.length ? lines(shown.length)
      : `${number(shown.length)} of ${lines(entries.length)}`];
    if (dropped > 0) parts.push(`the oldest ${number(dropped)} dropped`);
    if (paused) parts.push(`paused, ${number(held)} new`);
    say(at("counts"), parts.join(" · "));
  }

  #drawRows() {
    const { shown } = this.#log;
    const box = at("log");
    const from = Math.max(0, Math.floor(box.scrollTop / this.#rowHeight) - ROWS_BEYOND);
    const count = Math.ceil(box.clientHeight / this.#rowHeight) + 2 * ROWS_BEYOND;
    const to = Math.min(shown.length, from + count);
    const wanted = new Set();
    for (let i = from; i < to; i += 1) wanted.add(shown[i].id);
    for (const [id, row] of this.#made) {
      if (wanted.has(id)) continue;
      row.remove();
      this.#made.delete(id);
    }
    for (let i = from; i < to; i += 1) this.#place(shown[i], i, shown.length);
    const active = this.#chosen !== null && wanted.has(this.#chosen.id);
    if (active) box.setAttribute("aria-activedescendant", `line-${this.#chosen.id}`);
    else box.removeAttribute("aria-activedescendant");
    at("newest").hidden = this.#follows || shown.length === 0;
  }

  #place(entry, index, total) {
    let row = this.#made.get(entry.id);
    if (row === undefined) {
      row = this.#row(entry);
      this.#made.set(entry.id, row);
      // In the order of the log, for those who read row by row.
      const next = [...at("lines").children].find(each => Number(each.dataset.id) > entry.id);
      at("lines").insertBefore(row, next ?? null);
    }
    row.style.transform = `translateY(${index * this.#rowHeight}px)`;
    row.setAttribute("aria-posinset", index + 1);
    row.setAttribute("aria-setsize", total);
  }

  #row(entry) {
    const row = element("div", "", `row ${entry.direction}`);
    row.id = `line-${entry.id}`;
    row.dataset.id = entry.id;
    row.role = "option";
    row.setAttribute("aria-selected", String(entry.id === this.#chosen?.id));
    const isMessage = entry.direction === "sent" || entry.direction === "received";
    const what = element("span", this.#inRow(entry), "what");
    if (entry.bytes === 0) what.classList.add("nothing");
    // A screen reader reads the parts as one line; the blanks keep its words apart.
    row.append(element("span", clock(entry.time), "time"), " ",
      element("span", entry.direction, "direction"), " ",
      element("span", entry.channel, "path"), " ",
      element("span", isMessage ? size(entry.bytes) : "", "size"), " ", what);
    return row;
  }

  #inRow({ data, bytes, direction }) {
    if (bytes === 0) return "(empty)";
    const asHex = this.#asHex(data) && (direction === "sent" || direction === "received");
    if (asHex) {
      const some = typeof data === "string" ? encode(data.slice(0, ROW_BYTES)) : data;
      return `${hex(some, ROW_BYTES)}${bytes > ROW_BYTES ? " …" : ""}`;
    }
    const text = asText(data, ROW_CHARACTERS);
    return text.length > ROW_CHARACTERS ? `${text.slice(0, ROW_CHARACTERS)}…` : text;
  }

  #asHex(data) {
    return this.view === "hex" || (this.view === "auto" && typeof data !== "string");
  }

  // ---- The chosen entry ----------------------------------------------------------------

  #drawPane() {
    const entry = this.#chosen;
    at("pane").hidden = entry === null;
    if (entry === null) return;
    const { direction, channel, data, bytes, time } = entry;
    const kind = typeof data === "string" ? "text" : "binary";
    say(at("pane-title"), [direction, channel, clock(time), `${kind}, ${size(bytes)}`]
      .filter(part => part !== "").join(" · "));
    const asHex = this.#asHex(data);
    const text = asHex ? dump(asBytes(data).subarray(0, PANE_BYTES))
      : asText(data, PANE_CHARACTERS);
    at("pane-data").classList.toggle("dump", asHex);
    say(at("pane-data"), text.slice(0, PANE_CHARACTERS) || "(empty)");
    const rest = asHex ? bytes > PANE_BYTES : asText(data).length > PANE_CHARACTERS;
    say(at("pane-rest"), !rest ? "" : "Only the beginning is shown; save it to have it all.");
  }

  async #copy() {
    const { data } = this.#chosen;
    const text = this.#asHex(data) ? hex(asBytes(data)) : asText(data);
    say(at("pane-rest"), await copied(text) ? "Copied." :
      "The browser does not let this page copy. Mark the text and copy it, or save it.");
  }

  #save() {
    const { id, data } = this.#chosen;
    const [end, type] = typeof data === "string" ? ["txt", "text/plain"]
      : ["bin", "application/octet-stream"];
    save(`message-${id}.${end}`, [data], type);
  }

  // ---- Moving --------------------------------------------------------------------------

  #key(event) {
    const { shown } = this.#log;
    if (shown.length === 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    const now = this.#chosen === null ? -1 : shown.indexOf(this.#chosen);
    const page = Math.max(1, Math.floor(at("log").clientHeight / this.#rowHeight) - 1);
    const last = shown.length - 1;
    const start = now === -1 ? last + 1 : now;
    const to = {
      ArrowUp: start - 1, ArrowDown: now === -1 ? last : now + 1, Home: 0, End: last,
      PageUp: start - page, PageDown: now === -1 ? last : now + page,
    }[event.key];
    if (to !== undefined) this.choose(shown[Math.min(last, Math.max(0, to))].id);
    else if (event.key === "Escape" && this.#chosen !== null) this.choose(null);
    else return;
    event.preventDefault();
  }

  #reveal(entry) {
    const box = at("log");
    const top = this.#log.shown.indexOf(entry) * this.#rowHeight;
    if (top < box.scrollTop) box.scrollTop = top;
    const bottom = top + this.#rowHeight - box.clientHeight;
    if (bottom > box.scrollTop) box.scrollTop = bottom;
    this.#drawRows();
  }

  #toEnd() {
    this.#follows = true;
    at("log").scrollTop = at("log").scrollHeight;
    this.#drawRows();
    at("log").focus({ preventScroll: true });
  }
}

function asBytes(data) {
  return typeof data === "string" ? encode(data) : data;
}

function asText(data, most = Infinity) {
  if (typeof data === "string") return data;
  const some = most === Infinity ? data : data.subarray(0, 4 * most);
  return new TextDecoder().decode(some);
}

/** Puts text on the clipboard, where the browser lets us. */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
