// What screen readers are told: politely, at most every ten seconds, however much arrives.
const EVERY = 10000;
// Long enough for what belongs together to come together.
const SETTLE = 1000;

const numbers = new Intl.NumberFormat("en");
export const plural = (count, word) => `${numbers.format(count)} ${word}${count === 1 ? "" : "s"}`;

export class Status {
  #place;
  #count = 0;
  #failed = 0;
  #notes = [];
  #state = "";
  #told = -EVERY;
  #timer = 0;

  constructor(place) {
    this.#place = place;
  }

  arrived(count, failed) {
    if (!count) return;
    this.#count += count;
    this.#failed += failed;
    this.#soon();
  }

  note(text) {
    this.#notes.push(text);
    this.#soon();
  }

  state(text) {
    if (text === this.#state) return;
    this.#state = text;
    this.#soon();
  }

  // An answer to what the visitor has just done does not wait.
  answer(text = "") {
    if (text) this.#notes.push(text);
    clearTimeout(this.#timer);
    this.#tell();
  }

  #soon() {
    if (this.#timer) return;
    const wait = Math.max(SETTLE, this.#told + EVERY - performance.now());
    this.#timer = setTimeout(() => this.#tell(), wait);
  }

  #tell() {
    const news = this.#count ? [plural(this.#count, "new event") + (this.#failed ? `, ${numbers.format(this.#failed)} failed` : "")] : [];
    const said = [...news, ...this.#notes, this.#state].filter(Boolean);
    this.#place.textContent = said.map((text) => (text.endsWith(".") ? text : `${text}.`)).join(" ");
    this.#count = this.#failed = this.#timer = 0;
    this.#notes = [];
    this.#told = performance.now();
  }
}
