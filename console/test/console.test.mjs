// The console in a real browser, against the real proxy: channels, sending, errors.
import assert from "node:assert/strict";
import { test } from "node:test";
import { TEST_MS_MAX, looksWell, world } from "../../proxy/tests/browser/world.mjs";
import { startProxy } from "../../proxy/tests/browser/proxy.mjs";
import { card, choose, connect, disconnect, heard, listen, logged, send, sendProblem, shows,
  twoConsoles } from "./person.mjs";

for (const path of ["/local/chat", "/broadcast/chat"]) {
  test(`two consoles talk on ${path}`, TEST_MS_MAX, async t => {
    const { problems, open } = await world(t);
    const [ann, bob] = await twoConsoles(open, path);
    await send(ann, "hello bob");
    assert.deepEqual(await logged(bob, "received", 1), [["9 B", "hello bob"]]);
    await send(bob, "grüß dich");
    assert.deepEqual(await logged(ann, "received", 1), [["11 B", "grüß dich"]]);
    assert.deepEqual(await logged(ann, "sent", 1), [["9 B", "hello bob"]]);
    for (const page of [ann, bob]) {
      await card(page, path).getByText(/^2 clients/).waitFor();
      await card(page, path).getByText(/1 sent · 1 received$/).waitFor();
    }
    await disconnect(ann, path);
    await card(bob, path).getByText(/^1 client /).waitFor();
    assert.equal((await logged(ann, "note", 2))[1][1], "Disconnected. (close code 1000)");
    await disconnect(bob, path);
    await bob.getByText("Channels and other proxies in full").click();
    await bob.getByText("Nobody has a channel open.").waitFor();
    assert.deepEqual(problems, []);
  });
}

test("one console has several channels open at once, each with its state", TEST_MS_MAX,
  async t => {
    const { problems, open } = await world(t);
    const [ann, bob, carol] = [await open("/console"), await open("/console"),
      await open("/console")];
    for (const path of ["/local/chat", "/broadcast/chat"]) await connect(ann, path);
    await connect(bob, "/broadcast/chat");
    await connect(carol, "/local/chat");
    await ann.bringToFront();
    await send(ann, "for the machine", "/local/chat");
    await send(ann, "for the network", "/broadcast/chat");
    // Had bob or carol heard the other's message, there would be two.
    assert.deepEqual(await logged(carol, "received", 1), [["15 B", "for the machine"]]);
    assert.deepEqual(await logged(bob, "received", 1), [["15 B", "for the network"]]);
    await send(bob, "to broadcast");
    await send(carol, "to local");
    await ann.getByRole("option", { name: "received /broadcast/chat 12 B to broadcast" }).waitFor();
    await ann.getByRole("option", { name: "received /local/chat 8 B to local" }).waitFor();
    await disconnect(ann, "/broadcast/chat");
    assert.equal(await card(ann, "/local/chat", "open").count(), 1);
    assert.deepEqual(await ann.getByLabel("Send to").locator("option").allTextContents(),
      ["/local/chat"]);
    await ann.getByRole("button", { name: "Remove /broadcast/chat" }).click();
    assert.equal(await ann.locator(".card").count(), 1);
    assert.deepEqual(problems, []);
  });

test("a link opens the same channels again", TEST_MS_MAX, async t => {
  const { problems, open, context, proxy } = await world(t);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const ann = await open("/console");
  await connect(ann, "/local/chat");
  await connect(ann, "/broadcast/org.example.demo");
  await ann.getByRole("button", { name: "Copy link" }).click();
  await ann.getByText("Copied: it opens these channels.").waitFor();
  const link = await ann.evaluate(() => navigator.clipboard.readText());
  assert.equal(link, `http://${proxy.host}/console#local/chat&broadcast/org.example.demo`);
  const bob = await open(link);
  for (const path of ["/local/chat", "/broadcast/org.example.demo"]) {
    await card(bob, path, "open").waitFor();
  }
  const bad = await open("/console#local/fine&nowhere/at-all&local/not%20valid");
  await card(bad, "/local/fine", "open").waitFor();
  assert.match(await bad.getByRole("alert").textContent(),
    /^The link names what is no channel: nowhere\/at-all, local\/not%20valid\. A channel is/);
  assert.deepEqual(problems, []);
});

