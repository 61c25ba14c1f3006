import { showTimes } from "./times.js";

// The preview of a webhook follows what is typed; without a script there is a button.
const WAIT = 350;

function follow(form) {
  const place = form.querySelector("#preview");
  let timer;
  let asking;

  async function ask() {
    asking?.abort();
    asking = new AbortController();
    place.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.dataset.preview, { method: "POST", body: new FormData(form), signal: asking.signal });
      if (answer.ok) {
        place.innerHTML = await answer.text();
        showTimes(place);
      }
    } catch (error) {
      if (error.name === "AbortError") return;
    }
    place.removeAttribute("aria-busy");
  }

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT);
  });
  form.querySelector("[name=preview]").hidden = true;
}

for (const form of document.querySelectorAll("form[data-preview]")) follow(form);
