// The facets beside the rows: counted when they are opened, and open again on the next page.
import { failing, fragment } from "./fragment.js";

const KEY = "eventfeed.facets";
const WIDE = matchMedia("(width >= 56rem)");

class Facets {
  #loaded = false;

  constructor(details) {
    this.details = details;
    this.body = details.querySelector(".facets-body");
    details.hidden = false;
    details.addEventListener("toggle", () => this.#toggled());
    details.addEventListener("keydown", (event) => this.#key(event));
    this.body.addEventListener("click", (event) => this.#clicked(event));
    // On a phone they would cover the rows that were asked for.
    if (WIDE.matches && localStorage.getItem(KEY) === "open") details.open = true;
  }

  #toggled() {
    const { open } = this.details;
    if (WIDE.matches) localStorage.setItem(KEY, open ? "open" : "closed");
    if (open && !this.#loaded) this.#load();
  }

  async #load() {
    this.#loaded = true;
    this.body.replaceChildren(Object.assign(document.createElement("p"), { className: "none", textContent: "Counting …" }));
    try {
      this.body.replaceChildren(await fragment(this.details.dataset.href));
      this.#offerAgain();
    } catch {
      this.body.replaceChildren(failing("The facets could not be counted."));
    }
  }

  #offerAgain() {
    for (const again of this.body.querySelectorAll("[data-again]")) again.hidden = false;
  }

  #clicked(event) {
    if (event.target.closest("[data-again]")) this.#load();
    const values = event.target.closest("a.values");
    if (!values || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    this.#values(values);
  }

  // The values of a label's key, below it; pressed again they go.
  async #values(link) {
    const line = link.closest("li");
    const there = line.querySelector(".facet");
    link.setAttribute("aria-expanded", String(!there));
    if (there) {
      there.remove();
      return;
    }
    try {
      line.append(await fragment(link.href));
    } catch {
      location.assign(link.href);
    }
  }

  #key(event) {
    if (event.key !== "Escape" || WIDE.matches) return;
    this.details.open = false;
    this.details.querySelector("summary").focus();
    event.preventDefault();
  }
}

for (const details of document.querySelectorAll("details.facets")) new Facets(details);
