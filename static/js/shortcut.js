// “/” goes to the search box; a key of a single letter must be one that can be switched off.
const KEY = "eventfeed.shortcut";
const on = () => localStorage.getItem(KEY) !== "off";
const box = document.querySelector("#q");

function show() {
  for (const hint of document.querySelectorAll(".query kbd")) hint.hidden = !on();
}

for (const keys of document.querySelectorAll(".keys")) {
  const choice = keys.querySelector("input");
  keys.hidden = false;
  choice.checked = on();
  choice.addEventListener("change", () => {
    localStorage.setItem(KEY, choice.checked ? "on" : "off");
    show();
  });
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || !box || !on() || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  box.focus();
});
show();
