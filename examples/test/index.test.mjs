// The list of the examples.
import assert from "node:assert/strict";
import { test } from "node:test";
import { looksWell, TEST_MS_MAX, world } from "../../proxy/tests/browser/world.mjs";

test("each example is one click from / and from the list of them", TEST_MS_MAX, async t => {
  const { problems, open, context } = await world(t);
  const page = await open("/");
  const paths = links => links.evaluateAll(all => all.map(a => a.pathname).sort());
  const fromFront = await paths(page.locator("a[href^='/examples/']:not([href$='/examples/'])"));
  await page.getByRole("link", { name: "Examples", exact: true }).first().click();
  await page.waitForURL("**/examples/");
  const listed = await paths(page.locator(".cards a"));
  assert.ok(listed.length >= 5, `${listed}`);
  assert.deepEqual(fromFront, listed);
  for (const path of listed) assert.equal((await context.request.get(path)).status(), 200, path);
  await looksWell(page, "examples");
  await page.goBack();
  await page.getByRole("link", { name: "chat", exact: true }).click();
  await page.locator("#state[data-state=open]").waitFor();
  assert.deepEqual(problems, []);
});
