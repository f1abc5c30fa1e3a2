/** Where the proxy is. */
export interface Options {
  /** The proxy's address, as `ws://host:port`. Default: `"ws://localhost:9009"`. */
  proxy?: string | URL;
}

/**
 * A WebSocket shared by everything on this machine that opens the same name.
 * Only the constructor differs from `WebSocket`.
 */
export class LocalWebSocket extends WebSocket {
  /**
   * @param name 1 to 255 of `A-Z a-z 0-9 . _ -`; case matters; not "." or ".."
   * @param protocols subprotocols, as in `new WebSocket(url, protocols)`
   * @throws {DOMException} `SyntaxError` if the name or the proxy's address is not valid, as
   *   `new WebSocket` for a URL
   */
  constructor(name: string, protocols?: string | string[], options?: Options | null);
}

/**
 * A WebSocket shared by everything on this machine and on the local network that opens the same
 * name. Only the constructor differs from `WebSocket`.
 */
export class BroadcastWebSocket extends WebSocket {
  /**
   * @param name 1 to 255 of `A-Z a-z 0-9 . _ -`; case matters; not "." or ".."
   * @param protocols subprotocols, as in `new WebSocket(url, protocols)`
   * @throws {DOMException} `SyntaxError` if the name or the proxy's address is not valid, as
   *   `new WebSocket` for a URL
   */
  constructor(name: string, protocols?: string | string[], options?: Options | null);
}

/**
 * Whether a channel can be opened: true if a proxy runs and lets us in. False does not say why
 * not: no proxy, or a permission that was denied. While a browser asks the person, it waits.
 */
export function available(options?: Options | null): Promise<boolean>;

/** A WebSocket class, such as that of the npm package `ws`. */
export type WebSocketClass = new (url: string, protocols?: string | string[]) => object;

/** The classes, made of another WebSocket than the global one. */
export function using<Base extends WebSocketClass>(WebSocket: Base): {
  LocalWebSocket: NamedClass<Base>;
  BroadcastWebSocket: NamedClass<Base>;
  available: typeof available;
  using: typeof using;
};

/** `Base` with the constructor of a named socket, and all else as it is. */
export type NamedClass<Base extends WebSocketClass> = Omit<Base, "prototype"> & {
  new (name: string, protocols?: string | string[], options?: Options | null): InstanceType<Base>;
};

type Local = typeof LocalWebSocket;
type Broadcast = typeof BroadcastWebSocket;
type LocalSocket = LocalWebSocket;
type BroadcastSocket = BroadcastWebSocket;
type Available = typeof available;
type Using = typeof using;

declare global {
  var LocalWebSocket: Local;
  interface LocalWebSocket extends LocalSocket {}
  var BroadcastWebSocket: Broadcast;
  interface BroadcastWebSocket extends BroadcastSocket {}
  var namedwebsockets: {
    LocalWebSocket: Local;
    BroadcastWebSocket: Broadcast;
    available: Available;
    using: Using;
  };
}
