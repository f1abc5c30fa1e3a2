// Half a gigabyte from one page to another, with a slow reader on the channel: intact, at the pace
// of the slowest, and neither the proxy nor the pages grow with it.
import assert from "node:assert/strict";
import { createCipheriv, createHash } from "node:crypto";
import { createReadStream, closeSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync,
  writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { startProxy } from "../../proxy/tests/browser/proxy.mjs";
import { CHROMIUM, FLAGS } from "../../proxy/tests/browser/world.mjs";
import { FILES, item, pick, reader, words } from "./people.mjs";

const MB = 1000 * 1000;
const SIZE = 500 * MB;
const PROXY_GROWS_MAX = 64 * 1024 * 1024;
/** A process of a page, with the browser's code that it runs, is a third of a file at most. */
const PAGE_MAX = 400 * 1024 * 1024;
/** The sender may be so far ahead of the slowest reader: what sockets, the proxy and the browser
 *  hold between them. */
const AHEAD_MAX = 128 * 1024 * 1024;
/** Where in the file the slow reader rests. */
const RESTS = [0.1, 0.4, 0.7];
/** What may wait for one reader before its senders are held up; the proxy's default. */
const QUEUE_BYTES = 1024 * 1024;
const TIME_MAX = { timeout: 600_000 };
const WAIT_MS = 500_000;

test("500 MB go through intact while nothing grows, with a slow reader there", TIME_MAX,
  async t => {
    const folder = mkdtempSync(join(tmpdir(), "nws-large-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const sha256 = makeFile(join(folder, "large.bin"));
    // The slow reader rests for as long as this machine takes to fill what is between the two.
    const proxy = await startProxy({ args: ["--stall-time", "300s"] });
    t.after(() => proxy.kill());
    // A profile on disk: one that is not has its file system in memory.
    const context = await chromium.launchPersistentContext(join(folder, "profile"),
      { executablePath: CHROMIUM, headless: true, args: FLAGS });
    t.after(() => context.close());
    const [ann, bob] = [await context.newPage(), await context.newPage()];
    for (const page of [ann, bob]) {
      await page.goto(`http://${proxy.host}${FILES}`);
      await page.locator("#state[data-state=open]").waitFor();
    }
    const slow = await reader(t, proxy.port);
    const before = resident(proxy.pid).now;
    const start = Date.now();
    await pick(ann, join(folder, "large.bin"));
    let ahead = 0;
    for (const part of RESTS) {
      slow.go();
      while (slow.bytes < part * SIZE) await bob.waitForTimeout(10);
      slow.stop();
      ahead = Math.max(ahead, await standstill(ann, proxy, slow));
    }
    slow.go();
    assert.match(await words(bob, "in", "large.bin", "kept", { timeout: WAIT_MS }),
      /^476\.8 MiB, complete; the checksum is right\.$/);
    await item(ann, "out", "large.bin", "sent").getByText("1 has it complete")
      .waitFor({ timeout: WAIT_MS });
    const took = Date.now() - start;
    while (slow.bytes < SIZE && !slow.closed) await bob.waitForTimeout(50);
    assert.equal(slow.closed, false, "who reads slowly is not cut off");

    const grown = resident(proxy.pid).most - before;
    const pages = processes().filter(({ kind }) => kind === "renderer");
    const largest = Math.max(...pages.map(({ pid }) => resident(pid).most));
    t.diagnostic(`${(took / 1000).toFixed(1)} s, the proxy grew by ${mib(grown)}, ` +
      `the sender was ${mib(ahead)} ahead of the slow reader, and the largest of ${pages.length} ` +
      `pages had ${mib(largest)}`);
    assert.ok(grown <= PROXY_GROWS_MAX, `the proxy grew by ${mib(grown)}`);
    assert.ok(pages.length >= 2 && largest <= PAGE_MAX, `a page had ${mib(largest)}`);

    // What is saved is what was chosen.
    const waiting = bob.waitForEvent("download");
    await bob.bringToFront();
    await bob.getByRole("button", { name: "Save large.bin" }).click();
    const saved = createHash("sha256");
    const path = await (await waiting).path();
    for await (const bytes of createReadStream(path)) saved.update(bytes);
    assert.equal(saved.digest("hex"), sha256);
  });

const mib = bytes => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;

/** Makes a file of bytes that look random, and gives its checksum. */
function makeFile(path) {
  const random = createCipheriv("aes-128-ctr", Buffer.alloc(16, 7), Buffer.alloc(16));
  const hash = createHash("sha256");
  const zeros = Buffer.alloc(MB);
  const file = openSync(path, "w");
  for (let written = 0; written < SIZE; written += MB) {
    const bytes = random.update(zeros);
    hash.update(bytes);
    writeSync(file, bytes);
  }
  closeSync(file);
  return hash.digest("hex");
}

/** Waits until a slow reader holds the sender up: its queue in the proxy is full, and nothing more
 *  is sent. Gives by how many bytes the sender is ahead, which must not be too many. */
async function standstill(page, proxy, slow) {
  for (let before = -1; ;) {
    const text = await page.locator("#out .words").textContent();
    const sent = 1024 * 1024 * Number(/^([\d.]+) MiB (?:of|sent)/.exec(text)?.[1] ?? 0);
    const ahead = sent - slow.bytes;
    assert.ok(ahead <= AHEAD_MAX, `the sender does not wait: it is ${mib(ahead)} ahead`);
    const { channels } = await (await fetch(`http://${proxy.host}/status`)).json();
    const queued = Math.max(...channels.map(({ queued_bytes: bytes }) => bytes));
    if (sent === before && queued >= QUEUE_BYTES) return ahead;
    before = sent;
    await page.waitForTimeout(1000);
  }
}

/** Bytes of memory that a process has now, and the most that it ever had. */
function resident(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const bytes = name => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)[1]);
  return { now: bytes("VmRSS"), most: bytes("VmHWM") };
}

/** The processes that this one started, and those that they did; with the kind that Chromium gives
 *  its own. */
function processes() {
  const parents = new Map();
  for (const pid of readdirSync("/proc").filter(name => /^\d+$/.test(name)).map(Number)) {
    try {
      const [, parent] = /^\d+ \(.*\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8"));
      parents.set(pid, Number(parent));
    } catch {
      // It has ended meanwhile.
    }
  }
  const ours = [process.pid];
  for (const pid of ours) {
    for (const [child, parent] of parents) if (parent === pid) ours.push(child);
  }
  return ours.flatMap(pid => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      return [{ pid, kind: /--type=([a-z-]+)/.exec(words)?.[1] ?? "" }];
    } catch {
      return [];
    }
  });
}
