// Single keys. Who speaks to the browser, or meets keys by mistake, switches them off (WCAG 2.1.4).
import { narrow } from "./narrow.js";

const KEY = "eventfeed.shortcut";
const box = document.querySelector("#q");
const feed = document.querySelector("event-feed");
const drawer = document.querySelector("event-drawer");

const KEYS = {
  "/": ["Go to the search box", toBox],
  j: ["Next row", () => move(1)],
  k: ["Row before", () => move(-1)],
  Enter: ["Open the row's event"],
  Escape: ["Close what is open, leave the row", leave],
  e: ["Only events with the row's event name", () => narrowBy(eventOf)],
  E: ["Only events about the row's resource", () => narrowBy(resourceOf)],
  x: ["Without events with the row's event name", () => narrowBy(eventOf, "-")],
  X: ["Without events about the row's resource", () => narrowBy(resourceOf, "-")],
  p: ["Pause, or go on live", () => feed?.querySelector(".live:not([hidden], [data-state=off])")?.click()],
  "?": ["These keys", () => help.showModal()],
};
const NAMES = { E: "Shift e", X: "Shift x", Escape: "Esc" };
// What every page of a browser does anyway is never switched off.
const ALWAYS = ["Enter", "Escape"];

const on = () => localStorage.getItem(KEY) !== "off";
const help = document.createElement("dialog");

// The row that is chosen is the row in focus, or the one that is open beside the list.
const chosen = () => document.activeElement.closest?.(".row") ?? document.querySelector(".row[aria-current]");

function move(step) {
  const rows = [...(feed?.querySelectorAll(".rows > .row") ?? [])];
  const row = rows[rows.indexOf(chosen()) + step] ?? (chosen() ? null : rows[0]);
  if (!row) {
    if (step > 0) feed?.querySelector(".older a")?.focus();
    return;
  }
  feed.hold?.(true);
  row.scrollIntoView({ block: "nearest" });
  const link = row.querySelector("a.words");
  link.focus({ preventScroll: true });
  if (!drawer.hidden) drawer.open(link.href);
}

function leave() {
  if (!document.activeElement.closest(".row")) return;
  document.activeElement.blur();
  feed.hold?.(false);
}

function narrowBy(clauseOf, not = "") {
  const row = chosen();
  if (row) narrow(not + clauseOf(row));
  else feed?.status?.answer("Choose a row first: j goes to the next, k to the one before.");
}

const eventOf = (row) => `event:${row.querySelector(".words").dataset.event}`;
const resourceOf = (row) => row.querySelector("a.name").dataset.clause;

function toBox() {
  box?.focus();
  box?.setSelectionRange(box.value.length, box.value.length);
}

// What is said about them

function draw() {
  help.className = "help";
  help.ariaLabel = "Keys";
  help.innerHTML = `<form method="dialog"><header><h2>Keys</h2><button class="icon" title="Close (Esc)"><svg aria-hidden="true"><use href="#close"/></svg><span class="unseen">Close</span></button></header><dl></dl><div class="keys"><label><input type="checkbox"> Single keys</label><small>Switched off, letters and signs do nothing.</small></div></form>`;
  for (const [key, [says]] of Object.entries(KEYS)) {
    const name = document.createElement("dt");
    name.append(...(NAMES[key] ?? key).split(" ").map((one) => Object.assign(document.createElement("kbd"), { textContent: one })));
    help.querySelector("dl").append(name, Object.assign(document.createElement("dd"), { textContent: says }));
  }
  document.body.append(help);
}

function show() {
  for (const hint of document.querySelectorAll(".query kbd")) hint.hidden = !on();
  for (const choice of document.querySelectorAll(".keys input")) choice.checked = on();
}

function press(event) {
  const act = KEYS[event.key]?.[1];
  const typing = event.target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
  if (!act || typing || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (help.open || !(on() || ALWAYS.includes(event.key))) return;
  if (event.key !== "Escape") event.preventDefault();
  act();
}

draw();
show();
for (const keys of document.querySelectorAll(".keys")) {
  keys.hidden = false;
  keys.querySelector("input").addEventListener("change", (event) => {
    localStorage.setItem(KEY, event.target.checked ? "on" : "off");
    show();
  });
  keys.querySelector("[data-keys]")?.addEventListener("click", () => help.showModal());
}
document.addEventListener("keydown", press);
