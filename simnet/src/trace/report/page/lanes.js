
// A lane for each proxy: from left to right the run; how many links it has, what its clients sent
// and heard; faults as shaded spans across all lanes.

const NAME_WIDTH = () => (innerWidth < 576 ? 70 : 130);
const ROW = count <= 40 ? 20 : count <= 100 ? 12 : 6;
const AXIS = 34;

let scaleX = ms => ms;

/** A round step that gives about this many marks. */
function step(marks) {
  const rough = END / marks;
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 3e4, 6e4, 12e4, 3e5, 6e5, 12e5, 18e5, 36e5, 72e5, 144e5, 216e5];
  return steps.find(one => one >= rough) ?? Math.ceil(rough / 864e5) * 864e5;
}

function drawAxis(width) {
  const context = prepare(byId("axis"), width, AXIS);
  context.strokeStyle = colour("line");
  context.fillStyle = colour("quiet");
  const each = step((width - NAME_WIDTH()) / 90);
  for (let at = 0; at <= END; at += each) {
    const x = scaleX(at);
    context.beginPath();
    context.moveTo(x, AXIS - 6);
    context.lineTo(x, AXIS);
    context.stroke();
    context.textAlign = x > width - 40 ? "right" : at === 0 ? "left" : "center";
    context.fillText(each % 1000 ? clock(at) : clock(at).replace(".000", ""), x, AXIS - 9);
  }
  context.fillStyle = colour("fault");
  for (const { from, to } of run.faults) context.fillRect(scaleX(from), AXIS - 4, Math.max(2, scaleX(to) - scaleX(from)), 4);
  context.textAlign = "left";
  context.fillStyle = colour("bad");
  for (const { ns } of run.failures) context.fillText("✗", Math.min(scaleX(ns / 1e6) - 4, width - 10), 12);
}

/** How many links each proxy has, for each column of pixels: the most. */
function linkColumns(columns, left) {
  const rows = proxies.map(() => new Int32Array(columns + 1));
  for (const { proxy, from, to } of links) {
    if (!rows[proxy]) continue;
    rows[proxy][Math.floor(scaleX(from) - left)] += 1;
    rows[proxy][Math.min(columns, Math.floor(scaleX(to) - left) + (to >= run.end ? 1 : 0))] -= 1;
  }
  for (const row of rows) for (let n = 1; n < row.length; n++) row[n] += row[n - 1];
  return rows;
}

function drawSpans(context, spans, key, y, paint) {
  context.fillStyle = paint;
  for (const [from, to] of spans.get(key) ?? []) context.fillRect(scaleX(from), y, Math.max(1, scaleX(to) - scaleX(from)), ROW - 1);
}

function drawLanes() {
  const frame = byId("lanes-frame");
  const width = frame.clientWidth;
  const height = Math.max(1, count) * ROW;
  const left = NAME_WIDTH();
  const columns = Math.max(1, width - left - 1);
  scaleX = ms => left + ms / END * columns;
  drawAxis(width);
  const canvas = byId("lanes");
  canvas.style.height = `${height}px`;
  const context = prepare(canvas, width, height);
  const held = linkColumns(columns, left);
  const most = Math.max(1, ...held.map(row => row.reduce((a, b) => Math.max(a, b), 0)));
  proxies.forEach((proxy, n) => {
    const y = n * ROW;
    context.fillStyle = colour("down");
    context.fillRect(left, y, columns, ROW - 1);
    drawSpans(context, up, proxy.number, y, colour("panel"));
    context.fillStyle = colour("link");
    held[n].forEach((many, x) => {
      const tall = Math.ceil(many / most * (ROW - 2));
      if (many > 0) context.fillRect(left + x, y + ROW - 1 - tall, 1, tall);
    });
    drawSpans(context, asleep, proxy.host, y, colour("asleep"));
    drawSpans(context, off, proxy.host, y, colour("down"));
    if (ROW >= 12 || n % 5 === 0) {
      context.fillStyle = colour("ink");
      context.textAlign = "left";
      context.fillText(proxy.name.length * 7 > left - 8 ? `${proxy.name.slice(0, Math.floor(left / 7) - 2)}…` : proxy.name, 6, y + Math.min(ROW - 2, ROW / 2 + 4) + (ROW < 12 ? 5 : 0), left - 8);
    }
  });
  drawCounts(context, run.heard, "heard", .35, 1);
  drawCounts(context, run.sent, "sent", 0, .3);
  context.fillStyle = colour("fault");
  context.globalAlpha = .14;
  for (const { from, to } of run.faults) context.fillRect(scaleX(from), 0, Math.max(2, scaleX(to) - scaleX(from)), height);
  context.globalAlpha = 1;
  context.fillStyle = colour("bad");
  for (const { ns } of run.failures) context.fillRect(scaleX(ns / 1e6), 0, 2, height);
  byId("cursor").style.height = `${AXIS + height}px`;
  canvas.setAttribute("aria-label", `${few(count, "lane", "lanes")} from 0 to ${clock(run.end)}; at most ${few(most, "end of a link", "ends of links")} each; ${few(run.faults.length, "span", "spans")} with a fault`);
}

/** Draws counts as marks in a part of each lane: the more, the stronger. */
function drawCounts(context, pieces, name, top, bottom) {
  const most = Math.max(1, ...pieces.map(flat => [...groups(flat, 2)].reduce((a, [, many]) => Math.max(a, many), 0)));
  context.fillStyle = colour(name);
  pieces.forEach((flat, n) => {
    const x = scaleX(n * run.bin);
    const wide = Math.max(1, scaleX((n + 1) * run.bin) - x - .5);
    for (const [proxy, many] of groups(flat, 2)) {
      context.globalAlpha = .35 + .65 * Math.log(1 + many) / Math.log(1 + most);
      context.fillRect(x, proxy * ROW + 1 + top * (ROW - 2), wide, (bottom - top) * (ROW - 2));
    }
  });
  context.globalAlpha = 1;
}

byId("lanes-frame").addEventListener("click", event => {
  const frame = byId("lanes-frame");
  const x = event.clientX - frame.getBoundingClientRect().left - NAME_WIDTH();
  if (x >= 0) show(Math.min(END, x / Math.max(1, frame.clientWidth - NAME_WIDTH() - 1) * END));
});

showKey("lanes-key", [
  [`<path d="M0 12V6h8V3h10v9z" fill="var(--link)"/>`, "links that it holds"],
  [`<path d="M3 0v5M9 0v5" stroke="var(--sent)" stroke-width="3"/>`, "its clients send"],
  [`<path d="M3 3v9M9 3v9" stroke="var(--heard)" stroke-width="3"/>`, "its clients hear"],
  [`<path d="M0 0h18v12H0z" fill="var(--down)"/>`, "down"],
  [`<path d="M0 0h18v12H0z" fill="var(--asleep)"/>`, "asleep"],
  [`<path d="M0 0h18v12H0z" fill="var(--fault)" />`, "a fault lasts, with a shade below"],
  [`<path d="M9 0v12" stroke="var(--bad)" stroke-width="2"/>`, "something failed"],
]);
