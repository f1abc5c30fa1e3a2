// What the polyfill says without a network: names, URLs, errors, globals. The stub WebSocket
// records how it was constructed. That messages flow, and that real sockets are made, is for
// node.test.mjs and browser.test.mjs.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import vm from "node:vm";

const FILE = new URL("../namedwebsockets.js", import.meta.url);
const SOURCE = readFileSync(FILE, "utf8");

/** A world like a page's: no `module`, and a WebSocket that only remembers its arguments. */
function page(globals = {}) {
  class WebSocket {
    static CONNECTING = 0;
    static OPEN = 1;
    static CLOSING = 2;
    static CLOSED = 3;
    static constructed = 0;
    constructor(...args) {
      WebSocket.constructed += 1;
      this.args = args;
    }
    send() {}
  }
  return vm.createContext({ WebSocket, DOMException, ...globals });
}

/** A page with the polyfill loaded. */
function loaded(globals) {
  const world = page(globals);
  vm.runInContext(SOURCE, world, { filename: FILE.pathname });
  return world;
}

/** Asserts that opening `name` throws as `new WebSocket` does for a bad URL, and why. */
function assertRefused(name, why) {
  const world = loaded();
  for (const className of ["LocalWebSocket", "BroadcastWebSocket"]) {
    assert.throws(() => new world[className](name), error => {
      assert.ok(error instanceof DOMException, `${error} is no DOMException`);
      assert.equal(error.name, "SyntaxError");
      assert.equal(error.code, DOMException.SYNTAX_ERR);
      assert.match(error.message, why);
      assert.match(error.message, new RegExp(`Failed to construct '${className}'`));
      return true;
    });
  }
  assert.equal(world.WebSocket.constructed, 0, "a socket was made for a bad name");
}

test("a name becomes the URL of a channel on the default proxy", () => {
  const { LocalWebSocket, BroadcastWebSocket } = loaded();
  assert.equal(new LocalWebSocket("chat").args[0], "ws://localhost:9009/local/chat");
  assert.equal(new BroadcastWebSocket("chat").args[0], "ws://localhost:9009/broadcast/chat");
});

test("options.proxy replaces the proxy, with or without a slash at its end", () => {
  const { LocalWebSocket } = loaded();
  const url = proxy => new LocalWebSocket("chat", [], { proxy }).args[0];
  assert.equal(url("ws://localhost:9010"), "ws://localhost:9010/local/chat");
  assert.equal(url("ws://localhost:9010/"), "ws://localhost:9010/local/chat");
  assert.equal(url(new URL("ws://[::1]:9010")), "ws://[::1]:9010/local/chat");
  assert.equal(url(undefined), "ws://localhost:9009/local/chat");
  assert.equal(new LocalWebSocket("c", [], null).args[0], "ws://localhost:9009/local/c");
});

test("a proxy that is no address is refused, and never taken for a path of the page's site", () => {
  const world = loaded();
  for (const proxy of ["localhost", "localhost:9010", "[::1]:9010", "//localhost:9010", "", "/",
    9010, "ws://", "ws:localhost", "ftp://localhost", "ws://localhost?a", "ws://localhost#a"]) {
    assert.throws(() => new world.BroadcastWebSocket("chat", [], { proxy }), error => {
      assert.ok(error instanceof DOMException, `${proxy}: ${error}`);
      assert.equal(error.name, "SyntaxError");
      assert.match(error.message, /^Failed to construct 'BroadcastWebSocket': the proxy ".*" is not /);
      assert.match(error.message, /write it as ws:\/\/host:port/);
      return true;
    });
  }
  assert.equal(world.WebSocket.constructed, 0);
});

test("the source is ASCII, so that a page of any encoding may load it", () => {
  assert.match(SOURCE, /^[\n\x20-\x7e]+$/);
});

test("every allowed character may stand in a name, and case is kept", () => {
  const { LocalWebSocket } = loaded();
  const letters = "abcdefghijklmnopqrstuvwxyz";
  const name = `${letters.toUpperCase()}${letters}0123456789._-`;
  assert.equal(new LocalWebSocket(name).args[0], `ws://localhost:9009/local/${name}`);
});

