// The parts of the files example that need no page.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { Sha256 } from "../files/sha256.js";
import { readPart, readText, safeName, writePart } from "../files/wire.js";

test("a checksum in parts is the checksum of the whole", () => {
  const bytes = randomBytes(1000);
  for (let length = 0; length <= 300; length += 1) {
    for (const part of [1, 63, 64, 65, 300]) {
      const hash = new Sha256();
      for (let at = 0; at < length; at += part) {
        hash.update(bytes.subarray(at, Math.min(length, at + part)));
      }
      const expected = createHash("sha256").update(bytes.subarray(0, length)).digest("hex");
      assert.equal(hash.digest(), expected, `${length} bytes in parts of ${part}`);
    }
  }
});

test("parts of files of any size are told by id and offset", () => {
  const [id, offset] = ["00ff10a0deadbeef", 2 ** 40 + 3];
  const { bytes, ...head } = readPart(writePart(id, offset, Uint8Array.of(1, 2)).buffer);
  assert.deepEqual([head, [...bytes]], [{ id, offset }, [1, 2]]);
  assert.equal(readPart(new ArrayBuffer(15)), null);
});

test("what is not just so is no message", () => {
  const id = "0123456789abcdef";
  const offer = { type: "offer", id, name: "a", size: 1 };
  assert.deepEqual(readText(JSON.stringify(offer)), offer);
  const wrong = [{ ...offer, size: -1 }, { ...offer, size: 1.5 }, { ...offer, size: "1" },
    { ...offer, id: "x" }, { ...offer, name: 7 }, { type: "toString" }, { type: "nothing" }, {},
    [], null, 5, { type: "end", id, sha256: "no" }];
  for (const each of ["", "{", "hello", ...wrong.map(each => JSON.stringify(each))]) {
    assert.equal(readText(each), null, each);
  }
  const long = readText(JSON.stringify({ type: "cancel", id, why: "x".repeat(1e5) }));
  assert.equal(long.why.length, 300);
});

test("a stranger's name is made one that can be shown and saved", () => {
  const names = {
    "photo.jpg": "photo.jpg",
    "Grüße aus 東京.txt": "Grüße aus 東京.txt",
    "../../etc/passwd": "passwd",
    "C:\\Windows\\evil.exe": "evil.exe",
    ".bashrc": "bashrc",
    "..": "file",
    "": "file",
    "a\u202egpj.exe": "a_gpj.exe",
    "a\nb\0c": "a_b_c",
    "<img src=x>": "_img src=x_",
  };
  for (const [given, safe] of Object.entries(names)) assert.equal(safeName(given), safe);
  const long = safeName(`${"n".repeat(500)}.tar.gz`);
  assert.equal(long.length, 200);
  assert.ok(long.endsWith("n.gz"));
});
