// What a person does in the console, and what there is to see.
import assert from "node:assert/strict";

/** The card of a channel; with `state`, once it has that. */
export const card = (page, path, state) =>
  page.locator(`.card[data-path="${path}"]${state === undefined ? "" : `[data-state=${state}]`}`);

// A page behind another draws once a second, and a click waits until its button stands still; so
// the page to click in comes to the front first.

/** Opens a channel by the form, as `/local/chat`, and waits until it is open. */
export async function connect(page, path) {
  const [, scope, name] = path.split("/");
  await page.bringToFront();
  await page.getByRole("radio", { name: scope === "local" ? /^This machine/ : /^The network/ })
    .check();
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await card(page, path, "open").waitFor();
}

export async function disconnect(page, path) {
  await page.bringToFront();
  await page.getByRole("button", { name: `Disconnect ${path}` }).click();
  await card(page, path, "closed").waitFor();
}

/** Consoles that have this channel open, two of them. */
export async function twoConsoles(open, path) {
  const pages = [await open("/console"), await open("/console")];
  for (const page of pages) await connect(page, path);
  return pages;
}

export async function choose(page, group, option) {
  await page.getByRole("group", { name: group }).getByRole("radio", { name: option }).check();
}

/** Sends text to the channel that is chosen, or to `path`. */
export async function send(page, text, path) {
  if (path !== undefined) await page.getByLabel("Send to").selectOption(path);
  await page.getByLabel("Text to send").fill(text);
  await page.keyboard.press("Enter");
}

/** The rows in sight in one direction, as `[size, text]`, once there are `count` of them. */
export async function logged(page, direction, count) {
  const lines = page.locator(`#lines .row.${direction}`);
  await lines.nth(count - 1).waitFor();
  return lines.evaluateAll(items => items.map(item =>
    [".size", ".what"].map(part => item.querySelector(part).textContent)));
}

/** The texts of all rows in sight. */
export const texts = page => page.locator("#lines .row .what").allTextContents();

/** Waits until an element shows just this text, or what matches. */
export async function shows(page, selector, text) {
  const wanted = text instanceof RegExp ? text : new RegExp(`^${text}$`);
  await page.locator(selector).filter({ hasText: wanted }).waitFor();
}

/** What is wrong with the field to send from, once something is. */
export async function sendProblem(page) {
  const problem = page.locator("#send-problem");
  await problem.waitFor();
  assert.equal(await problem.getAttribute("role"), "alert");
  return problem.textContent();
}

/** Opens a socket of the page's own, whose messages `heard` gives: text, or bytes as a list. */
export async function listen(page, path) {
  await page.evaluate(path => new Promise(resolve => {
    const socket = new WebSocket(`ws://${location.host}${path}`);
    socket.binaryType = "arraybuffer";
    globalThis.heard = [];
    globalThis.socket = socket;
    socket.onmessage = ({ data }) => globalThis.heard.push(
      typeof data === "string" ? data : Array.from(new Uint8Array(data)));
    socket.onopen = resolve;
  }), path);
}

/** What the page's own socket heard, once `count` messages came. */
export async function heard(page, count) {
  await page.waitForFunction(count => globalThis.heard.length >= count, count);
  return page.evaluate(() => globalThis.heard);
}
