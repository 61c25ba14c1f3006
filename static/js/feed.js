// <event-feed>: the page of rows, live. Nothing that is being read moves.
import { Connection } from "./connection.js";
import { Rows } from "./rows.js";
import { Status, plural } from "./status.js";
import { clock } from "./times.js";

const numbers = new Intl.NumberFormat("en");

const PAUSES = {
  hidden: "tab in the background",
  user: "by you",
  selection: "text is selected",
  row: "a row is chosen",
  scrolled: "scrolled down",
};

// What pressing the button does, said on it: touch knows no tooltips.
const DEEDS = { live: "pause", paused: "go on" };

// What passes by itself; the connection tries again.
const WAITS = { database: "the database is away", full: "too many are watching" };

// Milliseconds that clocks may be apart.
const AGREEING = 5 * 60 * 1000;

class EventFeed extends HTMLElement {
  connectedCallback() {
    if (!this.hasAttribute("data-live")) return;
    this.button = this.querySelector(".live");
    this.button.hidden = false;
    this.status = new Status(this.querySelector("[role=status]"));
    this.pill = this.querySelector(".pill-place");
    this.list = this.querySelector(".rows");
    this.rows = new Rows(this.list, {
      arrival: this.dataset.order === "arrival",
      older: () => this.querySelector(".older [rel=next]") !== null,
    });
    this.querySelector(".older").addEventListener("click", (event) => this.#older(event));
    this.addEventListener("trimmed", (event) => this.#trimmed(event.detail));
    if (this.dataset.notLive) this.#stayOff();
    else this.#goLive();
  }

  disconnectedCallback() {
    this.connection?.close();
    this.stop?.abort();
  }

  #goLive() {
    this.pauses = new Set();
    this.waiting = { count: 0, failed: 0 };
    // The position up to which the page shows everything; a subscription always begins there.
    this.shown = this.dataset.position;
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.button.addEventListener("click", () => this.#pressed(), { signal });
    this.pill.addEventListener("click", () => this.#showNew(), { signal });
    addEventListener("scroll", () => this.#scrolled(), { passive: true, signal });
    this.list.addEventListener("focusout", (event) => this.#left(event), { signal });
    document.addEventListener("selectionchange", () => this.#selected(), { signal });
    document.addEventListener("visibilitychange", () => this.#pause("hidden", document.hidden), { signal });
    // A page kept for going back is thawed with a dead socket.
    addEventListener("pagehide", () => this.connection.close(), { signal });
    addEventListener("pageshow", (event) => event.persisted && this.connection.open(), { signal });
    this.connection = new Connection(() => this.#ask(), {
      ok: () => this.#followed(),
      rows: (frame) => this.#arrived(frame),
      gap: (frame) => this.#missed(frame),
      counts: (frame) => this.#count(frame.count, frame.failed),
      beat: (frame) => this.#beat(frame),
      error: (frame) => this.#refused(frame),
      torn: () => this.connection.follow(),
      lost: () => this.#state("reconnecting", "Reconnecting", this.#lastSeen()),
    });
    if (document.hidden) this.pauses.add("hidden");
    if (scrollY > 8) this.pauses.add("scrolled");
    this.#state("connecting", "Connecting");
    this.connection.open();
  }

  #stayOff() {
    this.#state("off", "Not live", this.dataset.notLive);
    this.button.addEventListener("click", () => location.assign(this.dataset.newest));
  }

  #ask() {
    const { query, since, until, columns } = this.dataset;
    return {
      t: "sub", q: query, since: since || null, until: until || null,
      from: this.shown, mode: this.pauses.size ? "counts" : "rows", format: "html", columns,
    };
  }

  // What comes in

  #followed() {
    this.#count(0, 0, { anew: true });
    if (this.pauses.size) this.#sayPaused();
    else if (this.behind) this.#state("catching", "Catching up");
    else this.#state("live", "Live");
    if (this.answers) this.status.answer();
    this.answers = this.behind = false;
    clearTimeout(this.catching);
    this.catching = setTimeout(() => this.#upToDate(), 1000);
  }

  #upToDate() {
    if (!["catching", "reconnecting"].includes(this.button.dataset.state)) return;
    if (this.pauses.size) this.#sayPaused();
    else this.#state("live", "Live");
  }

  #arrived(frame) {
    if (this.pauses.size) {
      const failed = frame.rows.filter((row) => row.outcome === "failed").length;
      this.#count(frame.rows.length, failed);
      return;
    }
    this.shown = frame.to;
    const fresh = this.rows.insert(frame.rows);
    if (fresh.length) this.querySelector(".empty")?.remove();
    this.#tellLate();
    this.#tellFuture();
    this.status.arrived(fresh.length, fresh.filter((row) => row.outcome === "failed").length);
    this.#upToDate();
  }

  #missed(frame) {
    if (this.pauses.size) {
      this.#count(frame.count, 0);
      return;
    }
    this.shown = frame.to;
    this.rows.gap(frame);
    this.querySelector(".empty")?.remove();
    this.status.note(this.list.querySelector(".gap span").textContent);
    this.#upToDate();
  }

  #beat(frame) {
    // Nothing waits to be shown, so the page is complete up to here.
    if (!this.waiting.count) this.shown = frame.to;
    this.#upToDate();
  }

