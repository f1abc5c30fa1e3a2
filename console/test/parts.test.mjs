// The parts of the console that need no page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { dump, duration, hex, parseHex, rate, size } from "../bytes.js";
import { parseFragment, toFragment } from "../channel.js";
import { BYTES_MAX, LINES_MAX, MessageLog } from "../log.js";
import { ratesBetween } from "../status.js";
import { networkOf, summary } from "../topology.js";

test("sizes, rates and times are short", () => {
  assert.deepEqual([0, 1023, 1024, 1536, 1024 ** 2 - 1, 16 * 1024 ** 2, 3 * 1024 ** 3].map(size),
    ["0 B", "1023 B", "1 KiB", "1.5 KiB", "1 MiB", "16 MiB", "3 GiB"]);
  assert.deepEqual([0, 0.42, 9.94, 9.96, 994, 995, 3_120, 20_000].map(rate),
    ["0", "0.4", "9.9", "10", "994", "1.0k", "3.1k", "20k"]);
  assert.deepEqual([0.9, 61, 3_700, 200_000].map(duration),
    ["0 s", "1 min", "1 h 1 min", "2 days"]);
});

test("hex is read as people write it, and wrong hex is explained", () => {
  for (const text of ["0a ff 00", "0aff00", "0A:FF:00", "0x0a, 0xff, 0x00", " 0a\nff\t00 "]) {
    assert.deepEqual([...parseHex(text)], [10, 255, 0], text);
  }
  assert.deepEqual([...parseHex("")], []);
  assert.throws(() => parseHex("0a zz"), /^Error: "z" \(character 4\) is no hex digit/);
  assert.throws(() => parseHex("0a 0x0g"), /^Error: "g" \(character 7\)/);
  assert.throws(() => parseHex("0a f"), /“f” has an odd number of digits/);
  assert.equal(hex(Uint8Array.of(0, 128, 255)), "00 80 ff");
  assert.equal(dump(Uint8Array.from({ length: 17 }, (_, i) => 0x3f + i)),
    "00000000  3f 40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e  ?@ABCDEFGHIJKLMN\n" +
    `00000010  4f${" ".repeat(45)}  O`);
});

test("an address names channels, and says what is none", () => {
  const { channels, wrong } = parseFragment("#local/a&broadcast/b.c&&local/..&x&local/%41");
  assert.deepEqual(channels, [["local", "a"], ["broadcast", "b.c"]]);
  assert.deepEqual(wrong, ["local/..", "x", "local/%41"]);
  assert.equal(toFragment([{ path: "/local/a" }, { path: "/broadcast/b.c" }]),
    "#local/a&broadcast/b.c");
  assert.equal(toFragment([]), "");
});

test("the log keeps the newest lines, and so many bytes of them", () => {
  const lines = new MessageLog();
  for (let i = 0; i < 3 * LINES_MAX; i += 1) lines.add("sent", "/local/a", `${i}`);
  lines.trim();
  assert.deepEqual([lines.entries.length, lines.shown.length, lines.dropped],
    [LINES_MAX, LINES_MAX, 2 * LINES_MAX]);
  assert.equal(lines.shown[0].data, `${2 * LINES_MAX}`);

  const large = new MessageLog();
  const part = new Uint8Array(BYTES_MAX / 4);
  for (let i = 0; i < 4; i += 1) large.add("received", "/local/a", part);
  assert.equal(large.entries.length, 4, "just the bound");
  large.add("received", "/local/a", "x");
  assert.deepEqual([large.entries.length, large.shown.length, large.dropped], [4, 4, 1]);
  large.add("received", "/local/a", new Uint8Array(2 * BYTES_MAX));
  assert.equal(large.entries.length, 1, "the newest stays, however large");
});

test("a filtered log tells how many of its own lines went", () => {
  const log = new MessageLog();
  log.filter({ words: "even" });
  for (let i = 0; i < LINES_MAX + 100; i += 1) log.add("sent", "", i % 2 === 0 ? "even" : "odd");
  log.trim();
  assert.deepEqual([log.dropped, log.cut, log.shown.length], [100, 50, LINES_MAX / 2]);
});

test("a paused log is bounded too", () => {
  const log = new MessageLog();
  log.add("sent", "", "before");
  log.pause();
  for (let i = 0; i < 3 * LINES_MAX; i += 1) log.add("sent", "", `${i}`);
  assert.ok(log.entries.length <= LINES_MAX + 1000);
  assert.deepEqual(log.shown.map(({ data }) => data), ["before"]);
  log.resume();
  assert.equal(log.shown.length, LINES_MAX);
  assert.equal(log.shown.at(-1).data, `${3 * LINES_MAX - 1}`);
});

const CHANNEL = { scope: "broadcast", name: "chat", clients: 2, messages_received: 10, links: [] };
const COUNTERS = { messages_received: 10, messages_delivered: 20 };
const STATUS = { proxy: "a", uptime_seconds: 10, channels: [CHANNEL], remotes: [],
  counters: COUNTERS };

test("rates are of one run of a proxy", () => {
  const later = { ...STATUS, uptime_seconds: 12,
    channels: [{ ...CHANNEL, messages_received: 4 }, { ...CHANNEL, name: "new" }],
    counters: { messages_received: 30, messages_delivered: 20 } };
  const rates = ratesBetween(STATUS, later);
  assert.deepEqual([rates.received, rates.delivered], [10, 0]);
  // One ended and began again; the other is new.
  assert.deepEqual([...rates.channels], [["/broadcast/chat", 2], ["/broadcast/new", 5]]);
  for (const before of [null, { ...STATUS, proxy: "b" }, { ...STATUS, uptime_seconds: 12 }]) {
    assert.equal(ratesBetween(before, later).received, 0);
  }
});

test("a proxy is in the picture once, and two one-way links are one tie", () => {
  const address = "10.0.0.2:9009";
  const link = (carries, remote = "b") => ({ remote, address, carries, dialled_by: "us" });
  const remote = (channel, state, id = "b") =>
    ({ id, host: "0123456789abcdef.local", addresses: [address], channel, state });
  const status = { ...STATUS,
    channels: [{ ...CHANNEL, links: [link("in"), link("out")] }, { ...CHANNEL, name: "quiet" }],
    remotes: [remote("chat", "linked"), remote("quiet", "waiting"), remote("chat", "self", "a")] };
  const rates = ratesBetween(null, status);
  const network = networkOf(status, rates, new Set(["/broadcast/quiet"]));
  assert.deepEqual(network.channels.map(({ path, opened }) => [path, opened]),
    [["/broadcast/quiet", true], ["/broadcast/chat", false]]);
  assert.deepEqual(network.remotes, [{ key: "b", label: "10.0.0.2" }]);
  assert.deepEqual(network.ties.map(({ channel, state, brings, takes }) =>
    [channel, state, brings, takes]),
  [["/broadcast/chat", "linked", true, true], ["/broadcast/quiet", "waiting", false, false]]);
  assert.equal(summary(network), "This proxy has 2 channels with 4 clients, and sees 1 other " +
    "proxy; 1 channel is linked with one.");
  // The 2014 proxy says no id.
  const nameless = { ...STATUS, channels: [{ ...CHANNEL, links: [link("in", null)] }],
    remotes: [remote("chat", "linked", null)] };
  assert.equal(networkOf(nameless, rates, new Set()).remotes.length, 1);
  const many = { ...STATUS, channels: Array.from({ length: 14 }, (_, i) =>
    ({ ...CHANNEL, name: `${i}` })) };
  assert.equal(networkOf(many, rates, new Set()).more, 4);
  assert.equal(networkOf(null, rates, new Set()).known, false);
});
