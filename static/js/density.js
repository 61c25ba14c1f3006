// How high a row is: a choice that this browser remembers.
const KEY = "eventfeed.density";
const chosen = () => localStorage.getItem(KEY) ?? "comfortable";
const show = () => { document.documentElement.dataset.density = chosen(); };

for (const choice of document.querySelectorAll(".density")) {
  choice.hidden = false;
  choice.querySelector(`[value="${chosen()}"]`).checked = true;
  choice.addEventListener("change", (event) => {
    localStorage.setItem(KEY, event.target.value);
    show();
  });
}
show();
