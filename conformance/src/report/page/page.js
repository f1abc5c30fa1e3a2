"use strict";

const { clauses, reports } = JSON.parse(document.getElementById("data").textContent);

// A cell shows the last of these that a case of it has: the worst of what was tried.
const VERDICTS = {
  "skipped": { symbol: "–", word: "skipped" },
  "pass": { symbol: "✓", word: "pass" },
  "not-strict": { symbol: "△", word: "not strict" },
  "fail": { symbol: "✗", word: "fail" },
};
const WORST = Object.keys(VERDICTS);

const FILTERS = {
  "all": () => true,
  "not as expected": row => row.cells.some(cell => cell.unexpected > 0),
  "fail": row => row.cells.some(cell => cell.verdict === "fail"),
  "not strict": row => row.cells.some(cell => cell.records.some(record => record.verdict === "not-strict")),
  "skipped": row => row.cells.some(cell => cell.records.some(record => record.verdict === "skipped")),
};
if (reports.length > 1) {
  FILTERS["differ"] = row => new Set(row.cells.map(cell => cell.verdict)).size > 1;
}

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter(child => child !== null));
  return made;
}

// As the suite itself judges (Record::fails_the_run).
function isUnexpected({ verdict, deviation }) {
  if (!deviation) return verdict === "fail";
  return verdict !== "skipped" && verdict !== deviation.verdict;
}

function cellOf(clause, report) {
  const records = report.records.filter(record => record.clause === clause.id);
  const rank = records.map(record => WORST.indexOf(record.verdict));
  const verdict = rank.length ? WORST[Math.max(...rank)] : null;
  return {
    report,
    records,
    verdict,
    worst: records.filter(record => record.verdict === verdict).length,
    unexpected: records.filter(isUnexpected).length,
    known: records.some(record => record.verdict === verdict && record.deviation),
  };
}

// Clauses that this suite does not know: the report is of another version.
const unknown = new Set(reports.flatMap(report => report.records.map(record => record.clause)));
for (const { id } of clauses) unknown.delete(id);
const rows = [...clauses, ...[...unknown].map(id => ({ id, level: "", text: "", cases: [] }))]
  .map(clause => ({ clause, cells: reports.map(report => cellOf(clause, report)) }));

function showTarget(report) {
  const count = test => report.records.filter(test).length;
  const unexpected = count(isUnexpected);
  const parts = [
    ["pass", count(r => r.verdict === "pass" && !isUnexpected(r)), "passed"],
    ["skipped", count(r => r.verdict === "skipped"), "skipped"],
    ["not-strict", count(r => r.verdict === "not-strict" && !r.deviation), "not strict"],
    ["not-strict", count(r => ["fail", "not-strict"].includes(r.verdict) && r.deviation && !isUnexpected(r)), "as known"],
    ["fail", unexpected, "not as expected"],
  ].filter(([, number]) => number > 0);
  const bar = element("div", { className: "bar", ariaHidden: "true" });
  for (const [name, number] of parts) bar.append(element("i", { className: name, style: `flex-grow:${number}` }));
  const good = unexpected === 0 && report.troubles.length === 0;
  return element("section", { className: "target" },
    element("h2", {}, report.target),
    element("p", { className: "verdict" },
      element("span", { className: good ? "pass" : "fail" }, good ? "✓ as expected" : "✗ not as expected"),
      `: ${parts.map(([, number, word]) => `${number} ${word}`).join(", ") || "nothing ran"}`),
    bar,
    element("p", {}, report.how),
    element("p", {}, `${report.started.replace("T", " ").replace("Z", " UTC")}, ${(report.elapsed_ms / 1000).toFixed(1)} s, suite ${report.suite}`),
    ...report.troubles.map(trouble => element("p", { className: "trouble" }, `✗ ${trouble}`)));
}

function showLog(log) {
  const arrows = { sent: "→", received: "←", note: "" };
  const lines = log.map(entry => element("tr", { className: entry.direction },
    element("td", {}, String(entry.at_ms)),
    element("td", {}, entry.who),
    element("td", { title: entry.direction }, arrows[entry.direction]),
    element("td", {}, entry.what)));
  return element("div", { className: "log", tabIndex: 0, role: "region", ariaLabel: "Wire log, times in milliseconds" },
    element("table", {}, element("tbody", {}, ...lines)));
}

function verdictText({ verdict, deviation }, unexpected) {
  const { symbol, word } = VERDICTS[verdict];
  return `${symbol} ${word}${deviation && !unexpected ? ", known" : ""}${unexpected && (deviation || verdict !== "fail") ? " !" : ""}`;
}

function showCase(report, record, what) {
  const unexpected = isUnexpected(record);
  const facts = [];
  const fact = (name, value) => value && facts.push(element("dt", {}, name), element("dd", {}, value));
  fact("expected", record.expected);
  fact(record.verdict === "skipped" ? "why" : "received", record.received);
  if (record.deviation) {
    fact("known as", `${VERDICTS[record.deviation.verdict].word}: ${record.deviation.reason}`);
    if (unexpected && record.verdict === "pass") fact("now", "it passes; remove it from the target's file");
  }
  fact("took", `${record.ms} ms`);
  fact("rerun", element("code", {}, report.rerun.replace("{case}", record.case)));
  const details = element("details", { className: "case" },
    element("summary", {},
      element("span", { className: record.verdict }, verdictText(record, unexpected)),
      element("code", {}, record.case),
      element("span", { className: "what" }, what)));
  // Logs are long: made when they are looked at.
  details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) {
      details.append(element("div", { className: "body" }, element("dl", {}, ...facts), showLog(record.log)));
    }
  });
  details.open = record.verdict === "fail" || unexpected;
  return details;
}

