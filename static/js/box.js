// The query box: completion in the combobox pattern, the sentence as it is typed, and history.
// Tab takes an option, Enter runs the query; nothing typed is ever changed by itself.
import { visible } from "./visible.js";

const PAUSE = 90;
const HISTORY = "eventfeed.history";
const MOST_KEPT = 30;

class Box {
  #timer = 0;
  #asked = 0;
  #active = -1;
  #back = 0;
  #mistake = null;
  #past = null;

  constructor(form) {
    this.form = form;
    this.input = form.querySelector("#q");
    this.list = Object.assign(document.createElement("ul"), { id: "completions", className: "options completions", role: "listbox", ariaLabel: "Completions", hidden: true });
    form.append(this.list);
    Object.entries({
      role: "combobox", "aria-expanded": "false", "aria-controls": this.list.id,
      "aria-autocomplete": "list", "aria-haspopup": "listbox",
    }).forEach(([name, value]) => this.input.setAttribute(name, value));
    this.input.addEventListener("input", () => { this.#past = null; this.#soon(); });
    this.input.addEventListener("keydown", (event) => this.#key(event));
    this.input.addEventListener("blur", () => this.#close());
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => this.#take(event.target.closest("[role=option]")));
    form.addEventListener("submit", (event) => this.#run(event));
    this.#keep(this.input.value.trim());
  }

  get options() {
    return [...this.list.querySelectorAll("[role=option]")];
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => { this.#complete(); this.#understand(); }, PAUSE);
  }

  // Completion

  async #complete() {
    const before = this.input.value.slice(0, this.input.selectionStart);
    const asked = ++this.#asked;
    const told = await ask("/complete", { before });
    if (asked !== this.#asked || document.activeElement !== this.input || !told) return;
    const options = told.options.filter((one) => !before.endsWith(one.insert));
    this.#back = told.back;
    this.list.replaceChildren(...options.map((one, place) => option(one, place, told.of)));
    this.list.hidden = !options.length;
    this.input.setAttribute("aria-expanded", String(options.length > 0));
    this.#activate(-1);
  }

  #key(event) {
    const options = this.list.hidden ? [] : this.options;
    if (event.key === "Escape" && options.length) {
      event.preventDefault();
      event.stopPropagation();
      this.#close();
    } else if (event.key === "Tab" && options.length && !event.shiftKey && this.input.value.trim()) {
      event.preventDefault();
      this.#take(options[Math.max(0, this.#active)]);
    } else if (event.key === "Enter" && this.#active >= 0) {
      event.preventDefault();
      this.#take(options[this.#active]);
    } else if (event.key === "ArrowUp" && (this.#past !== null || !this.input.value)) {
      event.preventDefault();
      this.#recall(1);
    } else if (event.key === "ArrowDown" && this.#past !== null) {
      event.preventDefault();
      this.#recall(-1);
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
    this.#close();
    this.#understand();
  }

  #close() {
    clearTimeout(this.#timer);
    this.#asked++;
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.#activate(-1);
  }

  // What is understood

  async #understand() {
    const text = this.input.value;
    const told = await ask("/understand", { q: text });
    if (!told || text !== this.input.value) return;
    this.#mistake = told.error ? { text, ...told.error } : null;
    this.input.toggleAttribute("data-mistaken", Boolean(told.error));
    if (!told.error) this.#settle();
    const said = document.querySelector(".said");
    if (!said) return;
    said.classList.toggle("draft", true);
    said.replaceChildren(...(told.error ? [visible(told.error.say)] : told.said.map(piece)));
  }

  // A query that cannot be read is not run: what was found before stays in sight.
  #run(event) {
    const mistake = this.#mistake;
    if (mistake?.text !== this.input.value) {
      this.#keep(this.input.value.trim());
      return;
    }
    event.preventDefault();
    this.#close();
    this.#settle();
    const told = mistaken(mistake, (text) => {
      type(this.input, text);
      this.#mistake = null;
      this.form.requestSubmit();
    });
    this.form.closest(".bar").after(told);
    document.querySelector(".said")?.replaceChildren();
    document.querySelector("event-feed .list")?.classList.add("stale");
    this.input.setAttribute("aria-invalid", "true");
    this.input.setAttribute("aria-describedby", "query-error");
  }

  #settle() {
    document.querySelector("#query-error")?.remove();
    document.querySelector("event-feed .list")?.classList.remove("stale");
    this.input.removeAttribute("aria-invalid");
    this.input.removeAttribute("aria-describedby");
  }

  // History

  #keep(text) {
    if (!text) return;
    const kept = [text, ...this.#kept().filter((one) => one !== text)].slice(0, MOST_KEPT);
    try {
      localStorage.setItem(HISTORY, JSON.stringify(kept));
    } catch { /* a browser that keeps nothing */ }
  }

  #kept() {
    try {
      return JSON.parse(localStorage.getItem(HISTORY)) ?? [];
    } catch {
      return [];
    }
  }

  #recall(by) {
    const kept = this.#kept();
    const place = Math.min((this.#past ?? -1) + by, kept.length - 1);
    type(this.input, place < 0 ? "" : kept[place]);
    this.#past = place < 0 ? null : place;
    this.#close();
    this.#understand();
  }
}

// Writes as a hand would, so that the browser can undo it: the old command is the only way to.
function type(input, text, start = 0, end = input.value.length) {
  input.focus();
  input.setSelectionRange(start, end);
  const typed = text ? document.execCommand("insertText", false, text) : document.execCommand("delete");
  if (typed || input.value.slice(start, end) === text) return;
  input.setRangeText(text, start, end, "end");
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

async function ask(path, fields) {
  const url = new URL(path, location.href);
  url.search = new URLSearchParams(fields);
  try {
    const answer = await fetch(url);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

function option({ insert, text, detail, count }, place, of) {
  const item = Object.assign(document.createElement("li"), { role: "option", id: `completion-${place}`, ariaSelected: "false" });
  item.dataset.insert = insert;
  item.append(element("bdi", text), element("small", detail));
  if (count) {
    const counted = element("small", count.toLocaleString(), "count");
    counted.title = `of the newest ${of.toLocaleString()} events`;
    item.append(counted);
  }
  return item;
}

function mistaken({ say, before, marked, after, suggestion, text }, use) {
  const told = Object.assign(document.createElement("div"), { className: "query-error", id: "query-error", role: "alert" });
  const code = document.createElement("code");
  code.append(visible(before), element("mark", marked), visible(after));
  const ways = document.createElement("ul");
  if (suggestion) ways.append(way(`Ask ${suggestion} instead`, () => use(suggestion)));
  ways.append(way("Search for this text literally", () => use(`"${text.trim().replace(/[\\"]/g, "\\$&")}"`)));
  const line = document.createElement("p");
  line.append(code);
  told.append(element("p", say), line, ways);
  return told;
}

function way(text, act) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: text, className: "link" });
  button.addEventListener("click", act);
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function piece([text, strong]) {
  if (!strong) return visible(text);
  const said = document.createElement("strong");
  said.append(element("bdi", text));
  return said;
}

function element(tag, text, className = "") {
  const drawn = Object.assign(document.createElement(tag), { className });
  drawn.append(visible(text));
  return drawn;
}

const form = document.querySelector("form.query");
if (form) new Box(form);
