/*
 * The console: one socket to one channel, a log of what passed, and what /status says.
 *
 *   form ──▶ socket ──▶ log        /status ──(every second)──▶ counts, channels, proxies
 *
 * What others wrote reaches the page through textContent only. There is no reconnecting: a
 * connection that ended stays ended, and the log says what to do.
 */
/** How often /status is asked for, and how long an answer may take, in milliseconds. */
const STATUS_EVERY_MS = 1000;
const STATUS_TIMEOUT_MS = 5000;
/** Lines come to the page together, this often: a busy channel must not freeze the page, since
 *  a page that reads too slowly holds up everyone who sends to it. In milliseconds. */
const LOG_EVERY_MS = 50;
/** Older lines are dropped; long messages are shown in part, as characters or bytes. */
const LOG_LINES_MAX = 500;
const TEXT_SHOWN_MAX = 2000;
const BYTES_SHOWN_MAX = 64;

/** What a close code means here, and what to do. */
const CLOSED = {
  1000: "Disconnected.",
  1001: "The proxy stopped. Start it again, then connect.",
  1002: "The proxy found an error in what this browser sent. Connect again.",
  1005: "Disconnected.",
  1006: "The connection was lost. See that the proxy runs, then connect again.",
  1008: "The proxy gave up on this page: it took in too little for too long. Connect again.",
  1009: "The message was larger than the proxy takes. Connect again and send a smaller one, " +
    "or start the proxy with a larger --max-message-size.",
};

const at = id => document.getElementById(id);
const proxy = `ws://${location.host}`;
const start = location.port === "9009" ? "namedwebsockets"
  : `namedwebsockets --port ${location.port || 80}`;
let socket = null;
let latest = null; // what /status last said; null while it does not answer

// ---- The log ---------------------------------------------------------------------------

let pending = [];
let flushing = null;

/** Adds a line. `direction`: sent, received, note or error. `bytes`: null if no message. */
function log(direction, what, bytes = null) {
  pending.push({ direction, what, bytes, time: new Date() });
  if (pending.length > LOG_LINES_MAX) pending.shift();
  flushing ??= setTimeout(flush, LOG_EVERY_MS);
}

function flush() {
  flushing = null;
  const box = at("log");
  const lines = at("lines");
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  lines.append(...pending.map(line));
  pending = [];
  while (lines.childElementCount > LOG_LINES_MAX) lines.firstElementChild.remove();
  if (atEnd) box.scrollTop = box.scrollHeight;
}

function line({ direction, what, bytes, time }) {
  const item = element("li", "", direction);
  const stamp = element("time", clock(time), "time");
  stamp.dateTime = time.toISOString();
  const text = element("span", what === "" ? "(empty)" : what, "what");
  if (what === "") text.classList.add("nothing");
  // A screen reader reads the parts as one line; the blanks keep its words apart.
  item.append(stamp, " ", element("span", direction, "direction"), " ",
    element("span", bytes === null ? "" : size(bytes), "size"), " ", text);
  return item;
}

function clear() {
  pending = [];
  at("lines").replaceChildren();
}

function logMessage(direction, data) {
  if (typeof data === "string") {
    log(direction, shortened(data), new TextEncoder().encode(data).length);
  } else {
    log(direction, hex(new Uint8Array(data)), data.byteLength);
  }
}

// ---- The connection --------------------------------------------------------------------

const chosen = () => ({
  scope: document.querySelector("input[name=scope]:checked").value,
  name: at("name").value,
});

function connect(event) {
  event.preventDefault();
  if (socket !== null) return;
  const { scope, name } = chosen();
  const Named = scope === "local" ? LocalWebSocket : BroadcastWebSocket;
  try {
    socket = new Named(name, [], { proxy });
  } catch (error) {
    showNameProblem(error.message.replace(/^Failed to construct '\w+': t/, "T"));
    at("name").focus();
    return;
  }
  showNameProblem("");
  listen(socket);
  showState("connecting", `Connecting to ${socket.url}`);
}

