// Pinned views in the navigation: how many events are new in each, asked after the page and while it is seen.
const EVERY = 10000;
const pins = [...document.querySelectorAll(".nav [data-view]")];
const open = document.querySelector(".nav [data-view][aria-current]")?.dataset.view ?? "";
const numbers = new Intl.NumberFormat("en");
let timer = 0;

async function ask() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    const answer = await fetch(`/views/counts?looking=${open}`);
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
  // A page that is left may have been looked at since the last time it asked.
  addEventListener("pageshow", ask);
}
