// The report of a run in a real browser, opened from a file.
//   NWS_MADE_UP_REPORT  path of the example `made_up_report` (required)
//   CHROMIUM            path of Chromium [/usr/bin/chromium]
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const WAIT_MS_MAX = 20_000;
const PAGE_BYTES_MAX = 5e6;
const WIDE = { width: 1300, height: 900 };
const PHONE = { width: 390, height: 800 };

let browser;
let folder;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "nws-run-"));
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
});

after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

/** The page of a made-up run, which must say nothing in the console and ask nobody for anything. */
async function open(t, { proxies = 6, seconds = 60, viewport = WIDE, colorScheme = "light" } = {}) {
  const file = join(folder, `${proxies}-${seconds}.html`);
  execFileSync(process.env.NWS_MADE_UP_REPORT, [String(proxies), String(seconds), file]);
  const page = await browser.newPage({ viewport, colorScheme });
  page.setDefaultTimeout(WAIT_MS_MAX);
  const problems = [];
  page.on("console", message => problems.push(message.text()));
  page.on("pageerror", error => problems.push(error.message));
  page.on("request", request => request.url() === `file://${file}` || problems.push(request.url()));
  await page.goto(`file://${file}`);
  t.after(async () => {
    await page.close();
    assert.deepEqual(problems, []);
  });
  return { page, file };
}

/** What the panel beside the picture says under a name. */
const fact = (page, name) =>
  page.locator("#now dt", { hasText: new RegExp(`^${name}$`) }).locator("xpath=following-sibling::dd[1]");

const slider = page => page.getByRole("slider", { name: "Time" });

/** Moves the slider, as a drag does. */
const goTo = (page, ms) => slider(page).fill(String(ms));

test("it opens at the first failure, with the events before it, and text stays text", async t => {
  const { page } = await open(t);
  assert.equal(await page.title(), "simnet: made-up, seed 42");
  assert.equal(await page.locator("#verdict").textContent(), "✗ 1 check failed");
  assert.match(await page.locator("#run").textContent(), /simnet replay made-up --seed 42/);
  assert.equal(await page.locator("#clock").textContent(), "36.000 s");
  const failure = page.locator("#failures li");
  assert.match(await failure.textContent(), /hears-everyone: client-1 never heard message 7 of <\/script><b>client-0<\/b>/);
  assert.equal(await page.locator("#failures li p b").count(), 1, "the check's name alone is bold");
  await failure.getByText("The last 12 events before it").click();
  assert.match(await failure.locator("pre").innerText(), /client-5@proxy-5\s+hears message \d+ of client-0@proxy-0 \(12 bytes\)/);
});

test("what the picture says is what was so at its time", async t => {
  const { page } = await open(t);
  const said = async () => Promise.all(["Proxies", "Linked pairs of proxies", "Faults"].map(name => fact(page, name).innerText()));
  await goTo(page, 5000);
  assert.deepEqual(await said(), ["6 of 6 up", "15", "none"]);
  await goTo(page, 15_000);
  assert.deepEqual(await said(), ["5 of 6 up, 1 asleep", "15", "sleep: desk-1"]);
  await goTo(page, 40_000);
  assert.deepEqual(await said(), ["5 of 6 up, 1 without power", "15", "power <lost>: desk-2"]);
  await page.getByText("Proxies at this time, as a table").click();
  assert.deepEqual(await page.locator("#proxies tbody tr").nth(2).locator("th, td").allInnerTexts(),
    ["proxy-2", "desk-2", "without power", "0", "0", "0", ""]);
  // Its own ends went with it; the others hold theirs.
  assert.match(await page.locator("#proxies tbody tr").nth(0).innerText(), /proxy-0\tdesk-0\tup\t5/);
});

