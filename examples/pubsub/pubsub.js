// Two uses of one hub each: a login that all windows of this machine share, and topics that go over
// the network.
import { showState } from "../shared/channel.js";
import { Hub } from "./hub.js";

const TOPICS = { weather: 230, news: 150, music: 330 }; // with a hue each
const LINES_MAX = 200;
const WAITING_SHOWN_MS = 200;

const at = id => document.getElementById(id);

// ---- The login: a kept topic, so that a window that is opened later hears it -----------------

const session = new Hub("example-login", { scope: "local" });

session.subscribe("login", data => {
  const user = typeof data?.user === "string" ? data.user : null;
  at("sign-in").hidden = user !== null;
  at("signed-in").hidden = user === null;
  at("who").textContent = user ?? "";
});
at("sign-in").addEventListener("submit", event => {
  event.preventDefault();
  session.publish("login", { user: at("user").value.trim() || "Somebody" }, { keep: true });
  at("sign-out").focus();
});
at("sign-out").addEventListener("click", () => {
  session.publish("login", { user: null }, { keep: true });
  at("user").focus();
});

// ---- Topics ----------------------------------------------------------------------------------

const hub = new Hub("example-pubsub", { state: showState(at("state")) });
const subscriptions = new Map();

function subscribe(topic, wanted) {
  if (wanted) subscriptions.set(topic, hub.subscribe(topic, heard));
  else subscriptions.get(topic)?.();
}

function heard(data, topic) {
  const box = at("log");
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  const line = document.createElement("li");
  line.append(flag(topic), typeof data === "string" ? data : JSON.stringify(data));
  at("heard").append(line);
  while (at("heard").childElementCount > LINES_MAX) at("heard").firstElementChild.remove();
  if (atEnd) box.scrollTop = box.scrollHeight;
}

function flag(topic) {
  const element = document.createElement("span");
  element.className = "topic";
  element.style.setProperty("--hue", TOPICS[topic]);
  element.textContent = topic;
  return element;
}

for (const topic of Object.keys(TOPICS)) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = topic !== "music";
  box.addEventListener("change", () => subscribe(topic, box.checked));
  label.append(box, flag(topic));
  at("topics").append(label);
  at("topic").add(new Option(topic));
  subscribe(topic, box.checked);
}

at("publish").addEventListener("submit", event => {
  event.preventDefault();
  try {
    hub.publish(at("topic").value, at("text").value);
    at("text").value = "";
    showWaiting();
  } catch (error) {
    at("waiting").textContent = `Not published: ${error.message}.`;
  }
});

function showWaiting() {
  const text = hub.waiting === 0 ? ""
    : `${hub.waiting} ${hub.waiting === 1 ? "message waits" : "messages wait"} for the proxy.`;
  if (at("waiting").textContent !== text) at("waiting").textContent = text;
}
setInterval(showWaiting, WAITING_SHOWN_MS);