test("a link to many channels opens all, and the address changes no more than it must",
  TEST_MS_MAX, async t => {
    const { problems, open, context } = await world(t);
    await context.addInitScript(() => {
      globalThis.changes = 0;
      const replace = history.replaceState;
      history.replaceState = function replaceState(...args) {
        globalThis.changes += 1;
        return replace.apply(this, args);
      };
    });
    const fragment = `#${Array.from({ length: 30 }, (_, i) => `local/channel-${i}`).join("&")}`;
    const page = await open(`/console${fragment}`);
    await page.locator(".card[data-state=open]").nth(29).waitFor();
    assert.equal(await page.evaluate(() => location.hash), fragment);
    const changes = await page.evaluate(() => globalThis.changes);
    assert.ok(changes < 2 * 30, `${changes} changes`);
    assert.deepEqual(problems, []);
  });

test("a file that is dropped is chosen, and does not replace the page", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const [ann, bob] = await twoConsoles(open, "/local/chat");
  const drop = names => ann.evaluate(names => {
    const dataTransfer = new DataTransfer();
    for (const name of names) dataTransfer.items.add(new File(["dropped"], name));
    return ["dragover", "drop"].map(type => !document.getElementById("log").dispatchEvent(
      new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true })));
  }, names);
  assert.deepEqual(await drop(["one", "two"]), [true, true]);
  assert.equal(await sendProblem(ann), "2 files were dropped. Drop one at a time.");
  await drop(["<b>one"]);
  await ann.bringToFront();
  await ann.keyboard.press("Enter"); // the button to send has the focus
  assert.deepEqual(await logged(bob, "received", 1), [["7 B", "64 72 6f 70 70 65 64"]]);
  assert.deepEqual(problems, []);
});

test("a name that is not valid says so and opens nothing", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const page = await open("/console");
  const sockets = [];
  page.on("websocket", socket => sockets.push(socket.url()));
  const name = page.getByLabel("Name", { exact: true });
  for (const [bad, why] of [["not a name", /use 1 to 255/], ["", /use 1 to 255/],
    ["n".repeat(256), /it has 256 characters/], ["..", /a URL path cannot end in it/]]) {
    await name.fill(bad);
    await page.keyboard.press("Enter");
    const alert = page.getByRole("alert");
    await alert.waitFor();
    assert.match(await alert.textContent(), why);
    assert.equal(await name.getAttribute("aria-invalid"), "true");
    assert.equal(await page.locator(".card").count(), 0);
  }
  assert.deepEqual(sockets, []);
  await connect(page, `/local/${"n".repeat(255)}`);
  assert.equal(await page.getByRole("alert").count(), 0, "the error stays after it was mended");
  assert.deepEqual(problems, []);
});

test("bytes are sent in hex and from a file, and what is wrong is said", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const page = await open("/console");
  const other = await open("/");
  await connect(page, "/local/bytes");
  await listen(other, "/local/bytes");
  await page.bringToFront();
  await choose(page, "Send as", "Hex");
  const hex = page.getByLabel("Bytes to send, in hex");
  for (const [bad, why] of [["68 6g", /^"g" \(character 5\) is no hex digit\. Write bytes as/],
    ["0x6", /has an odd number of digits\. Each byte is two: write 0a, not a\./],
    ["", /^There are no bytes to send\./]]) {
    await hex.fill(bad);
    await page.keyboard.press("Enter");
    assert.match(await sendProblem(page), why);
  }
  await hex.fill("00 0x01,fe:FF\n80");
  await shows(page, "#count", "5 B");
  await page.keyboard.press("Enter");
  assert.deepEqual((await logged(page, "sent", 1))[0], ["5 B", "00 01 fe ff 80"]);
  await choose(page, "Send as", "File");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  assert.match(await sendProblem(page), /^Choose a file first/);
  const bytes = Array.from({ length: 256 }, (_, i) => i);
  const file = page.getByLabel("File to send as one binary message");
  await file.setInputFiles({ name: "a.bin", mimeType: "", buffer: Buffer.from(bytes) });
  await page.getByRole("button", { name: "Send", exact: true }).click();
  // None of the wrong ones went out.
  assert.deepEqual(await heard(other, 2), [[0, 1, 254, 255, 128], bytes]);
  // The chosen line is shown in full, as bytes and as text.
  await page.getByRole("option", { name: /sent \/local\/bytes 256 B/ }).click();
  await shows(page, "#pane-data", /00000040 {2}40 41 42 43.* {2}@ABCDEFGHIJKLMNO/s);
  await choose(page, "Show messages as", "Text");
  await shows(page, "#pane-data", /@ABCDEFGHIJKLMNOPQRSTUVWXYZ/);
  assert.deepEqual(problems, []);
});

