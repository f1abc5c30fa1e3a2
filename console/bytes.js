// Sizes, times and bytes as people read and write them. Pure: no page, no network.

const encoder = new TextEncoder();

/** Bytes of `text` in UTF-8, which is what the wire carries. */
export const encode = text => encoder.encode(text);

/** `1536` as `1.5 KiB`. */
export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB"];
  let value = bytes / 1024;
  while (value >= 1023.95 && units.length > 1) {
    value /= 1024;
    units.shift();
  }
  return `${value.toFixed(1).replace(/\.0$/, "")} ${units[0]}`;
}

/** A rate as few characters as it needs: `0`, `0.4`, `12`, `3.1k`. */
export function rate(perSecond) {
  if (perSecond >= 9_950) return `${(perSecond / 1000).toFixed(0)}k`;
  if (perSecond >= 995) return `${(perSecond / 1000).toFixed(1)}k`;
  return perSecond === 0 || perSecond >= 9.95 ? perSecond.toFixed(0) : perSecond.toFixed(1);
}

/** The time of day to the millisecond, in this person's zone. */
export function clock(milliseconds) {
  const date = new Date(milliseconds);
  const two = number => String(number).padStart(2, "0");
  const seconds = `${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
  return `${two(date.getHours())}:${two(date.getMinutes())}:${seconds}`;
}

export function duration(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Bytes as `68 69`, at most `most` of them. */
export function hex(bytes, most = bytes.length) {
  return Array.from(bytes.subarray(0, most), byte => DIGITS[byte]).join(" ");
}

/**
 * Reads bytes written in hex: pairs of digits, which blanks, line ends, `:`, `,` and `0x` may set
 * apart. Throws an Error that says what is wrong and where.
 */
export function parseHex(text) {
  const digits = [];
  for (const { 0: word, index } of text.matchAll(/[^\s:,]+/g)) {
    const pairs = word.replace(/^0x/i, "");
    const bad = /[^0-9a-f]/i.exec(pairs);
    if (bad !== null) {
      const place = index + word.length - pairs.length + bad.index + 1;
      throw new Error(`${JSON.stringify(bad[0])} (character ${place}) is no hex digit. ` +
        "Write bytes as pairs of 0-9 a-f, such as 68 65 6c 6c 6f.");
    }
    if (pairs.length % 2 === 1) {
      throw new Error(`“${word.length > 20 ? `${word.slice(0, 20)}…` : word}” has an odd number ` +
        "of digits. Each byte is two: write 0a, not a.");
    }
    digits.push(pairs);
  }
  const all = digits.join("");
  return Uint8Array.from({ length: all.length / 2 }, (_, i) =>
    Number.parseInt(all.slice(2 * i, 2 * i + 2), 16));
}

const DUMP_WIDTH = 16;

/** Rows of offset, sixteen bytes and their ASCII, as `hexdump -C` writes them. */
export function dump(bytes) {
  const rows = [];
  for (let at = 0; at < bytes.length; at += DUMP_WIDTH) {
    const row = bytes.subarray(at, at + DUMP_WIDTH);
    const ascii = Array.from(row, byte =>
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".").join("");
    rows.push(`${at.toString(16).padStart(8, "0")}  ` +
      `${hex(row).padEnd(3 * DUMP_WIDTH - 1)}  ${ascii}`);
  }
  return rows.join("\n");
}
