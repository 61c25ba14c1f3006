// Times: the server writes UTC; here they can be read in local time, and days get their headings.
const KEY = "eventfeed.zone";
const local = () => localStorage.getItem(KEY) === "local";
const two = (number) => String(number).padStart(2, "0");

function parts(date) {
  const get = (name) => (local() ? date[`get${name}`]() : date[`getUTC${name}`]());
  return {
    day: `${String(get("FullYear")).padStart(4, "0")}-${two(get("Month") + 1)}-${two(get("Date"))}`,
    clock: `${two(get("Hours"))}:${two(get("Minutes"))}:${two(get("Seconds"))}`,
    millis: String(get("Milliseconds")).padStart(3, "0"),
  };
}

function zoneName() {
  if (!local()) return "UTC";
  const told = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" }).formatToParts(new Date());
  return told.find((part) => part.type === "timeZoneName").value;
}

const exact = (at) => `${at.day} ${at.clock}.${at.millis} ${zoneName()}`;

export function clock(iso) {
  return parts(new Date(iso)).clock;
}

export function day(iso) {
  return parts(new Date(iso)).day;
}

// Rewrites the times below `root`; what the server wrote is already right for UTC.
export function showTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = parts(new Date(time.dateTime));
    if (time.hasAttribute("data-full")) {
      time.textContent = exact(at);
    } else {
      time.textContent = at.clock;
      time.title = exact(at);
    }
  }
}

const heading = (iso) =>
  new Intl.DateTimeFormat("en-GB", {
    weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: local() ? undefined : "UTC",
  }).format(new Date(iso)).replace(",", "");

// Puts a heading wherever the day changes; rows of today need none at the top.
export function showDays(list) {
  let last = day(new Date().toISOString());
  for (const item of [...list.children]) {
    if (item.matches(".day")) {
      item.remove();
    } else if (item.matches(".row")) {
      const its = day(item.dataset.occurred);
      if (its !== last) item.before(dayHeading(item.dataset.occurred));
      last = its;
    }
  }
}

function dayHeading(iso) {
  const item = document.createElement("li");
  item.className = "day";
  item.append(Object.assign(document.createElement("h2"), { textContent: heading(iso) }));
  return item;
}

function showZone() {
  showTimes(document);
  document.querySelectorAll(".rows").forEach(showDays);
  for (const name of document.querySelectorAll("[data-zone-name]")) name.textContent = zoneName();
}

for (const zones of document.querySelectorAll(".zones")) {
  zones.hidden = false;
  zones.querySelector(`[value="${local() ? "local" : "utc"}"]`).checked = true;
  zones.querySelector("[data-local-zone]").textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;
  zones.addEventListener("change", (event) => {
    localStorage.setItem(KEY, event.target.value);
    showZone();
  });
}
if (local()) showZone();
