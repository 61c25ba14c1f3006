// The resource and event filters: suggestions from what the feed holds, in the combobox pattern.
// Choosing one submits the form at once; the menu opens again on the page that answers.
import { visible } from "./visible.js";

const OPEN = "eventfeed.filter";
const PAUSE = 120;

class Filter {
  #timer = 0;
  #asked = "";
  #active = -1;

  constructor(form) {
    this.form = form;
    this.menu = form.closest("details");
    this.input = form.querySelector("input[type=text]");
    this.list = form.querySelector("[role=listbox]");
    form.querySelector("button").hidden = true;
    Object.entries({
      role: "combobox", "aria-expanded": "false", "aria-controls": this.list.id,
      "aria-autocomplete": "list", "aria-haspopup": "listbox",
    }).forEach(([name, value]) => this.input.setAttribute(name, value));
    this.input.addEventListener("input", () => this.#soon());
    this.input.addEventListener("keydown", (event) => this.#key(event));
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => this.#choose(event.target.closest("[role=option]")));
    this.form.addEventListener("change", (event) => event.target.type === "checkbox" && this.#submit());
    this.form.addEventListener("submit", () => this.#remember());
    // Opened by hand, because `toggle` comes too late: what is typed next would be lost.
    this.menu.querySelector("summary").addEventListener("click", (event) => {
      event.preventDefault();
      this.menu.open = !this.menu.open;
      if (this.menu.open) this.#opened();
    });
    if (sessionStorage.getItem(OPEN) === this.input.id) {
      sessionStorage.removeItem(OPEN);
      this.menu.open = true;
      this.#opened();
    }
  }

  get options() {
    return [...this.list.querySelectorAll("[role=option]")];
  }

  get chosen() {
    return new Set([...this.form.querySelectorAll("input[type=checkbox]:checked")].map((box) => box.value));
  }

  #opened() {
    this.input.focus();
    this.#suggest();
  }

  #soon() {
    this.list.ariaBusy = "true";
    this.#activate(-1);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#suggest(), PAUSE);
  }

  async #suggest() {
    const text = this.#asked = this.input.value.trim();
    const url = new URL("/suggest", location.href);
    url.search = new URLSearchParams({ field: this.form.dataset.filter, text });
    let suggestions;
    try {
      suggestions = (await (await fetch(url)).json()).suggestions;
    } catch {
      suggestions = [];
    }
    if (text !== this.#asked) return;
    const chosen = this.chosen;
    const items = suggestions.map((one, place) => this.#option(one, place, chosen.has(one.value)));
    this.list.replaceChildren(...(items.length ? items : [nothing(text)]));
    this.list.hidden = false;
    this.list.ariaBusy = null;
    this.input.setAttribute("aria-expanded", "true");
    this.#activate(-1);
  }

  #option({ value, text, kind }, place, chosen) {
    const item = document.createElement("li");
    item.role = "option";
    item.id = `${this.list.id}-${place}`;
    item.dataset.value = value;
    item.ariaSelected = String(chosen);
    if (this.form.dataset.filter === "event") {
      item.append(piece("bdi", value), piece("small", text));
    } else {
      item.append(piece("bdi", text || value), piece("small", kind));
      if (text && text !== value) item.append(piece("small", value, "id"));
    }
    return item;
  }

  #key(event) {
    const options = this.options;
    const moves = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in moves && options.length && !this.list.ariaBusy) {
      event.preventDefault();
      this.#activate((this.#active + moves[event.key] + options.length + (this.#active < 0 && moves[event.key] < 0)) % options.length);
    } else if (event.key === "Enter" && this.#active >= 0) {
      event.preventDefault();
      this.#choose(options[this.#active]);
    }
  }

  #activate(place) {
    this.#active = place;
    this.options.forEach((option, at) => option.toggleAttribute("data-active", at === place));
    const option = this.options[place];
    option?.scrollIntoView({ block: "nearest" });
    if (option) this.input.setAttribute("aria-activedescendant", option.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  #choose(option) {
    if (!option) return;
    const { value } = option.dataset;
    const box = [...this.form.querySelectorAll("input[type=checkbox]")].find((one) => one.value === value);
    if (box) box.checked = !box.checked;
    this.input.value = box ? "" : value;
    this.#submit();
  }

  #submit() {
    this.form.requestSubmit();
  }

  #remember() {
    sessionStorage.setItem(OPEN, this.input.id);
  }
}

function piece(tag, text, name = "") {
  const drawn = Object.assign(document.createElement(tag), { className: name });
  drawn.append(visible(text));
  return drawn;
}

function nothing(text) {
  return Object.assign(document.createElement("li"), {
    className: "none", textContent: text ? "Nothing seen by that name. Enter looks for it anyway." : "Nothing seen yet.",
  });
}

for (const form of document.querySelectorAll("form[data-filter]")) new Filter(form);
