// The files example in a real browser: on two pages of one proxy, and on two hosts.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { twoHosts } from "../../proxy/tests/browser/hosts.mjs";
import { TEST_MS_MAX, looksWell, until, world } from "../../proxy/tests/browser/world.mjs";
import { FILES, enter, files, item, pick, reader, save, sha256, words } from "./people.mjs";

const MIB = 1024 * 1024;

test("files go to everyone on the channel, from several at once, and are kept intact", TEST_MS_MAX,
  async t => {
    const { problems, open } = await world(t);
    const [ann, bob, carol] = [await enter(open), await enter(open), await enter(open)];
    const [long, short] = [randomBytes(9 * MIB + 5), randomBytes(3 * MIB)];
    // Both under way at the same time: their parts mix on the channel.
    const [first, second, third] = files(t, { "long.bin": long, empty: "", "short.bin": short });
    await Promise.all([pick(ann, first, second), pick(bob, third)]);
    for (const [page, name, bytes] of [[bob, "long.bin", long], [carol, "long.bin", long],
      [ann, "short.bin", short], [carol, "short.bin", short],
      [carol, "empty", Buffer.alloc(0)]]) {
      assert.match(await words(page, "in", name, "kept"), /complete; the checksum is right\.$/);
      const sum = await item(page, "in", name, "kept").locator(".sum").textContent();
      assert.equal(sum, `SHA-256 ${sha256(bytes)}`);
      assert.deepEqual(await save(page, name),
        { name, bytes: bytes.length, sha256: sha256(bytes) });
    }
    await item(ann, "out", "long.bin", "sent")
      .getByText("9 MiB sent; 2 have it complete.").waitFor();
    assert.equal(await ann.locator("#in li").count(), 1, "its own files do not come back");
    await ann.getByRole("button", { name: "Send again long.bin" }).click();
    await bob.locator("#in li[data-state=kept]").nth(2).waitFor();
    await bob.getByRole("button", { name: "Remove long.bin" }).first().click();
    assert.equal(await bob.locator("#in li").count(), 2);
    await looksWell(bob, "files");
    assert.deepEqual(problems, []);
  });

test("a dropped file is sent, and a stranger's name does no harm", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const [ann, bob] = [await enter(open), await enter(open)];
  const html = "<script>globalThis.ran = true</script>";
  await ann.evaluate(html => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([html], "<img src=x onerror=alert(1)>\u202e.html",
      { type: "text/html" }));
    for (const type of ["dragover", "drop"]) {
      document.getElementById("drop").dispatchEvent(
        new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
    }
  }, html);
  const name = "_img src=x onerror=alert(1)__.html";
  await words(bob, "in", name, "kept");
  assert.equal(await bob.locator("main img").count(), 0);
  assert.deepEqual(await save(bob, name), { name, bytes: html.length, sha256: sha256(html) });
  assert.deepEqual(problems, []);
});

/** Messages that a proxy has taken in on the channel of the example. */
async function taken({ host }) {
  const { channels } = await (await fetch(`http://${host}/status`)).json();
  return channels.find(({ name }) => name === "example-files").messages_received;
}

test("who comes late or cancels gets nothing, and its sender is told", TEST_MS_MAX, async t => {
  const { proxy, problems, open } = await world(t, { proxy: { args: ["--stall-time", "60s"] } });
  const [ann, bob] = [await enter(open), await enter(open)];
  // Who reads nothing holds everyone up, so that the file is still under way.
  const held = await reader(t, proxy.port);
  await pick(ann, ...files(t, { "a.bin": randomBytes(100 * MIB), "b.bin": "next" }));
  await item(bob, "in", "a.bin", "coming").waitFor();
  assert.equal(await words(ann, "out", "b.bin", "waiting"), "4 B, waits for its turn");
  await item(ann, "out", "a.bin", "going").waitFor();
  await bob.getByRole("button", { name: "Cancel a.bin" }).click();
  assert.match(await words(bob, "in", "a.bin", "broken"), /^Not received: cancelled here/);
  const before = await taken(proxy);
  const carol = await enter(open);
  while (await taken(proxy) === before) await carol.waitForTimeout(20);
  held.leave();
  assert.match(await words(carol, "in", "a.bin", "broken"),
    /^Not received: it began before this page was here\. Ask its sender to send it again\.$/);
  await item(ann, "out", "a.bin", "sent").getByText(/1 did not get it: cancelled here/).waitFor();
  for (const page of [bob, carol]) await words(page, "in", "b.bin", "kept");
  assert.deepEqual(problems, []);
});

