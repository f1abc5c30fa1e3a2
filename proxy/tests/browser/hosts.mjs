// Two machines: network namespaces with a cable between them, each with a proxy that looks for
// others, and a browser.
//
//   nws123-1  10.78.0.1  eth0 ═══ eth0  10.78.0.2  nws123-2
//
// Names hold the pid, so that runs side by side do not meet. All of it goes with the test, also
// if it fails.
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startProxy } from "./proxy.mjs";
import { CHROMIUM, inhabit, launch } from "./world.mjs";

let pairs = 0;

/**
 * Two hosts, each as `world` gives it, with its `namespace`. Without the right to make namespaces
 * the test is skipped, or fails if NWS_REQUIRE_NETNS is set; then this gives null.
 */
export async function twoHosts(t, { flags = [], context = {} } = {}) {
  pairs += 1;
  const names = [1, 2].map(host => `nws${process.pid}x${pairs}-${host}`);
  try {
    wire(t, names);
  } catch (error) {
    const why = `no network namespaces: ${error.stderr || error.message}`;
    if (process.env.NWS_REQUIRE_NETNS) throw new Error(why, { cause: error });
    t.skip(why);
    return null;
  }
  // On port 9009, as on real machines: the namespaces keep the two apart.
  const hosts = [];
  for (const namespace of names) {
    const proxy = await startProxy({ port: 9009, namespace });
    t.after(() => proxy.kill());
    const browser = await launch({ args: flags, executablePath: browserIn(t, namespace) });
    t.after(() => browser.close());
    hosts.push({ namespace, ...await inhabit(t, proxy, browser, context) });
  }
  return hosts;
}

function wire(t, [one, two]) {
  for (const name of [one, two]) {
    ip("netns", "add", name);
    t.after(() => ip("netns", "delete", name));
  }
  ip("link", "add", "eth0", "netns", one, "type", "veth", "peer", "name", "eth0", "netns", two);
  [one, two].forEach((name, index) => {
    ip("-n", name, "link", "set", "lo", "up");
    ip("-n", name, "addr", "add", `10.78.0.${index + 1}/24`, "broadcast", "+", "dev", "eth0");
    ip("-n", name, "link", "set", "eth0", "up");
    // Multicast needs a route, and mDNS responders think of a host without any as offline.
    ip("-n", name, "route", "add", "default", "via", `10.78.0.${2 - index}`);
  });
}

const ip = (...args) => execFileSync("ip", args, { stdio: ["ignore", "pipe", "pipe"],
  encoding: "utf8" });

/** A program that is Chromium, run in a namespace: the driver can start only one without words. */
function browserIn(t, namespace) {
  const folder = mkdtempSync(join(tmpdir(), "nws-browser-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const program = join(folder, "chromium");
  writeFileSync(program, `#!/bin/sh\nexec ip netns exec ${namespace} ${CHROMIUM} "$@"\n`);
  chmodSync(program, 0o755);
  return program;
}