test("it is used by keyboard: play, pause, step, jump", async t => {
  const { page } = await open(t);
  const clock = page.locator("#clock");
  await page.getByLabel("Go to").selectOption({ label: "0.000 s the start" });
  assert.equal(await clock.textContent(), "0.000 s");
  await slider(page).focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await clock.textContent(), "0.060 s");
  assert.equal(await slider(page).getAttribute("aria-valuetext"), "0.060 s");
  await page.getByRole("button", { name: "Play" }).focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.getElementById("clock").textContent > "1");
  await page.keyboard.press("Enter");
  const stopped = await clock.textContent();
  assert.equal(await page.getByRole("button", { name: "Play" }).count(), 1);
  await page.waitForTimeout(100);
  assert.equal(await clock.textContent(), stopped);
  await page.getByRole("button", { name: "Show 36.000 s" }).press("Enter");
  assert.equal(await clock.textContent(), "36.000 s");
});

test("a click into the lanes goes to that time, and the lanes show who was down", async t => {
  const { page } = await open(t);
  const lanes = page.locator("#lanes");
  const { width } = await lanes.boundingBox();
  await lanes.click({ position: { x: 130 + (width - 131) / 2, y: 10 } });
  assert.match(await page.locator("#clock").textContent(), /^(29|30)\.\d{3} s$/);
  // The colour in the middle of a lane, where nothing was sent, a fault lasts or not.
  const paint = (lane, seconds) => page.evaluate(([lane, seconds]) => {
    const canvas = document.getElementById("lanes");
    const scale = canvas.width / canvas.clientWidth;
    const x = 130 + seconds / 60 * (canvas.clientWidth - 131);
    const copy = new OffscreenCanvas(1, 1).getContext("2d");
    copy.drawImage(canvas, -x * scale, -(lane * 20 + 8) * scale);
    return [...copy.getImageData(0, 0, 1, 1).data].join();
  }, [lane, seconds]);
  assert.equal(await paint(0, 15.5), await paint(3, 15.5));
  assert.notEqual(await paint(0, 15.5), await paint(1, 15.5), "asleep");
  assert.notEqual(await paint(0, 35.5), await paint(2, 35.5), "without power");
  assert.notEqual(await paint(0, 35.5), await paint(0, 25.5), "the fault is a shade over all lanes");
});

test("figures stand as curves and as a table", async t => {
  const { page } = await open(t);
  assert.equal(await page.locator("#plots svg[role=img]").count(), 2);
  assert.equal(await page.locator("#plots path.curve").count(), 4, "nothing went within one proxy");
  const cells = await page.locator("#figures tbody tr").first().locator("th, td").allInnerTexts();
  assert.deepEqual(cells.slice(0, 3), ["advert to seen", "15", "30.0 µs"]);
});

for (const [name, more] of [
  ["wide", {}],
  ["on a phone", { viewport: PHONE }],
  ["in the dark", { colorScheme: "dark" }],
  ["with 200 proxies", { proxies: 200, seconds: 86_400 }],
]) {
  test(`nothing is out of reach or out of sight: ${name}`, async t => {
    const { page } = await open(t, more);
    for (const details of await page.locator("details").all()) await details.evaluate(one => (one.open = true));
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => axe.run());
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.html).join(" ")}`);
    assert.deepEqual(found, []);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `the page is ${wide} px wider than the window`);
  });
}

test("a day of 200 proxies stays small, and plays", async t => {
  const { page, file } = await open(t, { proxies: 200, seconds: 86_400 });
  const { size } = statSync(file);
  assert.ok(size < PAGE_BYTES_MAX, `${size} bytes`);
  assert.equal(await fact(page, "Linked pairs of proxies").innerText(), "19900");
  await page.getByLabel("Whole run in").selectOption("10 s");
  await page.getByRole("button", { name: "Play" }).click();
  await page.waitForFunction(() => document.getElementById("clock").textContent.startsWith("24:00:00"));
  assert.equal(await page.getByRole("button", { name: "Play" }).count(), 1, "it stops at the end");
});
