// Colours the query as it is typed: a copy lies under the text, which itself stays a plain input.
const FIELD = /(^|\s)([-!]?)((?:[\w.-]|"[^"]*")+:)|(^|\s)([-!])(?=\S)/g;

for (const place of document.querySelectorAll(".ink")) {
  const input = place.querySelector("input");
  const under = document.createElement("span");
  under.ariaHidden = "true";
  place.prepend(under);
  const draw = () => {
    under.replaceChildren(...inked(input.value));
    under.scrollLeft = input.scrollLeft;
  };
  for (const event of ["input", "scroll", "keyup", "focus", "blur"]) input.addEventListener(event, draw);
  draw();
}

function* inked(text) {
  let end = 0;
  for (const match of text.matchAll(FIELD)) {
    const [whole, space = "", not = "", field = "", otherSpace = "", alone = ""] = match;
    yield text.slice(end, match.index) + (space || otherSpace);
    yield coloured(`${not}${field}${alone}`, Boolean(not || alone));
    end = match.index + whole.length;
  }
  yield text.slice(end);
}

function coloured(text, negated) {
  const mark = document.createElement("i");
  mark.textContent = text;
  mark.classList.toggle("not", negated);
  return mark;
}
