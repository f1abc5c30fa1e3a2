// What the pages tell each other. The proxy adds nothing to a message, so each says what it is of.
//
//   text, JSON   hello                       a page came
//                offer  id name size late    a file comes (late: it began before you came)
//                end    id sha256            that was all of it
//                cancel id why               no more of it comes
//                got    id from bytes        what a receiver has so far
//                kept   id from              it has all of it, and the checksum is right
//                broken id from why          it has not
//   binary       id (8 bytes) offset (8 bytes, big endian) part of the file
//
// Anyone on the channel can send anything: what is not just so is ignored.

/** Bytes of a file in one message: large enough that messages cost little, small enough for a
 *  proxy with a low limit, and so that transfers of several senders take turns. */
export const PART_BYTES = 128 * 1024;
const HEAD_BYTES = 16;
const NAME_MAX = 200;

const isId = value => typeof value === "string" && /^[0-9a-f]{16}$/.test(value);
const isSize = value => Number.isSafeInteger(value) && value >= 0;
const isText = value => typeof value === "string";

const FIELDS = {
  hello: {},
  offer: { id: isId, name: isText, size: isSize },
  end: { id: isId, sha256: value => isText(value) && /^[0-9a-f]{64}$/.test(value) },
  cancel: { id: isId, why: isText },
  got: { id: isId, from: isId, bytes: isSize },
  kept: { id: isId, from: isId },
  broken: { id: isId, from: isId, why: isText },
};

/** An id that nobody else has. */
export function newId() {
  return toHex(crypto.getRandomValues(new Uint8Array(8)));
}

/** The message in a text, or null if it is none of ours. */
export function readText(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof message !== "object" || message === null) return null;
  const fields = Object.hasOwn(FIELDS, message.type) ? Object.entries(FIELDS[message.type]) : null;
  if (fields === null || !fields.every(([name, isSound]) => isSound(message[name]))) return null;
  if (message.why !== undefined) message.why = String(message.why).slice(0, 300);
  return message;
}

/** A part of a file as a message. */
export function writePart(id, offset, bytes) {
  const message = new Uint8Array(HEAD_BYTES + bytes.length);
  message.set(fromHex(id));
  new DataView(message.buffer).setBigUint64(8, BigInt(offset));
  message.set(bytes, HEAD_BYTES);
  return message;
}

/** `{ id, offset, bytes }`, or null if it is too short to be a part. */
export function readPart(buffer) {
  if (buffer.byteLength < HEAD_BYTES) return null;
  return {
    id: toHex(new Uint8Array(buffer, 0, 8)),
    offset: Number(new DataView(buffer).getBigUint64(8)),
    bytes: new Uint8Array(buffer, HEAD_BYTES),
  };
}

/**
 * A name that a stranger gave, as one that can be shown and saved: without folders, without
 * characters that hide or turn around the rest of it, not hidden, not too long.
 */
export function safeName(name) {
  const last = name.split(/[/\\]/).at(-1);
  // Control and format characters: among them those that write from right to left.
  const plain = last.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}<>:"|?*]/gu, "_").trim().replace(/^\.+/, "");
  if (plain === "") return "file";
  if (plain.length <= NAME_MAX) return plain;
  const end = /\.[^.]{1,10}$/.exec(plain)?.[0] ?? "";
  return `${plain.slice(0, NAME_MAX - end.length)}${end}`;
}

const toHex = bytes => Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("");
const fromHex = text => Uint8Array.from({ length: text.length / 2 }, (_, i) =>
  Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
