
// How long things took: curves of how many percent took at most as long, and the figures.

const PLOT = { width: 560, height: 280, left: 76, right: 34, top: 12, bottom: 52 };
const STYLES = [["accent", ""], ["half", "7 4"], ["third", "2 3"]];

/** The points of a curve: time in milliseconds and share of all that took at most as long. */
function points({ counts }) {
  const all = sum(counts);
  const found = [];
  let below = 0;
  counts.forEach((many, n) => {
    below += many;
    const limit = run.curves.limits_ms[n] ?? run.curves.limits_ms.at(-1) * 1.26;
    if (many || (counts[n + 1] ?? 0)) found.push([limit, below / all]);
  });
  return found;
}

function plot(title, curves) {
  const drawn = curves.filter(({ counts }) => sum(counts) > 0);
  const frame = element("figure", {}, element("figcaption", {}, title));
  if (!drawn.length) {
    frame.append(element("p", { className: "hint" }, "Nothing of this happened in the run."));
    return frame;
  }
  const { width, height, left, right, top, bottom } = PLOT;
  const lines = drawn.map(points);
  const times = lines.flatMap(line => line.map(([ms]) => Math.log10(ms)));
  const low = Math.floor(Math.min(...times));
  const high = Math.max(low + 1, Math.ceil(Math.max(...times)));
  const x = ms => left + (Math.log10(ms) - low) / (high - low) * (width - left - right);
  const y = share => top + (1 - share) * (height - top - bottom);
  let inside = "";
  const each = high - low > 5 ? 2 : 1;
  for (let n = low; n <= high; n += each) {
    inside += `<path class="grid" d="M${x(10 ** n)} ${top}V${height - bottom}"/>
      <text x="${x(10 ** n)}" y="${height - bottom + 20}" text-anchor="middle">${span(10 ** n).replace(/\.0+/, "")}</text>`;
  }
  for (const share of [0, .5, .9, 1]) {
    inside += `<path class="grid" d="M${left} ${y(share)}H${width - right}"/>
      <text x="${left - 6}" y="${y(share) + 4}" text-anchor="end">${share * 100} %</text>`;
  }
  inside += `<text x="${(left + width - right) / 2}" y="${height - 8}" text-anchor="middle">took at most this long</text>`;
  lines.forEach((line, n) => {
    const [paint, dashes] = STYLES[curves.indexOf(drawn[n])];
    const path = line.map(([ms, share], place) => `${place ? `H${x(ms)}V` : `M${x(ms)} ${y(0)}V`}${y(share)}`).join("");
    inside += `<path class="curve" d="${path}" stroke="var(--${paint})" stroke-dasharray="${dashes}"/>`;
  });
  const svg = `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}: ${drawn.map(({ name }) => name).join(", ")}; the table below has the figures">${inside}</svg>`;
  const holder = element("div");
  holder.innerHTML = svg;
  const key = element("p", { className: "key" });
  key.append(...drawn.map(curve => {
    const [paint, dashes] = STYLES[curves.indexOf(curve)];
    const sign = element("span");
    sign.innerHTML = `<svg width="24" height="12" aria-hidden="true"><path d="M0 6h24" stroke="var(--${paint})" stroke-width="2" stroke-dasharray="${dashes}"/></svg>`;
    sign.append(`${curve.name} (${few(sum(curve.counts), "time", "times")})`);
    return sign;
  }));
  frame.append(holder, key);
  return frame;
}

const { curves } = run.curves;
byId("plots").append(
  plot("To find each other, and to link", curves.slice(0, 3)),
  plot("To deliver a message", curves.slice(3)),
);

function row(cells, tag = "td") {
  const [name, ...rest] = cells;
  const first = name ? element("th", { scope: tag === "th" ? "col" : "row" }, name) : element("td");
  return element("tr", {}, first, ...rest.map(cell => element(tag, tag === "th" ? { scope: "col" } : {}, cell)));
}

const { figures } = run;
const spreads = [figures.discovery, figures.seen_to_link, figures.joined_to_link, figures.delivery_local, figures.delivery_linked];
byId("figures").append(
  element("thead", {}, row(["", "count", "min", "50 %", "90 %", "99 %", "99.9 %", "max"], "th")),
  element("tbody", {}, ...spreads.map((spread, n) => row([curves[n].name, ...(spread
    ? [String(spread.count), ...["min", "p50", "p90", "p99", "p99.9", "max"].map(name => span(spread[`${name}_ns`] / 1e6))]
    : ["0", "–", "–", "–", "–", "–", "–"])]))),
);

const traffic = of => `${of.packets} packets, ${of.bytes} bytes; ${of.packets_a_second.toFixed(1)} packets and ${of.bytes_a_second.toFixed(0)} bytes a second; in the busiest second ${of.peak_second.packets} packets, ${of.peak_second.bytes} bytes`;
const facts = [
  ["Multicast", figures.multicast && traffic(figures.multicast)],
  ["Unicast", figures.unicast && traffic(figures.unicast)],
  ["Packets lost", figures.multicast && String(figures.lost)],
  ["mDNS answers suppressed", figures.multicast && `${figures.answers_suppressed}, because they were known`],
  ["Messages", `${figures.sent} sent, ${figures.heard} heard`],
  ["Sessions", String(figures.sessions)],
  ["Links", `${figures.links}; dials that failed: ${figures.dials_failed}, that became no link: ${figures.dials_without_link}`],
];
byId("counts").append(...facts.filter(([, text]) => text).flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]));
