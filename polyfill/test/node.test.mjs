// The polyfill under Node against the real proxy: with Node's own WebSocket, and with an injected one.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocket as Injected } from "ws";
import { startProxy } from "../../proxy/tests/browser/proxy.mjs";

const TEST_MS_MAX = { timeout: 60_000 };
const { using } = createRequire(import.meta.url)("../namedwebsockets.js");

const POLYFILL = fileURLToPath(new URL("../namedwebsockets.mjs", import.meta.url));
const PROGRAM = `
  import { BroadcastWebSocket, available } from ${JSON.stringify(POLYFILL)};
  const options = { proxy: process.argv[1] };
  const runs = await available(options);
  const socket = new BroadcastWebSocket("chat", "first", options);
  socket.onopen = () => socket.send("hello from Node");
  socket.onmessage = ({ data }) => {
    console.log(JSON.stringify({ data, runs, protocol: socket.protocol,
      is: socket instanceof WebSocket && socket instanceof BroadcastWebSocket }));
    socket.close();
  };
`;

test("Node's own WebSocket and an injected one hear each other by name", TEST_MS_MAX, async t => {
  const proxy = await startProxy();
  t.after(() => proxy.kill());
  const { BroadcastWebSocket } = using(Injected);
  const socket = new BroadcastWebSocket("chat", [], { proxy: `ws://${proxy.host}` });
  t.after(() => socket.close());
  assert.ok(socket instanceof Injected && socket instanceof BroadcastWebSocket);
  await once(socket, "open");
  // Node 22 has it without asking; 20 has it behind the flag.
  const program = spawn(process.execPath, ["--experimental-websocket", "--no-warnings",
    "--input-type=module", "--eval", PROGRAM, `ws://${proxy.host}`]);
  t.after(() => program.kill());
  let written = "";
  for (const stream of [program.stdout, program.stderr]) {
    stream.on("data", data => { written += data; });
  }
  const ended = once(program, "close");
  const heard = await Promise.race([once(socket, "message"), ended]);
  assert.equal(`${heard[0]}`, "hello from Node", written);
  socket.send("hello from ws");
  assert.deepEqual(await ended, [0, null], written);
  assert.deepEqual(JSON.parse(written),
    { data: "hello from ws", runs: true, protocol: "first", is: true });
});

test("available tells whether a proxy runs", TEST_MS_MAX, async t => {
  const { available } = using(Injected);
  const proxy = await startProxy();
  t.after(() => proxy.kill());
  const options = { proxy: `ws://${proxy.host}` };
  assert.equal(await available(options), true);
  await proxy.stop();
  assert.equal(await available(options), false);
  await assert.rejects(available({ proxy: "no URL" }), { name: "SyntaxError" });
});
