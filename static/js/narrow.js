// A link that filters by one value starts a new query; on the feed it narrows the query that is there.
const LINKS = "a.pill:not(.more), .row a.name, .row .cells a, a[data-narrow]";

document.addEventListener("click", (event) => {
  const link = event.target.closest(LINKS);
  const feed = document.querySelector("event-feed");
  if (!link || !feed || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const asked = new URL(location.href);
  const added = new URL(link.href).searchParams.get("q");
  const query = feed.dataset.query;
  for (const name of ["after", "from", "to"]) asked.searchParams.delete(name);
  asked.searchParams.set("q", query.split(" ").includes(added) ? query : `${query} ${added}`.trim());
  event.preventDefault();
  location.assign(asked.href);
}, { capture: true });
