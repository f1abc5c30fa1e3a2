// The list of channels of this page: state, counts, and what can be done with each.
import { at, element, say } from "./dom.js";
import { size } from "./bytes.js";

const STATES = {
  opening: "Connecting…",
  open: "Connected",
  closing: "Disconnecting…",
  closed: "Not connected",
  ended: "Closed by the proxy",
  lost: "Lost; waits for the proxy",
  failed: "Could not connect",
};

export class Cards {
  #made = new Map();
  #acts;

  /** `acts`: `aim(channel)`, `connect(channel)`, `disconnect(channel)`, `remove(channel)`. */
  constructor(acts) {
    this.#acts = acts;
  }

  /** Shows the channels, and what `status` (null if unknown) says of them. */
  show(channels, status) {
    for (const [channel, card] of this.#made) {
      if (channels.includes(channel)) continue;
      this.#leave(card);
      this.#made.delete(channel);
    }
    for (const channel of channels) {
      if (!this.#made.has(channel)) {
        const card = this.#make(channel);
        this.#made.set(channel, card);
        at("cards").append(card.item);
      }
      update(this.#made.get(channel), channel, status);
    }
    at("no-cards").hidden = channels.length > 0;
    at("copy").disabled = channels.length === 0;
  }

  /** Takes a card away; the focus, if it was there, goes where another channel is opened. */
  #leave({ item }) {
    const hadFocus = item.contains(document.activeElement);
    item.remove();
    if (hadFocus) at("name").focus({ preventScroll: true });
  }

  #make(channel) {
    const button = (text, label, act, className = "") => {
      const made = element("button", text, className);
      made.type = "button";
      if (label !== text) made.setAttribute("aria-label", label);
      made.addEventListener("click", () => act(channel));
      return made;
    };
    const card = {
      item: element("li", "", "card"),
      state: element("p", "", "state"),
      facts: element("p", "", "hint facts"),
      advice: element("p", "", "problem"),
      // One button for both, so that the focus stays on it when the state changes.
      toggle: button("", `Connect ${channel.path}`, () =>
        channel.isActive ? this.#acts.disconnect(channel) : this.#acts.connect(channel)),
    };
    const buttons = element("div", "", "card-buttons");
    buttons.append(card.toggle,
      button("Remove", `Remove ${channel.path}`, this.#acts.remove, "quiet"));
    const head = element("div", "", "card-head");
    head.append(element("h3", channel.path), buttons);
    card.item.append(head, card.state, card.facts, card.advice);
    return card;
  }
}

function update({ item, state, facts, advice, toggle }, channel, status) {
  item.dataset.path = channel.path;
  item.dataset.state = channel.state;
  say(state, STATES[channel.state]);
  say(facts, factsOf(channel, status));
  say(advice, channel.advice);
  advice.hidden = channel.advice === "";
  const word = channel.isActive ? "Disconnect" : "Connect";
  say(toggle, word);
  toggle.setAttribute("aria-label", `${word} ${channel.path}`);
}

function factsOf({ scope, name, sent, received, waiting }, status) {
  const known = status?.channels.find(each => each.scope === scope && each.name === name);
  const count = (number, one) => `${number} ${one}${number === 1 ? "" : "s"}`;
  const parts = [];
  if (status !== null) parts.push(count(known?.clients ?? 0, "client"));
  if (status !== null && scope === "broadcast") parts.push(count(known?.links.length ?? 0, "link"));
  parts.push(`${sent} sent`, `${received} received`);
  if (waiting > 0) parts.push(`${size(waiting)} wait to be sent`);
  return parts.join(" · ");
}
