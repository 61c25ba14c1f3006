// A link that filters by one value, or shows a column, starts anew; on the feed it adds to what is there.
const LINKS = "a[data-narrow], a[data-column]";

// Goes to the events that the query finds and this clause too.
export function narrow(added) {
  location.assign(narrowed(added));
}

// Lets the links of a row that came live do the same, as those do that came with the page.
export function refine(row) {
  for (const link of row.querySelectorAll("a[data-clause]")) link.href = narrowed(link.dataset.clause);
}

function narrowed(added) {
  const { query } = document.querySelector("event-feed").dataset;
  const asked = new URL(location.href);
  for (const name of ["after", "from", "to"]) asked.searchParams.delete(name);
  asked.searchParams.set("q", isAsked(added) ? query : `${grouped(query)} ${added}`.trim());
  return asked.href;
}

// Goes to the same list with one column more.
function widen(column) {
  const asked = new URL(location.href);
  const { columns } = document.querySelector("event-feed").dataset;
  asked.searchParams.set("columns", columns ? `${columns},${column}` : column);
  location.assign(asked.href);
}

const isAsked = (clause) => [...document.querySelectorAll(".chips code")].some((chip) => chip.textContent === clause);

// What comes after an OR would belong to its last part alone.
const grouped = (query) => (/(^|\s)OR(\s|$)/.test(query) ? `(${query})` : query);

document.addEventListener("click", (event) => {
  const link = event.target.closest(LINKS);
  const feed = document.querySelector("event-feed");
  if (!link || !feed || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  if (link.dataset.column) widen(link.dataset.column);
  else narrow(new URL(link.href).searchParams.get("q"));
}, { capture: true });
