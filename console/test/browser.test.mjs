// The pages in a real browser, against the real proxy.
//   NWS_BINARY  path of the proxy's binary (required)
//   CHROMIUM    path of Chromium [/usr/bin/chromium]
// Each test has a proxy and a browser profile of its own. Silence is shown by order: what a page
// should not have heard would have come before what it did hear.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { startProxy } from "../../browser/proxy.mjs";

const WAIT_MS_MAX = 10_000;
const TEST_MS_MAX = { timeout: 60_000 };

let browser;

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--no-first-run"],
  });
});

after(() => browser?.close());

/** A proxy and a fresh profile; `open` opens a page and `problems` has what went wrong in any. */
async function world(t) {
  const proxy = await startProxy();
  const context = await browser.newContext({ baseURL: `http://${proxy.host}` });
  t.after(async () => {
    await context.close();
    proxy.kill();
  });
  context.setDefaultTimeout(WAIT_MS_MAX);
  // A violation of the Content-Security-Policy is an error in the console, too.
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
  return { proxy, context, problems, open };
}

/** Two consoles connected to the same channel. */
async function twoConsoles(open, scope, name) {
  const pages = [await open("/console"), await open("/console")];
  for (const page of pages) await connect(page, scope, name);
  return pages;
}

// A page behind another draws once a second, and a click waits until its button stands still;
// so the page to click in comes to the front first.

async function connect(page, scope, name) {
  await page.bringToFront();
  await page.getByRole("radio", { name: scope === "local" ? /^Local/ : /^Broadcast/ }).check();
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.locator("#state[data-state=open]").waitFor();
}

async function disconnect(page) {
  await page.bringToFront();
  await page.getByRole("button", { name: "Disconnect" }).click();
  await page.locator("#state[data-state=closed]").waitFor();
}

async function send(page, text) {
  await page.getByLabel("Text to send").fill(text);
  await page.keyboard.press("Enter");
}

/** The log's lines in one direction, as `[size, text]`, once there are `count` of them. */
async function logged(page, direction, count) {
  const lines = page.locator(`#lines li.${direction}`);
  await lines.nth(count - 1).waitFor();
  return lines.evaluateAll(items => items.map(item =>
    [".size", ".what"].map(part => item.querySelector(part).textContent)));
}

/** Waits until an element, such as a count polled from the status, shows just this text. */
async function shows(page, selector, text) {
  await page.locator(selector, { hasText: new RegExp(`^${text}$`) }).waitFor();
}

test("/ says that the proxy runs, and its links lead somewhere", TEST_MS_MAX, async t => {
  const { problems, open, context } = await world(t);
  const page = await open("/");
  await page.getByText("The proxy runs on this machine").waitFor();
  const links = await page.getByRole("link").evaluateAll(all => all.map(a => a.pathname));
  for (const path of ["/console", "/status", "/metrics", "/namedwebsockets.js"]) {
    assert.ok(links.includes(path), `no link to ${path}`);
  }
  for (const path of new Set(links)) {
    const answer = await context.request.get(path);
    assert.equal(answer.status(), 200, path);
  }
  assert.deepEqual(problems, []);
});

for (const scope of ["local", "broadcast"]) {
  test(`two consoles talk on a ${scope} channel`, TEST_MS_MAX, async t => {
    const { problems, open } = await world(t);
    const [ann, bob] = await twoConsoles(open, scope, "chat");
    await send(ann, "hello bob");
    assert.deepEqual(await logged(bob, "received", 1), [["9 B", "hello bob"]]);
    await send(bob, "grüß dich");
    assert.deepEqual(await logged(ann, "received", 1), [["11 B", "grüß dich"]]);
    assert.deepEqual(await logged(ann, "sent", 1), [["9 B", "hello bob"]]);
    await send(ann, "bye");
    assert.deepEqual((await logged(bob, "received", 2)).map(([, text]) => text),
      ["hello bob", "bye"]);
    for (const page of [ann, bob]) {
      await shows(page, "#clients", "2");
      await shows(page, "#links", "0");
      await shows(page, "#channels tr td:nth-child(1)", `/${scope}/chat`);
      await shows(page, "#channels tr td:nth-child(2)", "2");
    }
    await disconnect(ann);
    await shows(bob, "#clients", "1");
    assert.match((await logged(ann, "note", 2))[1][1], /^Disconnected\. \(close code 1000\)$/);
    await disconnect(bob);
    await shows(bob, "#clients", "0");
    await bob.getByText("Nobody has a channel open.").waitFor();
    assert.deepEqual(problems, []);
  });
}

