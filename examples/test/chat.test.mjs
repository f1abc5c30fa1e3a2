// The chat in a real browser: on two pages of one proxy, and on two hosts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { twoHosts } from "../../proxy/tests/browser/hosts.mjs";
import { startProxy } from "../../proxy/tests/browser/proxy.mjs";
import { looksWell, TEST_MS_MAX, until, world } from "../../proxy/tests/browser/world.mjs";

const CHAT = "/examples/chat/";

async function join(open, name) {
  const page = await open(CHAT);
  await page.locator("#state[data-state=open]").waitFor();
  await page.getByLabel("Your name").fill(name);
  await page.getByLabel("Your name").press("Enter");
  return page;
}

async function say(page, text) {
  await page.getByLabel("Message").fill(text);
  await page.getByLabel("Message").press("Enter");
}

/** Waits for a line such as "Ann hello" (of a message) or "Ann joined" (a note). */
const reads = (page, line) => until(page, line => Array.from(document.querySelectorAll("#lines li"))
  .some(item => line === (item.className === "note" ? item.textContent
    : `${item.querySelector(".person").textContent} ${item.querySelector(".words").textContent}`)),
line);

/** Waits until just these are there, besides the page's own person. */
const sees = (page, ...names) => until(page, expected => Array.from(
  document.querySelectorAll("#people li .person"), each => each.textContent)
  .slice(1).sort().join() === expected, names.sort().join());

const messages = page => page.locator("#lines .words").allTextContents();

test("two pages know each other's names, and hear each other", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const ann = await join(open, "Ann");
  const bob = await join(open, "Bob");
  await sees(ann, "Bob");
  await sees(bob, "Ann");
  await say(ann, "hello, Bob");
  await reads(bob, "Ann hello, Bob");
  await say(bob, "<b>hello</b>, Ann");
  await reads(ann, "Bob <b>hello</b>, Ann");
  assert.equal(await ann.locator("#lines b").count(), 0, "markup was taken for markup");
  await bob.getByLabel("Your name").fill("Robert");
  await bob.getByLabel("Your name").press("Enter");
  await reads(ann, "Bob is now Robert");
  await bob.close({ runBeforeUnload: true });
  await reads(ann, "Robert left");
  await sees(ann);
  assert.deepEqual(problems, []);
});

test("who comes later reads what was said, in the order in which it was", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const [ann, bob] = [await join(open, "Ann"), await join(open, "Bob")];
  for (let i = 1; i <= 3; i += 1) {
    await say(ann, `question ${i}`);
    await reads(bob, `Ann question ${i}`);
    await say(bob, `answer ${i}`);
    await reads(ann, `Bob answer ${i}`);
  }
  const all = [1, 2, 3].flatMap(i => [`question ${i}`, `answer ${i}`]);
  const carol = await join(open, "Carol");
  await reads(carol, "Bob answer 3");
  assert.deepEqual(await messages(carol), all);
  // Ann, who said half of it, need not be there for it.
  await ann.close({ runBeforeUnload: true });
  await reads(carol, "Ann left");
  await bob.reload();
  await reads(bob, "Bob answer 3");
  assert.deepEqual(await messages(bob), all);
  assert.deepEqual(problems, []);
});

test("a tab that is killed is missed, and the others stay", TEST_MS_MAX, async t => {
  const { open, context } = await world(t);
  const [ann, bob, carol] = [await join(open, "Ann"), await join(open, "Bob"),
    await join(open, "Carol")];
  await sees(ann, "Bob", "Carol");
  const session = await context.newCDPSession(bob);
  session.send("Page.crash").catch(() => {}); // which nobody is left to answer
  await reads(ann, "Bob is gone");
  await reads(carol, "Bob is gone");
  await sees(ann, "Carol");
  await sees(carol, "Ann");
});

