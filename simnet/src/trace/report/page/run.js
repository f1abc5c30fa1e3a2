"use strict";

// The run as the data has it, and what was so at a given time. Times are in milliseconds.
const run = JSON.parse(document.getElementById("data").textContent);
const { picture } = run;
const END = Math.max(run.end, 1);

const byId = id => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter(child => child !== null));
  return made;
}

const few = (count, one, many) => `${count} ${count === 1 ? one : many}`;

/** Groups a flat list into pieces of `size`. */
function* groups(flat, size) {
  for (let n = 0; n < flat.length; n += size) yield flat.slice(n, n + size);
}

const spansBy = (flat, size) => {
  const by = new Map();
  for (const [key, from, to] of groups(flat, size)) {
    if (!by.has(key)) by.set(key, []);
    by.get(key).push([from, to]);
  }
  return by;
};
const up = spansBy(run.up, 3);
const off = spansBy(run.off, 3);
const asleep = spansBy(run.asleep, 3);
const links = [...groups(run.links, 5)].map(([proxy, remote, channel, from, to]) => ({ proxy, remote, channel, from, to }));
const covers = (from, to, at) => from <= at && (at < to || (to >= run.end && at >= run.end));
const holds = (spans, key, at) => (spans.get(key) ?? []).some(([from, to]) => covers(from, to, at));

const count = Math.max(picture.proxies.length, ...[...up.keys()].map(n => n + 1), 0);
const proxies = Array.from({ length: count }, (_, n) => ({
  number: n,
  name: picture.proxies[n]?.name ?? `proxy ${n}`,
  host: picture.proxies[n]?.host ?? -1,
}));
const hostName = host => picture.hosts[host]?.name ?? (host < 0 ? "a host" : `host ${host}`);

/** What a proxy does at a time, in a word. */
function stateOf({ number, host }, at) {
  if (holds(off, host, at)) return "without power";
  if (holds(asleep, host, at)) return "asleep";
  return holds(up, number, at) ? "up" : "down";
}

const linksAt = at => links.filter(({ from, to }) => covers(from, to, at));
const faultsAt = at => run.faults.filter(({ from, to }) => covers(from, to, at));
/** A fault in words: what it is, and whom it concerns. */
function faultText({ number, what }) {
  const hosts = (picture.faults[number] ?? []).map(hostName);
  const named = hosts.slice(0, 3).join(", ") + (hosts.length > 3 ? ` and ${hosts.length - 3} more` : "");
  return (what || `fault ${number}`) + (named && `: ${named}`);
}
const phaseAt = at => run.phases.findLast(([, from]) => from <= at)?.[0] ?? null;

/** The piece of time around a time: what was sent and heard by whom, and where it went. */
function pieceAt(at) {
  const n = Math.floor(at / run.bin);
  const counts = flat => new Map(groups(flat ?? [], 2));
  return { sent: counts(run.sent[n]), heard: counts(run.heard[n]), flows: [...groups(run.flows[n] ?? [], 3)], part: at / run.bin - n };
}
const sum = values => [...values].reduce((all, one) => all + one, 0);

/** A moment: 12.350 s, 2:03:12.350. */
function clock(ms) {
  const whole = Math.floor(ms / 1000);
  const digits = number => String(number).padStart(2, "0");
  const part = `.${String(Math.floor(ms % 1000)).padStart(3, "0")}`;
  if (whole < 60) return `${whole}${part} s`;
  const minutes = Math.floor(whole / 60);
  const tail = `${digits(whole % 60)}${part}`;
  return minutes < 60 ? `${minutes}:${tail}` : `${Math.floor(minutes / 60)}:${digits(minutes % 60)}:${tail}`;
}

/** A length: 1.23 ms, 45.6 s. */
function span(ms) {
  const units = [["µs", 1e3], ["ms", 1], ["s", 1e-3]];
  const [unit, factor] = units.find(([, factor]) => ms * factor < 999.5) ?? units[2];
  const value = ms * factor;
  return `${value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)} ${unit}`;
}

/** Colours from the style, which knows of dark. */
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** A canvas, cleared, in CSS pixels. */
function prepare(canvas, width, height) {
  const scale = Math.min(window.devicePixelRatio || 1, 2);
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.font = "12px system-ui, sans-serif";
  return context;
}

/** Shows a line of signs with what they mean. */
function showKey(id, entries) {
  byId(id).replaceChildren(...entries.map(([paint, text]) => {
    const sign = element("span");
    sign.innerHTML = `<svg width="18" height="12" aria-hidden="true">${paint}</svg>`;
    sign.append(text);
    return sign;
  }));
}