test("a console goes from a local to a broadcast channel of the same name", TEST_MS_MAX,
  async t => {
    const { problems, open } = await world(t);
    const [ann, bob] = await twoConsoles(open, "local", "chat");
    const carol = await open("/console");
    await connect(carol, "broadcast", "chat");
    await send(ann, "local");
    assert.deepEqual(await logged(bob, "received", 1), [["5 B", "local"]]);
    await disconnect(ann);
    await connect(ann, "broadcast", "chat");
    await send(ann, "broadcast");
    // Had carol heard the local message, it would stand before this one.
    assert.deepEqual(await logged(carol, "received", 1), [["9 B", "broadcast"]]);
    await shows(carol, "#clients", "2");
    await shows(bob, "#clients", "1");
    assert.deepEqual(problems, []);
  });

test("a name that is not valid says so and opens nothing", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const page = await open("/console");
  const sockets = [];
  page.on("websocket", socket => sockets.push(socket.url()));
  const name = page.getByLabel("Name");
  for (const [bad, why] of [["not a name", /use 1 to 255/], ["", /use 1 to 255/],
    ["n".repeat(256), /it has 256 characters/], ["..", /a URL path cannot end in it/]]) {
    await name.fill(bad);
    await page.keyboard.press("Enter");
    const alert = page.getByRole("alert");
    await alert.waitFor();
    assert.match(await alert.textContent(), why);
    assert.equal(await name.getAttribute("aria-invalid"), "true");
    assert.equal(await page.locator("#state").textContent(), "Not connected");
  }
  assert.deepEqual(sockets, []);
  await connect(page, "local", "n".repeat(255));
  assert.equal(await page.getByRole("alert").count(), 0, "the error stays after it was mended");
  assert.deepEqual(problems, []);
});

test("the whole console works by keyboard", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const page = await open("/console");
  await page.getByRole("radio", { name: /^Local/ }).focus();
  await page.keyboard.press("ArrowDown");
  assert.ok(await page.getByRole("radio", { name: /^Broadcast/ }).isChecked());
  await page.keyboard.press("Tab");
  await page.keyboard.type("room");
  await page.keyboard.press("Enter");
  await page.locator("#state[data-state=open]").waitFor();
  // The focus goes to the text, so typing goes on.
  await page.keyboard.type("typed");
  await page.keyboard.press("Enter");
  assert.deepEqual(await logged(page, "sent", 1), [["5 B", "typed"]]);
  await page.getByRole("button", { name: "Disconnect" }).focus();
  await page.keyboard.press("Enter");
  await page.locator("#state[data-state=closed]").waitFor();
  const focused = await page.evaluate(() => document.activeElement.id);
  assert.equal(focused, "connect", "the focus was lost with the button that was disabled");
  await page.getByRole("button", { name: "Clear" }).focus();
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("#lines li").count(), 0);
  assert.deepEqual(problems, []);
});

test("what others send is shown as text, never as markup", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const [ann, bob] = await twoConsoles(open, "local", "chat");
  const markup = "<img src=x onerror=alert(1)><b>bold</b>";
  await send(ann, markup);
  assert.deepEqual((await logged(bob, "received", 1))[0][1], markup);
  assert.equal(await bob.locator("#lines img, #lines b").count(), 0);
  assert.deepEqual(problems, []);
});

test("the policy of the pages stops inline script, and the tests would see it", TEST_MS_MAX,
  async t => {
    const { problems, open } = await world(t);
    for (const path of ["/", "/console"]) {
      const page = await open(path);
      assert.deepEqual(problems, [], path);
      await page.evaluate(() => {
        const script = document.createElement("script");
        script.textContent = "globalThis.ran = true";
        document.body.append(script);
      });
      assert.equal(await page.evaluate(() => globalThis.ran), undefined, "inline script ran");
      assert.match(problems.splice(0).join(), /Content Security Policy/);
    }
  });

test("a busy channel leaves the console usable, and only the newest lines", TEST_MS_MAX,
  async t => {
    const { problems, open } = await world(t);
    const [ann, bob] = await twoConsoles(open, "local", "busy");
    await ann.evaluate(host => new Promise(resolve => {
      const socket = new LocalWebSocket("busy", [], { proxy: `ws://${host}` });
      socket.onopen = () => {
        for (let i = 1; i <= 20_000; i += 1) socket.send(`message ${i}`);
        resolve();
      };
    }), new URL(bob.url()).host);
    await bob.getByText("message 20000", { exact: true }).waitFor();
    const texts = (await logged(bob, "received", 500)).map(([, text]) => text);
    assert.deepEqual(texts, Array.from({ length: 500 }, (_, i) => `message ${19_501 + i}`));
    await send(bob, "still here");
    assert.deepEqual((await logged(bob, "sent", 1)), [["10 B", "still here"]]);
    assert.deepEqual(problems, []);
  });

