// What the picture shows, read from /status: channels, other proxies, and what joins them. Pure.

/** More would not be told apart in a small picture; the tables have them all. */
const CHANNELS_MAX = 10;
const REMOTES_MAX = 10;

/** Of several states towards one proxy, the one to show: the first of these. */
const STATES = ["linked", "dialling", "waiting", "seen"];

/**
 * @param status what /status said, or null
 * @param rates as status.js measures them
 * @param opened the paths of the channels that this page has open
 */
export function networkOf(status, rates, opened) {
  if (status === null) return { known: false, channels: [], remotes: [], ties: [], more: 0 };
  const all = status.channels.map(({ scope, name, clients, links }) => {
    const path = `/${scope}/${name}`;
    return { key: path, path, scope, clients, links, opened: opened.has(path),
      rate: rates.channels.get(path) ?? 0 };
  });
  // Those of this page first: they are what its person looks for.
  all.sort((a, b) => b.opened - a.opened);
  const channels = all.slice(0, CHANNELS_MAX);
  const { remotes, ties } = others(status, channels);
  const shown = remotes.slice(0, REMOTES_MAX);
  const keys = new Set(shown.map(({ key }) => key));
  return {
    known: true, channels, remotes: shown,
    ties: ties.filter(tie => keys.has(tie.remote)),
    more: all.length - channels.length + remotes.length - shown.length,
  };
}

/** The other proxies, each once, and the ties: channel, proxy, state, and which way it carries. */
function others(status, channels) {
  const remotes = new Map();
  const ties = new Map();
  const meet = (id, address, label) => {
    const key = id ?? address;
    if (!remotes.has(key)) remotes.set(key, { key, label });
    return key;
  };
  const tie = (channel, remote, state) => {
    const key = `${channel} ${remote}`;
    const found = ties.get(key) ?? { key, channel, remote, state, brings: false, takes: false };
    if (STATES.indexOf(state) < STATES.indexOf(found.state)) found.state = state;
    ties.set(key, found);
    return found;
  };
  for (const { id, host, addresses, channel, state } of status.remotes) {
    if (!STATES.includes(state)) continue; // ourselves, or a second way to one that is linked
    const key = meet(id, addresses[0] ?? host, label(host, addresses));
    const path = `/broadcast/${channel}`;
    if (channels.some(each => each.path === path)) tie(path, key, state);
  }
  for (const { path, links } of channels) {
    for (const { remote, address, carries } of links) {
      const found = tie(path, meet(remote, address, plain(address)), "linked");
      found.brings ||= carries !== "out";
      found.takes ||= carries !== "in";
    }
  }
  return { remotes: [...remotes.values()], ties: [...ties.values()] };
}

/** Our own adverts have a host name made of an id, which says less than an address. */
function label(host, addresses) {
  const address = addresses.find(each => !each.startsWith("[fe80")) ?? addresses[0];
  return plain(/[0-9a-f]{16}/.test(host) && address !== undefined ? address : host);
}

/** Without the port that every proxy has unless told otherwise. */
const plain = address => address.replace(/:9009$/, "").replace(/\.local\.?$/, "");

/** The picture in words, for who does not see it. */
export function summary({ known, channels, remotes, ties, more }) {
  if (!known) return "No proxy answers, so nothing is known.";
  const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;
  const clients = channels.reduce((sum, channel) => sum + channel.clients, 0);
  const linked = ties.filter(({ state }) => state === "linked").length;
  const rest = more === 0 ? "" : `, and ${more} more in the tables`;
  return `This proxy has ${count(channels.length, "channel", "channels")} with ` +
    `${count(clients, "client", "clients")}, and sees ` +
    `${count(remotes.length, "other proxy", "other proxies")}; ` +
    `${count(linked, "channel is", "channels are")} linked with one${rest}.`;
}
