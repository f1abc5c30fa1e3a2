// The field on a canvas: everyone as a dot, and what is not known about them as a ring.
import { hue } from "../shared/room.js";
import { FIELD, RADIUS } from "./tag.js";

const GRID = 10;
const TEXT_PIXELS_MIN = 12;

export class Picture {
  #canvas; #context; #colours = {};

  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    new ResizeObserver(() => this.#fit()).observe(canvas);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => this.#fit());
    this.#fit();
  }

  #fit() {
    const { width } = this.#canvas.getBoundingClientRect();
    const scale = width * devicePixelRatio / FIELD.width;
    this.#canvas.width = Math.round(FIELD.width * scale);
    this.#canvas.height = Math.round(FIELD.height * scale);
    const style = getComputedStyle(this.#canvas);
    for (const name of ["ink", "quiet", "line", "panel"]) {
      this.#colours[name] = style.getPropertyValue(`--${name}`);
    }
    this.#colours.dark = matchMedia("(prefers-color-scheme: dark)").matches;
  }

  /** Where on the field a point of the screen is. */
  fieldAt(x, y) {
    const box = this.#canvas.getBoundingClientRect();
    return [(x - box.left) / box.width * FIELD.width, (y - box.top) / box.height * FIELD.height];
  }

  /** `players`: `{ id, name, at, heardAt, unsure, isIt }`, where `unsure` is in steps. */
  draw(players) {
    const context = this.#context;
    const scale = this.#canvas.width / FIELD.width;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, FIELD.width, FIELD.height);
    this.#grid();
    for (const player of players) this.#ring(player);
    for (const player of players) this.#dot(player);
  }

  #grid() {
    const context = this.#context;
    context.strokeStyle = this.#colours.line;
    context.lineWidth = 0.1;
    context.beginPath();
    for (let x = GRID; x < FIELD.width; x += GRID) {
      context.moveTo(x, 0);
      context.lineTo(x, FIELD.height);
    }
    for (let y = GRID; y < FIELD.height; y += GRID) {
      context.moveTo(0, y);
      context.lineTo(FIELD.width, y);
    }
    context.stroke();
  }

  #ring({ id, heardAt, unsure }) {
    if (heardAt === undefined) return;
    this.#circle(heardAt, RADIUS + unsure);
    this.#context.fillStyle = `oklch(0.65 0.15 ${hue(id)} / 0.18)`;
    this.#context.fill();
    this.#circle(heardAt, RADIUS);
    this.#context.strokeStyle = `oklch(0.6 0.15 ${hue(id)})`;
    this.#context.lineWidth = 0.25;
    this.#context.stroke();
  }

  #dot({ id, name, at, isIt }) {
    const context = this.#context;
    this.#circle(at, RADIUS);
    context.fillStyle = `oklch(${this.#colours.dark ? 0.75 : 0.6} 0.15 ${hue(id)})`;
    context.fill();
    if (isIt) {
      this.#circle(at, RADIUS + 0.6);
      context.strokeStyle = this.#colours.ink;
      context.lineWidth = 0.5;
      context.stroke();
    }
    context.fillStyle = this.#colours.ink;
    const size = Math.max(2.4, TEXT_PIXELS_MIN * FIELD.width / this.#canvas.clientWidth);
    context.font = `600 ${size}px system-ui, sans-serif`;
    context.textAlign = "center";
    const text = isIt ? `${name} is it` : name;
    const half = context.measureText(text).width / 2 + 1;
    const x = Math.max(half, Math.min(FIELD.width - half, at[0]));
    const above = at[1] > 4 + size * 1.5;
    context.fillText(text, x, at[1] + (above ? -3.4 : 3.4 + size * 0.8));
  }

  #circle([x, y], radius) {
    this.#context.beginPath();
    this.#context.arc(x, y, radius, 0, 2 * Math.PI);
  }
}