test("a message that is too large is stopped, or its end is explained", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t, { proxy: { args: ["--max-message-size", "1KiB"] } });
  const page = await open("/console");
  await connect(page, "/local/chat");
  await send(page, "x".repeat(1025));
  assert.match(await sendProblem(page),
    /^This message has 1025 bytes; the proxy takes 1024 \(1 KiB\)\. Send less, start the proxy/);
  assert.equal(await page.getByLabel("Text to send").inputValue().then(text => text.length), 1025,
    "what was typed is kept");
  await send(page, "x".repeat(1024));
  assert.equal((await logged(page, "sent", 1))[0][0], "1 KiB");
  // Where the limit is not known, the proxy says it with 1009.
  await page.route("/status", route => route.fulfill({ status: 500, body: "" }));
  await page.getByText("/status answered 500").waitFor();
  await send(page, "x".repeat(1025));
  await card(page, "/local/chat", "ended").waitFor();
  assert.match((await logged(page, "error", 1))[0][1],
    /^The message was larger than the proxy takes\. Connect again and send a smaller one,/);
  await page.unroute("/status");
  await page.getByRole("button", { name: "Connect /local/chat" }).click();
  await card(page, "/local/chat", "open").waitFor();
  // The answer that we faked is what the browser complains of.
  assert.deepEqual(problems.filter(each => !each.includes("status of 500")), []);
});