test("a proxy that stops in the midst breaks what is under way, and both sides say so",
  TEST_MS_MAX, async t => {
    const { proxy, problems, open } = await world(t, { proxy: { args: ["--stall-time", "60s"] } });
    const [ann, bob] = [await enter(open), await enter(open)];
    await reader(t, proxy.port);
    await pick(ann, ...files(t, { "a.bin": randomBytes(60 * MIB) }));
    await item(bob, "in", "a.bin", "coming").waitFor();
    await item(ann, "out", "a.bin", "going").waitFor();
    assert.deepEqual(problems, []);
    await proxy.stop();
    assert.match(await words(ann, "out", "a.bin", "broken"), /^Not sent: the (proxy st|conn)/);
    assert.match(await words(bob, "in", "a.bin", "broken"), /^Not received: the (proxy st|connec)/);
    for (const page of [ann, bob]) {
      await page.getByText(`Start it with “namedwebsockets --port ${proxy.port}”`).waitFor();
    }
  });

test("a sender that cancels is told from one that falls silent or sends something else",
  TEST_MS_MAX, async t => {
    const { problems, open } = await world(t);
    const bob = await enter(open);
    const mallory = await open("/");
    const [offered] = files(t, { "offered.bin": "to one who begins and then is gone" });
    await mallory.evaluate(() => new Promise(resolve => {
      const socket = new WebSocket(`ws://${location.host}/broadcast/example-files`);
      const id = n => `${n}`.padStart(16, "0");
      const tell = message => socket.send(JSON.stringify(message));
      const part = (n, offset, text) => {
        const bytes = new Uint8Array(16 + text.length);
        new DataView(bytes.buffer).setBigUint64(0, BigInt(`0x${id(n)}`));
        new DataView(bytes.buffer).setBigUint64(8, BigInt(offset));
        bytes.set(new TextEncoder().encode(text), 16);
        socket.send(bytes);
      };
      globalThis.said = []; // of the silent one's receiver
      socket.onmessage = ({ data }) => {
        const { type, id: of } = typeof data === "string" ? JSON.parse(data) : {};
        if (of === id(0)) said.push(type);
        if (type === "offer") tell({ type: "got", id: of, from: id(9), bytes: 1 });
      };
      socket.onopen = () => {
        const names = ["silent", "cancelled", "wrong sum", "gap", "too much", "too little"];
        names.forEach((name, n) => tell({ type: "offer", id: id(n), name, size: 6 }));
        for (const n of [0, 1, 2, 5]) part(n, 0, "abc");
        tell({ type: "cancel", id: id(1), why: "changed my mind." });
        part(2, 3, "def");
        tell({ type: "end", id: id(2), sha256: "0".repeat(64) });
        part(3, 1, "bc");
        part(4, 0, "abcdefg");
        tell({ type: "end", id: id(5), sha256: "0".repeat(64) });
        for (const junk of ["junk", "{}", "{\"type\":\"offer\"}", new Uint8Array(3)]) {
          socket.send(junk);
        }
        resolve();
      };
    }));
    const why = {
      cancelled: "its sender says: changed my mind.",
      "wrong sum": "the checksum is wrong: what came is not what was sent.",
      gap: "a part is missing: 0 bytes came, and the next is of 1.",
      "too much": "more came than its sender said.",
      "too little": "3 of 6 bytes came.",
    };
    for (const [name, text] of Object.entries(why)) {
      assert.equal(await words(bob, "in", name, "broken"), `Not received: ${text}`);
    }
    assert.equal(await words(bob, "in", "silent", "coming"), "3 B of 6 B, 50 %");
    await pick(bob, offered);
    await item(bob, "out", "offered.bin", "sent").getByText("1 is receiving it (2 %)").waitFor();
    // While it waits it says that it is there.
    await until(mallory, () => said.filter(type => type === "got").length > 2);
    await mallory.close();
    assert.equal(await words(bob, "in", "silent", "broken", { timeout: 60_000 }),
      "Not received: nothing came for 20 s: its sender has left or lost its connection.");
    await item(bob, "out", "offered.bin", "sent").getByText("34 B sent; 1 did not get it: nothing " +
      "was heard of it for 20 s: its page was closed or lost its connection.").waitFor();
    assert.equal(await bob.locator("#in li").count(), 6, "junk is no file");
    assert.deepEqual(problems, []);
  });

