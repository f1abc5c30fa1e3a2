// The page of results in a real browser, opened from a file.
//   NWS_CONFORMANCE  path of the program `conformance` (required)
//   CHROMIUM         path of Chromium [/usr/bin/chromium]
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const WAIT_MS_MAX = 20_000;

const record = (name, clause, verdict, more = {}) =>
  ({ case: name, clause, verdict, ms: 1, log: [], ...more });

const report = (target, records) => ({
  format: 1,
  suite: "0.1.0",
  target,
  how: "`proxy`",
  started: "2026-01-02T03:04:05Z",
  elapsed_ms: 1000,
  rerun: "conformance run --exact {case}",
  troubles: [],
  records,
});

const REPORTS = [
  report("sound", [
    record("name/every-allowed-byte", "name.alphabet", "pass"),
    record("name/empty-refused", "name.invalid-refused", "pass"),
  ]),
  report("</script><b>wrong</b>", [
    record("name/every-allowed-byte", "name.alphabet", "fail",
      { expected: "101", received: "404", deviation: { verdict: "fail", reason: "the library" } }),
    record("name/empty-refused", "name.invalid-refused", "fail", {
      expected: "404",
      received: "<i>101</i>",
      log: [{ at_ms: 7, who: "alice", direction: "received", what: "HTTP/1.1 101 <u>Switching</u>" }],
    }),
    record("name/too-long-refused", "name.invalid-refused", "pass"),
  ]),
];

let browser;
let folder;
let address;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "nws-report-"));
  const files = REPORTS.map((one, n) => {
    const file = join(folder, `${n}.json`);
    writeFileSync(file, JSON.stringify(one));
    return file;
  });
  const page = join(folder, "report.html");
  execFileSync(process.env.NWS_CONFORMANCE, ["report", ...files, "--html", page]);
  address = `file://${page}`;
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
});

after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

/** The page, which must say nothing in the console and ask nobody for anything. */
async function open(t, hash = "") {
  const page = await browser.newPage({ viewport: { width: 390, height: 800 } });
  page.setDefaultTimeout(WAIT_MS_MAX);
  const problems = [];
  page.on("console", message => problems.push(message.text()));
  page.on("pageerror", error => problems.push(error.message));
  page.on("request", request => request.url().startsWith(address) || problems.push(request.url()));
  await page.goto(address + hash);
  t.after(async () => {
    await page.close();
    assert.deepEqual(problems, []);
  });
  return page;
}

const cell = (page, clause, target) => page.getByRole("button", { name: `${clause}, ${target}: ` });

test("a cell tells its verdict in words, and opens its cases with the wire log", async t => {
  const page = await open(t);
  assert.match(await cell(page, "name.alphabet", "sound").textContent(), /^✓ pass/);
  const known = cell(page, "name.alphabet", REPORTS[1].target);
  assert.match(await known.textContent(), /^✗ fail, known/);
  const failed = cell(page, "name.invalid-refused", REPORTS[1].target);
  assert.equal(await failed.textContent(), "✗ fail 1 of 2");
  // By keyboard, as who uses no mouse does.
  await failed.focus();
  await page.keyboard.press("Enter");
  const details = page.locator("tr.detail");
  const text = await details.textContent();
  for (const part of ["A proxy MUST answer 404", "<i>101</i>", "conformance run --exact name/empty-refused"]) {
    assert.ok(text.includes(part), `${part} in ${text}`);
  }
  assert.equal(await details.locator(".log tr").innerText(), "7\talice\t←\tHTTP/1.1 101 <u>Switching</u>");
  assert.equal(await failed.getAttribute("aria-expanded"), "true");
  assert.ok(page.url().endsWith("#name.invalid-refused/1"));
  await page.keyboard.press("Enter");
  assert.equal(await details.count(), 0);
});

test("filters and the search show what is asked for", async t => {
  const page = await open(t);
  const rows = page.locator("tr.clause:visible");
  const all = await rows.count();
  assert.ok(all > 50, `${all} clauses`);
  await page.getByRole("button", { name: /^not as expected/ }).click();
  assert.deepEqual(await rows.locator("th").allInnerTexts(), ["name.invalid-refused MUST"]);
  await page.getByRole("button", { name: /^differ/ }).click();
  assert.equal(await rows.count(), 2);
  await page.getByRole("button", { name: /^all/ }).click();
  await page.getByRole("searchbox").fill("NAME.ALPHABET");
  assert.deepEqual(await rows.locator("th").allInnerTexts(), ["name.alphabet MUST"]);
});

test("an address with a place opens it, and no target is markup", async t => {
  const page = await open(t, "#name.invalid-refused/1");
  assert.equal(await page.locator("tr.detail").count(), 1);
  assert.equal(await page.locator("#targets b, #targets script, dd i").count(), 0);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `the page is ${wide} px wider than a phone`);
});
