import { showTimes } from "./times.js";

// The preview of a form follows what is typed; without a script there is a button.
const WAIT = 350;

function follow(form) {
  const place = form.querySelector("#preview");
  let timer;
  let asking;
  const touched = new Set();

  async function ask() {
    asking?.abort();
    asking = new AbortController();
    place.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.dataset.preview, { method: "POST", body: new FormData(form), signal: asking.signal });
      if (answer.ok) {
        place.innerHTML = await answer.text();
        showTimes(place);
        if ("mistakes" in form.dataset) sortMistakes();
      }
    } catch (error) {
      if (error.name === "AbortError") return;
    }
    place.removeAttribute("aria-busy");
  }

  // A mistake stands beside its field, once somebody has been there.
  function sortMistakes() {
    for (const field of touched) field.closest(".field")?.querySelectorAll(".wrong").forEach((one) => one.remove());
    for (const mistake of place.querySelectorAll("[data-beside]")) {
      const field = document.getElementById(mistake.dataset.beside);
      if (!field) continue;
      mistake.remove();
      if (!touched.has(field)) continue;
      mistake.querySelector("span").remove();
      field.closest(".field")?.append(mistake);
    }
    for (const field of touched) field.closest(".field")?.classList.toggle("mistaken", Boolean(field.closest(".field").querySelector(".wrong")));
  }

  form.addEventListener("change", (event) => { touched.add(event.target); });
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT);
  });
  form.querySelector("[name=preview]").hidden = true;
  if ([...form.elements].some(isChanged)) ask();
}

// What was typed before the script came, or was restored by the browser, counts too.
function isChanged(field) {
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.options) return [...field.options].some((one) => one.defaultSelected && !one.selected);
  return field.defaultValue !== undefined && field.value !== field.defaultValue;
}

for (const form of document.querySelectorAll("form[data-preview]")) follow(form);
