// A client of a channel made with the npm package ws, told what to do by foreign.rs: a JSON object
// on each line of standard input is a deed, one on each line of standard output is an event.
//
//   node ws-client.mjs URL [SUBPROTOCOL...]
//
// The package is looked for in the directory NWS_NODE_MODULES, by default node_modules beside this.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const modules = process.env.NWS_NODE_MODULES
  ?? join(dirname(fileURLToPath(import.meta.url)), "node_modules");
const { WebSocket } = createRequire(join(modules, "any.js"))("ws");

const [url, ...subprotocols] = process.argv.slice(2);
const say = event => process.stdout.write(`${JSON.stringify(event)}\n`);
const base64 = data => data.toString("base64");

// Compression is offered, as by default.
const socket = new WebSocket(url, subprotocols);
socket.on("open", () => {
  say({ event: "open", subprotocol: socket.protocol, extensions: socket.extensions });
});
socket.on("message", (data, isBinary) => {
  say(isBinary ? { event: "binary", data: base64(data) } : { event: "text", data: `${data}` });
});
socket.on("pong", data => say({ event: "pong", data: base64(data) }));
socket.on("unexpected-response", (request, response) => {
  say({ event: "refused", status: response.statusCode });
  request.destroy();
  process.exit();
});
socket.on("close", (code, reason) => {
  say({ event: "close", code, reason: `${reason}` });
  process.exit();
});
// A close follows.
socket.on("error", error => process.stderr.write(`${error}\n`));

const deeds = {
  text: ({ data }) => socket.send(data),
  binary: ({ data }) => socket.send(Buffer.from(data, "base64")),
  ping: ({ data }) => socket.ping(Buffer.from(data, "base64")),
  close: ({ code, reason }) => socket.close(code, reason),
};
for await (const line of createInterface({ input: process.stdin })) {
  const deed = JSON.parse(line);
  deeds[deed.do](deed);
}
