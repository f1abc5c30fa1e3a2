// What people do on the page of the files example, and a raw client of its channel.
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const FILES = "/examples/files/";

/** Opens the page, and waits until it is on the channel. */
export async function enter(open, path = FILES) {
  const page = await open(path);
  await page.locator("#state[data-state=open]").waitFor();
  return page;
}

/** Files made for a test, in a folder that goes with it: the path of each. */
export function files(t, contents) {
  const folder = mkdtempSync(join(tmpdir(), "nws-files-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return Object.entries(contents).map(([name, bytes]) => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  });
}

/** Sends files by the picker. */
export const pick = (page, ...paths) => page.locator("#pick").setInputFiles(paths);

/** The item of a transfer, once it has this state. */
export function item(page, direction, name, state) {
  return page.locator(`#${direction} li[data-state=${state}]`)
    .filter({ has: page.getByRole("heading", { name, exact: true }) });
}

/** Waits for a transfer's state, and gives what the page says of it. */
export async function words(page, direction, name, state, { timeout } = {}) {
  const found = item(page, direction, name, state);
  await found.waitFor(timeout === undefined ? {} : { timeout }).catch(async error => {
    const said = await page.locator(`#state, #${direction} li`).allInnerTexts();
    throw new Error(`${error.message}\nThe page says:\n${said.join("\n")}`);
  });
  return found.locator(".words").textContent();
}

/** Saves a received file, as a person does: `{ name, sha256, bytes }`. */
export async function save(page, name) {
  const waiting = page.waitForEvent("download");
  await page.bringToFront();
  await page.getByRole("button", { name: `Save ${name}`, exact: true }).click();
  const download = await waiting;
  const bytes = readFileSync(await download.path());
  return { name: download.suggestedFilename(), bytes: bytes.length, sha256: sha256(bytes) };
}

export const sha256 = bytes => createHash("sha256").update(bytes).digest("hex");

/**
 * A program on the channel that reads, or does not: `stop()` and `go()`. It begins stopped. `bytes`
 * counts those that came, `closed` is whether its connection has ended, and `leave()` ends it.
 */
export async function reader(t, port) {
  const socket = connect(port, "localhost");
  t.after(() => socket.destroy());
  await new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("connect", () => socket.write("GET /broadcast/example-files HTTP/1.1\r\n" +
      `Host: localhost:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n` +
      "\r\n"));
    socket.once("data", data => /^HTTP\/1.1 101/.test(data) ? resolve()
      : reject(new Error(`${data}`)));
  });
  socket.pause();
  const made = { bytes: 0, closed: false, stop: () => socket.pause(), go: () => socket.resume(),
    leave: () => socket.destroy() };
  socket.on("error", () => { made.closed = true; });
  socket.on("close", () => { made.closed = true; });
  socket.on("data", data => { made.bytes += data.length; });
  socket.pause(); // a listener for data sets it going
  return made;
}