function showClause({ clause, cells }, only) {
  const whats = new Map(clause.cases.map(one => [one.id, one.what]));
  const parts = [element("p", { className: "prose" }, element("b", {}, clause.level), clause.text)];
  if (clause.why) parts.push(element("p", { className: "prose why" }, element("b", {}, "Why:"), clause.why));
  if (only) {
    parts.push(...only.records.map(record => showCase(only.report, record, whats.get(record.case) ?? "")));
  } else {
    const list = clause.cases.map(({ id, what }) => element("li", {}, element("code", {}, id), ` ${what}`));
    parts.push(element("ul", {}, ...list));
  }
  const columns = cells.length + 1;
  return element("tr", { className: "detail" }, element("td", { colSpan: columns }, element("div", {}, ...parts)));
}

// One clause or cell is open at a time in each row; it has its place in the address.
function opens(button, row, cell) {
  const place = [row.clause.id, ...(cell ? [row.cells.indexOf(cell)] : [])].join("/");
  button.setAttribute("aria-expanded", "false");
  button.dataset.place = place;
  button.addEventListener("click", () => {
    const wasOpen = button.getAttribute("aria-expanded") === "true";
    row.detail?.remove();
    row.detail = null;
    for (const other of row.element.querySelectorAll("button")) other.setAttribute("aria-expanded", "false");
    if (wasOpen) return;
    button.setAttribute("aria-expanded", "true");
    row.detail = showClause(row, cell);
    row.element.after(row.detail);
    history.replaceState(null, "", `#${place}`);
  });
}

function showCell(row, cell) {
  if (!cell.verdict) return element("td", {}, element("span", { className: "none" }, "not run"));
  const { symbol, word } = VERDICTS[cell.verdict];
  const known = cell.known && !cell.unexpected;
  const button = element("button", { type: "button", className: `${cell.verdict}${known ? " known" : ""}` },
    `${symbol} ${word}${known ? ", known" : ""}${cell.unexpected && (cell.known || cell.verdict !== "fail") ? " !" : ""}`,
    element("span", { className: "count" }, cell.records.length === 1 ? "" : ` ${cell.worst} of ${cell.records.length}`));
  button.setAttribute("aria-label", `${row.clause.id}, ${cell.report.target}: ${button.textContent}`);
  opens(button, row, cell);
  return element("td", {}, button);
}

function showRow(row) {
  const { clause, cells } = row;
  const button = element("button", { type: "button", title: clause.text },
    ...clause.id.split(/(?<=[.-])/).flatMap(part => [part, element("wbr")]), " ",
    element("span", { className: "level" }, clause.level));
  row.element = element("tr", { className: "clause" },
    element("th", { scope: "row" }, button),
    ...cells.map(cell => showCell(row, cell)));
  opens(button, row, null);
  const cases = cells.flatMap(cell => cell.records.flatMap(r => [r.case, r.expected, r.received]));
  row.words = [clause.id, clause.text, ...clause.cases.flatMap(one => [one.id, one.what]), ...cases].join("\n").toLowerCase();
  return row.element;
}

function showGrid() {
  const grid = document.getElementById("grid");
  // Columns that would be too narrow scroll instead.
  grid.style.minWidth = `calc(var(--clause) + ${reports.length} * var(--column))`;
  grid.tHead.append(element("tr", {}, element("th", { scope: "col" }, "Clause"),
    ...reports.map(report => element("th", { scope: "col" }, report.target))));
  const areas = new Map();
  for (const row of rows) {
    const area = row.clause.id.split(".")[0];
    areas.set(area, [...(areas.get(area) ?? []), row]);
  }
  for (const [area, members] of areas) {
    const sums = reports.map((_, column) => {
      const tried = members.filter(row => row.cells[column].verdict !== null);
      const good = tried.filter(row => row.cells[column].verdict === "pass").length;
      return element("td", {}, `${good} of ${members.length} pass`);
    });
    const body = element("tbody", {},
      element("tr", { className: "area" }, element("th", { scope: "rowgroup" }, area), ...sums),
      ...members.map(showRow));
    grid.append(body);
  }
}

let chosen = "all";

function filter() {
  const words = document.getElementById("search").value.toLowerCase();
  let shown = 0;
  for (const row of rows) {
    const fits = FILTERS[chosen](row) && row.words.includes(words);
    row.element.hidden = !fits;
    if (row.detail) row.detail.hidden = !fits;
    if (fits) shown += 1;
  }
  for (const body of document.querySelectorAll("#grid > tbody")) {
    body.hidden = !body.querySelector("tr.clause:not([hidden])");
  }
  document.getElementById("shown").value = `${shown} of ${rows.length} clauses`;
  for (const button of document.querySelectorAll("#filters button")) {
    button.setAttribute("aria-pressed", String(button.dataset.filter === chosen));
  }
}

function showFilters() {
  const place = document.getElementById("filters");
  for (const [name, fits] of Object.entries(FILTERS)) {
    const button = element("button", { type: "button" }, `${name} ${rows.filter(fits).length}`);
    button.dataset.filter = name;
    button.addEventListener("click", () => {
      chosen = name;
      filter();
    });
    place.append(button);
  }
  document.getElementById("search").addEventListener("input", filter);
}

document.getElementById("targets").append(...reports.map(showTarget));
document.title = `${reports.map(report => report.target).join(", ")}: Named WebSockets conformance`;
showGrid();
showFilters();
filter();
const place = decodeURIComponent(location.hash.slice(1));
const target = [...document.querySelectorAll("tr.clause button")].find(button => button.dataset.place === place);
if (target) {
  target.click();
  target.scrollIntoView({ block: "center" });
}
