// The list of rows: puts each where it belongs, never twice, and never more than a page can hold.
import { refine } from "./narrow.js";
import { showDays, showTimes } from "./times.js";

const MOST = 600;

export class Rows {
  #late = 0;
  #oldest = "";

  constructor(list, { arrival, older }) {
    this.list = list;
    this.arrival = arrival;
    this.older = older;
    this.known = new Set(this.rows.map((row) => row.dataset.at));
  }

  get rows() {
    return [...this.list.querySelectorAll(":scope > .row")];
  }

  get late() {
    return { count: this.#late, oldest: this.#oldest };
  }

  // Adds rows that came live; returns those that are new to the page.
  insert(rows) {
    const fresh = rows.filter((row) => !this.known.has(row.at));
    for (const row of fresh) this.#place(drawRow(row.html), row);
    this.#settle();
    return fresh;
  }

  gap(frame) {
    const item = draw(frame.html);
    item.dataset.at = frame.to;
    item.dataset.occurred = frame.last ?? "";
    this.list.prepend(item);
    showTimes(item);
    this.#settle();
  }

  // Adds the rows of an older page below.
  append(items) {
    for (const row of items) {
      if (this.known.has(row.dataset.at)) continue;
      this.known.add(row.dataset.at);
      this.list.append(row);
    }
    showTimes(this.list);
    showDays(this.list);
  }

  get full() {
    return this.known.size >= MOST;
  }

  #place(item, { at, occurred }) {
    const below = this.#below(item);
    if (!below && !this.arrival && this.older()) {
      this.#late += 1;
      this.#oldest = [this.#oldest || occurred, occurred].sort()[0];
      return;
    }
    this.known.add(at);
    item.classList.add("new");
    if (below) below.before(item);
    else this.list.append(item);
    showTimes(item);
  }

  // The first item that the new one stands above.
  #below(item) {
    for (const other of this.list.children) {
      if (other.dataset.at && this.#isAbove(item.dataset, other.dataset)) return other;
    }
    return null;
  }

  #isAbove(one, other) {
    if (!this.arrival && one.occurred !== other.occurred) return one.occurred > other.occurred;
    return isLater(one.at, other.at);
  }

  #settle() {
    const rows = this.rows;
    for (const row of rows.slice(MOST)) {
      this.known.delete(row.dataset.at);
      row.remove();
    }
    if (rows.length > MOST) {
      while (!this.list.lastElementChild.matches(".row")) this.list.lastElementChild.remove();
      this.list.dispatchEvent(new CustomEvent("trimmed", { bubbles: true, detail: rows[MOST - 1].dataset }));
    }
    showDays(this.list);
  }
}

function drawRow(html) {
  const row = draw(html);
  refine(row);
  return row;
}

export function draw(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  return template.content.firstElementChild;
}

function isLater(one, other) {
  const [, tx, seq] = one.split(".").map(Number);
  const [, otherTx, otherSeq] = other.split(".").map(Number);
  return tx > otherTx || (tx === otherTx && seq > otherSeq);
}
