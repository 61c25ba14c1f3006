// <event-drawer>: one event beside the list. The page of the event is the same content and its own link.
import { showTimes } from "./times.js";
import { wake } from "./copy.js";

const ROOM = matchMedia("(width >= 56rem)");

class EventDrawer extends HTMLElement {
  connectedCallback() {
    document.addEventListener("click", (event) => this.#clicked(event));
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.hidden || event.defaultPrevented) return;
      event.preventDefault();
      this.close();
    });
  }

  async open(href) {
    const page = new URL(href, location.href);
    const { pathname, search } = page;
    this.wanted = href;
    let answer;
    try {
      answer = await fetch(`${pathname}/drawer${search}`);
    } catch {
      answer = null;
    }
    if (this.wanted !== href) return;
    // A session that ended answers with another page: let the browser go there.
    if (!answer?.ok || answer.redirected) {
      location.assign(href);
      return;
    }
    this.innerHTML = await answer.text();
    this.row = this.#mark() ?? this.row;
    this.hidden = false;
    // The list is narrower now and its rows may be higher.
    this.row?.scrollIntoView({ block: "nearest" });
    this.scrollTop = 0;
    showTimes(this);
    wake(this);
    this.querySelector("h1").focus({ preventScroll: true });
  }

  close() {
    this.wanted = null;
    this.hidden = true;
    this.replaceChildren();
    this.#mark();
    this.row?.querySelector("a.words").focus({ preventScroll: true });
    this.row = null;
  }

  #mark() {
    const at = this.querySelector(".event")?.dataset.at;
    for (const row of document.querySelectorAll(".row")) {
      if (at && row.dataset.at === at) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
    return document.querySelector(".row[aria-current]");
  }

  #clicked(event) {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if (event.target.closest("[data-close]")) {
      this.close();
      return;
    }
    const link = this.#linkOf(event.target);
    if (!link) return;
    event.preventDefault();
    if (ROOM.matches) this.open(link.href);
    else location.assign(link.href);
  }

  // A row's own link, a click anywhere on the row, or a link to a neighbour within the drawer.
  #linkOf(target) {
    const link = target.closest("a");
    if (link) return link.matches(".row .words, .row .more, event-drawer [data-event], event-drawer [rel]") ? link : null;
    if (target.closest("button, summary, input") || !getSelection().isCollapsed) return null;
    return target.closest(".row")?.querySelector("a.words");
  }
}

customElements.define("event-drawer", EventDrawer);
