
// The network at one moment: segments as rings with their hosts on them, proxies on the hosts,
// links as lines, messages as dots on their way.

/** Where everything is, in a drawing of this size. */
function layOut(width, height) {
  const used = picture.segments.map((name, n) => ({ n, name })).filter(({ n }) => picture.hosts.some(host => host.segments.includes(n)));
  const rings = used.length ? used : [{ n: -1, name: "" }];
  const sizeIn = columns => Math.min(width / columns, height / Math.ceil(rings.length / columns));
  const columns = rings.map((_, n) => n + 1).reduce((best, one) => (sizeIn(one) > sizeIn(best) ? one : best));
  const rows = Math.ceil(rings.length / columns);
  const size = sizeIn(columns);
  const labels = picture.hosts.length <= 40 && size >= 240;
  rings.forEach((ring, place) => {
    ring.x = (place % columns + .5) * width / columns;
    ring.y = (Math.floor(place / columns) + .5) * height / rows;
    ring.radius = size / 2 - (labels ? 58 : 22);
    ring.hosts = [];
  });
  const nodes = new Map();
  const hosts = picture.hosts.length ? picture.hosts : [...new Set(proxies.map(proxy => proxy.host))].map(host => ({ name: hostName(host), segments: [] }));
  hosts.forEach((host, number) => {
    const on = rings.filter(ring => host.segments.includes(ring.n));
    const node = { number, name: host.name, proxies: proxies.filter(proxy => proxy.host === number) };
    nodes.set(number, node);
    if (on.length > 1) {
      // A router, or a host with several cables: between its segments.
      node.x = sum(on.map(ring => ring.x)) / on.length;
      node.y = sum(on.map(ring => ring.y)) / on.length;
      node.on = on;
    } else (on[0] ?? rings[0]).hosts.push(node);
  });
  for (const ring of rings) {
    ring.hosts.forEach((node, place) => {
      const alone = ring.hosts.length === 1;
      node.angle = place / ring.hosts.length * 2 * Math.PI - Math.PI / 2;
      node.x = ring.x + (alone ? 0 : ring.radius * Math.cos(node.angle));
      node.y = ring.y + (alone ? 0 : ring.radius * Math.sin(node.angle));
      node.room = alone ? ring.radius : Math.PI * ring.radius / ring.hosts.length;
    });
  }
  const places = [];
  for (const node of nodes.values()) {
    const many = node.proxies.length;
    const room = Math.max(3, Math.min(node.room ?? 14, many > 1 ? 90 : 14));
    node.radius = many > 1 ? room : 0;
    node.proxies.forEach((proxy, n) => {
      const angle = n / many * 2 * Math.PI - Math.PI / 2;
      const size = many > 1 ? Math.max(2, Math.min(9, Math.PI * room / many * .7)) : Math.max(3, Math.min(9, room * .7));
      places[proxy.number] = { x: node.x + node.radius * Math.cos(angle), y: node.y + node.radius * Math.sin(angle), size, node };
    });
  }
  return { rings, nodes, places, labels };
}

let layout = null;

function line(context, a, b) {
  context.moveTo(a.x, a.y);
  context.lineTo(b.x, b.y);
}

/** Draws links by whether both ends hold them; returns how many pairs of proxies are linked. */
function drawLinks(context, at, places) {
  const pairs = new Map();
  for (const { proxy, remote } of linksAt(at)) {
    if (!places[proxy] || !places[remote]) continue;
    const low = Math.min(proxy, remote);
    const key = low * count + Math.max(proxy, remote);
    pairs.set(key, (pairs.get(key) ?? 0) | (proxy === low ? 1 : 2));
  }
  for (const both of [true, false]) {
    context.beginPath();
    for (const [key, ends] of pairs) {
      if ((ends === 3) === both) line(context, places[Math.floor(key / count)], places[key % count]);
    }
    context.strokeStyle = colour(both ? "link" : "half");
    context.globalAlpha = Math.max(both ? .08 : .5, Math.min(1, 120 / pairs.size));
    context.lineWidth = both ? 1 : 1.5;
    context.setLineDash(both ? [] : [4, 3]);
    context.stroke();
  }
  context.setLineDash([]);
  context.globalAlpha = 1;
  return pairs.size;
}

