// Starts the proxy under test (NWS_BINARY) on a port of its own, and stops it as an init system
// would. What it wrote is shown when something went wrong.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const START_MS_MAX = 30_000;
const STOP_MS_MAX = 30_000;
const FIRST_LINE = /^namedwebsockets \S+ listening on 0\.0\.0\.0:(\d+) and \[::\]:\1$/;

/**
 * A proxy on a free port, without discovery; or on `port`, or with discovery in a network
 * `namespace` of its own. `args` are added to the program's.
 */
export async function startProxy({ port = 0, namespace = null, args = [] } = {}) {
  const binary = process.env.NWS_BINARY;
  if (!binary) throw new Error("NWS_BINARY is not set; give the path of the proxy's binary");
  const command = [binary, "--port", `${port}`, ...args];
  if (namespace === null) command.push("--no-discovery");
  else command.unshift("ip", "netns", "exec", namespace);
  const child = spawn(command[0], command.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
  let written = "";
  child.stderr.on("data", data => { written += data; });
  const exited = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  const lines = createInterface({ input: child.stdout });
  const [first] = await within(START_MS_MAX, "the proxy's first line", Promise.race([
    once(lines, "line"),
    exited.then(end => {
      throw new Error(`the proxy ended before it listened: ${JSON.stringify(end)}\n${written}`);
    }),
  ])).catch(error => {
    child.kill("SIGKILL");
    throw error;
  });
  const listening = FIRST_LINE.exec(first)?.[1];
  if (listening === undefined) {
    child.kill("SIGKILL");
    throw new Error(`the proxy's first line is not as documented: ${JSON.stringify(first)}`);
  }
  return {
    pid: child.pid,
    port: Number(listening),
    host: `localhost:${listening}`,
    written: () => written,
    /** SIGTERM; resolves to how it ended. */
    async stop() {
      child.kill("SIGTERM");
      return within(STOP_MS_MAX, "the proxy to end after SIGTERM", exited);
    },
    kill: () => child.kill("SIGKILL"),
  };
}

/** `promise`, or an error that says what was awaited in vain. */
export async function within(ms, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
