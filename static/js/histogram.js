// <event-histogram>: what the server draws, after the rows. Dragging over it asks for that range.
import { failing, fragment, whenIdle } from "./fragment.js";
import { clock, day, exact, showTimes } from "./times.js";

const KEY = "eventfeed.by";
const AGAIN_AFTER = 30000;
// Pixels before a press is a drag.
const SLACK = 4;

class EventHistogram extends HTMLElement {
  connectedCallback() {
    this.addEventListener("pointerdown", (event) => this.#pressed(event));
    this.addEventListener("pointermove", (event) => this.#moved(event));
    this.addEventListener("pointerup", () => this.#released());
    this.addEventListener("pointercancel", () => this.#cancel());
    this.addEventListener("submit", (event) => this.#stack(event));
    this.addEventListener("change", (event) => event.target.closest(".by") && this.#choose(event.target.form));
    this.addEventListener("click", (event) => event.target.closest("[data-again]") && this.#show());
    // Caught before the menus and the drawer: it is the drag that ends.
    document.addEventListener("keydown", (event) => this.#key(event), { capture: true });
    for (const zones of document.querySelectorAll(".zones")) zones.addEventListener("change", () => this.#tell());
    if (!this.dataset.href) {
      this.#tell();
      return;
    }
    whenIdle(() => this.#show());
    this.timer = setInterval(() => this.#keepUp(), AGAIN_AFTER);
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  async #show() {
    const by = localStorage.getItem(KEY) ?? "";
    try {
      this.replaceChildren(await fragment(this.dataset.href, { by }));
      for (const again of this.querySelectorAll("[data-again]")) again.hidden = false;
      // What was remembered may not be possible any more.
      if (this.querySelector(".failing") && by) localStorage.removeItem(KEY);
    } catch {
      this.replaceChildren(failing("The histogram could not be counted."));
    }
    this.#tell();
  }

  // The chart moves on with time unless someone is at it.
  #keepUp() {
    const ended = document.querySelector("event-feed").dataset.until;
    const busy = this.drag || this.matches(":focus-within") || this.querySelector("details[open]");
    if (!document.hidden && !ended && !busy) this.#show();
  }

  #tell() {
    showTimes(this);
    const tell = this.querySelector(".bars")?.dataset.of === "day" ? (iso) => day(iso).slice(5) : (iso) => clock(iso).slice(0, 5);
    for (const bar of this.#groups()) {
      const title = bar.querySelector("title");
      title.textContent = `${exact(bar.dataset.since)}: ${title.dataset.said}`;
    }
    for (const tick of this.querySelectorAll("[data-time]")) tick.textContent = tell(tick.dataset.time);
  }

  // Stacking

  #stack(event) {
    if (!this.dataset.href) return;
    event.preventDefault();
    this.#choose(event.target);
  }

  async #choose(form) {
    const { by, label } = form.elements;
    const key = label.value.trim();
    if (!this.dataset.href) return;
    if (by.value === "label" && !key) {
      label.focus();
      return;
    }
    localStorage.setItem(KEY, by.value === "label" ? `label.${key}` : by.value);
    await this.#show();
    this.querySelector("select")?.focus();
  }

  // Dragging

  #pressed(event) {
    const bars = event.target.closest(".bars");
    if (!bars || event.button || !event.isPrimary) return;
    const box = bars.getBoundingClientRect();
    this.drag = { bars, box, from: event.clientX, to: event.clientX };
    bars.setPointerCapture(event.pointerId);
    // No text is to be selected by it.
    event.preventDefault();
  }

  #moved(event) {
    if (!this.drag) return;
    this.drag.to = event.clientX;
    this.#brush();
  }

  #brush() {
    const { bars, from, to } = this.drag;
    const brush = bars.querySelector(".brush");
    const [left, right] = this.#ends().map((place) => (100 * place) / this.#groups().length);
    brush.toggleAttribute("hidden", Math.abs(to - from) < SLACK);
    brush.setAttribute("x", `${left}%`);
    brush.setAttribute("width", `${right - left}%`);
  }

  #released() {
    if (!this.drag) return;
    const [first, last] = this.#ends();
    const groups = this.#groups();
    this.#cancel();
    this.#ask(groups[first].dataset.since, groups[last - 1].dataset.until);
  }

  #cancel() {
    this.drag?.bars.querySelector(".brush").setAttribute("hidden", "");
    this.drag = null;
  }

  #key(event) {
    if (event.key !== "Escape" || !this.drag) return;
    this.#cancel();
    event.preventDefault();
    event.stopPropagation();
  }

  #groups() {
    return this.querySelectorAll(".bars > g");
  }

  // The first bucket touched, and the one after the last.
  #ends() {
    const { box, from, to } = this.drag;
    const count = this.#groups().length;
    const place = (x) => Math.min(count - 1, Math.max(0, Math.floor(((x - box.left) / box.width) * count)));
    const [first, last] = [place(from), place(to)].sort((a, b) => a - b);
    return [first, last + 1];
  }

  #ask(since, until) {
    const url = new URL(location.href);
    if (url.pathname === "/histogram") url.pathname = "/";
    for (const name of ["after", "from", "to", "by"]) url.searchParams.delete(name);
    url.searchParams.set("since", since);
    url.searchParams.set("until", until);
    location.assign(url.href);
  }
}

customElements.define("event-histogram", EventHistogram);