test("a page of another origin uses the polyfill", TEST_MS_MAX, async t => {
  const { proxy, context, problems } = await world(t);
  const server = createServer((request, response) => {
    response.writeHead(200, { "Content-Type": "text/html" });
    response.end(`<!doctype html><link rel="icon" href="data:,">
      <script src="http://${proxy.host}/namedwebsockets.js"></script>`);
  });
  await new Promise(resolve => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const seen = await page.evaluate(async host => {
    const options = { proxy: `ws://${host}` };
    const thrown = [];
    for (const Named of [LocalWebSocket, BroadcastWebSocket]) {
      try {
        new Named("not/valid", [], options);
      } catch (error) {
        thrown.push([error instanceof DOMException, error.name, error.code]);
      }
    }
    const socket = new LocalWebSocket("chat", ["first", "second"], options);
    const before = socket.readyState;
    await new Promise(resolve => socket.addEventListener("open", resolve));
    const open = [socket.readyState, socket.OPEN, LocalWebSocket.OPEN, socket.protocol];
    socket.close(3456, "enough");
    const end = await new Promise(resolve => { socket.onclose = resolve; });
    return {
      thrown, before, open,
      url: socket.url.endsWith("/local/chat"),
      is: [socket instanceof WebSocket, socket instanceof LocalWebSocket,
        socket instanceof BroadcastWebSocket],
      end: [end.code, end.wasClean],
    };
  }, proxy.host);
  assert.deepEqual(seen, {
    thrown: [[true, "SyntaxError", 12], [true, "SyntaxError", 12]],
    before: 0,
    open: [1, 1, 1, "first"],
    url: true,
    is: [true, true, false],
    end: [3456, true],
  });
  assert.deepEqual(problems, []);
});

test("a binary message goes from page to page unchanged", TEST_MS_MAX, async t => {
  const { proxy, problems, open } = await world(t);
  const [ann, bob] = [await open("/"), await open("/")];
  for (const page of [ann, bob]) {
    await page.addScriptTag({ url: "/namedwebsockets.js" });
    await page.evaluate(host => new Promise(resolve => {
      globalThis.heard = [];
      const socket = new BroadcastWebSocket("bytes", [], { proxy: `ws://${host}` });
      socket.binaryType = "arraybuffer";
      socket.onmessage = ({ data }) => globalThis.heard.push(
        typeof data === "string" ? data : Array.from(new Uint8Array(data)));
      socket.onclose = ({ code }) => globalThis.heard.push(`closed with ${code}`, "last");
      socket.onopen = resolve;
      globalThis.socket = socket;
    }), proxy.host);
  }
  const bytes = Array.from({ length: 256 }, (_, i) => i);
  await ann.evaluate(sent => {
    globalThis.socket.send(new Uint8Array(sent));
    globalThis.socket.send(new Uint8Array(0));
    globalThis.socket.send("last");
  }, bytes);
  const heard = await bob.evaluate(() => new Promise(resolve => {
    const look = () => globalThis.heard.includes("last") ? resolve(globalThis.heard)
      : setTimeout(look, 10);
    look();
  }));
  assert.deepEqual(heard, [bytes, [], "last"]);
  assert.deepEqual(problems, []);
});

test("SIGTERM ends the proxy with 0, and open pages hear 1001", TEST_MS_MAX, async t => {
  const { proxy, problems, open } = await world(t);
  const consoles = await twoConsoles(open, "broadcast", "chat");
  const page = await open("/");
  await page.addScriptTag({ url: "/namedwebsockets.js" });
  await page.evaluate(host => new Promise(resolve => {
    const socket = new LocalWebSocket("other", [], { proxy: `ws://${host}` });
    globalThis.ended = new Promise(end => {
      socket.onclose = ({ code, wasClean }) => end({ code, wasClean });
    });
    socket.onopen = resolve;
  }), proxy.host);
  assert.deepEqual(problems, []);
  assert.deepEqual(await proxy.stop(), { code: 0, signal: null }, proxy.written());
  assert.deepEqual(await page.evaluate(() => globalThis.ended), { code: 1001, wasClean: true });
  for (const each of consoles) {
    const [[, last]] = await logged(each, "error", 1);
    assert.match(last, /^The proxy stopped\. Start it again, then connect\. \(close code 1001/);
    await each.getByText(/^No proxy answers at/).waitFor();
    await shows(each, "#clients", "–");
    // To connect now fails, and says what to do.
    await each.bringToFront();
    await each.getByRole("button", { name: "Connect", exact: true }).click();
    const failed = (await logged(each, "error", 2))[1][1];
    assert.match(failed, /^Could not connect: no proxy answers .* Start it with/);
  }
});
