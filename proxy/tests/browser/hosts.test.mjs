// The helpers of the other tests, by themselves: that two hosts are two, and leave nothing behind.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { twoHosts } from "./hosts.mjs";
import { isAccessible, TEST_MS_MAX, until, world } from "./world.mjs";

const namespaces = () => execFileSync("ip", ["netns", "list"], { encoding: "utf8" })
  .split("\n").map(line => line.split(" ")[0]).filter(name => name.startsWith(`nws${process.pid}x`));

test("two hosts have a proxy each, and a broadcast goes from one to the other", TEST_MS_MAX,
  async t => {
    await t.test("while they are there", async t => {
      const hosts = await twoHosts(t);
      if (hosts === null) return;
      const pages = [];
      for (const { open } of hosts) pages.push(await open("/"));
      for (const page of pages) {
        await page.addScriptTag({ url: "/namedwebsockets.js" });
        await page.evaluate(() => new Promise(done => {
          globalThis.socket = new BroadcastWebSocket("chat");
          socket.onmessage = event => { globalThis.heard = event.data; };
          socket.onopen = done;
        }));
      }
      const [ann, bob] = pages;
      // Until the link stands, nobody hears; so ann says it until bob has heard.
      await ann.evaluate(() => {
        setInterval(() => socket.send("hello"), 100);
      });
      assert.equal(await until(bob, () => globalThis.heard), "hello");
      assert.equal(namespaces().length, 2);
    });
    assert.deepEqual(namespaces(), []);
  });

test("a page that is hard to use is seen", TEST_MS_MAX, async t => {
  const { open } = await world(t);
  const page = await open("/");
  await isAccessible(page, "/");
  await page.evaluate(() => document.querySelector("main").append(document.createElement("input")));
  await assert.rejects(isAccessible(page, "/ with an input"), /label: Form elements must/);
});
