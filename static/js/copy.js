// Copy buttons, shown only where a script can make them work.
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
  const { id, at } = button.closest(".event").dataset;
  const of = {
    id: () => id,
    link: () => new URL(`/events/${id}?at=${at}`, location.href).href,
    json: async () => (await fetch(`/api/events/${id}?at=${at}`)).text(),
  };
  return of[button.dataset.copy]();
}

export function wake(root) {
  for (const hidden of root.querySelectorAll(".copy[hidden], .copies[hidden]")) hidden.hidden = false;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.copy, button[data-copy]");
  if (button) copy(button, copied(button));
});
wake(document);
