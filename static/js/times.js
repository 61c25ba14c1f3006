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

// Of the day that is shown: summer has another than winter.
function zoneName(date = new Date()) {
  if (!local()) return "UTC";
  const told = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" }).formatToParts(date);
  return told.find((part) => part.type === "timeZoneName").value;
}

export function exact(iso) {
  const date = new Date(iso);
  const at = parts(date);
  return `${at.day} ${at.clock}.${at.millis} ${zoneName(date)}`;
}

export function clock(iso) {
  return parts(new Date(iso)).clock;
}

export function day(iso) {
  return parts(new Date(iso)).day;
}

const minute = (iso) => `${day(iso)} ${clock(iso).slice(0, 5)}`;

// Rewrites the times below `root`; what the server wrote is already right for UTC.
export function showTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    if (time.hasAttribute("data-full")) {
      time.textContent = exact(time.dateTime);
    } else {
      time.textContent = time.hasAttribute("data-minute") ? minute(time.dateTime) : clock(time.dateTime);
      time.title = exact(time.dateTime);
    }
  }
  for (const name of root.querySelectorAll("[data-zone-name]")) name.textContent = zoneName();
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
}

// The form of a range: in the zone that is shown, while the address keeps to UTC.

const ends = () => [...document.querySelectorAll(".custom input[type=datetime-local]")];
const instant = (text) => text && new Date(local() ? text : `${text}Z`).toISOString();
const typed = (iso) => iso && `${day(iso)}T${clock(iso)}`;

for (const form of document.querySelectorAll("form.custom")) {
  form.addEventListener("formdata", ({ formData }) => {
    for (const { name, value } of ends()) if (local() && value) formData.set(name, instant(value).replace(".000Z", "Z"));
  });
}

for (const zones of document.querySelectorAll(".zones")) {
  zones.hidden = false;
  zones.querySelector(`[value="${local() ? "local" : "utc"}"]`).checked = true;
  zones.querySelector("[data-local-zone]").textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;
  zones.addEventListener("change", (event) => {
    const instants = ends().map(({ value }) => instant(value));
    localStorage.setItem(KEY, event.target.value);
    ends().forEach((input, place) => { input.value = typed(instants[place]); });
    showZone();
  });
}
if (local()) {
  for (const input of ends()) input.value = input.value && typed(`${input.value}Z`);
  showZone();
}
