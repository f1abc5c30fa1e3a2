// The console's log in a real browser: filter, pause, clear, export, and ten thousand lines.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { TEST_MS_MAX, until, world } from "../../proxy/tests/browser/world.mjs";
import { choose, connect, listen, logged, send, shows, texts } from "./person.mjs";

/** A console on these channels, and a page whose own socket is on the first. */
async function consoleAndSpeaker(open, ...paths) {
  const page = await open("/console");
  const other = await open("/");
  for (const path of paths) await connect(page, path);
  await listen(other, paths[0]);
  await page.bringToFront();
  return [page, other];
}

const say = (page, ...messages) => page.evaluate(messages => {
  for (const each of messages) {
    globalThis.socket.send(typeof each === "string" ? each : Uint8Array.from(each));
  }
}, messages);

test("the log is filtered, shown as hex, cleared and exported", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const [page, other] = await consoleAndSpeaker(open, "/local/a", "/broadcast/b");
  await say(other, "Apple (green)", "pear", [0xca, 0xfe]);
  await logged(page, "received", 3);
  await send(page, "an apple too", "/broadcast/b");
  await logged(page, "sent", 1);
  const words = page.getByLabel("Filter by words");
  await words.fill("apple");
  assert.deepEqual(await texts(page), ["Apple (green)", "an apple too"]);
  await shows(page, "#counts", "2 of 6 lines");
  await words.fill("(GREEN)");
  assert.deepEqual(await texts(page), ["Apple (green)"]);
  await words.fill("ca fe");
  assert.deepEqual(await texts(page), ["ca fe"]);
  await words.fill("kumquat");
  await page.getByText("Nothing that passed matches the filter.").waitFor();
  await words.fill("");
  await page.getByLabel("Channel", { exact: true }).selectOption("/broadcast/b");
  await page.getByLabel("Direction").selectOption("Messages");
  assert.deepEqual(await texts(page), ["an apple too"]);
  await page.getByLabel("Channel", { exact: true }).selectOption("All channels");
  await page.getByLabel("Direction").selectOption("Received");
  assert.deepEqual(await texts(page), ["Apple (green)", "pear", "ca fe"]);
  await choose(page, "Show messages as", "Hex");
  assert.deepEqual((await texts(page))[1], "70 65 61 72");

  const waiting = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export" }).click();
  const download = await waiting;
  assert.match(download.suggestedFilename(), /^namedwebsockets-[\dT-]+\.jsonl$/);
  const lines = readFileSync(await download.path(), "utf8").trimEnd().split("\n").map(JSON.parse);
  const at = { direction: "received", channel: "/local/a" };
  assert.deepEqual(lines.map(({ time, ...rest }) => {
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 600_000, time);
    return rest;
  }), [
    { ...at, bytes: 13, text: "Apple (green)" }, { ...at, bytes: 4, text: "pear" },
    { ...at, bytes: 2, hex: "ca fe" },
  ]);

  await page.getByRole("button", { name: "Clear" }).click();
  await page.getByText("Nothing yet.").waitFor();
  await say(other, "after");
  assert.deepEqual(await logged(page, "received", 1), [["5 B", "61 66 74 65 72"]]);
  assert.deepEqual(problems, []);
});

test("a paused log stands still, and misses nothing", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const [page, other] = await consoleAndSpeaker(open, "/local/a");
  await say(other, "before");
  await logged(page, "received", 1);
  const pause = page.getByRole("button", { name: "Pause" });
  await pause.click();
  assert.equal(await pause.getAttribute("aria-pressed"), "true");
  await say(other, "one", "two");
  await shows(page, "#counts", "1 of 4 lines · paused, 2 new".replace("1 of", "2 of"));
  assert.deepEqual((await texts(page)).slice(1), ["before"]);
  // The filter looks at what was there.
  await page.getByLabel("Filter by words").fill("o");
  assert.deepEqual((await texts(page)).slice(1), ["before"]);
  await page.getByLabel("Filter by words").fill("");
  await pause.click();
  assert.deepEqual((await texts(page)).slice(1), ["before", "one", "two"]);
  assert.deepEqual(problems, []);
});

test("ten thousand lines stay smooth, and the oldest go", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const [page, other] = await consoleAndSpeaker(open, "/local/busy");
  await page.evaluate(() => {
    globalThis.longest = 0;
    new PerformanceObserver(list => {
      for (const { duration } of list.getEntries()) {
        globalThis.longest = Math.max(globalThis.longest, duration);
      }
    }).observe({ type: "longtask" });
  });
  await other.evaluate(() => {
    for (let i = 1; i <= 20_000; i += 1) globalThis.socket.send(`message ${i}`);
  });
  await page.getByText("message 20000", { exact: true }).waitFor();
  // As many rows as are in sight are in the page, not as many as there are lines.
  const rows = () => page.locator("#lines .row").count();
  assert.ok(await rows() < 80, `${await rows()} rows are in the page`);
  const counts = await page.locator("#counts").textContent();
  const [kept, dropped] = /^([\d\u202f]+) lines · the oldest ([\d\u202f]+) dropped$/.exec(counts)
    .slice(1).map(number => Number(number.replaceAll("\u202f", "")));
  assert.ok(kept >= 10_000 && kept <= 11_000, counts);
  assert.equal(kept + dropped, 20_001, "20 000 messages and the note of the connection");
  // Through all of it with the wheel: at each place are the rows that belong there, in order.
  const box = page.locator("#log");
  const height = await box.evaluate(log => log.scrollHeight);
  for (const part of [0, 0.25, 0.5, 0.75, 1]) {
    await box.evaluate((log, top) => { log.scrollTop = top; }, part * height);
    await until(page, () => {
      const [log, rows] = [document.getElementById("log").getBoundingClientRect(),
        [...document.querySelectorAll("#lines .row")]];
      const seen = rows.filter(row => {
        const { top, bottom } = row.getBoundingClientRect();
        return bottom > log.top && top < log.bottom;
      });
      const [first, last] = [seen.at(0), seen.at(-1)].map(row => row?.getBoundingClientRect());
      return seen.length > 5 && first.top <= log.top + 2 && last.bottom >= log.bottom - 2;
    });
    const numbers = (await texts(page)).map(text => Number(text.split(" ")[1]));
    assert.ok(numbers.every((n, i) => i === 0 || n === numbers[i - 1] + 1), `${numbers}`);
    assert.ok(await rows() < 80);
  }
  // Who reads further up is not torn away by what comes; the way back is one button.
  await box.evaluate((log, top) => { log.scrollTop = top; }, height / 2);
  await page.getByRole("button", { name: "Go to the newest" }).waitFor();
  const inMiddle = await box.evaluate(log => log.scrollTop);
  await say(other, "one more");
  await shows(page, "#counts", /20|1\d\u202f?\d{3} lines/);
  assert.equal(await box.evaluate(log => log.scrollTop), inMiddle);
  await page.getByRole("button", { name: "Go to the newest" }).click();
  await page.getByText("one more", { exact: true }).waitFor();
  t.diagnostic(`longest task of the page: ${await page.evaluate(() => globalThis.longest)} ms`);
  assert.deepEqual(problems, []);
});
