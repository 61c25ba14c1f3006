"""Spans of time as a person writes them, “10 min”, and as seconds."""

from __future__ import annotations

import re
from typing import Any

from django import forms

UNITS = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}
SPELLINGS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3_600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "week", "weeks"), 604_800),
}
PIECE = re.compile(r"\s*(\d{1,9}(?:\.\d{1,3})?)\s*([a-z]*)\s*,?", re.ASCII)
LONGEST = 366 * 86_400
HOW = "Write a span such as 30 s, 10 min, 2 h or 1 d."


class BadSpan(ValueError):
    """The text is no span of time."""


def seconds_in(text: str) -> float:
    """Return the seconds that `10 min` or `1 h 30 min` means; a bare number is seconds.

    Raises BadSpan.
    """
    rest, total = text.strip().lower(), 0.0
    if not rest:
        raise BadSpan(HOW)
    while rest:
        piece = PIECE.match(rest)
        unit = SPELLINGS.get(piece[2] or "s") if piece else None
        if piece is None or unit is None:
            raise BadSpan(f"“{text.strip()[:40]}” is no span of time. {HOW}")
        total += float(piece[1]) * unit
        rest = rest[piece.end() :]
    if total > LONGEST:
        raise BadSpan("Write at most a year.")
    return total


def span_of(seconds: float) -> str:
    """Write seconds as a field shows them: `1 h 30 min`."""
    if seconds != int(seconds):
        return f"{seconds:g} s"
    left, pieces = int(seconds), []
    for unit, size in UNITS.items():
        count, left = divmod(left, size)
        if count:
            pieces.append(f"{count} {unit}")
    return " ".join(pieces) or "0 s"


class SpanField(forms.CharField):
    """A span of time as text; its value is in seconds, None when it may be left empty and is."""

    def __init__(self, *, least: float = 0, **options: Any) -> None:
        self.least = least
        options.setdefault("max_length", 40)
        widget = forms.TextInput(
            attrs={"size": 8, "autocomplete": "off", "spellcheck": "false", "class": "span"}
        )
        super().__init__(widget=widget, **options)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            seconds = seconds_in(text)
        except BadSpan as wrong:
            raise forms.ValidationError(str(wrong)) from wrong
        if seconds < self.least:
            raise forms.ValidationError(f"Write at least {span_of(self.least)}.")
        return seconds