test("a receiver that the proxy cuts off says so, and the others get the file", TEST_MS_MAX,
  async t => {
    const { problems, open } = await world(t, { proxy: { args: ["--stall-time", "2s"] } });
    const [ann, bob, carol] = [await enter(open), await enter(open), await enter(open)];
    const bytes = randomBytes(48 * MIB);
    // Bob's page is stuck until the proxy has lost its patience with it.
    const stuck = bob.workers()[0].evaluate(() => {
      for (;;) {
        const ask = new XMLHttpRequest();
        ask.open("GET", "/status", false);
        ask.send();
        if (JSON.parse(ask.responseText).counters.clients_stalled > 0) return;
        const rested = performance.now() + 100;
        while (performance.now() < rested);
      }
    });
    await pick(ann, ...files(t, { "a.bin": bytes }));
    await stuck;
    assert.match(await words(bob, "in", "a.bin", "broken"),
      /^Not received: this page took in too little for too long, and the proxy cut it off\.$/);
    await words(carol, "in", "a.bin", "kept");
    assert.equal((await save(carol, "a.bin")).sha256, sha256(bytes));
    // It is back on the channel by itself, and says what became of the file.
    await bob.locator("#state[data-state=open]").waitFor();
    await item(ann, "out", "a.bin", "sent")
      .getByText(/1 has it complete; 1 did not get it: this page took in too little/).waitFor();
    assert.deepEqual(problems, []);
  });

test("a proxy that takes only smaller messages is explained", TEST_MS_MAX, async t => {
  const { open } = await world(t, { proxy: { args: ["--max-message-size", "64KiB"] } });
  const ann = await enter(open);
  await pick(ann, ...files(t, { "a.bin": randomBytes(MIB) }));
  assert.match(await words(ann, "out", "a.bin", "broken"),
    /^Not sent: the proxy takes no messages of 128 KiB\. Start it with a larger/);
});

test("files go from host to host, to disk or where there is no file system", TEST_MS_MAX,
  async t => {
    const hosts = await twoHosts(t);
    if (hosts === null) return;
    const [one, two] = hosts;
    const ann = await enter(one.open);
    // By an address the page is no secure context, and has no file system of its own.
    const bob = await enter(two.open, `http://10.78.0.2:9009${FILES}`);
    assert.equal(await ann.evaluate(() => "getDirectory" in (navigator.storage ?? {})), true);
    assert.equal(await bob.evaluate(() => "getDirectory" in (navigator.storage ?? {})), false);
    await linked(ann);
    for (const [from, to, name] of [[ann, bob, "there.bin"], [bob, ann, "back.bin"]]) {
      const bytes = randomBytes(20 * MIB);
      await pick(from, ...files(t, { [name]: bytes }));
      await words(to, "in", name, "kept");
      assert.deepEqual(await save(to, name), { name, bytes: bytes.length, sha256: sha256(bytes) });
      await item(from, "out", name, "sent").getByText(/1 has it complete/).waitFor();
    }
    assert.deepEqual([...one.problems, ...two.problems], []);
  });

/** Waits until the proxy of this page hears the other and is heard by it. */
async function linked(page) {
  for (let ways = []; !(ways.includes("both") || (ways.includes("in") && ways.includes("out")));) {
    await page.waitForTimeout(50);
    ways = await page.evaluate(async () => {
      const { channels } = await (await fetch("/status")).json();
      return channels.flatMap(({ links }) => links.map(({ carries }) => carries));
    });
  }
}
