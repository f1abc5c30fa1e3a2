// The network as a picture: clients, the channels of this proxy, and the proxies that they are
// linked with. Things keep their element while they are there, so that what moves is seen to move.
//
//     ●●●──( /local/notes    0 )
//      ●●──( /broadcast/chat 12 )━━━━━━━▶[ 10.0.0.2:9009 ]
import { rate as perSecond } from "./bytes.js";

const NS = "http://www.w3.org/2000/svg";

/** Pixels. */
const ROW = 40;
const TOP = 34;
const BOX = 28;
const DOTS_MAX = 5;
const DOT = 12;
/** What has gone fades for so long, in milliseconds. As in console.css. */
const FADE_MS = 400;
/** About the width of a digit. */
const CHARACTER = 6.7;

export class Picture {
  #svg;
  #layers;
  #made = new Map();
  #network = null;
  #width = 360;

  constructor(svg) {
    this.#svg = svg;
    this.#layers = { back: svgElement("g"), ties: svgElement("g"), nodes: svgElement("g") };
    svg.append(...Object.values(this.#layers));
    new ResizeObserver(([{ contentRect }]) => {
      this.#width = Math.max(260, Math.round(contentRect.width));
      if (this.#network !== null) this.show(this.#network);
    }).observe(svg.parentElement);
  }

  show(network) {
    this.#network = network;
    const places = layout(network, this.#width);
    this.#svg.setAttribute("viewBox", `0 0 ${this.#width} ${places.height}`);
    this.#svg.setAttribute("height", places.height);
    const wanted = new Set();
    for (const draw of [...this.#frame(places), ...this.#nodes(network, places),
      ...this.#ties(network, places)]) wanted.add(draw);
    for (const [key, made] of this.#made) {
      if (wanted.has(key)) continue;
      this.#made.delete(key);
      made.classList.add("gone");
      setTimeout(() => made.remove(), FADE_MS);
    }
  }

  /** The element for `key`, made by `make` if there is none. */
  #get(key, layer, make) {
    let made = this.#made.get(key);
    if (made === undefined) {
      made = make();
      this.#made.set(key, made);
      this.#layers[layer].append(made);
    }
    return made;
  }

  * #frame(places) {
    const { columns, height, empty } = places;
    const frame = this.#get("frame", "back", () => svgElement("rect", { class: "frame", rx: 10 }));
    set(frame, { x: columns.channels.x - 8, y: TOP - 12, width: columns.channels.width + 16,
      height: height - TOP + 8 });
    yield "frame";
    for (const [key, { x, anchor, text }] of Object.entries(places.titles)) {
      const title = this.#get(`title ${key}`, "back", () => svgElement("text", { class: "title" }));
      set(title, { x, y: 12, "text-anchor": anchor });
      title.textContent = text;
      yield `title ${key}`;
    }
    if (empty === "") return;
    const words = this.#get("empty", "back", () => svgElement("text", { class: "title" }));
    set(words, { x: columns.channels.x + columns.channels.width / 2, y: TOP + BOX / 2 + 5,
      "text-anchor": "middle" });
    words.textContent = empty;
    yield "empty";
  }

  * #nodes({ channels, remotes }, { columns, channelY, remoteY }) {
    for (const channel of channels) {
      const key = `channel ${channel.key}`;
      const node = this.#get(key, "nodes", () => group("node", "rect", "label", "count", "dots"));
      node.classList.toggle("opened", channel.opened);
      node.classList.toggle("busy", channel.rate > 0);
      move(node, columns.channels.x, channelY.get(channel.key));
      const [box, label, count, dots] = node.children;
      const { width } = columns.channels;
      set(box, { width, height: BOX, rx: BOX / 2 });
      const rate = channel.rate === 0 ? "" : `${perSecond(channel.rate)}/s`;
      set(count, { x: width - 10, y: BOX / 2 + 4, "text-anchor": "end" });
      count.textContent = rate;
      set(label, { x: 12, y: BOX / 2 + 4 });
      const [path, room] = [channel.path.slice(1), width - 24 - rate.length * CHARACTER];
      // Where there is little room, the name says more than the scope.
      fit(label, [path, path.slice(path.indexOf("/") + 1)], room);
      drawDots(dots, channel.clients, columns.channels.x);
      yield key;
    }
    for (const remote of remotes) {
      const key = `remote ${remote.key}`;
      const node = this.#get(key, "nodes", () => group("node remote", "rect", "label"));
      move(node, columns.remotes.x, remoteY.get(remote.key));
      const [box, label] = node.children;
      set(box, { width: columns.remotes.width, height: BOX, rx: 5 });
      set(label, { x: columns.remotes.width / 2, y: BOX / 2 + 4, "text-anchor": "middle" });
      fit(label, [remote.label], columns.remotes.width - 10);
      yield key;
    }
  }

  * #ties({ ties, channels }, { columns, channelY, remoteY }) {
    const from = columns.channels.x + columns.channels.width;
    const to = columns.remotes.x;
    for (const { key, channel, remote, state, brings, takes } of ties) {
      const rate = channels.find(each => each.key === channel).rate;
      const node = this.#get(`tie ${key}`, "ties", () => svgElement("path"));
      const [y1, y2] = [channelY.get(channel) + BOX / 2, remoteY.get(remote) + BOX / 2];
      const bend = (to - from) / 2;
      node.setAttribute("d", `M ${from + 3} ${y1} C ${from + bend} ${y1} ` +
        `${to - bend} ${y2} ${to - 3} ${y2}`);
      node.setAttribute("class", `tie ${state}${rate > 0 ? " busy" : ""}`);
      set(node, { "marker-start": brings ? "url(#arrow)" : "none",
        "marker-end": takes ? "url(#arrow)" : "none" });
      yield `tie ${key}`;
    }
  }
}

/** Where everything goes. Three columns; those of channels and proxies each in the middle. */
function layout({ known, channels, remotes }, width) {
  const dots = 66;
  // Without other proxies the channels have all the room.
  const alone = remotes.length === 0;
  const remoteWidth = alone ? 0 : Math.min(150, Math.round(width * 0.31));
  const gap = alone ? 0 : Math.max(34, Math.round(width * 0.1));
  const channelWidth = width - dots - remoteWidth - gap - 12;
  const columns = {
    channels: { x: dots, width: channelWidth },
    remotes: { x: width - remoteWidth - 1, width: remoteWidth },
  };
  const most = Math.max(1, channels.length, remotes.length);
  const spread = items => {
    const top = TOP + (most - items.length) * ROW / 2;
    return new Map(items.map(({ key }, i) => [key, top + i * ROW]));
  };
  return {
    columns, height: TOP + most * ROW, channelY: spread(channels), remoteY: spread(remotes),
    titles: {
      clients: { x: 0, anchor: "start", text: "Clients" },
      proxy: { x: dots + channelWidth / 2, anchor: "middle", text: "This proxy" },
      remotes: { x: width, anchor: "end", text: alone ? "" : "Other proxies" },
    },
    empty: !known ? "no answer" : channels.length === 0 ? "no channel is open" : "",
  };
}

/** Clients as dots on a line into their channel; beyond five as a number. */
function drawDots(dots, clients, room) {
  const now = String(clients);
  if (dots.dataset.clients === now) return;
  dots.dataset.clients = now;
  dots.replaceChildren();
  if (clients === 0) return;
  const shown = Math.min(clients, DOTS_MAX);
  const left = -room + 6;
  dots.append(svgElement("path", { class: "bus", d: `M ${left} ${BOX / 2} H -1` }));
  if (clients > DOTS_MAX) {
    dots.append(svgElement("circle", { cx: left + 14, cy: BOX / 2, r: 14, class: "many" }));
    const text = svgElement("text", { x: left + 14, y: BOX / 2 + 4, "text-anchor": "middle" });
    text.textContent = clients > 999 ? "1k+" : now;
    dots.append(text);
    return;
  }
  for (let i = 0; i < shown; i += 1) {
    dots.append(svgElement("circle", { cx: left + i * DOT, cy: BOX / 2, r: 4 }));
  }
}

function group(className, ...parts) {
  const made = svgElement("g", { class: className });
  made.append(...parts.map(part => part === "rect" ? svgElement("rect")
    : svgElement(part === "dots" ? "g" : "text", { class: part })));
  return made;
}

function move(node, x, y) {
  // A style, not an attribute, so that it goes there in small steps.
  node.style.transform = `translate(${x}px, ${y}px)`;
}

/** Writes the first of `texts` that has room in so many pixels, or the last without its middle. */
function fit(label, texts, width) {
  const now = JSON.stringify([width, texts]);
  if (label.dataset.fitted === now) return; // to measure costs a layout
  label.dataset.fitted = now;
  const fits = text => {
    label.textContent = text;
    return label.getComputedTextLength() <= width;
  };
  if (texts.some(fits)) return;
  const last = texts.at(-1);
  for (let most = last.length; most > 4 && !fits(shortened(last, most));) {
    // By how much it is too wide, so that a long name takes no try for each character.
    const guess = Math.ceil(label.textContent.length * width / label.getComputedTextLength());
    most = Math.min(label.textContent.length - 1, guess);
  }
}

function shortened(text, most) {
  if (text.length <= most) return text;
  const head = Math.ceil((most - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (most - 1 - head))}`;
}

function svgElement(tag, attributes = {}) {
  const made = document.createElementNS(NS, tag);
  set(made, attributes);
  return made;
}

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
  }
}
