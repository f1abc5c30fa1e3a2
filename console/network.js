// Who is there: the picture, the rates, and the same in words and tables.
import { at, element, rows, say } from "./dom.js";
import { duration, rate, size } from "./bytes.js";
import { Picture } from "./picture.js";
import { networkOf, summary } from "./topology.js";

export class NetworkView {
  #picture = new Picture(at("picture"));

  show(status, channels) {
    const { latest, problem, rates, history } = status;
    at("proxy").classList.toggle("problem", problem !== "");
    say(at("proxy"), problem || about(latest));
    const network = networkOf(latest, rates, new Set(channels.map(({ path }) => path)));
    this.#picture.show(network);
    say(at("picture-words"), summary(network));
    say(at("rate-in"), latest === null ? "–" : `${rate(rates.received)}/s`);
    say(at("rate-out"), latest === null ? "–" : `${rate(rates.delivered)}/s`);
    sparkline(history);
    showTables(latest, rates);
  }
}

function about({ version, port, proxy, uptime_seconds: seconds, discovery }) {
  const found = discovery === "off" ? "discovery off" : `discovery by ${discovery}`;
  return `Version ${version} on port ${port}, up ${duration(seconds)}, ${found}, id ${proxy}`;
}

/** The last minute of messages taken in, as a line of 60 points. */
function sparkline(history) {
  const most = Math.max(1, ...history);
  const points = history.map((value, i) =>
    `${(60 - history.length + i) * 2},${(22 - 20 * value / most).toFixed(1)}`);
  at("sparkline").setAttribute("points", points.join(" "));
}

function showTables(latest, rates) {
  const { channels = [], remotes = [], discovery } = latest ?? {};
  const rated = channels.map(channel =>
    ({ ...channel, rate: rate(rates.channels.get(`/${channel.scope}/${channel.name}`) ?? 0) }));
  list("channels", rated, each => channelRow(each, discovery), latest,
    "Nobody has a channel open.");
  list("remotes", remotes, remoteRow, latest, discovery === "off"
    ? "None. Discovery is off, so only proxies given with --peer are linked."
    : "None found.");
}

/** Fills the table around the rows called `id`, or says why there is nothing in it. */
function list(id, items, makeRow, latest, nothing) {
  rows(at(id), items, makeRow);
  at(id).parentElement.hidden = items.length === 0;
  at(`no-${id}`).hidden = items.length > 0;
  say(at(`no-${id}`), latest === null ? "Not known while no proxy answers." : nothing);
}

function channelRow(channel, discovery) {
  const { scope, name, clients, advert, links, queued_bytes: queued } = channel;
  const both = document.createDocumentFragment();
  both.append(row(element("td", `/${scope}/${name}`), element("td", `${clients}`, "number"),
    element("td", `${links.length}`, "number"), element("td", channel.rate, "number")));
  const more = links.map(linkText);
  if (queued > 0) more.unshift(`${size(queued)} wait for slow readers`);
  if (advert !== null && discovery !== "off") more.unshift(`advertised as ${advert}`);
  if (more.length > 0) {
    const details = element("td");
    details.colSpan = 4;
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
  const first = element("td", host);
  const more = id !== null && !host.includes(id) ? [...addresses, `id ${id}`] : addresses;
  first.append(...more.map(text => element("small", text)));
  return row(first, element("td", channel, "name"), element("td", state, "word"));
}

function row(...cells) {
  const made = element("tr");
  made.append(...cells);
  return made;
}