test("a name has 1 to 255 characters", () => {
  const { BroadcastWebSocket } = loaded();
  const opened = length => new BroadcastWebSocket("n".repeat(length)).args[0];
  assert.equal(opened(1), "ws://localhost:9009/broadcast/n");
  assert.equal(opened(255), `ws://localhost:9009/broadcast/${"n".repeat(255)}`);
  assertRefused("", /the name "" is not valid: use 1 to 255/);
  assertRefused("n".repeat(256), /it has 256 characters; at most 255/);
});

test("every other ASCII character is refused", () => {
  for (let code = 0; code < 128; code += 1) {
    const character = String.fromCharCode(code);
    if (/[A-Za-z0-9._-]/.test(character)) continue;
    assertRefused(character, /use 1 to 255 of A-Z a-z 0-9 \. _ -/);
    assertRefused(`a${character}b`, /use 1 to 255/);
    assertRefused(`ab${character}`, /use 1 to 255/);
  }
});

test("letters from beyond ASCII are refused", () => {
  const strangers = ["\u00e9", "\u017f", "\u212a", "\u540d", "\u{1f389}", "a\ud800"];
  for (const name of strangers) assertRefused(name, /use 1 to 255/);
});

test("'.' and '..' are refused, since a URL parser would resolve them away", () => {
  assert.equal(new URL("ws://localhost:9009/local/..").pathname, "/");
  assert.equal(new URL("ws://localhost:9009/local/%2e").pathname, "/local/");
  assertRefused(".", /a URL path cannot end in it/);
  assertRefused("..", /a URL path cannot end in it/);
  const { LocalWebSocket } = loaded();
  for (const name of ["...", ".a", "a.", "..a"]) {
    const { pathname } = new URL(new LocalWebSocket(name).args[0]);
    assert.equal(pathname, `/local/${name}`);
  }
});

test("a long bad name is shown shortened", () => {
  assertRefused("x".repeat(100_000), /^.{60,200}$/);
});

test("called with nothing it throws a TypeError, as WebSocket does", () => {
  const world = loaded();
  for (const className of ["LocalWebSocket", "BroadcastWebSocket"]) {
    assert.throws(() => new world[className](), {
      name: "TypeError", message: /a channel name is required/,
    });
  }
});

test("a name is made a string first, as WebSocket does with a URL", () => {
  const { LocalWebSocket } = loaded();
  assert.equal(new LocalWebSocket(42).args[0], "ws://localhost:9009/local/42");
  assert.equal(new LocalWebSocket(new String("s")).args[0], "ws://localhost:9009/local/s");
  assert.throws(() => new LocalWebSocket(Symbol("s")), { name: "TypeError" });
});

test("called without new it throws a TypeError, as WebSocket does", () => {
  const { LocalWebSocket, BroadcastWebSocket } = loaded();
  for (const named of [LocalWebSocket, BroadcastWebSocket]) {
    // Of that world, not of ours.
    assert.throws(() => named("chat"), { name: "TypeError", message: /without 'new'/ });
  }
});

test("subprotocols reach WebSocket as they were given", () => {
  const { LocalWebSocket } = loaded();
  const list = ["a", "b"];
  assert.equal(new LocalWebSocket("chat", list).args[1], list);
  assert.equal(new LocalWebSocket("chat", "a").args[1], "a");
  assert.deepEqual([...new LocalWebSocket("chat").args[1]], []);
});

test("a socket is an instance of WebSocket and of its own class only", () => {
  const { WebSocket, LocalWebSocket, BroadcastWebSocket } = loaded();
  const local = new LocalWebSocket("chat");
  const broadcast = new BroadcastWebSocket("chat");
  assert.ok(local instanceof WebSocket && local instanceof LocalWebSocket);
  assert.ok(broadcast instanceof WebSocket && broadcast instanceof BroadcastWebSocket);
  assert.ok(!(local instanceof BroadcastWebSocket) && !(broadcast instanceof LocalWebSocket));
});

