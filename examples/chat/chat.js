// A chat without a server. Each page keeps what was said; whoever comes, or comes back after the
// proxy was away, asks each of the others in turn for what it has not.
//
//   {entry}          somebody says something
//   {have: [ids]}    to one: tell me what I have not
//   {missed: [entry]} to one: that
import { showState } from "../shared/channel.js";
import { editName, person, Room, showPeople } from "../shared/room.js";
import { before, History } from "./history.js";

const at = id => document.getElementById(id);
const history = new History();
const shown = new Map(); // entry id → its line
const state = showState(at("state"));

const room = new Room("example-chat", {
  state(now, text) {
    state(now, text);
    at("text").disabled = now !== "open";
  },
  joined: member => { note(member, "joined"); people(); },
  left: (member, saidBye) => { note(member, saidBye ? "left" : "is gone"); people(); },
  renamed: (member, old) => { note({ ...member, name: old }, `is now ${member.name}`); people(); },
  met: member => room.say({ have: history.ids }, member.id),
  said(member, body) {
    if (body?.entry) add([{ ...body.entry, from: member.id }]);
    if (body?.have) answer(member, history.without(body.have));
    if (Array.isArray(body?.missed)) add(body.missed);
  },
});

function answer(member, missed) {
  if (missed.length > 0) room.say({ missed }, member.id);
}

function people() {
  showPeople(at("people"), room);
}

function add(entries) {
  const fresh = entries.filter(entry => history.add(entry));
  if (fresh.length === 0) return;
  // Much at once is what was said before we came: a screen reader need not read all of it out.
  at("log").ariaLive = fresh.length > 1 ? "off" : "polite";
  keepingEnd(() => {
    for (const entry of fresh) shown.set(entry.id, place(entry));
    const kept = new Set(history.ids);
    for (const [id, line] of shown) {
      if (kept.has(id)) continue;
      line.remove();
      shown.delete(id);
    }
  });
}

/** Puts an entry's line where it belongs: behind all that stand before it. */
function place(entry) {
  const line = made("li", entry.from === room.me.id ? "mine" : "");
  const who = made("span", "who");
  const when = made("time", "", new Date(entry.time).toLocaleTimeString([], { timeStyle: "short" }));
  when.dateTime = new Date(entry.time).toISOString();
  who.append(person({ id: entry.from, name: entry.name }), " ", when);
  line.append(who, " ", made("span", "words", entry.text));
  const next = history.entries.find(each => shown.has(each.id) && before(entry, each));
  if (next) shown.get(next.id).before(line);
  else at("lines").append(line);
  return line;
}

function note(member, text) {
  keepingEnd(() => {
    const line = made("li", "note");
    line.append(person(member), ` ${text}`);
    at("lines").append(line);
  });
}

/** Who reads the newest goes on reading the newest; who has scrolled up stays there. */
function keepingEnd(change) {
  change();
  if (following) at("log").scrollTop = at("log").scrollHeight;
}

let following = true;
at("log").addEventListener("scroll", () => {
  const box = at("log");
  following = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
});
// Such as by a keyboard on the screen of a phone.
new ResizeObserver(() => keepingEnd(() => {})).observe(at("log"));

function made(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

at("say").addEventListener("submit", event => {
  event.preventDefault();
  const text = at("text").value.trim();
  if (text === "" || !room.isOpen) return;
  const entry = history.write(room.me, text);
  keepingEnd(() => shown.set(entry.id, place(entry)));
  room.say({ entry });
  at("text").value = "";
});
editName(at("name"), room, people);
people();
