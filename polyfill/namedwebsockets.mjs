// namedwebsockets.js as a module.
import "./namedwebsockets.js";

export const { LocalWebSocket, BroadcastWebSocket, available, using } = globalThis.namedwebsockets;
