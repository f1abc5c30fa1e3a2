// The game in a real browser, on two pages of one proxy, and its latency on two hosts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { twoHosts } from "../../proxy/tests/browser/hosts.mjs";
import { looksWell, TEST_MS_MAX, until, world } from "../../proxy/tests/browser/world.mjs";

const GAME = "/examples/game/";

async function join(open, name) {
  const page = await open(GAME);
  await page.locator("#state[data-state=open]").waitFor();
  await page.getByLabel("Your name").fill(name);
  await page.getByLabel("Your name").press("Enter");
  return page;
}

/** What the table says of `name`: [where, round trip, slowest, heard, was it], once it is known. */
const row = (page, name) => until(page, name => {
  const found = Array.from(document.querySelectorAll("#players tr"))
    .find(each => each.querySelector("th").textContent === name);
  const cells = Array.from(found?.querySelectorAll("td") ?? [], cell => cell.textContent);
  return cells.length > 0 && !cells.includes("–") && cells;
}, name);

const news = (page, text) => page.locator("#news", { hasText: text }).waitFor();

/** How far right and down `name` is from the page's own player. */
async function where(page, name) {
  const [text] = await row(page, name);
  const [, x, side, y, height] = /^(\d+) (left|right), (\d+) (up|down)$/.exec(text);
  return [side === "left" ? -x : +x, height === "up" ? -y : +y];
}

/** Steers a page's player to another, by keys, until the other is caught. */
async function chase(page, name) {
  await page.bringToFront();
  await page.locator("#field").focus();
  const down = new Set();
  const hold = async (key, wanted) => {
    if (down.has(key) === wanted) return;
    down[wanted ? "add" : "delete"](key);
    await page.keyboard[wanted ? "down" : "up"](key);
  };
  while (await page.locator("#news").textContent() !== `${name} is it. Run!`) {
    const [right, below] = await where(page, name);
    await hold("ArrowRight", right > 0);
    await hold("ArrowLeft", right < 0);
    await hold("ArrowDown", below > 0);
    await hold("ArrowUp", below < 0);
  }
  for (const key of [...down]) await hold(key, false);
}

test("one is it, catches the other by keys, and then the other is it", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const ann = await join(open, "Ann");
  await news(ann, "Nobody else is here.");
  const bob = await join(open, "Bob");
  const [annIs, bobIs] = await Promise.all([ann, bob].map(page =>
    until(page, () => /You are it|(Ann|Bob) is it/.exec(document.getElementById("news").textContent)?.[0])));
  assert.deepEqual([annIs, bobIs].sort(), annIs === "You are it" ? ["Ann is it", "You are it"]
    : ["Bob is it", "You are it"], "both agree on who is it");
  const [chaser, chased, name, own] = annIs === "You are it" ? [ann, bob, "Bob", "Ann"]
    : [bob, ann, "Ann", "Bob"];
  await chase(chaser, name);
  await news(chased, "You are it!");
  await chased.bringToFront();
  await chase(chased, own);
  await news(chaser, "You are it!");
  // Who comes later knows it, and when who is it leaves, another steps in.
  const carol = await join(open, "Carol");
  await news(carol, `${own} is it.`);
  await chaser.close({ runBeforeUnload: true });
  await until(carol, () => !/begins/.test(document.getElementById("news").textContent));
  const texts = await Promise.all([chased, carol].map(page => page.locator("#news").textContent()));
  assert.equal(texts.filter(text => text.startsWith("You are it")).length, 1, texts.join(" | "));
  assert.deepEqual(problems, []);
});

test("a stranger's made-up tag does not end the game", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const ann = await join(open, "Ann");
  const stranger = await open("/");
  await stranger.evaluate(() => new Promise(said => {
    const socket = new WebSocket(`ws://${location.host}/broadcast/example-game`);
    socket.onopen = () => {
      const tell = (type, body) => socket.send(JSON.stringify({ type, from: "~", name: "M", body }));
      tell("say", { it: "~", number: Number.MAX_SAFE_INTEGER });
      tell("say", { at: [1e308, "up"], v: null });
      tell("bye");
      said();
    };
  }));
  await join(open, "Bob");
  await row(ann, "Bob");
  await news(ann, /^(You are it! Catch somebody\.|Bob is it\. Run!)$/);
  assert.deepEqual(problems, []);
});

test("a finger steers, too, and the other page hears of it", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const [ann, bob] = [await join(open, "Ann"), await join(open, "Bob")];
  const hold = async (page, x, y) => {
    await page.bringToFront();
    const box = await page.locator("#field").boundingBox();
    await page.mouse.move(box.x + box.width * x, box.y + box.height * y);
    await page.mouse.down();
  };
  await hold(ann, 0.1, 0.1);
  await hold(bob, 0.1, 0.1);
  await isAt(ann, "Bob", [-5, 5], [-5, 5]);
  await bob.mouse.up();
  await hold(bob, 0.9, 0.9);
  await isAt(ann, "Bob", [70, 90], [40, 60]);
  assert.deepEqual(problems, []);
});

/** Waits until `name` is so far right and down of the page's own player. */
async function isAt(page, name, [left, right], [top, bottom]) {
  let [x, y] = await where(page, name);
  while (x < left || x > right || y < top || y > bottom) [x, y] = await where(page, name);
}

test("between hosts the round trip is measured: to whom answers later it is longer", TEST_MS_MAX,
  async t => {
    const hosts = await twoHosts(t);
    if (hosts === null) return;
    const ann = await join(hosts[0].open, "Ann");
    await join(hosts[1].open, "Carol");
    // Whatever Bob's page hears, it hears 150 ms later.
    await hosts[1].context.addInitScript(() => {
      const { get, set } = Object.getOwnPropertyDescriptor(WebSocket.prototype, "onmessage");
      Object.defineProperty(WebSocket.prototype, "onmessage", { get, set(listener) {
        set.call(this, event => setTimeout(listener, 150, event));
      } });
    });
    await join(hosts[1].open, "Bob");
    const trips = async () => [await row(ann, "Bob"), await row(ann, "Carol")]
      .map(cells => parseFloat(cells[1]));
    let [bob, carol] = await trips();
    // Each is a median, which what the machine does besides moves for a while only.
    while (carol >= bob) [bob, carol] = await trips();
    assert.ok(carol > 0 && bob >= 150, `Carol ${carol} ms, Bob ${bob} ms`);
    t.diagnostic(`round trips: to Carol ${carol} ms, to Bob ${bob} ms`);
    for (const { problems } of hosts) assert.deepEqual(problems, []);
  });

test("it looks well and can be used by all", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  await join(open, "Bob");
  await join(open, "Carol");
  const ann = await join(open, "Ann");
  await row(ann, "Bob");
  await row(ann, "Carol");
  await looksWell(ann, "game");
  assert.deepEqual(problems, []);
});