test("when the proxy goes the console says so, and goes on when it is back", TEST_MS_MAX,
  async t => {
    const { proxy, problems, open } = await world(t);
    const path = "/broadcast/chat";
    const consoles = await twoConsoles(open, path);
    assert.deepEqual(problems, []);
    assert.deepEqual(await proxy.stop(), { code: 0, signal: null }, proxy.written());
    for (const page of consoles) {
      await card(page, path, "lost").waitFor();
      const [[, last]] = await logged(page, "error", 1);
      assert.match(last, /^The proxy stopped\. This channel opens again.*\(close code 1001/);
      await page.getByText(/^No proxy answers at .* Start it with “namedwebsockets --port/)
        .waitFor();
      assert.ok(await page.getByRole("button", { name: "Send", exact: true }).isDisabled());
    }
    // To connect now fails, and says what to do.
    const [ann, bob] = consoles;
    await ann.bringToFront();
    await ann.getByLabel("Name", { exact: true }).fill("other");
    await ann.getByRole("button", { name: "Connect", exact: true }).click();
    await card(ann, "/broadcast/other", "failed").waitFor();
    assert.match(await card(ann, "/broadcast/other").locator(".problem").textContent(),
      /^Could not connect: no proxy answers .* Start it with “namedwebsockets --port \d+”, then/);
    const again = await startProxy({ port: proxy.port });
    t.after(() => again.kill());
    for (const page of consoles) await card(page, path, "open").waitFor();
    await ann.bringToFront();
    await send(ann, "still there?", path);
    assert.deepEqual((await logged(bob, "received", 1))[0], ["12 B", "still there?"]);
  });

test("a channel that the browser may not open says what to try", TEST_MS_MAX, async t => {
  const { open } = await world(t, { proxy: { args: ["--allow-origin", "https://a.example"] } });
  const page = await open("/console#local/chat");
  await card(page, "/local/chat", "failed").waitFor();
  assert.match((await logged(page, "error", 1))[0][1],
    /^Could not connect: the proxy runs, but did not open ws:.* the proxy's log says why\.$/);
});

test("the whole console works by keyboard", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const page = await open("/console");
  const focused = () => page.evaluate(() => document.activeElement.id);
  await page.getByRole("radio", { name: /^This machine/ }).focus();
  await page.keyboard.press("ArrowRight");
  assert.ok(await page.getByRole("radio", { name: /^The network/ }).isChecked());
  await page.keyboard.press("Tab");
  await page.keyboard.type("room");
  await page.keyboard.press("Enter");
  await card(page, "/broadcast/room", "open").waitFor();
  // The focus goes to the text, so typing goes on.
  for (const text of ["one", "two", "three"]) {
    await page.keyboard.type(text);
    await page.keyboard.press("Enter");
  }
  await page.keyboard.type("four");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("five");
  await page.keyboard.press("Enter");
  assert.deepEqual((await logged(page, "sent", 4)).map(([size]) => size),
    ["3 B", "3 B", "5 B", "9 B"]);
  await page.locator("#log").focus();
  await page.keyboard.press("ArrowUp");
  await shows(page, "#pane-data", /^four\nfive$/);
  await page.keyboard.press("Home");
  await shows(page, "#pane-data", /^Connected to/);
  await page.keyboard.press("ArrowDown");
  await shows(page, "#pane-data", "one");
  const active = await page.locator("#log").getAttribute("aria-activedescendant");
  assert.equal(await page.locator(`#${active}`).getAttribute("aria-selected"), "true");
  await page.keyboard.press("Escape");
  assert.ok(await page.locator("#pane").isHidden());
  assert.equal(await focused(), "log");
  await page.getByRole("button", { name: "Disconnect /broadcast/room" }).focus();
  await page.keyboard.press("Enter");
  await card(page, "/broadcast/room", "closed").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Connect",
    "the focus stays on the button");
  await page.getByRole("button", { name: "Remove /broadcast/room" }).focus();
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "name", "the focus was lost with the card");
  assert.deepEqual(problems, []);
});

test("what others send is shown as text, never as markup", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const [ann, bob] = await twoConsoles(open, "/local/chat");
  const markup = "<img src=x onerror=alert(1)><b>bold</b>";
  await send(ann, markup);
  assert.deepEqual((await logged(bob, "received", 1))[0][1], markup);
  await bob.bringToFront();
  await bob.getByRole("option", { name: /onerror/ }).click();
  await shows(bob, "#pane-data", /^<img src=x/);
  assert.equal(await bob.locator("#log-section :is(img, b)").count(), 0);
  assert.deepEqual(problems, []);
});

test("the console looks well, empty and in use", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const page = await open("/console");
  await page.getByText(/^Version /).waitFor();
  await looksWell(page, "console-empty");
  const other = await open("/");
  await connect(page, "/local/notes");
  await connect(page, "/broadcast/com.example.presence");
  await listen(other, "/broadcast/com.example.presence");
  await other.evaluate(() => {
    globalThis.socket.send("{\"type\":\"cursor\",\"user\":\"mira\",\"x\":418,\"y\":112}");
    globalThis.socket.send("{\"type\":\"joined\",\"user\":\"tomás\"}");
    globalThis.socket.send(Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10));
  });
  await page.bringToFront();
  await send(page, "{\"type\":\"welcome\",\"to\":\"tomás\"}");
  await page.getByRole("option", { name: /joined/ }).click();
  await page.getByText("3 clients", { exact: false }).first().waitFor();
  await looksWell(page, "console");
  await page.getByText("Channels and other proxies in full").click();
  await looksWell(page, "console-tables");
  assert.deepEqual(problems, []);
});
