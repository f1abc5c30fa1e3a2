// A call among all who open the page: a Room says who is there, and each pair has a Peer.
//
// Both sides of a pair hear of each other (`met`), in whatever order. A page that came anew is a new
// person with a new id; one whose proxy was away is the same, and its connections went on meanwhile.
import { showState } from "../shared/channel.js";
import { Room, storedName } from "../shared/room.js";
import { Peer } from "./peer.js";

const at = id => document.getElementById(id);
const state = showState(at("state"));
const peers = new Map(); // member id → { peer, item, video, plate }
let room = null; // while in the call
let stream = null;

/** Why there is no camera, and what to do. */
const REFUSED = {
  NotAllowedError: "The browser was not allowed to use camera and microphone. Allow them in the " +
    "settings left of the page's address and join again, or only watch.",
  NotFoundError: "No camera or microphone was found. Plug one in and join again, or only watch.",
  NotReadableError: "Camera or microphone is in use elsewhere. Close what uses it and join again, " +
    "or only watch.",
};

let joining = false;

async function join(withCamera) {
  if (joining) return; // the browser still asks for the camera
  joining = true;
  try {
    await enter(withCamera);
  } finally {
    joining = false;
  }
}

async function enter(withCamera) {
  problem("");
  if (withCamera) {
    try {
      if (!navigator.mediaDevices) throw new Error("Open this page as http://localhost:… instead: " +
        "browsers give cameras to secure pages only");
      stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    } catch (error) {
      problem(REFUSED[error.name] ?? `${error.message}.`);
      return;
    }
  }
  room = new Room("example-webrtc", {
    state,
    met: meet,
    joined: member => announce(`${member.name} joined`),
    renamed: member => label(member),
    left: part,
    said: (member, body) => peers.get(member.id)?.peer.hear(body ?? {}),
  });
  room.rename(at("name").value);
  const mine = tile(room.me, `${room.me.name} (you)`, "me");
  mine.video.muted = true;
  mine.video.srcObject = stream;
  show(true);
}

function leave() {
  room.leave();
  for (const id of peers.keys()) drop({ id });
  room = null;
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  at("tiles").replaceChildren();
  show(false);
  state("closed", "Not in the call.");
  at("with-camera").focus();
}

/**
 * A member is there, or there again: then a connection that stands is not disturbed. If only one side
 * gave the other up, a new connection here and the old one there negotiate like any two.
 */
function meet(member) {
  if (peers.get(member.id)?.item.dataset.state === "connected") return;
  drop(member);
  const entry = tile(member, member.name);
  entry.peer = new Peer(room.me.id < member.id, stream, {
    signal: signal => room?.say(signal, member.id),
    track({ track, streams: [remote] }) {
      entry.video.srcObject = remote ?? new MediaStream([track]);
    },
    state(now) {
      entry.item.dataset.state = now;
      label(member);
      if (now !== "connected" && !room?.members.has(member.id)) part(member, false);
    },
  });
  peers.set(member.id, entry);
  entry.item.dataset.state = "new";
  label(member);
}

function drop(member) {
  peers.get(member.id)?.peer.close();
  peers.get(member.id)?.item.remove();
  peers.delete(member.id);
}

function part(member, saidBye) {
  // Whose picture comes is there, though its page may be too busy to answer on the channel.
  if (!saidBye && peers.get(member.id)?.item.dataset.state === "connected") return;
  announce(`${member.name} ${saidBye ? "left" : "is gone"}`);
  drop(member);
}

// ---- What is seen ------------------------------------------------------------------------

function tile({ id }, name, className = "") {
  const [item, video, plate] = ["li", "video", "span"].map(tag => document.createElement(tag));
  item.className = className;
  item.dataset.id = id;
  plate.className = "plate";
  plate.textContent = name;
  video.autoplay = true;
  video.playsInline = true;
  video.ariaLabel = `Picture of ${name}`;
  item.append(video, plate);
  at("tiles").append(item);
  return { item, video, plate };
}

/** A connection's state, where it is worth a word. */
const WORDS = {
  new: "connecting…", connecting: "connecting…", disconnected: "connection lost, waiting…",
  failed: "cannot be reached: a firewall, or another network",
};

function label(member) {
  const shown = peers.get(member.id);
  if (!shown) return;
  const word = WORDS[shown.item.dataset.state];
  shown.plate.textContent = word ? `${member.name}: ${word}` : member.name;
}

function show(inCall) {
  at("join").hidden = inCall;
  at("call").hidden = !inCall;
  for (const [id, kind] of [["mute", "audio"], ["hide", "video"]]) {
    at(id).disabled = !stream?.getTracks().some(track => track.kind === kind);
    at(id).ariaPressed = "false";
  }
  if (inCall) at("leave").focus();
}

function toggle(button, kind) {
  const off = button.ariaPressed !== "true";
  button.ariaPressed = String(off);
  for (const track of stream.getTracks()) if (track.kind === kind) track.enabled = !off;
}

function problem(text) {
  at("problem").textContent = text;
  at("problem").hidden = text === "";
}

const announce = text => { at("announce").textContent = text; };

at("name").value = storedName();
at("join").addEventListener("submit", event => {
  event.preventDefault();
  join(true);
});
at("watch").addEventListener("click", () => join(false));
at("leave").addEventListener("click", leave);
at("mute").addEventListener("click", () => toggle(at("mute"), "audio"));
at("hide").addEventListener("click", () => toggle(at("hide"), "video"));
