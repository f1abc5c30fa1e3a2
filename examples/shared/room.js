// Who is on a channel, by what its pages say: the proxy itself tells nobody who comes and goes.
//
//   hello   I came (or came back); who are you?        every page answers: here
//   ask     who is still there?                        every page answers: here
//   here    I am, and this is my name
//   bye     I go
//   say     anything else, to everyone or to one
//
// A tab that is killed says no bye, so now and then somebody asks, and who is silent after three
// asks has left. Pages answer as messages come, which also pages in the background do; and they
// count asks, not seconds, so a page that slept does not take the others for dead.
import { Channel } from "./channel.js";

const ASK_EVERY_MS = 2000;
const UNANSWERED_MAX = 3;
const NAME_LENGTH_MAX = 40;

const NAMES = ["Alder", "Ash", "Aspen", "Beech", "Birch", "Cedar", "Elm", "Fir", "Hazel", "Holly",
  "Juniper", "Larch", "Linden", "Maple", "Oak", "Olive", "Pine", "Rowan", "Spruce", "Willow", "Yew"];

/** @typedef {{id: string, name: string, unanswered: number}} Member */

export class Room {
  /** @type {Map<string, Member>} everyone else, by id */
  members = new Map();
  #channel; #on; #me; #ticking; #met = new Set(); #asked = false;

  /**
   * @param {string} channel its name
   * @param {object} on what to call: `joined(member)`, `left(member, saidBye)`, `renamed(member,
   *   oldName)`, `said(member, body)`, `state(state, text)` as a Channel does, and `met(member)`
   *   when a member is heard for the first time since it or we connected
   */
  constructor(channel, on) {
    this.#on = on;
    this.#me = { id: randomId(), name: storedName() };
    // Before the channel's own, which closes it.
    addEventListener("pagehide", () => this.#tell("bye"));
    this.#channel = new Channel(channel, {
      open: () => {
        this.#met.clear();
        this.#asked = false;
        this.#tell("hello");
      },
      message: text => this.#hear(text),
      state: on.state,
    });
    this.#ticking = setInterval(() => this.#tick(), ASK_EVERY_MS * (0.9 + Math.random() / 5));
  }

  get me() { return this.#me; }
  get isOpen() { return this.#channel.isOpen; }

  rename(name) {
    this.#me.name = name.trim().slice(0, NAME_LENGTH_MAX) || storedName();
    sessionStorage.setItem("name", this.#me.name);
    this.#tell("here");
  }

  /** To everyone, or to the member with the id `to`. False if the channel is not open. */
  say(body, to) { return this.#tell("say", { body, to }); }

  /** For who stays on the page but leaves the room. */
  leave() {
    clearInterval(this.#ticking);
    this.#tell("bye");
    this.#channel.close();
  }

  #tell(type, more) {
    const { id, name } = this.#me;
    return this.#channel.send(JSON.stringify({ type, from: id, name, ...more }));
  }

  #hear(text) {
    const message = parsed(text);
    if (message === null) return; // not of a page like this one
    const { type, from, name, to, body } = message;
    if (type === "bye") {
      this.#leaves(from, true);
      return;
    }
    const member = this.#knows(from, name);
    if (type === "hello" || !this.#met.has(from)) {
      this.#met.add(from);
      this.#on.met?.(member);
    }
    if (type === "hello") this.#tell("here");
    if (type === "ask") {
      this.#asked = true;
      this.#tell("here");
      for (const other of this.members.values()) other.unanswered += other === member ? 0 : 1;
    }
    if (type === "say" && (to === undefined || to === this.#me.id)) this.#on.said?.(member, body);
  }

  #knows(id, name) {
    let member = this.members.get(id);
    if (member === undefined) {
      member = { id, name, unanswered: 0 };
      this.members.set(id, member);
      this.#on.joined?.(member);
    }
    member.unanswered = 0;
    if (member.name !== name) {
      const old = member.name;
      member.name = name;
      this.#on.renamed?.(member, old);
    }
    return member;
  }

  #leaves(id, saidBye) {
    const member = this.members.get(id);
    if (member === undefined) return;
    this.members.delete(id);
    this.#met.delete(id);
    this.#on.left?.(member, saidBye);
  }

  #tick() {
    if (!this.#channel.isOpen) return;
    for (const { id, unanswered } of [...this.members.values()]) {
      if (unanswered >= UNANSWERED_MAX) this.#leaves(id, false);
    }
    // One who asks is enough.
    if (!this.#asked && this.#tell("ask")) {
      for (const member of this.members.values()) member.unanswered += 1;
    }
    this.#asked = false;
  }
}

/** A message of a page like this one, or null: anybody may send anything on a channel. */
function parsed(text) {
  try {
    const { type, from, name, to, body } = JSON.parse(text);
    if (![type, from, name].every(each => typeof each === "string")) return null;
    return { type, from, name: name.slice(0, NAME_LENGTH_MAX) || "?", to, body };
  } catch {
    return null;
  }
}

/** Not randomUUID, which a page that was opened by the machine's name has not. */
function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(6)),
    byte => byte.toString(16).padStart(2, "0")).join("");
}

/** The name that this tab's person had last, or one to begin with. */
export function storedName() {
  const stored = sessionStorage.getItem("name");
  if (stored) return stored;
  const name = NAMES[Math.floor(Math.random() * NAMES.length)];
  sessionStorage.setItem("name", name);
  return name;
}

/** The hue that a person's name has on every page. */
export const hue = id => parseInt(id.slice(0, 4), 16) % 360 || 0;

/** A person's name in their colour. */
export function person({ id, name }, tag = "span") {
  const element = document.createElement(tag);
  element.className = "person";
  element.style.setProperty("--hue", hue(id));
  element.textContent = name;
  return element;
}

/** Fills `list` with who is here, ourselves first. */
export function showPeople(list, room) {
  const people = [...room.members.values()].sort((a, b) => a.name.localeCompare(b.name));
  list.replaceChildren(...[room.me, ...people].map(each => {
    const item = document.createElement("li");
    item.append(person(each));
    if (each === room.me) item.append(" (you)");
    return item;
  }));
}

/** Makes `input` hold our name; `changed` is called once it is another. */
export function editName(input, room, changed) {
  input.value = room.me.name;
  input.maxLength = NAME_LENGTH_MAX;
  input.addEventListener("change", () => {
    room.rename(input.value);
    input.value = room.me.name;
    changed();
  });
  input.addEventListener("keydown", event => event.key === "Enter" && input.blur());
}