function listen(opened) {
  let wasOpen = false;
  opened.binaryType = "arraybuffer";
  opened.onopen = () => {
    wasOpen = true;
    showState("open", `Connected to ${opened.url}`);
    log("note", `Connected to ${opened.url}`);
    at("text").focus();
    refresh();
  };
  opened.onmessage = event => logMessage("received", event.data);
  opened.onclose = async event => {
    const cancelled = at("state").dataset.state === "closing";
    socket = null;
    showState("closed", "Not connected");
    keepFocus();
    if (wasOpen) logClose(event);
    else if (cancelled) log("note", "Connecting was cancelled.");
    await refresh();
    if (!wasOpen && !cancelled) log("error", whyNotOpened(opened.url));
  };
}

/** What had the focus may just have been disabled: goes on from the one button that is left. */
function keepFocus() {
  const { activeElement } = document;
  if (activeElement === document.body || activeElement.disabled) {
    at("connect").focus({ preventScroll: true });
  }
}

function disconnect() {
  if (socket === null) return;
  showState("closing", "Disconnecting");
  socket.close(1000);
}

function send(event) {
  event.preventDefault();
  if (socket === null || socket.readyState !== WebSocket.OPEN) return;
  const text = at("text").value;
  socket.send(text);
  logMessage("sent", text);
  at("text").value = "";
}

function logClose({ code, reason }) {
  const advice = CLOSED[code] ?? "Connect again.";
  const said = reason === "" ? "" : `, “${shortened(reason)}”`;
  const quiet = code === 1000 || code === 1005;
  log(quiet ? "note" : "error", `${advice} (close code ${code}${said})`);
}

/** A browser does not say why a WebSocket could not be opened; the status gives a hint. */
function whyNotOpened(url) {
  return latest === null
    ? `Could not connect: no proxy answers at ${location.host}. ` +
      `Start it with “${start}”, then connect again.`
    : `Could not connect: the proxy runs, but did not open ${url}. ` +
      "Open this page as http://localhost:<port>/console and try again; the proxy's log " +
      "says why.";
}

function showState(state, text) {
  at("state").dataset.state = state;
  at("state").textContent = text;
  at("scope").disabled = state !== "closed";
  at("name").disabled = state !== "closed";
  at("connect").disabled = state !== "closed";
  at("disconnect").disabled = state === "closed" || state === "closing";
  at("text").disabled = state !== "open";
  at("send").disabled = state !== "open";
}

function showNameProblem(message) {
  at("name-problem").textContent = message;
  at("name-problem").hidden = message === "";
  at("name").setAttribute("aria-invalid", String(message !== ""));
}

// ---- The status ------------------------------------------------------------------------

let asking = null;

/** Asks for /status and shows it. Asked again while an answer is due, it waits for that one. */
function refresh() {
  asking ??= ask().finally(() => { asking = null; });
  return asking;
}

async function ask() {
  let problem = "";
  try {
    const answer = await fetch("/status", {
      cache: "no-store", signal: AbortSignal.timeout(STATUS_TIMEOUT_MS),
    });
    if (!answer.ok) throw new Error(`/status answered ${answer.status}`);
    latest = await answer.json();
  } catch (error) {
    latest = null;
    problem = /answered/.test(error.message)
      ? `${error.message}. Open this page as http://localhost:<port>/console.`
      : `No proxy answers at ${location.host}. Start it with “${start}”; ` +
        "this page goes on asking.";
  }
  showStatus(problem);
}

function showStatus(problem) {
  at("proxy").classList.toggle("problem", problem !== "");
  at("proxy").textContent = problem || about(latest);
  const { channels = [], remotes = [], discovery } = latest ?? {};
  list("channels", channels, channelRow, "Nobody has a channel open.");
  list("remotes", remotes, remoteRow, discovery === "off"
    ? "None. Discovery is off, so only proxies given with --peer are linked."
    : "None found.");
  showChosen();
}

/** Fills the table around the rows called `id`, or says why there is nothing in it. */
function list(id, items, makeRow, nothing) {
  rows(at(id), items, makeRow);
  at(id).parentElement.hidden = items.length === 0;
  at(`no-${id}`).hidden = items.length > 0;
  at(`no-${id}`).textContent = latest === null ? "Not known while no proxy answers." : nothing;
}

