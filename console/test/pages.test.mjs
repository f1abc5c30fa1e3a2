// The front page, the policy of the pages, and what pages do with the polyfill, in a real browser
// against the real proxy. The console has files of its own.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { TEST_MS_MAX, looksWell, world } from "../../proxy/tests/browser/world.mjs";

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
  await looksWell(page, "front");
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
