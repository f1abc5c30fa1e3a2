"use strict";
/*
 * Named WebSockets for the browser: sockets opened by name instead of by URL.
 *
 *   const chat = new BroadcastWebSocket("chat");
 *   chat.onopen = () => chat.send("hello");
 *   chat.onmessage = event => console.log(event.data);
 *
 * What you get is a real WebSocket to the Named WebSockets proxy on this machine. Only the
 * constructor differs: a name stands where the URL would. Nothing else is added or hidden: no
 * reconnecting, no queue, no history. A socket that closes stays closed.
 *
 * Load it as a classic script, in a page or a worker; under Node, require() it. It defines
 * LocalWebSocket and BroadcastWebSocket as globals, each only where there is none yet.
 */
{
  const DEFAULT_PROXY = "ws://localhost:9009";
  const VALID_NAME = /^[A-Za-z0-9._-]{1,255}$/;

  if (typeof globalThis.WebSocket !== "function") {
    throw new ReferenceError(
      "namedwebsockets.js needs a global WebSocket, and there is none here. Browsers and " +
      "Node 22 have one; elsewhere set globalThis.WebSocket before loading this file."
    );
  }

  /**
   * Why a name cannot be opened, or null if it can.
   * "." and ".." are valid names for the proxy, but a URL parser resolves them away, as in any
   * path (also when percent-encoded), so that no browser can ask for them.
   */
  function whyNotValid(name) {
    if (VALID_NAME.test(name)) {
      return name === "." || name === ".." ? "a URL path cannot end in it" : null;
    }
    if (name.length > 255) return `it has ${name.length} characters; at most 255 are allowed`;
    return "use 1 to 255 of A-Z a-z 0-9 . _ -";
  }

  /** The URL of a channel. Throws what `new WebSocket` throws for a bad URL. */
  function channelUrl(className, scope, name, options) {
    const problem = whyNotValid(name);
    if (problem !== null) {
      const shown = JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}…` : name);
      throw new globalThis.DOMException(
        `Failed to construct '${className}': the name ${shown} is not valid: ${problem}.`,
        "SyntaxError"
      );
    }
    const proxy = String(options?.proxy ?? DEFAULT_PROXY).replace(/\/+$/, "");
    return `${proxy}/${scope}/${name}`;
  }

  /** As `new WebSocket()` does when it is called with nothing. */
  function requireName(className, count) {
    if (count === 0) {
      throw new TypeError(`Failed to construct '${className}': a channel name is required.`);
    }
  }

  /**
   * A WebSocket shared by everything on this machine that opens the same name.
   * Only the constructor differs from `WebSocket`.
   *
   * @param {string} name 1 to 255 of `A-Z a-z 0-9 . _ -`; case matters; not "." or ".."
   * @param {string|string[]} [protocols] subprotocols, as in `new WebSocket(url, protocols)`
   * @param {{proxy?: string}} [options] `proxy` defaults to "ws://localhost:9009"
   * @throws {DOMException} SyntaxError if the name is not valid, as `new WebSocket` does for a URL
   */
  class LocalWebSocket extends globalThis.WebSocket {
    constructor(name, protocols = [], options = {}) {
      requireName("LocalWebSocket", arguments.length);
      super(channelUrl("LocalWebSocket", "local", `${name}`, options), protocols);
    }
  }

  /**
   * A WebSocket shared by everything on this machine and on the local network that opens the
   * same name. Only the constructor differs from `WebSocket`.
   *
   * @param {string} name 1 to 255 of `A-Z a-z 0-9 . _ -`; case matters; not "." or ".."
   * @param {string|string[]} [protocols] subprotocols, as in `new WebSocket(url, protocols)`
   * @param {{proxy?: string}} [options] `proxy` defaults to "ws://localhost:9009"
   * @throws {DOMException} SyntaxError if the name is not valid, as `new WebSocket` does for a URL
   */
  class BroadcastWebSocket extends globalThis.WebSocket {
    constructor(name, protocols = [], options = {}) {
      requireName("BroadcastWebSocket", arguments.length);
      super(channelUrl("BroadcastWebSocket", "broadcast", `${name}`, options), protocols);
    }
  }

  for (const [name, value] of Object.entries({ LocalWebSocket, BroadcastWebSocket })) {
    if (name in globalThis) continue; // a browser's own, or this file loaded before
    Object.defineProperty(globalThis, name, {
      value, writable: true, configurable: true, enumerable: false,
    });
  }

  if (typeof module === "object" && module !== null && module.exports) {
    module.exports = {
      LocalWebSocket: globalThis.LocalWebSocket,
      BroadcastWebSocket: globalThis.BroadcastWebSocket,
    };
  }
}
