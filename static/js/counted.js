// <event-count>: how many events the page is about, beside its sentence.
import { fragment, whenIdle } from "./fragment.js";

class EventCount extends HTMLElement {
  connectedCallback() {
    this.setAttribute("aria-live", "polite");
    this.addEventListener("click", (event) => this.#exactly(event));
    whenIdle(() => this.#show(this.dataset.href));
  }

  async #show(href) {
    try {
      this.replaceChildren("· ", await fragment(href));
    } catch {
      this.replaceChildren();
    }
  }

  #exactly(event) {
    const link = event.target.closest("a");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    this.replaceChildren("· counting …");
    this.#show(link.href);
  }
}

customElements.define("event-count", EventCount);
