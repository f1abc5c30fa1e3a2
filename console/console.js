/*
 * The console: puts the parts together.
 *
 *   form, address ──▶ channels ──▶ log ──▶ list of lines        /status ──▶ picture, tables
 *                        ▲                                          │
 *                     composer                       (the proxy is back: lost channels open)
 */
import { announce, at, element, rows, save, say } from "./dom.js";
import { Channel, parseFragment, toFragment } from "./channel.js";
import { Cards } from "./cards.js";
import { Composer } from "./composer.js";
import { LogList, copied } from "./loglist.js";
import { MessageLog } from "./log.js";
import { NetworkView } from "./network.js";
import { Status, startCommand } from "./status.js";

const proxy = `ws://${location.host}`;
const channels = [];
/** The channel that was asked for last: once it is open, typing goes to it. */
let aimed = null;
const log = new MessageLog();
const list = new LogList(log);
const status = new Status(statusCame);
const cards = new Cards({
  connect: channel => channel.open(),
  disconnect: channel => channel.close(),
  remove,
});
const network = new NetworkView();
const composer = new Composer(() => channels, () => status.latest?.message_bytes_max ?? null);

// ---- Channels --------------------------------------------------------------------------

function add(scope, name) {
  const path = `/${scope}/${name}`;
  let channel = channels.find(each => each.path === path);
  if (channel === undefined) {
    channel = new Channel(scope, name, proxy, {
      changed: () => changed(channel),
      note: (direction, text) => write(direction, path, text),
      message: (direction, data) => write(direction, path, data),
      whyNotOpened,
    });
  }
  if (!channel.isActive) channel.open(); // throws for a bad name: then nothing was added
  if (!channels.includes(channel)) channels.push(channel);
  changed(channel);
  return channel;
}

function remove(channel) {
  if (channel.isActive) channel.close();
  channels.splice(channels.indexOf(channel), 1);
  changed(channel);
}

function changed(channel) {
  cards.show(channels, status.latest);
  composer.show();
  showChannelFilter();
  // Not for each change of a state: a browser stops a page that changes its address too often.
  if (location.hash !== toFragment(channels)) {
    history.replaceState(null, "", `${location.pathname}${toFragment(channels)}`);
  }
  if (channel === aimed && channel.state === "open") {
    aimed = null;
    composer.aim(channel);
  }
  if (["open", "closed"].includes(channel.state)) status.refresh();
}

async function whyNotOpened(url) {
  await status.refresh();
  const proxyAnswers = status.latest !== null;
  const advice = proxyAnswers
    ? `Could not connect: the proxy runs, but did not open ${url}. ` +
      "Open this page as http://localhost:<port>/console and try again; the proxy's log says why."
    : `Could not connect: no proxy answers at ${location.host}. ` +
      `Start it with “${startCommand()}”, then connect again.`;
  return { advice, proxyAnswers };
}

function openFromForm(event) {
  event.preventDefault();
  const scope = document.querySelector("input[name=scope]:checked").value;
  try {
    aimed = add(scope, at("name").value);
    showNameProblem("");
    changed(aimed);
  } catch (error) {
    showNameProblem(error.message.replace(/^Failed to construct '\w+': t/, "T"));
    at("name").focus();
  }
}

function openFromAddress() {
  const { channels: wanted, wrong } = parseFragment(location.hash);
  if (wrong.length > 0) {
    showNameProblem(`The link names what is no channel: ${wrong.join(", ").slice(0, 200)}. ` +
      "A channel is local/<name> or broadcast/<name>, and & stands between two.");
  }
  for (const [scope, name] of wanted) add(scope, name);
}

function showNameProblem(message) {
  say(at("name-problem"), message);
  at("name-problem").hidden = message === "";
  at("name").setAttribute("aria-invalid", String(message !== ""));
}

async function copyLink() {
  const done = await copied(location.href);
  say(at("copy-said"), done ? "Copied: it opens these channels." :
    "The browser does not let this page copy. Copy the address of this page instead: it opens " +
    "these channels.");
}

// ---- The log ---------------------------------------------------------------------------

function write(direction, path, data) {
  log.add(direction, path, data);
  list.draw();
  if (direction === "sent" || log.paused) return;
  const text = typeof data === "string" ? data.slice(0, 200) : `${data.length} bytes`;
  announce(direction === "received" ? `Received on ${path}: ${text}` : text);
}

function filter() {
  log.filter({
    channel: at("filter-channel").value,
    directions: { all: [], messages: ["sent", "received"], sent: ["sent"],
      received: ["received"], notes: ["note", "error"] }[at("filter-direction").value],
    words: at("filter-words").value,
  });
  list.redraw();
}

/** The channels that the log can be narrowed to: those open, and the one that is chosen. */
function showChannelFilter() {
  const select = at("filter-channel");
  const paths = new Set(channels.map(({ path }) => path));
  if (select.value !== "") paths.add(select.value);
  for (const option of [...select.options].slice(1)) {
    if (!paths.delete(option.value)) option.remove();
  }
  for (const path of paths) select.add(new Option(path));
}

function pause() {
  if (log.paused) log.resume();
  else log.pause();
  at("pause").setAttribute("aria-pressed", String(log.paused));
  list.redraw();
}

function exportLog() {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
  save(`namedwebsockets-${stamp}.jsonl`, log.export(), "application/jsonl");
}

// ---- The status ------------------------------------------------------------------------

function statusCame() {
  cards.show(channels, status.latest);
  network.show(status, channels);
  suggestNames();
  if (status.latest === null) return;
  for (const channel of channels) if (channel.state === "lost") channel.open();
}

/** Offers the names of channels that others have open. */
function suggestNames() {
  const scope = document.querySelector("input[name=scope]:checked").value;
  const there = status.latest?.channels.filter(each => each.scope === scope) ?? [];
  rows(at("names"), there.map(({ name }) => name), name => {
    const option = element("option");
    option.value = name;
    return option;
  });
}

at("connect-form").addEventListener("submit", openFromForm);
at("connect-form").addEventListener("input", () => {
  showNameProblem("");
  suggestNames();
});
at("copy").addEventListener("click", copyLink);
for (const id of ["filter-channel", "filter-direction", "filter-words"]) {
  at(id).addEventListener("input", filter);
}
for (const radio of document.querySelectorAll("input[name=view]")) {
  radio.addEventListener("change", () => {
    list.view = radio.value;
    list.redraw();
  });
}
at("pause").addEventListener("click", pause);
at("clear").addEventListener("click", () => {
  log.clear();
  list.choose(null);
  list.redraw();
});
at("export").addEventListener("click", exportLog);
window.addEventListener("hashchange", openFromAddress);
status.start();
openFromAddress();
list.draw();
