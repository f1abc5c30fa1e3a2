// Publish and subscribe in a real browser, on two pages of one proxy.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startProxy } from "../../proxy/tests/browser/proxy.mjs";
import { looksWell, TEST_MS_MAX, until, world } from "../../proxy/tests/browser/world.mjs";

const PUBSUB = "/examples/pubsub/";

async function join(open) {
  const page = await open(PUBSUB);
  await page.locator("#state[data-state=open]").waitFor();
  return page;
}

// A page behind another draws once a second, and a click waits until its button stands still.

async function publish(page, topic, text) {
  await page.bringToFront();
  await page.getByRole("combobox", { name: "Topic" }).selectOption(topic);
  await page.getByRole("textbox", { name: "Message" }).fill(text);
  await page.getByRole("button", { name: "Publish" }).click();
}

async function press(page, name) {
  await page.bringToFront();
  await page.getByRole("button", { name }).click();
}

async function subscribe(page, topic, wanted) {
  await page.bringToFront();
  await page.getByRole("checkbox", { name: topic }).setChecked(wanted);
}

async function heard(page, count) {
  await page.locator("#heard li").nth(count - 1).waitFor();
  return page.locator("#heard li").allTextContents();
}

test("a page hears the topics that it subscribed to, in order, and no other", TEST_MS_MAX,
  async t => {
    const { problems, open } = await world(t);
    const [ann, bob] = [await join(open), await join(open)];
    await subscribe(bob, "news", false);
    await publish(ann, "weather", "rain");
    await publish(ann, "news", "not for bob");
    await publish(ann, "music", "for nobody");
    await publish(ann, "weather", "sun");
    assert.deepEqual(await heard(bob, 2), ["weatherrain", "weathersun"]);
    assert.deepEqual(await heard(ann, 3), ["weatherrain", "newsnot for bob", "weathersun"],
      "who publishes hears it, too");
    await subscribe(bob, "music", true);
    await publish(ann, "music", "<i>now</i>");
    assert.equal((await heard(bob, 3))[2], "music<i>now</i>");
    assert.deepEqual(problems, []);
  });

test("one login is that of all windows, also of one that is opened later", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const [one, two] = [await join(open), await join(open)];
  await one.getByLabel("Your name").fill("Ann");
  await press(one, "Sign in");
  await two.getByText("Signed in as Ann").waitFor();
  const three = await join(open);
  await three.getByText("Signed in as Ann").waitFor();
  await press(two, "Sign out everywhere");
  for (const page of [one, two, three]) {
    await page.getByRole("button", { name: "Sign in" }).waitFor();
  }
  await three.reload();
  await three.getByLabel("Your name").fill("Bob");
  await three.keyboard.press("Enter");
  await one.getByText("Signed in as Bob").waitFor();
  assert.deepEqual(problems, []);
});

test("what is published while the proxy is away goes out when it is back", TEST_MS_MAX, async t => {
  const { proxy, open } = await world(t);
  const [ann, bob] = [await join(open), await join(open)];
  await publish(ann, "news", "before");
  await heard(bob, 1);
  await proxy.stop();
  await ann.getByText(/^No proxy answers at/).waitFor();
  await publish(ann, "news", "first");
  await publish(ann, "weather", "second");
  await ann.getByText("2 messages wait for the proxy.").waitFor();
  await ann.getByLabel("Your name").fill("Ann");
  await ann.keyboard.press("Enter");
  const again = await startProxy({ port: proxy.port });
  t.after(() => again.kill());
  await bob.getByText("Signed in as Ann").waitFor();
  await until(ann, () => document.getElementById("waiting").textContent === "");
  // Bob may come back after they went out, and the hub keeps only what it is told to keep.
  await bob.locator("#state[data-state=open]").waitFor();
  await publish(ann, "news", "last");
  await bob.getByText("last").waitFor();
  const late = (await heard(bob, 2)).slice(1);
  assert.ok(["newslast", "newsfirst,weathersecond,newslast"].includes(late.join()), late.join());
  assert.deepEqual(await heard(ann, 4), ["newsbefore", "newsfirst", "weathersecond", "newslast"]);
});