function about({ version, port, proxy: id, uptime_seconds: seconds, discovery }) {
  const found = discovery === "off" ? "discovery off" : `discovery by ${discovery}`;
  return `Version ${version} on port ${port}, up ${duration(seconds)}, ${found}, id ${id}`;
}

/** Shows what the status says of the channel in the form, and suggests names for it. */
function showChosen() {
  const { scope, name } = chosen();
  const channels = latest?.channels ?? [];
  const channel = channels.find(each => each.scope === scope && each.name === name);
  at("clients").textContent = latest === null ? "–" : channel?.clients ?? 0;
  at("links").textContent = latest === null ? "–" : channel?.links.length ?? 0;
  const names = channels.filter(each => each.scope === scope).map(each => each.name);
  rows(at("names"), names, suggested => {
    const option = document.createElement("option");
    option.value = suggested;
    return option;
  });
}

function channelRow({ scope, name, clients, advert, links }) {
  const both = document.createDocumentFragment();
  both.append(row(element("td", `/${scope}/${name}`), element("td", clients, "number"),
    element("td", links.length, "number")));
  const more = links.map(linkText);
  if (advert !== null && latest.discovery !== "off") more.unshift(`advertised as ${advert}`);
  if (more.length > 0) {
    const details = element("td", "");
    details.colSpan = 3;
    details.append(...more.map(text => element("small", text)));
    both.append(row(details));
    both.lastChild.className = "more";
  }
  return both;
}

function linkText({ remote, address, dialled_by: by, carries }) {
  const way = { in: "hears", out: "tells", both: "hears and tells" }[carries] ?? carries;
  const dialler = by === "us" ? "dialled from here" : "dialled from there";
  return `${way} ${address}, ${dialler}${remote === null ? "" : `, id ${remote}`}`;
}

function remoteRow({ id, host, addresses, channel, state }) {
  const [title, ...more] = host === null ? addresses : [host, ...addresses];
  if (id !== null && !host?.includes(id)) more.push(`id ${id}`);
  const first = element("td", title ?? "unknown");
  first.append(...more.map(text => element("small", text)));
  return row(first, element("td", channel, "name"), element("td", state, "word"));
}

// ---- Small things ----------------------------------------------------------------------

const shown = new WeakMap();

/** Fills `parent` with one child for each item, but leaves it alone where nothing changed, so
 *  that marked text stays marked and an open list of names stays open. */
function rows(parent, items, make) {
  const now = JSON.stringify(items);
  if (shown.get(parent) === now) return;
  shown.set(parent, now);
  parent.replaceChildren(...items.map(make));
}

function element(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className !== "") made.className = className;
  return made;
}

function row(...cells) {
  const made = document.createElement("tr");
  made.append(...cells);
  return made;
}

function shortened(text) {
  const rest = text.length - TEXT_SHOWN_MAX;
  return rest <= 0 ? text : `${text.slice(0, TEXT_SHOWN_MAX)}… (${rest} more characters)`;
}

function hex(bytes) {
  const start = Array.from(bytes.subarray(0, BYTES_SHOWN_MAX),
    byte => byte.toString(16).padStart(2, "0"));
  const rest = bytes.length - start.length;
  return `binary: ${start.join(" ")}${rest === 0 ? "" : ` … (${rest} more bytes)`}`;
}

function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

function clock(date) {
  const two = number => String(number).padStart(2, "0");
  const seconds = `${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
  return `${two(date.getHours())}:${two(date.getMinutes())}:${seconds}`;
}

function duration(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

at("connect-form").addEventListener("submit", connect);
at("connect-form").addEventListener("input", () => {
  showNameProblem("");
  showChosen();
});
at("disconnect").addEventListener("click", disconnect);
at("send-form").addEventListener("submit", send);
at("clear").addEventListener("click", clear);
document.addEventListener("visibilitychange", () => document.hidden || refresh());
setInterval(() => document.hidden || refresh(), STATUS_EVERY_MS);
showState("closed", "Not connected");
refresh();
