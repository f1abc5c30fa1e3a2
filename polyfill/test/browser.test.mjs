// The polyfill in Chromium against the real proxy, in a page of a site that the browser takes for
// one on the internet (--ip-address-space-overrides): there the person is asked first.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startProxy } from "../../proxy/tests/browser/proxy.mjs";
import { launchProfile, TEST_MS_MAX, world } from "../../proxy/tests/browser/world.mjs";

const file = name => readFileSync(new URL(`../${name}`, import.meta.url));
const HTML = "text/html; charset=utf-8";
const JS = "text/javascript; charset=utf-8";
const ICON = '<!doctype html><link rel="icon" href="data:,">';

/** A site of its own that has a copy of the polyfill, and `pages` by their path. */
async function site(t, pages = {}) {
  const files = {
    "/": [HTML, `${ICON}<script src="namedwebsockets.js"></script>`],
    "/module": [HTML, `${ICON}<script type="module">
      import * as imported from "./namedwebsockets.mjs";
      globalThis.imported = { ...imported };</script>`],
    "/namedwebsockets.js": [JS, file("namedwebsockets.js")],
    "/namedwebsockets.mjs": [JS, file("namedwebsockets.mjs")],
    ...pages,
  };
  const server = createServer(({ url }, response) => {
    const [kind, body] = files[url] ?? [HTML, ""];
    response.writeHead(files[url] ? 200 : 404, { "Content-Type": kind }).end(body);
  });
  await new Promise(resolve => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { address: `127.0.0.1:${server.address().port}` };
}

/** What a person answered, as Chromium keeps it in its profile. */
const ALLOW = 1;
const BLOCK = 2;

/** A public site, in a browser whose person gave it this `answer`; `others` are public as well. */
async function publicSite(t, answer, { pages, others = [], host = "127.0.0.1" } = {}) {
  const { address } = await site(t, pages);
  const origin = `http://${address.replace("127.0.0.1", host)}`;
  const proxy = await startProxy();
  t.after(() => proxy.kill());
  // The driver could grant it, too, but then Chromium no longer looks whether an iframe may ask.
  const profile = mkdtempSync(join(tmpdir(), "nws-profile-"));
  mkdirSync(join(profile, "Default"));
  const exceptions = { loopback_network: { [`${origin},*`]: { setting: answer } } };
  writeFileSync(join(profile, "Default/Preferences"),
    JSON.stringify({ profile: { content_settings: { exceptions } } }));
  const spaces = [address, ...others].map(each => `${each}=public`).join(",");
  const context = await launchProfile(profile, [`--ip-address-space-overrides=${spaces}`,
    "--host-resolver-rules=MAP public.example 127.0.0.1"]);
  t.after(async () => {
    await context.close();
    rmSync(profile, { recursive: true });
  });
  const problems = [];
  context.on("console", message => problems.push(message.text()));
  const page = await context.newPage();
  await page.goto(`${origin}/`);
  return { page, proxy, problems };
}

/** Opens a channel in a page and says what came of it. */
const tryToOpen = (page, host) => page.evaluate(async host => {
  const options = { proxy: `ws://${host}` };
  const socket = new BroadcastWebSocket("chat", [], options);
  const events = [];
  for (const type of ["open", "error"]) socket.addEventListener(type, () => events.push(type));
  await new Promise(resolve => {
    socket.onopen = () => socket.close(1000);
    socket.onclose = ({ code }) => resolve(events.push(`close ${code}`));
  });
  const permission = await navigator.permissions.query({ name: "loopback-network" });
  return { events, state: permission.state, available: await namedwebsockets.available(options) };
}, host);

const WORKS = { events: ["open", "close 1000"], state: "granted", available: true };
const REFUSED = { events: ["error", "close 1006"], state: "denied", available: false };

test("a public site's page whose person allowed it opens channels", TEST_MS_MAX, async t => {
  const { page, proxy, problems } = await publicSite(t, ALLOW);
  assert.deepEqual(await tryToOpen(page, proxy.host), WORKS);
  assert.deepEqual(problems, []);
});

test("denied, a socket has an error event, and the permission says why", TEST_MS_MAX, async t => {
  const { page, proxy, problems } = await publicSite(t, BLOCK);
  assert.deepEqual(await tryToOpen(page, proxy.host), REFUSED);
  assert.match(problems.join(), /ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS/);
});

test("a public page without https may not even ask", TEST_MS_MAX, async t => {
  const { page, proxy, problems } = await publicSite(t, ALLOW, { host: "public.example" });
  assert.equal(await page.evaluate(() => isSecureContext), false);
  const { events } = await tryToOpen(page, proxy.host);
  assert.deepEqual(events, REFUSED.events);
  assert.match(problems.join(), /ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS/);
});

test("an iframe needs the permission handed down", TEST_MS_MAX, async t => {
  const inner = await site(t);
  const frames = `<iframe name="with" allow="loopback-network" src="http://${inner.address}/">
    </iframe><iframe name="without" src="http://${inner.address}/"></iframe>`;
  const { page, proxy } = await publicSite(t, ALLOW,
    { pages: { "/": [HTML, ICON + frames] }, others: [inner.address] });
  assert.deepEqual(await tryToOpen(page.frame("with"), proxy.host), WORKS);
  assert.deepEqual(await tryToOpen(page.frame("without"), proxy.host), REFUSED);
});

test("a page of this machine is not asked", TEST_MS_MAX, async t => {
  const { address } = await site(t);
  const { context, proxy, problems } = await world(t);
  const page = await context.newPage();
  await page.goto(`http://${address}/`);
  assert.deepEqual(await tryToOpen(page, proxy.host), { ...WORKS, state: "prompt" });
  await proxy.stop();
  assert.deepEqual(await tryToOpen(page, proxy.host),
    { ...REFUSED, state: "prompt" }, "no proxy looks the same but for the permission");
  assert.match(problems.join(), /ERR_CONNECTION_REFUSED/);
});

test("the same file is a classic script, a module and a worker's", TEST_MS_MAX, async t => {
  const { address } = await site(t, { "/worker.js": [JS, `importScripts("/namedwebsockets.js");
    onmessage = async ({ data }) => postMessage(await namedwebsockets.available(data));`] });
  const { context, proxy, problems } = await world(t);
  const page = await context.newPage();
  await page.goto(`http://${address}/module`);
  const seen = await page.evaluate(async host => {
    const options = { proxy: `ws://${host}` };
    const { LocalWebSocket: Imported, available } = globalThis.imported;
    const worker = new Worker("/worker.js");
    const answer = new Promise(resolve => { worker.onmessage = ({ data }) => resolve(data); });
    worker.postMessage(options);
    return [Imported === LocalWebSocket, await available(options), await answer];
  }, proxy.host);
  assert.deepEqual(seen, [true, true, true]);
  assert.deepEqual(problems, []);
});

test("a browser's own classes stay, and those of the polyfill are still at hand", TEST_MS_MAX,
  async t => {
    const { address } = await site(t);
    const { context, proxy } = await world(t);
    const page = await context.newPage();
    await page.addInitScript(() => { globalThis.LocalWebSocket = class Native {}; });
    await page.goto(`http://${address}/`);
    assert.deepEqual(await page.evaluate(async host => {
      const { LocalWebSocket: ours, available } = namedwebsockets;
      return [LocalWebSocket.name, ours.name, await available({ proxy: `ws://${host}` })];
    }, proxy.host), ["Native", "LocalWebSocket", true]);
  });

test("an element with the id of a global is not taken for it", TEST_MS_MAX, async t => {
  const { address } = await site(t, { "/": [HTML, `${ICON}
    <script id="namedwebsockets" src="namedwebsockets.js"></script>`] });
  const { context, proxy } = await world(t);
  const page = await context.newPage();
  await page.goto(`http://${address}/`);
  assert.equal(await page.evaluate(host =>
    namedwebsockets.available({ proxy: `ws://${host}` }), proxy.host), true);
});
