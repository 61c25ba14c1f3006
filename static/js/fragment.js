// A part of the page that is counted by the server after the rows are there, and may fail alone.

// Answers are refused with words, too: what matters is that it is a fragment and not a sign-in page.
export async function fragment(href, more = {}) {
  const url = new URL(href, location.href);
  url.searchParams.set("part", "1");
  for (const [name, value] of Object.entries(more)) if (value) url.searchParams.set(name, value);
  const answer = await fetch(url, { redirect: "error" });
  const text = await answer.text();
  if (answer.status >= 500 && answer.status !== 503) throw new Error(answer.statusText);
  return new DOMParser().parseFromString(`<template>${text}</template>`, "text/html").querySelector("template").content;
}

// What stands where a fragment could not be had.
export function failing(say) {
  const told = Object.assign(document.createElement("p"), { className: "failing", textContent: `${say} ` });
  const again = Object.assign(document.createElement("button"), { type: "button", textContent: "Try again" });
  again.dataset.again = "";
  told.append(again);
  return told;
}

// Rows first: what is counted waits until the page has nothing better to do.
export function whenIdle(task) {
  if ("requestIdleCallback" in window) requestIdleCallback(task, { timeout: 1000 });
  else setTimeout(task, 50);
}
