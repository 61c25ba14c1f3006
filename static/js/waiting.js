// <first-event>: looks until the event that somebody waits for has come, and shows it in place.
import { showTimes } from "./times.js";

const EVERY = 1000;

class FirstEvent extends HTMLElement {
  connectedCallback() {
    this.#plan();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
  }

  get #waits() {
    return this.querySelector(".still") !== null;
  }

  #plan() {
    this.querySelector(".look")?.remove();
    if (this.#waits) this.timer = setTimeout(() => this.#look(), EVERY);
  }

  async #look() {
    try {
      if (!document.hidden) await this.#show();
    } catch {
      // The server is away; it is asked again.
    }
    if (this.isConnected) this.#plan();
  }

  async #show() {
    const answer = await fetch(this.dataset.url);
    if (!answer.ok) return;
    const said = await answer.text();
    if (said === this.said) return;
    this.said = said;
    this.innerHTML = said;
    showTimes(this);
  }
}

customElements.define("first-event", FirstEvent);
