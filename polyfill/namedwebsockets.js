"use strict";
/*
 * Named WebSockets: sockets opened by name instead of by URL.
 *
 *   const chat = new BroadcastWebSocket("chat");
 *   chat.onopen = () => chat.send("hello");
 *   chat.onmessage = event => console.log(event.data);
 *
 * What you get is a real WebSocket to the Named WebSockets proxy on this machine. Only the
 * constructor differs: a name stands where the URL would. Nothing else is added or hidden: no
 * reconnecting, no queue, no history. A socket that closes stays closed.
 *
 * Load it as a classic script, in a page or a worker; namedwebsockets.mjs is the same as a module;
 * under Node, import or require it. It defines LocalWebSocket, BroadcastWebSocket and
 * namedwebsockets as globals, each only where there is none yet. The types and what each means are
 * in namedwebsockets.d.ts.
 */
{
  /** Opened and closed by `available`, to see whether it can be. */
  const PROBE = "namedwebsockets.available";

  /**
   * Why a name cannot be opened; empty if it can.
   * "." and ".." are valid names for the proxy, but a URL parser resolves them away, as in any
   * path (also when percent-encoded), so that no browser can ask for them.
   */
  const fault = name =>
    /^\.\.?$/.test(name) ? "a URL path cannot end in it"
      : name.length > 255 ? `it has ${name.length} characters; at most 255 are allowed`
        : /^[\w.-]+$/.test(name) ? "" : "use 1 to 255 of A-Z a-z 0-9 . _ -";

  /** A class of sockets on channels of this scope. */
  const named = (WebSocket, scope, className) => ({
    // So the class is called so, whatever a minifier makes of the names in here.
    [className]: class extends WebSocket {
      constructor(name, protocols = [], options = {}) {
        const failed = `Failed to construct '${className}': `;
        // As `new WebSocket()` does when it is called with nothing.
        if (!arguments.length) throw new TypeError(`${failed}a channel name is required.`);
        name = `${name}`;
        const why = fault(name);
        if (why) {
          const shown = JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}...` : name);
          throw new DOMException(`${failed}the name ${shown} is not valid: ${why}.`, "SyntaxError");
        }
        const proxy = `${options?.proxy ?? "ws://localhost:9009"}`.replace(/\/+$/, "");
        // A WebSocket would take "host:9009" as a path on the host that the page came from.
        if (!/^(ws|http)s?:\/\/[^/?#]+[^?#]*$/i.test(proxy)) {
          throw new DOMException(`${failed}the proxy ${JSON.stringify(proxy)} is not valid: ` +
            "write it as ws://host:port.", "SyntaxError");
        }
        super(`${proxy}/${scope}/${name}`, protocols);
      }
    },
  })[className];

  /** All that there is, made of this WebSocket. */
  const using = WebSocket => {
    const LocalWebSocket = named(WebSocket, "local", "LocalWebSocket");
    const BroadcastWebSocket = named(WebSocket, "broadcast", "BroadcastWebSocket");
    const available = options => new Promise(resolve => {
      const socket = new LocalWebSocket(PROBE, [], options);
      socket.onopen = () => {
        resolve(true);
        socket.close();
      };
      socket.onerror = socket.onclose = () => resolve(false);
    });
    return { LocalWebSocket, BroadcastWebSocket, available, using };
  };

  const own = using(globalThis.WebSocket ?? class {
    constructor() {
      throw new ReferenceError("There is no global WebSocket here. Browsers and Node 22 have one; " +
        "elsewhere take the classes of namedwebsockets.using(WebSocket).");
    }
  });

  const { LocalWebSocket, BroadcastWebSocket } = own;
  const globals = { LocalWebSocket, BroadcastWebSocket, namedwebsockets: own };
  for (const [name, value] of Object.entries(globals)) {
    // A browser's own, or this file's, loaded before, stays. Not `in`: a page has its elements'
    // ids there, such as that of <script id="namedwebsockets">.
    if (!Object.hasOwn(globalThis, name)) {
      Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
    }
  }

  if (typeof module === "object" && module?.exports) module.exports = own;
}