test("only the constructor differs from WebSocket", () => {
  const { WebSocket, LocalWebSocket, BroadcastWebSocket } = loaded();
  for (const named of [LocalWebSocket, BroadcastWebSocket]) {
    assert.deepEqual(Reflect.ownKeys(named.prototype), ["constructor"]);
    assert.deepEqual(Reflect.ownKeys(named).sort(), ["length", "name", "prototype"]);
    assert.equal(named.length, 1);
    assert.deepEqual([named.CONNECTING, named.OPEN, named.CLOSING, named.CLOSED], [0, 1, 2, 3]);
    assert.equal(named.prototype.send, WebSocket.prototype.send);
  }
});

test("classes that are already there are not replaced, each for itself", () => {
  const own = class {};
  const world = loaded({ LocalWebSocket: own });
  assert.equal(world.LocalWebSocket, own);
  assert.equal(new world.BroadcastWebSocket("c").args[0], "ws://localhost:9009/broadcast/c");
});

test("loading it twice changes nothing", () => {
  const world = loaded();
  const before = world.LocalWebSocket;
  vm.runInContext(SOURCE, world);
  assert.equal(world.LocalWebSocket, before);
});

test("the globals look like a browser's own classes: not enumerable, but replaceable", () => {
  const world = loaded();
  const look = name => Object.getOwnPropertyDescriptor(world, name);
  for (const name of ["LocalWebSocket", "BroadcastWebSocket"]) {
    const { enumerable, writable, configurable } = look(name);
    assert.deepEqual([enumerable, writable, configurable], [false, true, true]);
  }
});

test("no other global is made", () => {
  const world = page();
  const before = new Set(vm.runInContext("Reflect.ownKeys(globalThis)", world));
  vm.runInContext(SOURCE, world);
  const after = vm.runInContext("Reflect.ownKeys(globalThis)", world);
  const made = [...after].filter(key => !before.has(key));
  assert.deepEqual(made.sort(), ["BroadcastWebSocket", "LocalWebSocket", "namedwebsockets"]);
  const { namedwebsockets } = world;
  assert.equal(namedwebsockets.LocalWebSocket, world.LocalWebSocket);
  assert.deepEqual(Object.keys(namedwebsockets),
    ["LocalWebSocket", "BroadcastWebSocket", "available", "using"]);
});

test("without a global WebSocket it says what to do when a socket is wanted", async () => {
  const world = loaded({ WebSocket: undefined });
  const advice = { name: "ReferenceError", message: /no global WebSocket.*using\(WebSocket\)/s };
  assert.throws(() => new world.LocalWebSocket("chat"), advice);
  await assert.rejects(world.namedwebsockets.available(), advice);
  const { WebSocket } = page();
  const { BroadcastWebSocket } = world.namedwebsockets.using(WebSocket);
  const socket = new BroadcastWebSocket("chat");
  assert.ok(socket instanceof WebSocket && socket instanceof BroadcastWebSocket);
  assert.equal(socket.args[0], "ws://localhost:9009/broadcast/chat");
});

test("available is true once a channel opened, and false if it could not be", async () => {
  const { WebSocket, namedwebsockets } = loaded();
  const made = [];
  WebSocket.prototype.close = function close() { this.closed = true; };
  const { available } = namedwebsockets.using(class extends WebSocket {
    constructor(...args) {
      super(...args);
      made.push(this);
    }
  });
  const answers = [available(), available({ proxy: "ws://localhost:9010" }), available()];
  assert.deepEqual(made.map(socket => socket.args[0]), [9009, 9010, 9009].map(port =>
    `ws://localhost:${port}/local/namedwebsockets.available`));
  made[0].onopen();
  made[1].onerror();
  made[2].onclose();
  assert.deepEqual(await Promise.all(answers), [true, false, false]);
  assert.deepEqual(made.map(socket => socket.closed), [true, undefined, undefined]);
});
