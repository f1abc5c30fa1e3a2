// The package as npm would publish it: what is in it, how small it is, and that it can be imported,
// required and type-checked where it was installed.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { buildSync, transformSync } from "esbuild";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const ROOT = join(PACKAGE, "..");
const MINIFIED_BYTES_MAX = 2048;

let folder; // of somebody who installed the package

function run(program, args, options = {}) {
  try {
    return execFileSync(program, args, { cwd: folder, encoding: "utf8", stdio: "pipe", ...options });
  } catch (error) {
    throw new Error(`${program} ${args.join(" ")}\n${error.stdout}${error.stderr}`);
  }
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), "nws-package-"));
  const installed = join(folder, "node_modules", "namedwebsockets");
  mkdirSync(installed, { recursive: true });
  const [{ filename }] = JSON.parse(
    run("npm", ["pack", "--json", "--pack-destination", folder], { cwd: PACKAGE }));
  run("tar", ["-xzf", join(folder, filename), "--strip-components=1", "-C", installed]);
});

after(() => rmSync(folder, { recursive: true }));

test("the package holds what is needed, and nothing else", () => {
  const [{ files, name }] = JSON.parse(run("npm", ["pack", "--dry-run", "--json"], { cwd: PACKAGE }));
  assert.equal(name, "namedwebsockets");
  assert.deepEqual(files.map(file => file.path).sort(), ["LICENSE", "README.md",
    "namedwebsockets.d.mts", "namedwebsockets.d.ts", "namedwebsockets.js", "namedwebsockets.mjs",
    "package.json"]);
  const about = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8"));
  assert.equal(about.dependencies, undefined);
  const workspace = readFileSync(join(ROOT, "Cargo.toml"), "utf8");
  assert.ok(workspace.includes(`\nversion = "${about.version}"\n`), "the proxy has another version");
  assert.equal(readFileSync(join(PACKAGE, "LICENSE"), "utf8"),
    readFileSync(join(ROOT, "LICENSE"), "utf8"));
});

test("it is under 2 KB minified, and its classes keep their names", t => {
  const source = readFileSync(join(PACKAGE, "namedwebsockets.js"), "utf8");
  const script = transformSync(source, { minify: true }).code;
  const module = transformSync(readFileSync(join(PACKAGE, "namedwebsockets.mjs"), "utf8"),
    { minify: true }).code;
  const bytes = Buffer.byteLength(script) + Buffer.byteLength(module);
  t.diagnostic(`minified: ${Buffer.byteLength(script)} bytes, with the module ${bytes}`);
  assert.ok(bytes < MINIFIED_BYTES_MAX, `${bytes} bytes`);
  writeFileSync(join(folder, "min.cjs"), script);
  assert.equal(run(process.execPath, ["-p",
    "const { LocalWebSocket, BroadcastWebSocket } = require('./min.cjs');" +
    "LocalWebSocket.name + ' ' + BroadcastWebSocket.name"]),
  "LocalWebSocket BroadcastWebSocket\n");
});

test("import and require give the same classes, and so do the globals", () => {
  writeFileSync(join(folder, "both.mjs"), `
    import { createRequire } from "node:module";
    import * as imported from "namedwebsockets";
    const required = createRequire(import.meta.url)("namedwebsockets");
    const names = ["LocalWebSocket", "BroadcastWebSocket", "available", "using"];
    console.log(names.every(name => imported[name] === required[name]),
      globalThis.LocalWebSocket === imported.LocalWebSocket, Object.keys(imported).length);
  `);
  assert.equal(run(process.execPath, ["both.mjs"]), "true true 4\n");
});

test("a bundler finds it, and what it makes is a classic script that works", () => {
  writeFileSync(join(folder, "app.js"), `import { LocalWebSocket } from "namedwebsockets";
    try { new LocalWebSocket("not valid") } catch (error) { console.log(error.name) }`);
  buildSync({ absWorkingDir: folder, entryPoints: ["app.js"], bundle: true, outfile: "bundle.cjs",
    logLevel: "error" });
  assert.equal(run(process.execPath, ["bundle.cjs"]), "SyntaxError\n");
});

/** What tsc says of `source`, as "line: code" each. */
function typeErrors(name, source) {
  writeFileSync(join(folder, name), source);
  const args = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext",
    "--lib", "es2022,dom", "--types", "", name];
  try {
    execFileSync(join(ROOT, "node_modules/.bin/tsc"), args, { cwd: folder, encoding: "utf8" });
    return [];
  } catch (error) {
    return error.stdout.trim().split("\n").map(line =>
      line.replace(/^.*\((\d+),\d+\): error (TS\d+).*$/, "$1: $2"));
  }
}

const USES = `
const local: WebSocket = new LocalWebSocket("chat");
const broadcast = new BroadcastWebSocket("chat", ["a", "b"], { proxy: "ws://localhost:9010" });
broadcast.onmessage = event => local.send(event.data);
new LocalWebSocket("chat", undefined, { proxy: new URL("ws://localhost:9010") }).close(1000);
const open: number = LocalWebSocket.OPEN;
let later: BroadcastWebSocket | LocalWebSocket | null = null;
later = broadcast;
`;

test("TypeScript knows the module, in both kinds, and the globals", () => {
  const named = 'import { available, using, BroadcastWebSocket, LocalWebSocket } from "namedwebsockets";';
  const rest = `
    const runs: Promise<boolean> = available({ proxy: "ws://localhost:9010" });
    class Own { constructor(readonly url: string) {} hum(): string { return this.url; } }
    const hummed: string = new (using(Own).LocalWebSocket)("chat").hum();`;
  assert.deepEqual(typeErrors("module.mts", named + USES + rest), []);
  assert.deepEqual(typeErrors("module.cts", named + USES + rest), []);
  const globals = `import "namedwebsockets";${USES}
    const runs: Promise<boolean> = namedwebsockets.available();`;
  assert.deepEqual(typeErrors("globals.mts", globals), []);
});

test("TypeScript refuses what would throw", () => {
  assert.deepEqual(typeErrors("wrong.mts", `import { BroadcastWebSocket, available } from "namedwebsockets";
    new BroadcastWebSocket();
    new BroadcastWebSocket(42);
    new BroadcastWebSocket("chat", [], { port: 9010 });
    BroadcastWebSocket("chat");
    const runs: boolean = available();`),
  ["2: TS2554", "3: TS2345", "4: TS2353", "5: TS2348", "6: TS2322"]);
});
