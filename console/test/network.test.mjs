// The console's picture of the network: it follows who comes and goes, here and on another host.
import assert from "node:assert/strict";
import { test } from "node:test";
import { twoHosts } from "../../proxy/tests/browser/hosts.mjs";
import { TEST_MS_MAX, looksWell, screenshot, until, world } from "../../proxy/tests/browser/world.mjs";
import { card, connect, disconnect, listen, logged, send, shows } from "./person.mjs";

/** What the picture shows: channels with their dots, other proxies, and ties by state. */
const picture = page => page.evaluate(() => {
  const all = selector => [...document.querySelectorAll(`#picture ${selector}:not(.gone)`)];
  return {
    channels: all(".node:not(.remote)").map(node => [node.querySelector(".label").textContent,
      node.querySelectorAll(".dots circle").length]).sort(),
    remotes: all(".node.remote").map(node => node.textContent),
    ties: all(".tie").map(tie => [...tie.classList].filter(name => !["tie", "busy"].includes(name))
      .join(" ")),
  };
});

async function pictured(page, wanted) {
  const deadline = Date.now() + 30_000;
  let last;
  while (Date.now() < deadline) {
    last = await picture(page);
    if (JSON.stringify(last) === JSON.stringify(wanted)) return;
    await page.waitForTimeout(100);
  }
  assert.deepEqual(last, wanted);
}

test("channels and clients come into the picture and go", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const page = await open("/console");
  await page.getByText("no channel is open", { exact: true }).waitFor();
  const other = await open("/");
  await listen(other, "/local/notes");
  await connect(page, "/broadcast/chat");
  await pictured(page,
    { channels: [["broadcast/chat", 1], ["local/notes", 1]], remotes: [], ties: [] });
  const last = await open("/");
  await listen(last, "/local/notes");
  await page.bringToFront();
  await pictured(page,
    { channels: [["broadcast/chat", 1], ["local/notes", 2]], remotes: [], ties: [] });
  await shows(page, "#picture-words",
    /^This proxy has 2 channels with 3 clients, and sees 0 other proxies; 0 channels are linked/);
  await other.close();
  await last.close();
  await disconnect(page, "/broadcast/chat");
  await pictured(page, { channels: [], remotes: [], ties: [] });
  assert.deepEqual(problems, []);
});

test("names of any length and width stay in their boxes", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const names = ["W".repeat(255), "n".repeat(40), "i".repeat(60)];
  const page = await open(`/console#${names.map(name => `broadcast/${name}`).join("&")}`);
  await until(page, () => document.querySelectorAll("#picture .node").length === 3);
  for (const width of [1280, 360]) {
    await page.setViewportSize({ width, height: 800 });
    await until(page, () => [...document.querySelectorAll("#picture .node")].every(node =>
      node.querySelector(".label").getComputedTextLength()
        <= node.querySelector("rect").width.baseVal.value - 20));
  }
  const labels = await page.locator("#picture .node .label").allTextContents();
  assert.match(labels.sort().join(), /^WWWW+…WWWW+,i{60},nnnnn+…nnnnn+$/);
  assert.deepEqual(problems, []);
});

test("message rates are seen while messages flow", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const page = await open("/console");
  const other = await open("/");
  await connect(page, "/local/busy");
  await listen(other, "/local/busy");
  await other.evaluate(() => setInterval(() => globalThis.socket.send("tick"), 20));
  await page.bringToFront();
  await until(page, () => /^[1-9][\d.]*\/s$/.test(document.getElementById("rate-in").textContent));
  await page.locator("#picture .node.busy .count").filter({ hasText: /^[1-9][\d.]*\/s$/ })
    .waitFor();
  await other.close();
  await shows(page, "#rate-in", "0/s");
  assert.deepEqual(problems, []);
});

test("a link to another host comes into the picture and goes", TEST_MS_MAX, async t => {
  const hosts = await twoHosts(t);
  if (hosts === null) return;
  const [one, two] = hosts;
  const [ann, bob] = [await one.open("/console"), await two.open("/console")];
  const path = "/broadcast/chat";
  await connect(ann, path);
  await connect(bob, path);
  const channels = [["broadcast/chat", 1]];
  await pictured(ann, { channels, remotes: ["10.78.0.2"], ties: ["linked"] });
  await pictured(bob, { channels, remotes: ["10.78.0.1"], ties: ["linked"] });
  await card(ann, path).getByText(/^1 client · [12] links?/).waitFor();
  await send(ann, "to the other host");
  assert.deepEqual(await logged(bob, "received", 1), [["17 B", "to the other host"]]);
  for (const part of ["marker-start", "marker-end"]) {
    await ann.locator(`#picture .tie[${part}="url(#arrow)"]`)
      .waitFor({ state: "attached" });
  }
  for (const page of [ann, bob]) await connect(page, "/broadcast/presence");
  await connect(ann, "/local/notes");
  await card(ann, "/broadcast/presence").getByText(/^1 client · 2 links/).waitFor();
  for (const text of ["{\"type\":\"joined\",\"user\":\"tomás\"}",
    "{\"type\":\"cursor\",\"user\":\"tomás\",\"x\":418,\"y\":112}"]) {
    await send(bob, text, "/broadcast/presence");
  }
  await ann.bringToFront();
  await ann.getByRole("option", { name: /cursor/ }).click();
  await send(ann, "{\"type\":\"welcome\",\"to\":\"tomás\"}", "/broadcast/presence");
  await logged(bob, "received", 2);
  await looksWell(ann, "console-linked");
  await ann.setViewportSize({ width: 1280, height: 880 });
  await screenshot(ann, "console-readme"); // console/screenshot.png
  await disconnect(bob, "/broadcast/presence");
  await disconnect(bob, path);
  await pictured(ann, { channels: [["broadcast/chat", 1], ["broadcast/presence", 1],
    ["local/notes", 1]], remotes: [], ties: [] });
  assert.deepEqual([...one.problems, ...two.problems], []);
});
