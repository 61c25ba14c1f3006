// Completion of a query while it is typed, in the combobox pattern: Tab takes an option.
// Nothing typed is ever changed by itself.
import { visible } from "./visible.js";

export const PAUSE = 90;
let lists = 0;

export class Completion {
  #timer = 0;
  #asked = 0;
  #active = -1;
  #back = 0;

  // `place` is what the list stands under; `taken` is called when a whole clause was taken.
  constructor(input, place, taken = () => {}) {
    this.input = input;
    this.taken = taken;
    this.list = Object.assign(document.createElement("ul"), { id: `completions-${++lists}`, className: "options completions", role: "listbox", ariaLabel: "Completions", hidden: true });
    place.append(this.list);
    Object.entries({
      role: "combobox", "aria-expanded": "false", "aria-controls": this.list.id,
      "aria-autocomplete": "list", "aria-haspopup": "listbox",
    }).forEach(([name, value]) => input.setAttribute(name, value));
    input.addEventListener("input", () => this.#soon());
    input.addEventListener("blur", () => this.close());
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => this.#take(event.target.closest("[role=option]")));
  }

  get options() {
    return [...this.list.querySelectorAll("[role=option]")];
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#complete(), PAUSE);
  }

  async #complete() {
    const before = this.input.value.slice(0, this.input.selectionStart);
    const asked = ++this.#asked;
    const told = await ask("/complete", { before });
    if (asked !== this.#asked || document.activeElement !== this.input || !told) return;
    const options = told.options.filter((one) => !before.endsWith(one.insert));
    this.#back = told.back;
    this.list.replaceChildren(...options.map((one, place) => option(one, `${this.list.id}-${place}`, told.of)));
    this.list.hidden = !options.length;
    this.input.setAttribute("aria-expanded", String(options.length > 0));
    this.#activate(-1);
  }

  key(event) {
    const options = this.list.hidden ? [] : this.options;
    if (event.key === "Escape" && options.length) {
      event.preventDefault();
      event.stopPropagation();
      this.close();
    } else if (event.key === "Tab" && options.length && !event.shiftKey && this.input.value.trim()) {
      event.preventDefault();
      this.#take(options[Math.max(0, this.#active)]);
    } else if (event.key === "Enter" && this.#active >= 0) {
      event.preventDefault();
      this.#take(options[this.#active]);
    } else if (event.key === "ArrowDown" || (event.key === "ArrowUp" && options.length)) {
      event.preventDefault();
      if (options.length) this.#move(event.key === "ArrowDown" ? 1 : -1, options.length);
      else this.#complete();
    }
  }

  #move(by, length) {
    const from = this.#active < 0 && by < 0 ? 0 : this.#active;
    this.#activate((from + by + length) % length);
  }

  #activate(place) {
    this.#active = place;
    this.options.forEach((one, at) => { one.ariaSelected = String(at === place); one.toggleAttribute("data-active", at === place); });
    const active = this.options[place];
    active?.scrollIntoView({ block: "nearest" });
    if (active) this.input.setAttribute("aria-activedescendant", active.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  #take(taken) {
    if (!taken) return;
    const caret = this.input.selectionStart;
    const rest = this.input.value.slice(caret);
    const tail = rest.match(/^[^\s()",\]]*/)[0].length;
    const { insert } = taken.dataset;
    const open = /[:.(]$/.test(insert) || /^[,\]]/.test(rest.slice(tail));
    type(this.input, insert + (open || rest.slice(tail).startsWith(" ") ? "" : " "), caret - this.#back, caret + tail);
    if (open) return;
    this.close();
    this.taken();
  }

  close() {
    clearTimeout(this.#timer);
    this.#asked++;
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.#activate(-1);
  }
}

export async function ask(path, fields) {
  const url = new URL(path, location.href);
  url.search = new URLSearchParams(fields);
  try {
    const answer = await fetch(url);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

function option({ insert, text, detail, count }, id, of) {
  const item = Object.assign(document.createElement("li"), { role: "option", id, ariaSelected: "false" });
  item.dataset.insert = insert;
  item.append(element("bdi", text), element("small", detail));
  if (count) {
    const counted = element("small", count.toLocaleString(), "count");
    counted.title = `of the newest ${of.toLocaleString()} events`;
    item.append(counted);
  }
  return item;
}

export function element(tag, text, className = "") {
  const drawn = Object.assign(document.createElement(tag), { className });
  drawn.append(visible(text));
  return drawn;
}

// Writes as a hand would, so that the browser can undo it: the old command is the only way to.
export function type(input, text, start = 0, end = input.value.length) {
  input.focus();
  input.setSelectionRange(start, end);
  const typed = text ? document.execCommand("insertText", false, text) : document.execCommand("delete");
  if (typed || input.value.slice(start, end) === text) return;
  input.setRangeText(text, start, end, "end");
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

// A field of a form that holds a query; the feed's own box does more, see box.js.
for (const place of document.querySelectorAll("[data-completed]")) {
  const input = place.querySelector("input");
  const completion = new Completion(input, place);
  input.addEventListener("keydown", (event) => completion.key(event));
}
