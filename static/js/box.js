// The feed's query box: completion, the sentence as it is typed, and history.
// Enter runs the query.
import { Completion, PAUSE, ask, element, type } from "./complete.js";
import { visible } from "./visible.js";

const HISTORY = "eventfeed.history";
const MOST_KEPT = 30;

class Box {
  #timer = 0;
  #mistake = null;
  #past = null;

  constructor(form) {
    this.form = form;
    this.input = form.querySelector("#q");
    this.completion = new Completion(this.input, form, () => this.#understand());
    this.input.addEventListener("input", () => { this.#past = null; this.#soon(); });
    this.input.addEventListener("keydown", (event) => this.#key(event));
    form.addEventListener("submit", (event) => this.#run(event));
    this.#keep(this.input.value.trim());
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#understand(), PAUSE);
  }

  #key(event) {
    if (event.key === "ArrowUp" && (this.#past !== null || !this.input.value)) {
      event.preventDefault();
      this.#recall(1);
    } else if (event.key === "ArrowDown" && this.#past !== null) {
      event.preventDefault();
      this.#recall(-1);
    } else {
      this.completion.key(event);
    }
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
    this.completion.close();
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
    this.completion.close();
    this.#understand();
  }
}

function mistaken({ say, before, marked, after, suggestion, literal }, use) {
  const told = Object.assign(document.createElement("div"), { className: "query-error", id: "query-error", role: "alert" });
  const code = document.createElement("code");
  code.append(visible(before), element("mark", marked), visible(after));
  const ways = document.createElement("ul");
  if (suggestion) ways.append(way(`Ask ${suggestion} instead`, () => use(suggestion)));
  ways.append(literal
    ? way("Search for this text literally", () => use(literal))
    : element("li", "Nothing in this text can be searched for."));
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

const form = document.querySelector("form.query");
if (form) new Box(form);
