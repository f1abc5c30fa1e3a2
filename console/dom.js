// Small things for building the page. Text from outside comes in through textContent only.

export const at = id => document.getElementById(id);

export function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  if (text !== "") made.textContent = text;
  if (className !== "") made.className = className;
  return made;
}

/** Sets the text of an element only if it differs: marked text stays marked, and a screen reader
 *  is not told again. */
export function say(where, text) {
  if (where.textContent !== text) where.textContent = text;
}

const shownItems = new WeakMap();

/** Fills `parent` with one child for each item, but leaves it alone where nothing changed. */
export function rows(parent, items, make) {
  const now = JSON.stringify(items);
  if (shownItems.get(parent) === now) return;
  shownItems.set(parent, now);
  parent.replaceChildren(...items.map(make));
}

/** Lets a person save `content` under `name`. */
export function save(name, content, type) {
  const url = URL.createObjectURL(new Blob(content, { type }));
  const link = element("a");
  link.href = url;
  link.download = name;
  link.click();
  // The download has its own hold on the content once it has begun.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

let announced = null;
let more = 0;

/** Tells a screen reader, though no more than once in two seconds: of many only how many. */
export function announce(text) {
  if (announced !== null) {
    more += 1;
    return;
  }
  say(at("announcer"), text);
  announced = setTimeout(() => {
    announced = null;
    const count = more;
    more = 0;
    if (count > 0) announce(`${count} more line${count === 1 ? "" : "s"} in the log`);
  }, 2000);
}
