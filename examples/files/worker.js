// The socket and all transfers, in a worker: here writing to disk holds up the socket and nothing
// else, and the page stays quick.
//
//   page ──{ send, cancel, remove }──▶ worker ──{ state }, { transfer }──▶ page
import { BroadcastWebSocket } from "/namedwebsockets.mjs";
import { Incoming, SILENCE_MS } from "./incoming.js";
import { Outgoing } from "./outgoing.js";
import { newId, readPart, readText, safeName } from "./wire.js";

const CHANNEL = "example-files";
const RETRY_MS = 1000;
/** Files that come at once; those beyond are left out, so that a stranger cannot fill the page. */
const COMING_MAX = 32;
/** How often the page hears of a transfer, in milliseconds. */
const SHOW_EVERY_MS = 100;
/** A receiver says what it has after this part of a file, and this much of it at the least. */
const TELL_PARTS = 50;
const TELL_BYTES = 4 * 1024 * 1024;
/** And at least so often, in milliseconds: who is silent for SILENCE_MS has gone. */
const TELL_EVERY_MS = SILENCE_MS / 8;

const CLOSED = {
  1001: "the proxy stopped.",
  1008: "this page took in too little for too long, and the proxy cut it off.",
  1009: "the proxy takes no messages of 128 KiB. Start it with a larger --max-message-size.",
};

const me = newId();
const proxy = `ws://${self.location.host}`;
const outgoing = new Map();
const incoming = new Map();
/** Ids that were offered too late, or beyond what is taken. */
const ignored = new Set();
let socket = null;

function connect() {
  const opened = new BroadcastWebSocket(CHANNEL, [], { proxy });
  opened.binaryType = "arraybuffer";
  opened.onopen = () => {
    socket = opened;
    postMessage({ state: "open", text: "Connected: everyone on this machine and the local " +
      "network who opens this page gets what is sent." });
    tell({ type: "hello" });
    // What broke with the connection could not be said.
    for (const each of incoming.values()) if (each.state === "broken") tellOf(each);
    sendNext();
  };
  opened.onmessage = ({ data }) => {
    if (typeof data === "string") heardText(readText(data));
    else heardPart(readPart(data));
  };
  opened.onclose = ({ code }) => {
    const wasOpen = socket === opened;
    socket = null;
    const why = CLOSED[code] ?? `the connection was lost (code ${code}).`;
    for (const each of outgoing.values()) if (each.state === "going") each.break(why);
    for (const each of incoming.values()) each.break(why);
    const { host, port } = self.location;
    const command = port === "9009" ? "namedwebsockets" : `namedwebsockets --port ${port || 80}`;
    postMessage({ state: "down", text: wasOpen ? `Connection lost: ${why} Trying again…`
      : `No proxy answers at ${host}. Start it with “${command}”; the page goes on trying.` });
    setTimeout(connect, RETRY_MS);
  };
}

function tell(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

// ---- What comes ------------------------------------------------------------------------

function heardText(message) {
  if (message === null) return;
  const { type, id } = message;
  if (type === "hello") for (const each of outgoing.values()) each.tellLate();
  else if (type === "offer") offered(message);
  else if (type === "end") incoming.get(id)?.end(message.sha256);
  else if (type === "cancel") incoming.get(id)?.break(`its sender says: ${message.why}`);
  else outgoing.get(id)?.heard(message);
}

function heardPart(part) {
  if (part !== null) incoming.get(part.id)?.part(part.offset, part.bytes);
}

function offered({ id, name, size, late }) {
  if (incoming.has(id) || ignored.has(id)) return;
  const coming = [...incoming.values()].filter(({ state }) => state === "coming").length;
  const why = late === true ? "it began before this page was here. Ask its sender to send it again."
    : coming >= COMING_MAX ? `${COMING_MAX} files come already. Ask its sender to send it later.`
      : null;
  if (why !== null) {
    ignored.add(id);
    show({ id, direction: "in", name: safeName(name), size, bytes: 0, state: "broken", why });
    return;
  }
  let told = 0;
  const step = Math.max(TELL_BYTES, size / TELL_PARTS);
  const transfer = new Incoming(id, safeName(name), size, () => {
    const { state, bytes } = transfer;
    showSoon(id, () => ({ id, direction: "in", name: transfer.name, size, bytes: transfer.bytes,
      state: transfer.state, why: transfer.why, sha256: transfer.sha256, file: transfer.file }));
    if (state !== "coming" || bytes - told >= step) {
      told = bytes;
      tellOf(transfer);
    }
  });
  incoming.set(id, transfer);
  tellOf(transfer);
  show({ id, direction: "in", name: transfer.name, size, bytes: 0, state: "coming", why: "" });
}

/** Tells its sender how far a file has come. */
function tellOf({ id, state, bytes, why: said }) {
  if (state === "coming") tell({ type: "got", id, from: me, bytes });
  else tell({ type: state, id, from: me, why: said });
}

setInterval(() => {
  for (const each of incoming.values()) if (each.state === "coming") tellOf(each);
  for (const each of outgoing.values()) each.missSilent(SILENCE_MS);
}, TELL_EVERY_MS);

// ---- What goes out ---------------------------------------------------------------------

let sending = false;

/** One after the other: all at once would make each as slow as all together. */
async function sendNext() {
  if (sending || socket === null) return;
  const next = [...outgoing.values()].find(({ state }) => state === "waiting");
  if (next === undefined) return;
  sending = true;
  try {
    await next.send(socket);
  } finally {
    sending = false;
  }
  sendNext();
}

function add(file) {
  const transfer = new Outgoing(file, () => showSoon(transfer.id, () => picture(transfer)));
  outgoing.set(transfer.id, transfer);
  show(picture(transfer));
  sendNext();
}

function picture({ id, file, bytes, state, why, sha256, receivers }) {
  return { id, direction: "out", name: file.name, size: file.size, bytes, state, why, sha256,
    receivers: [...receivers.values()] };
}

// ---- The page --------------------------------------------------------------------------

const due = new Map();

const show = transfer => postMessage({ transfer });

/** Shows it together with what changes in the next instant. */
function showSoon(id, make) {
  if (due.has(id)) return;
  due.set(id, setTimeout(() => {
    due.delete(id);
    if (outgoing.has(id) || incoming.has(id)) show(make());
  }, SHOW_EVERY_MS));
}

onmessage = ({ data: { send, again, cancel, remove } }) => {
  if (send !== undefined) add(send);
  if (again !== undefined) add(outgoing.get(again).file);
  if (cancel !== undefined) {
    outgoing.get(cancel)?.cancel("it was cancelled.");
    incoming.get(cancel)?.break("cancelled here; the others still get it.");
  }
  if (remove !== undefined) {
    incoming.get(remove)?.remove();
    incoming.delete(remove);
    outgoing.delete(remove);
    ignored.add(remove);
  }
};

connect();