function drawRings(context, { rings, nodes, labels }, marked) {
  context.lineWidth = 1;
  for (const ring of rings) {
    context.strokeStyle = colour("line");
    if (ring.hosts.length > 1) {
      context.beginPath();
      context.arc(ring.x, ring.y, ring.radius, 0, 2 * Math.PI);
      context.stroke();
    }
    context.fillStyle = colour("quiet");
    context.textAlign = "center";
    context.fillText(ring.name, ring.x, ring.y + (ring.hosts.length > 1 ? ring.radius + (labels ? 50 : 18) : ring.radius + 16));
  }
  for (const node of nodes.values()) {
    context.beginPath();
    for (const ring of node.on ?? []) line(context, node, ring);
    context.strokeStyle = colour("edge");
    context.stroke();
    if (node.radius || node.on) {
      context.beginPath();
      context.arc(node.x, node.y, Math.max(node.radius, 7), 0, 2 * Math.PI);
      if (!node.radius) context.fillStyle = colour("panel"), context.fill();
      context.stroke();
    }
    if (marked.has(node.number)) {
      context.beginPath();
      context.arc(node.x, node.y, Math.max(node.radius + 14, 14), 0, 2 * Math.PI);
      context.strokeStyle = colour("fault");
      context.lineWidth = 3;
      context.stroke();
      context.lineWidth = 1;
    }
    if (labels) {
      const out = node.angle === undefined || node.radius > 30 ? { x: 0, y: node.radius + 18 } : { x: Math.cos(node.angle) * (node.radius + 20), y: Math.sin(node.angle) * (node.radius + 20) };
      context.fillStyle = colour("ink");
      context.textAlign = out.x > 4 ? "left" : out.x < -4 ? "right" : "center";
      context.fillText(node.name.length > 12 ? `${node.name.slice(0, 11)}…` : node.name, node.x + out.x, node.y + out.y + 4);
    }
  }
}

function drawProxies(context, at, places, sent) {
  for (const proxy of proxies) {
    const place = places[proxy.number];
    if (!place) continue;
    const state = stateOf(proxy, at);
    context.beginPath();
    context.arc(place.x, place.y, place.size, 0, 2 * Math.PI);
    context.fillStyle = colour(state === "up" ? "accent" : state === "asleep" ? "asleep" : "panel");
    context.fill();
    context.strokeStyle = colour(state === "up" ? "panel" : "edge");
    context.lineWidth = 1.5;
    context.stroke();
    if (sent.has(proxy.number)) {
      context.beginPath();
      context.arc(place.x, place.y, place.size + 3, 0, 2 * Math.PI);
      context.strokeStyle = colour("sent");
      context.stroke();
    }
  }
}

function drawFlows(context, { flows, part }, places) {
  context.fillStyle = colour("sent");
  for (const [from, to, many] of flows) {
    const [a, b] = [places[from], places[to]];
    if (!a || !b) continue;
    context.beginPath();
    context.arc(a.x + (b.x - a.x) * part, a.y + (b.y - a.y) * part, 1.5 + Math.min(3.5, Math.log2(many)), 0, 2 * Math.PI);
    context.fill();
  }
}

/** Draws the network; returns what it shows in numbers. */
function drawNetwork(at) {
  const canvas = byId("network");
  const { clientWidth: width, clientHeight: height } = canvas;
  const context = prepare(canvas, width, height);
  layout = layOut(width, height);
  const faults = faultsAt(at);
  const marked = new Set(faults.flatMap(({ number }) => picture.faults[number] ?? []));
  drawRings(context, layout, marked);
  const linked = drawLinks(context, at, layout.places);
  const piece = pieceAt(at);
  drawProxies(context, at, layout.places, piece.sent);
  drawFlows(context, piece, layout.places);
  return { linked, faults, piece };
}

byId("network").addEventListener("pointermove", event => {
  if (!layout) return;
  const { left, top } = event.currentTarget.getBoundingClientRect();
  const far = place => Math.hypot(place.x - event.clientX + left, place.y - event.clientY + top);
  const near = proxies.filter(({ number }) => layout.places[number] && far(layout.places[number]) < 14)
    .sort((a, b) => far(layout.places[a.number]) - far(layout.places[b.number]))[0];
  byId("pointed").textContent = near ? `${near.name} on ${hostName(near.host)}: ${stateOf(near, now)}, ${few(linksOf(near.number, now).length, "link", "links")}` : "";
});

const linksOf = (proxy, at) => linksAt(at).filter(link => link.proxy === proxy);

showKey("network-key", [
  [`<circle cx="9" cy="6" r="5" fill="var(--accent)"/>`, "proxy that is up"],
  [`<circle cx="9" cy="6" r="5" fill="var(--asleep)"/>`, "asleep"],
  [`<circle cx="9" cy="6" r="4.5" fill="none" stroke="var(--edge)" stroke-width="1.5"/>`, "down"],
  [`<path d="M0 6h18" stroke="var(--link)" stroke-width="2"/>`, "link"],
  [`<path d="M0 6h18" stroke="var(--half)" stroke-width="2" stroke-dasharray="4 3"/>`, "link that only one end holds"],
  [`<circle cx="9" cy="6" r="2.5" fill="var(--sent)"/>`, "messages on their way"],
  [`<circle cx="9" cy="6" r="5" fill="none" stroke="var(--sent)" stroke-width="1.5"/>`, "clients send"],
  [`<circle cx="9" cy="6" r="4.5" fill="none" stroke="var(--fault)" stroke-width="2.5"/>`, "host with a fault"],
]);
