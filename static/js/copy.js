// Copy buttons and menus, shown only where a script can make them work.
async function copy(button, text) {
  const label = button.querySelector("span") ?? button;
  const before = label.textContent;
  try {
    await navigator.clipboard.writeText(await text);
    label.textContent = "Copied";
  } catch {
    label.textContent = "Could not copy";
  }
  setTimeout(() => { label.textContent = before; }, 1500);
}

function copied(button) {
  if (button.matches(".copy")) return button.closest("figure").querySelector("code").textContent;
  const menu = button.closest(".copies");
  const event = button.closest(".event");
  const of = event ? ofEvent(event.dataset, menu) : ofList(menu);
  return of[button.dataset.copy]();
}

const ofEvent = ({ id, at }, menu) => ({
  id: () => id,
  link: () => new URL(`/events/${id}?at=${at}`, location.href).href,
  json: () => read(`/api/events/${id}?at=${at}`),
  curl: async () => sending(JSON.parse(await read(`/api/events/${id}?at=${at}`)), menu),
});

const ofList = (menu) => ({
  link: () => location.href,
  json: () => read(inApi()),
  curl: () => ["curl -sS", ...token(menu), shell(inApi())].join(" "),
});

async function read(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.text();
}

// The list that is open, as the API gives it.
function inApi() {
  const asked = new URL("/api/events", location.href);
  const here = new URLSearchParams(location.search);
  for (const name of ["q", "since", "until", "order", "from", "to", "after"]) {
    if (here.get(name)) asked.searchParams.set(name, here.get(name));
  }
  return asked.href;
}

// What a sender says of an event; the rest is ours. Where it is stored already it is stored once.
const SENT = ["id", "occurred", "event", "resource", "related", "payload", "follows"];

function sending(told, menu) {
  const event = Object.fromEntries(SENT.filter((name) => told[name] != null).map((name) => [name, told[name]]));
  const type = "-H 'Content-Type: application/json'";
  const url = shell(new URL("/api/events", location.href).href);
  return ["curl -sS", url, ...token(menu), type, "-d", shell(JSON.stringify([event]))].join(" ");
}

const token = (menu) => (menu.hasAttribute("data-token") ? ['-H "Authorization: Bearer $EVENTFEED_TOKEN"'] : []);

const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;

export function wake(root) {
  for (const hidden of root.querySelectorAll(".copy[hidden], .copies[hidden]")) hidden.hidden = false;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.copy, button[data-copy]");
  if (button) copy(button, copied(button));
});
wake(document);
