// What each browser test has: a proxy and a browser profile of its own.
//   NWS_BINARY  path of the proxy's binary (required)
//   CHROMIUM    path of Chromium [/usr/bin/chromium]
// Silence is shown by order: what a page should not have heard would have come before what it did
// hear. Times are limits for failures, never a pace that a test depends on.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { startProxy } from "./proxy.mjs";

export const WAIT_MS_MAX = 30_000;
export const TEST_MS_MAX = { timeout: 120_000 };

export const CHROMIUM = process.env.CHROMIUM || "/usr/bin/chromium";
export const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--no-first-run",
  // Else two pages that nobody looks at would be paced by how little they are looked at.
  "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
  "--disable-backgrounding-occluded-windows"];
/** A camera that shows a moving test pattern and a microphone that beeps; nobody is asked. */
export const FAKE_MEDIA = ["--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream"];

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SHOTS = fileURLToPath(new URL("../../../.test/screenshots/", import.meta.url));

/** Chromium with these flags besides the usual ones. The caller closes it. */
export function launch({ args = [], executablePath = CHROMIUM } = {}) {
  return chromium.launch({ executablePath, headless: true, args: [...FLAGS, ...args] });
}

/** Chromium on a profile of its own, which lies in `folder`. The caller closes what this gives. */
export function launchProfile(folder, args = []) {
  return chromium.launchPersistentContext(folder,
    { executablePath: CHROMIUM, headless: true, args: [...FLAGS, ...args] });
}

const browsers = new Map();
after(() => Promise.all(Array.from(browsers.values(), async browser => (await browser).close())));

/** One browser for all tests of a file that want the same flags; closed after the last of them. */
export function sharedBrowser(args = []) {
  const key = args.join(" ");
  if (!browsers.has(key)) browsers.set(key, launch({ args }));
  return browsers.get(key);
}

/**
 * A proxy (started with `proxy`, see startProxy) and a fresh profile. `open` opens a page of the
 * proxy, and `problems` has what went wrong in any: errors, warnings, breaches of the
 * Content-Security-Policy. `flags` are Chromium's; `context` are options of the profile, such as
 * `{ colorScheme: "dark" }` or `{ viewport: PHONE }`.
 */
export async function world(t, { proxy: options = {}, flags = [], context = {} } = {}) {
  return inhabit(t, await startProxy(options), await sharedBrowser(flags), context);
}

/** As `world`, with a proxy and a browser that there are already. The proxy ends with the test. */
export async function inhabit(t, proxy, browser, options = {}) {
  t.after(() => proxy.kill());
  const context = await browser.newContext({ baseURL: `http://${proxy.host}`, ...options });
  t.after(() => context.close().catch(() => {}));
  context.setDefaultTimeout(WAIT_MS_MAX);
  const problems = [];
  context.on("console", message => {
    if (!["error", "warning"].includes(message.type())) return;
    problems.push(`${message.type()}: ${message.text()} (${message.location().url})`);
  });
  context.on("weberror", error => problems.push(`uncaught: ${error.error().message}`));
  async function open(path) {
    const page = await context.newPage();
    const answer = await page.goto(path);
    assert.equal(answer.status(), 200, `${path} at ${proxy.host}`);
    return page;
  }
  return { proxy, browser, context, problems, open };
}

export const WIDE = { width: 1280, height: 800 };
export const PHONE = { width: 360, height: 740 };

/** Takes a picture into `.test/screenshots/`, for people to look at. */
export async function screenshot(page, name) {
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: `${SHOTS}${name}.png` });
}

/**
 * Takes pictures of a page as it is: wide, dark and on a phone's width (`name-wide.png`, …), and
 * asserts of each that axe-core finds no serious fault and that nothing sticks out sideways.
 */
export async function looksWell(page, name) {
  await page.bringToFront();
  const looks = { wide: [WIDE, "light"], dark: [WIDE, "dark"], phone: [PHONE, "light"] };
  for (const [look, [viewport, colorScheme]] of Object.entries(looks)) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await screenshot(page, `${name}-${look}`);
    await isAccessible(page, `${name}, ${look}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${name}, ${look}: ${wide} pixels stick out to the right`);
  }
  await page.setViewportSize(WIDE);
  await page.emulateMedia({ colorScheme: "light", reducedMotion: null });
}

/** Asserts that axe-core finds nothing serious or critical in a page as it is. */
export async function isAccessible(page, what) {
  // Not as a script of the page, which its policy would stop.
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { violations, passes } = await globalThis.axe.run();
    return { passes: passes.length, faults: violations
      .filter(each => ["serious", "critical"].includes(each.impact))
      .map(each => `${each.id}: ${each.help}: ${each.nodes.map(n => n.html).join(" ")}`) };
  });
  assert.ok(found.passes > 5, `axe-core looked at nothing in ${what}`);
  assert.deepEqual(found.faults, [], what);
}

/** Waits until `look` (run in the page, with `argument`) gives something true, and returns it. */
export async function until(page, look, argument) {
  const handle = await page.waitForFunction(look, argument);
  return handle.jsonValue();
}