  #refused(frame) {
    if (frame.code in WAITS) {
      this.#state("reconnecting", "Waiting", WAITS[frame.code]);
      return;
    }
    this.connection.close();
    this.#state("off", "Not live", "load the page again");
    this.button.addEventListener("click", () => location.reload(), { once: true });
    this.#notice(frame.say, location.href, "Load the page again");
  }

  // Manners

  #pressed() {
    if (this.button.dataset.state === "off") return;
    if (this.pauses.size) {
      this.answers = true;
      this.#showNew();
    } else {
      this.#pause("user", true);
      this.status.answer();
    }
  }

  // A row that was chosen by its key is being read, until the focus goes elsewhere.
  hold(on) {
    if (this.pauses) this.#pause("row", on);
  }

  #left({ relatedTarget }) {
    const stays = relatedTarget ? this.list.contains(relatedTarget) || relatedTarget.closest("event-drawer, dialog") : !document.hasFocus();
    if (!stays) this.hold(false);
  }

  #showNew() {
    getSelection().removeAllRanges();
    scrollTo({ top: 0, behavior: "instant" });
    this.#paused(() => this.pauses.clear());
  }

  #scrolled() {
    this.#pause("scrolled", scrollY > 8);
  }

  #selected() {
    const selection = getSelection();
    const within = selection.rangeCount > 0 && !selection.isCollapsed && this.list.contains(selection.anchorNode);
    this.#pause("selection", within);
  }

  #pause(why, on) {
    this.#paused(() => (on ? this.pauses.add(why) : this.pauses.delete(why)));
  }

  #paused(change) {
    const before = this.pauses.size;
    change();
    const after = this.pauses.size;
    if (after && !before) this.connection.counts();
    if (!after && before) this.#resume();
    else if (after !== before && this.button.dataset.state !== "reconnecting") this.#sayPaused();
  }

  // What waited is asked for again from the last position shown: nothing has to be kept meanwhile.
  #resume() {
    this.behind = this.waiting.count > 0;
    this.connection.follow();
    this.#count(0, 0, { anew: true });
  }

  // What is said

  #state(state, text, why = "") {
    this.button.dataset.state = state;
    this.button.querySelector("span").textContent = text;
    this.button.querySelector("small").textContent = why;
    this.button.querySelector("em").textContent = DEEDS[state] ? `· ${DEEDS[state]}` : "";
    this.button.title = state === "off" ? "Go to the newest events" : "";
    if (state !== "catching" && state !== "connecting") this.status.state([text, why].filter(Boolean).join(": "));
  }

  #sayPaused() {
    const why = Object.keys(PAUSES).find((name) => this.pauses.has(name));
    this.#state("paused", "Paused", PAUSES[why]);
  }

  #lastSeen() {
    this.behind = true;
    const row = this.list.querySelector(".row");
    return row ? `last event ${clock(row.dataset.occurred)}` : "";
  }

  #count(count, failed, { anew = false } = {}) {
    if (anew) this.waiting = { count: 0, failed: 0 };
    this.waiting.count += count;
    this.waiting.failed += failed;
    const waiting = this.waiting.count;
    this.pill.hidden = waiting === 0;
    this.pill.querySelector("span").textContent = `${plural(waiting, "new event")}`;
    this.#nameTab();
  }

  #nameTab() {
    const { count, failed } = this.waiting;
    this.name ??= document.title;
    const told = failed ? `(${numbers.format(failed)} failed) ` : count ? `(${numbers.format(count)}) ` : "";
    document.title = told + this.name;
  }

  #tellLate() {
    const { count, oldest } = this.rows.late;
    if (!count) return;
    const arrival = new URL(location.href);
    arrival.searchParams.set("order", "arrival");
    arrival.searchParams.delete("after");
    this.#notice(`${plural(count, "older event")} arrived, ${oldest.slice(0, 7)} … `, arrival.href, "Show");
  }

  // As the server says it of the rows that it draws.
  #tellFuture() {
    const told = this.querySelector(".future");
    if (!told) return;
    const late = new Date(Date.now() + AGREEING).toISOString();
    const { rows } = this.rows;
    const first = rows.findIndex((row) => row.dataset.occurred <= late);
    const count = first < 0 ? rows.length : first;
    told.hidden = !count;
    told.firstElementChild.textContent = `${plural(count, "event")} ${count === 1 ? "says that it happens" : "say that they happen"} in the future.`;
  }

  #notice(text, href, label) {
    const notice = this.querySelector(".late");
    notice.hidden = false;
    notice.replaceChildren(text, Object.assign(document.createElement("a"), { href, textContent: label }));
  }

  // Older pages are added in place, until the page holds as much as it can.

  async #older(event) {
    const link = event.target.closest("a[rel=next]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey || this.rows.full) return;
    event.preventDefault();
    if (link.getAttribute("aria-busy")) return;
    link.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(link.href);
      if (!answer.ok) throw new Error(answer.statusText);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      this.rows.append([...page.querySelectorAll(".rows > .row")]);
      this.querySelector(".older").replaceChildren(...page.querySelector(".older").childNodes);
    } catch {
      location.assign(link.href);
    }
  }

  // Rows fell off the end: the link below goes on from the last one left.
  #trimmed({ occurred, at }) {
    const url = new URL(location.href);
    url.searchParams.delete("after");
    if (this.dataset.order === "arrival") url.searchParams.set("after", at);
    else url.searchParams.set("until", justAfter(occurred));
    const link = Object.assign(document.createElement("a"), { href: url.href, rel: "next", textContent: "Older events" });
    this.querySelector(".older").replaceChildren(link);
  }
}

// `until` leaves its own moment out.
function justAfter(iso) {
  const micros = Number(iso.slice(-7, -1)) + 1;
  if (micros < 1e6) return `${iso.slice(0, -7)}${String(micros).padStart(6, "0")}Z`;
  return new Date(Date.parse(`${iso.slice(0, -8)}Z`) + 1000).toISOString().replace(".000Z", ".000000Z");
}

customElements.define("event-feed", EventFeed);
