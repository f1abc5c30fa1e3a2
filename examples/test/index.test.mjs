// The list of the examples.
import assert from "node:assert/strict";
import { test } from "node:test";
import { looksWell, TEST_MS_MAX, world } from "../../proxy/tests/browser/world.mjs";

test("from / it is one click to the examples, and one more to each", TEST_MS_MAX, async t => {
  const { problems, open, context } = await world(t);
  const page = await open("/");
  await page.getByRole("link", { name: "Examples", exact: true }).first().click();
  await page.waitForURL("**/examples/");
  const links = await page.locator(".cards a").evaluateAll(all => all.map(a => a.pathname));
  assert.ok(links.length >= 5, `${links}`);
  for (const path of links) assert.equal((await context.request.get(path)).status(), 200, path);
  await looksWell(page, "examples");
  await page.getByRole("link", { name: "Chat" }).click();
  await page.locator("#state[data-state=open]").waitFor();
  assert.deepEqual(problems, []);
});