test("a hub that is used before its channel is open queues, up to a limit", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const [ann, bob] = [await join(open), await join(open)];
  await bob.evaluate(async () => {
    const { Hub } = await import("/examples/pubsub/hub.js");
    globalThis.heard = [];
    await new Promise(opened => {
      const hub = new Hub("early", { state: state => state === "open" && opened() });
      hub.subscribe("count", data => heard.push(data));
    });
  });
  const refused = await ann.evaluate(async () => {
    const { Hub } = await import("/examples/pubsub/hub.js");
    const hub = new Hub("early");
    for (let i = 1; i <= 1000; i += 1) hub.publish("count", i);
    try {
      hub.publish("count", 1001);
    } catch (error) {
      return `${error.name}: ${error.message}, ${hub.waiting}`;
    }
  });
  assert.equal(refused,
    "RangeError: 1000 messages wait for the proxy; publish again later, 1000");
  await until(bob, () => globalThis.heard.length === 1000);
  assert.ok(await bob.evaluate(() => heard.every((each, index) => each === index + 1)));
  assert.deepEqual(problems, []);
});

test("what waits stays as it was published, and no made-up version stops a topic", TEST_MS_MAX,
  async t => {
    const { problems, open } = await world(t);
    const [ann, bob] = [await join(open), await join(open)];
    await bob.evaluate(async () => {
      const { Hub } = await import("/examples/pubsub/hub.js");
      globalThis.heard = [];
      await new Promise(opened => {
        const hub = new Hub("copies", { state: state => state === "open" && opened() });
        hub.subscribe("point", data => heard.push(data.x));
        hub.subscribe("value", data => heard.push(data));
      });
    });
    assert.deepEqual(await ann.evaluate(async host => {
      const { Hub } = await import("/examples/pubsub/hub.js");
      const own = [];
      const hub = new Hub("copies");
      hub.subscribe("point", data => own.push(data));
      const point = { x: 1 };
      hub.publish("point", point);
      point.x = 2;
      hub.publish("point", point);
      const stranger = new BroadcastWebSocket("copies", [], { proxy: `ws://${host}` });
      await new Promise(opened => { stranger.onopen = opened; });
      const keep = [Number.MAX_SAFE_INTEGER, "z"];
      stranger.send(JSON.stringify({ topic: "value", data: "made up", keep }));
      stranger.send(JSON.stringify({ topic: "end" }));
      await new Promise(ended => hub.subscribe("end", ended));
      hub.publish("value", "ours", { keep: true });
      return own.map(({ x }) => x);
    }, new URL(ann.url()).host), [1, 2]);
    await until(bob, () => heard.includes("ours"));
    assert.deepEqual(await bob.evaluate(() => heard), [1, 2, "ours"]);
    assert.deepEqual(problems, []);
  });

test("two that set a value at once end up with the same", TEST_MS_MAX, async t => {
  const { open } = await world(t);
  const pages = [await join(open), await join(open)];
  for (const [index, page] of pages.entries()) {
    await page.evaluate(async other => {
      const { Hub } = await import("/examples/pubsub/hub.js");
      await new Promise(opened => {
        globalThis.hub = new Hub("both", { state: state => state === "open" && opened() });
        hub.subscribe("value", data => { globalThis.value = data; });
        hub.subscribe(`end of ${other}`, () => { globalThis.ended = true; });
      });
    }, 1 - index);
  }
  await Promise.all(pages.map((page, index) => page.evaluate(index => {
    hub.publish("value", index, { keep: true });
    hub.publish(`end of ${index}`);
  }, index)));
  // Who has heard the other's end has heard the other's value.
  for (const page of pages) await until(page, () => globalThis.ended);
  const values = await Promise.all(pages.map(page => page.evaluate(() => value)));
  assert.equal(values[0], values[1]);
});

test("it looks well and can be used by all", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const [ann, bob] = [await join(open), await join(open)];
  await ann.getByLabel("Your name").fill("Ann");
  await ann.keyboard.press("Enter");
  await bob.getByText("Signed in as Ann").waitFor();
  await publish(ann, "weather", "Rain until noon, then sun.");
  await publish(ann, "news", "Two windows agree on who is signed in.");
  await publish(ann, "weather", "The sun is late.");
  await heard(bob, 3);
  await looksWell(bob, "pubsub");
  assert.deepEqual(problems, []);
});
