// The page: what to send goes to the worker, and what the worker tells is shown.
import { size as sizeOf } from "/console/bytes.js";
import { at, element, say } from "/console/dom.js";
import { showState } from "../shared/channel.js";

const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
const tellState = showState(at("state"));
/** Each transfer's item in the page, by id. */
const items = new Map();

worker.onmessage = ({ data: { state, text, transfer } }) => {
  if (state !== undefined) tellState(state, text);
  if (transfer !== undefined) show(transfer);
};
worker.onerror = event => tellState("down", `The page cannot work in this browser: ${
  event.message || "it knows no module workers"}.`);

// ---- Sending ---------------------------------------------------------------------------

const send = files => {
  for (const file of files) worker.postMessage({ send: file });
};

at("pick").addEventListener("change", () => {
  send(at("pick").files);
  at("pick").value = ""; // so that the same file can be chosen again
});
for (const type of ["dragover", "dragleave", "drop"]) {
  addEventListener(type, event => {
    event.preventDefault();
    at("drop").classList.toggle("over", type === "dragover");
    if (type === "drop") send(event.dataTransfer.files);
  });
}

addEventListener("beforeunload", event => {
  const going = [...items.values()].some(({ transfer: { direction, state } }) =>
    direction === "out" && (state === "going" || state === "waiting"));
  if (going) event.preventDefault(); // the browser asks whether to leave
});

// ---- Showing ---------------------------------------------------------------------------

function show(transfer) {
  const { id, direction, state, bytes, size } = transfer;
  if (!items.has(id)) items.set(id, make(transfer));
  const item = items.get(id);
  const before = item.transfer.state;
  item.transfer = transfer;
  item.li.dataset.state = state;
  item.bar.max = Math.max(1, size);
  item.bar.value = size === 0 && state !== "broken" ? 1 : bytes;
  const active = ["waiting", "going", "coming"].includes(state);
  item.bar.hidden = !active;
  item.cancel.hidden = !active;
  item.remove.hidden = active;
  item.again.hidden = direction !== "out" || active;
  item.save.hidden = state !== "kept";
  const words = direction === "in" ? wordsIn(transfer) : wordsOut(transfer);
  say(item.words, words);
  say(item.sum, transfer.sha256 === undefined || active ? "" : `SHA-256 ${transfer.sha256}`);
  if (before !== state && !active) say(at("announcer"), `${transfer.name}: ${words}`);
  showEmpty();
}

function make(transfer) {
  const { id, direction, name } = transfer;
  const button = (text, act, className = "quiet") => {
    const made = element("button", text, className);
    made.type = "button";
    made.setAttribute("aria-label", `${text} ${name}`);
    made.addEventListener("click", act);
    return made;
  };
  const item = {
    transfer, li: element("li"), bar: element("progress"), words: element("p", "", "words"),
    sum: element("p", "", "sum"),
    save: button("Save", () => save(item), "main"),
    again: button("Send again", () => worker.postMessage({ again: id })),
    cancel: button("Cancel", () => worker.postMessage({ cancel: id })),
    remove: button("Remove", () => remove(id)),
  };
  item.bar.setAttribute("aria-label", name);
  const buttons = element("div", "", "buttons");
  buttons.append(item.save, item.again, item.cancel, item.remove);
  const head = element("div", "", "head");
  head.append(element("h3", name), buttons);
  item.li.append(head, item.bar, item.words, item.sum);
  at(direction).prepend(item.li);
  return item;
}

const percent = (bytes, size) => size === 0 ? 100 : Math.floor(100 * bytes / size);

function wordsIn({ state, bytes, size, why }) {
  if (state === "kept") return `${sizeOf(size)}, complete; the checksum is right.`;
  if (state === "broken") return `Not received: ${why}`;
  return `${sizeOf(bytes)} of ${sizeOf(size)}, ${percent(bytes, size)} %`;
}

function wordsOut({ state, bytes, size, why, receivers }) {
  if (state === "waiting") return `${sizeOf(size)}, waits for its turn`;
  const count = (list, one, many) => `${list.length} ${list.length === 1 ? one : many}`;
  const kept = receivers.filter(each => each.state === "kept");
  const broken = receivers.filter(each => each.state === "broken");
  const going = receivers.filter(each => each.state === "got");
  const parts = [];
  if (kept.length > 0) parts.push(`${count(kept, "has", "have")} it complete`);
  if (going.length > 0) {
    const all = going.map(each => `${percent(each.bytes, size)} %`);
    parts.push(`${count(going, "is", "are")} receiving it (${all.join(", ")})`);
  }
  for (const each of broken) parts.push(`1 did not get it: ${each.why.replace(/\.$/, "")}`);
  const others = parts.length > 0 ? parts.join("; ") : "nobody has said that they get it";
  if (state === "broken") return `Not sent: ${why}`;
  if (state === "going") return `${sizeOf(bytes)} of ${sizeOf(size)} sent; ${others}`;
  return `${sizeOf(size)} sent; ${others}.`;
}

/** Saves under the name that its sender gave. Never as a page: the content is a stranger's. */
function save({ transfer: { file, name } }) {
  const url = URL.createObjectURL(new Blob([file], { type: "application/octet-stream" }));
  const link = element("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function remove(id) {
  const { li, transfer } = items.get(id);
  worker.postMessage({ remove: id });
  items.delete(id);
  li.remove();
  showEmpty();
  at(transfer.direction).querySelector("button")?.focus();
}

function showEmpty() {
  for (const list of ["in", "out"]) at(`${list}-none`).hidden = at(list).children.length > 0;
}
