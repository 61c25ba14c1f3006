import { showTimes } from "./times.js";

// A test is shown in its place. One on the past goes on for a while: each piece of the answer says
// anew how it stands.
// Without a script the page comes back with what came of it.
const END = "\x1e";

function tryIn(form, button) {
  const place = document.getElementById(button.dataset.into);
  let running;

  async function run() {
    running?.abort();
    const own = running = new AbortController();
    const told = new FormData(form);
    told.set("part", "1");
    place.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(button.formAction, { method: "POST", body: told, signal: own.signal, redirect: "error" });
      if (!answer.ok) throw new Error(answer.statusText);
      await show(answer.body.pipeThrough(new TextDecoderStream()).getReader());
    } catch (error) {
      if (error.name === "AbortError") return;
      place.textContent = "The test broke off. Try it again.";
    }
    place.removeAttribute("aria-busy");
  }

  async function show(reader) {
    let rest = "";
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      const pieces = (rest + value).split(END);
      rest = pieces.pop();
      if (pieces.length) put(pieces.at(-1));
    }
    if (rest) put(rest);
  }

  function put(piece) {
    place.innerHTML = piece;
    showTimes(place);
  }

  button.addEventListener("click", (event) => {
    event.preventDefault();
    run();
  });
  // Enter in its own field is to try it, not to save.
  button.parentElement.querySelector("input")?.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    run();
  });
}

for (const button of document.querySelectorAll(".test [data-into]")) tryIn(button.form, button);
