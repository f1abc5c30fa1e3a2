// Where our person wants to go: by keys, by mouse or by finger.

const KEYS = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
  KeyA: [-1, 0], KeyD: [1, 0], KeyW: [0, -1], KeyS: [0, 1],
};
/** Closer than this to the pointer one stands still, in steps. */
const NEAR = 1;

export class Steering {
  #down = new Set();
  #target = null;

  /** `toField(x, y)` gives the place on the field of a point of the screen. */
  constructor(canvas, toField) {
    addEventListener("keydown", event => {
      const elsewhere = event.target.closest?.("input, a, button, .scroll");
      if (!(event.code in KEYS) || elsewhere || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault(); // the page does not scroll
      this.#down.add(event.code);
    });
    addEventListener("keyup", event => this.#down.delete(event.code));
    addEventListener("blur", () => this.#down.clear());
    const aim = event => { this.#target = toField(event.clientX, event.clientY); };
    canvas.addEventListener("pointerdown", event => {
      canvas.setPointerCapture(event.pointerId);
      aim(event);
    });
    canvas.addEventListener("pointermove", event => event.buttons && aim(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, () => { this.#target = null; });
    }
  }

  /** The direction from `at`; [0, 0] to stand. */
  direction(at) {
    if (this.#target) {
      const way = [this.#target[0] - at[0], this.#target[1] - at[1]];
      return Math.hypot(...way) < NEAR ? [0, 0] : way;
    }
    return [...this.#down].map(code => KEYS[code])
      .reduce(([x, y], [dx, dy]) => [x + dx, y + dy], [0, 0]);
  }
}