test("when the proxy comes back, the pages do, and lack nothing", TEST_MS_MAX, async t => {
  const { proxy, open } = await world(t);
  const [ann, bob] = [await join(open, "Ann"), await join(open, "Bob")];
  await sees(ann, "Bob");
  await proxy.stop();
  for (const page of [ann, bob]) {
    await page.getByText(/^No proxy answers at localhost:\d+\. Start it with/).waitFor();
    assert.ok(await page.getByLabel("Message").isDisabled());
  }
  // Ann comes back before Bob: what she says then, Bob hears all the same.
  await bob.evaluate(() => { globalThis.RealWebSocket = namedwebsockets.BroadcastWebSocket;
    namedwebsockets.BroadcastWebSocket = class extends RealWebSocket {
      constructor(name, protocols) { super(name, protocols, { proxy: "ws://localhost:1" }); }
    }; });
  const again = await startProxy({ port: proxy.port });
  t.after(() => again.kill());
  await ann.locator("#state[data-state=open]").waitFor();
  await say(ann, "said to nobody");
  await bob.evaluate(() => { namedwebsockets.BroadcastWebSocket = RealWebSocket; });
  await reads(bob, "Ann said to nobody");
  await say(bob, "heard");
  await reads(ann, "Bob heard");
});

test("a page that the browser keeps from the proxy says where to allow it", TEST_MS_MAX, async t => {
  const { browser, context, proxy, open } = await world(t);
  const page = await join(open, "Ann");
  const { targetInfo } = await (await context.newCDPSession(page)).send("Target.getTargetInfo");
  await (await browser.newBrowserCDPSession()).send("Browser.setPermission", { setting: "denied",
    permission: { name: "loopback-network" }, origin: `http://${proxy.host}`,
    browserContextId: targetInfo.browserContextId });
  await proxy.stop();
  await page.getByText(/^This browser does not let the page reach .* Allow it in the/).waitFor();
});

test("what others send that is no chat harms nobody", TEST_MS_MAX, async t => {
  const { proxy, problems, open } = await world(t);
  const [ann, bob] = [await join(open, "Ann"), await join(open, "Bob")];
  await sees(ann, "Bob");
  await bob.evaluate(host => new Promise(resolve => {
    const socket = new BroadcastWebSocket("example-chat", [], { proxy: `ws://${host}` });
    const said = { type: "say", from: "x", name: "X" };
    const bad = ["no JSON", "null", "[]", '{"type":1}', new Uint8Array(9),
      ...[null, 7, { entry: 7 }, { entry: {} }, { have: 7 }, { missed: [null, 1, {}] },
        { entry: { id: "x-1", name: "X", text: "late", clock: 2 ** 53 - 1, time: 0 } },
        { entry: { id: "x-2", name: "X", text: "when", clock: 1, time: 1e300 } },
      ].map(body => JSON.stringify({ ...said, body }))];
    socket.onopen = () => {
      for (const each of bad) socket.send(each);
      resolve();
    };
  }), proxy.host);
  await say(bob, "still here");
  await reads(ann, "Bob still here");
  assert.deepEqual(await messages(ann), ["still here"]);
  assert.deepEqual(problems, []);
});

test("people on two hosts chat, and one who leaves has left on the other", TEST_MS_MAX, async t => {
  const hosts = await twoHosts(t);
  if (hosts === null) return;
  const ann = await join(hosts[0].open, "Ann");
  await say(ann, "before");
  const bob = await join(hosts[1].open, "Bob");
  await sees(ann, "Bob");
  await sees(bob, "Ann");
  await reads(bob, "Ann before");
  await say(bob, "across");
  await reads(ann, "Bob across");
  await bob.close({ runBeforeUnload: true });
  await reads(ann, "Bob left");
  for (const { problems } of hosts) assert.deepEqual(problems, []);
});

test("it looks well and can be used by all", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const [ann, bob] = [await join(open, "Ann"), await join(open, "Bob")];
  await join(open, "Carol");
  await sees(bob, "Ann", "Carol");
  for (const [page, text] of [[ann, "Is anybody on this network?"], [bob, "Me. Who runs it?"],
    [ann, "Nobody. Each of us has a proxy, and they found each other."],
    [bob, "So no account, and nothing to set up?"], [ann, "Just the name of the channel."]]) {
    await say(page, text);
    await reads(page === ann ? bob : ann, `${page === ann ? "Ann" : "Bob"} ${text}`);
  }
  await looksWell(bob, "chat");
  assert.deepEqual(problems, []);
});
