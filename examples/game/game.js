// Tag: one is it and chases the others. Each page moves its own player and tells where it is.
//
//   {at: [x, y], v: [x, y], was}   where I am, how fast I go, and how long I was it, in ms
//   {it, number}                   who is it from now on
//   {ping: n}, {pong: n}           see latency.js
import { showState } from "../shared/channel.js";
import { editName, person, Room } from "../shared/room.js";
import { Picture } from "./draw.js";
import { Latency } from "./latency.js";
import { Steering } from "./steer.js";
import { clamp, FIELD, move, SPEED, Tag } from "./tag.js";

const TELL_EVERY_MS = 50;
const PING_EVERY_MS = 500;
const SHOW_EVERY_MS = 250;
/** Beyond this a guess is worth nothing, in ms. */
const GUESS_MS_MAX = 400;

const at = id => document.getElementById(id);
const tag = new Tag();
const latency = new Latency();
const picture = new Picture(at("field"));
const steering = new Steering(at("field"), (x, y) => picture.fieldAt(x, y));
const others = new Map(); // id → { id, name, at, v, was, time, heard: [times] }
const room = new Room("example-game", {
  state: showState(at("state")),
  met: member => tag.it && room.say({ it: tag.it, number: tag.number }, member.id),
  joined: news,
  left: member => {
    others.delete(member.id);
    latency.forget(member.id);
    news();
  },
  renamed: news,
  said: hear,
});
const me = { id: room.me.id, at: clamp(Math.random() * FIELD.width, Math.random() * FIELD.height),
  v: [0, 0], was: 0 };
let moved = performance.now();

function hear(member, body) {
  const now = performance.now();
  const { ping, pong, it } = body ?? {};
  if (ping !== undefined) room.say({ pong: ping }, member.id);
  if (pong !== undefined) latency.pong(member.id, pong, now);
  if (it !== undefined && tag.hear(body, now)) news();
  if (isPair(body?.at) && isPair(body?.v)) {
    const heard = [...others.get(member.id)?.heard ?? [], now].filter(time => now - time < 2000);
    others.set(member.id, { id: member.id, at: clamp(...body.at), v: body.v,
      was: Number(body.was) || 0, time: now, heard });
  }
}

const isPair = value => Array.isArray(value) && value.length === 2 && value.every(Number.isFinite);

// ---- The game ----------------------------------------------------------------------------

function step() {
  const now = performance.now();
  const isIt = tag.it === me.id && others.size > 0;
  const ms = Math.min(now - moved, 250); // a page that slept does not leap
  if (isIt) me.was += now - moved;
  move(me, steering.direction(me.at), ms, isIt);
  moved = now;
  const touched = tag.touched(me, [...others.values()].map(other => seen(other, now)), now);
  if (touched) pass(touched.id);
}

function pass(id) {
  tag.hear({ it: id, number: tag.number + 1 }, performance.now());
  room.say({ it: tag.it, number: tag.number });
  news();
}

/** Where another is drawn, and how far they may be from where they were heard. */
function seen(other, now) {
  const age = now - other.time + (latency.of(other.id)?.median ?? 0) / 2;
  const guess = at("guess").checked ? Math.min(age, GUESS_MS_MAX) / 1000 : 0;
  return {
    id: other.id,
    at: clamp(other.at[0] + other.v[0] * guess, other.at[1] + other.v[1] * guess),
    heardAt: other.at,
    unsure: Math.min(age / 1000 * SPEED, FIELD.width),
  };
}

function tell() {
  step();
  const short = pair => pair.map(value => Math.round(value * 100) / 100);
  room.say({ at: short(me.at), v: short(me.v), was: Math.round(me.was) });
}

// ---- What is seen ------------------------------------------------------------------------

const nameOf = id => (id === me.id ? room.me.name : room.members.get(id)?.name) ?? "";

function draw() {
  step();
  const now = performance.now();
  const players = [...others.values()].map(other => seen(other, now));
  picture.draw([...players, me].map(player => ({ ...player, name: nameOf(player.id),
    isIt: tag.it === player.id && others.size > 0 })));
  requestAnimationFrame(draw);
}

function news() {
  const text = room.members.size === 0
    ? "Nobody else is here. Open this page in a second window, or on another machine."
    : tag.it === me.id ? "You are it! Catch somebody."
      : nameOf(tag.it) ? `${nameOf(tag.it)} is it. Run!` : "It begins…";
  if (at("news").textContent !== text) at("news").textContent = text;
}

function showPlayers() {
  if (tag.mustStepIn(me.id, [me.id, ...room.members.keys()])) pass(me.id);
  const now = performance.now();
  const rows = [...room.members.values()].sort((a, b) => a.name.localeCompare(b.name))
    .map(member => {
      const other = others.get(member.id);
      const time = latency.of(member.id);
      return row(member, [other ? where(seen(other, now).at) : "–",
        time ? `${time.median.toFixed(1)} ms` : "–", time ? `${time.longest.toFixed(1)} ms` : "–",
        other ? `${Math.round(other.heard.filter(each => now - each < 2000).length / 2)} /s` : "–",
        other ? seconds(other.was) : "–"]);
    });
  at("players").replaceChildren(
    row({ id: me.id, name: `${room.me.name} (you)` }, ["", "", "", "", seconds(me.was)]), ...rows);
  news();
}

function row(member, cells) {
  const made = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  head.append(person(member));
  made.append(head, ...cells.map((text, index) => {
    const cell = document.createElement("td");
    cell.className = index === 0 ? "" : "number";
    cell.textContent = text;
    return cell;
  }));
  return made;
}

/** A place as seen from ours, in steps: "12 left, 3 up". */
function where([x, y]) {
  const [right, down] = [Math.round(x - me.at[0]), Math.round(y - me.at[1])];
  return `${Math.abs(right)} ${right < 0 ? "left" : "right"}, ` +
    `${Math.abs(down)} ${down < 0 ? "up" : "down"}`;
}

const seconds = ms => `${Math.round(ms / 1000)} s`;

editName(at("name"), room, showPlayers);
showPlayers();
setInterval(tell, TELL_EVERY_MS);
setInterval(() => room.say({ ping: latency.ping(performance.now()) }), PING_EVERY_MS);
setInterval(showPlayers, SHOW_EVERY_MS);
requestAnimationFrame(draw);
