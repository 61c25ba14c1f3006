// Pinned views in the navigation: how many events are new in each, asked after the page and while it is seen.
const EVERY = 10000;
const pins = [...document.querySelectorAll(".nav [data-view]")];
const open = document.querySelector(".nav [data-view][aria-current]")?.dataset.view ?? "";
const COUNTS = `/views/counts?looking=${open}`;
const numbers = new Intl.NumberFormat("en");
let timer = 0;

async function ask() {
  clearTimeout(timer);
  if (document.hidden) {
    // Also when the page is left: up to here the open one was looked at.
    if (open) fetch(COUNTS, { keepalive: true }).catch(() => {});
    return;
  }
  try {
    const answer = await fetch(COUNTS);
    if (answer.ok) show((await answer.json()).counts);
  } catch {
    // The server is away; it is asked again.
  }
  timer = setTimeout(ask, EVERY);
}

function show(counts) {
  for (const pin of pins) {
    const fresh = counts[pin.dataset.view];
    const mark = pin.querySelector(".fresh");
    // What is open is being looked at.
    mark.hidden = !fresh?.count || pin.dataset.view === open;
    mark.querySelector("span").textContent = fresh ? `${numbers.format(fresh.count)}${fresh.more ? "+" : ""}` : "";
  }
}

if (pins.length) {
  document.addEventListener("visibilitychange", ask);
  // Now, and when going back to it.
  addEventListener("pageshow", ask);
}
