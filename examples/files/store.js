// Where what comes is kept until it is saved: on disk, in the browser's own file system for this
// site, or, where a page may not have that (it is not from localhost, a private window), in Blobs,
// which the browser moves to disk when they grow.

/** Bytes gathered before they become a Blob. */
const GATHERED_BYTES = 8 * 1024 * 1024;
const FOLDER = "files-example-";

/** The folder of this page, once there is one; null where there is no file system. */
let folder = null;

/** Opens a place for `size` bytes. Throws an Error that says what to do if there is no room. */
export async function openStore(id, size) {
  const { quota = Infinity, usage = 0 } = await navigator.storage?.estimate?.() ?? {};
  if (size > quota - usage) {
    throw new Error(`there is no room for it: this browser lets the page have ` +
      `${Math.floor((quota - usage) / 1024 / 1024)} MiB more. Save and remove other files, or ` +
      "free some of the disk.");
  }
  folder ??= ownFolder().catch(() => null);
  const own = await folder;
  if (own === null) return new BlobStore();
  const file = await own.getFileHandle(id, { create: true });
  return new FileStore(own, id, file, await file.createSyncAccessHandle());
}

/** A folder for this page, held by a lock for as long as the page lives; those of pages that are
 *  gone are removed. */
async function ownFolder() {
  const root = await navigator.storage.getDirectory();
  const name = `${FOLDER}${crypto.randomUUID()}`;
  await new Promise(resolve => {
    navigator.locks.request(name, () => {
      resolve();
      return new Promise(() => {});
    });
  });
  const { held } = await navigator.locks.query();
  const alive = new Set(held.map(lock => lock.name));
  for await (const other of root.keys()) {
    if (!other.startsWith(FOLDER) || alive.has(other)) continue;
    await root.removeEntry(other, { recursive: true }).catch(() => {});
  }
  return root.getDirectoryHandle(name, { create: true });
}

/** Writes at once and without a promise: while it writes, nothing more is read from the socket. So
 *  a slow disk slows the sender down, and the page's memory does not fill. */
class FileStore {
  #folder; #name; #file; #access; #at = 0;

  constructor(folder, name, file, access) {
    [this.#folder, this.#name, this.#file, this.#access] = [folder, name, file, access];
  }

  write(bytes) {
    const written = this.#access.write(bytes, { at: this.#at });
    if (written !== bytes.length) throw new Error("the disk is full. Free some of it.");
    this.#at += written;
  }

  async finish() {
    this.#access.flush();
    this.#access.close();
    return this.#file.getFile();
  }

  async remove() {
    this.#access.close();
    await this.#folder.removeEntry(this.#name).catch(() => {});
  }
}

class BlobStore {
  #blobs = []; #parts = []; #gathered = 0;

  write(bytes) {
    this.#parts.push(bytes);
    this.#gathered += bytes.length;
    if (this.#gathered >= GATHERED_BYTES) this.#gather();
  }

  #gather() {
    this.#blobs.push(new Blob(this.#parts));
    [this.#parts, this.#gathered] = [[], 0];
  }

  async finish() {
    this.#gather();
    return new Blob(this.#blobs);
  }

  async remove() {
    [this.#blobs, this.#parts] = [[], []];
  }
}
