// What the server draws of hidden characters in pages, for texts that a script puts there.
const HIDDEN = /([\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff])/;

export function visible(text) {
  const drawn = document.createDocumentFragment();
  String(text ?? "").split(HIDDEN).forEach((piece, place) => { if (piece) drawn.append(place % 2 ? sign(piece) : piece); });
  return drawn;
}

function sign(hidden) {
  const drawn = Object.assign(document.createElement("bdi"), { className: "sign", textContent: hidden });
  drawn.title = drawn.dataset.code = `U+${hidden.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
  return drawn;
}
