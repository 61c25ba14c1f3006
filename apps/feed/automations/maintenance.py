"""Windows of maintenance as lines of a field: “Sat Sun 22:00-06:00 Europe/Berlin”."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django import forms

from apps.automations.manners import BadMaintenance, read_maintenance

JSON = dict[str, Any]

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LINE = re.compile(
    r"(?P<days>(?:[A-Za-z]{3,9}(?:\s*-\s*[A-Za-z]{3,9})?[\s,]+)*)"
    r"(?P<start>\d{1,2}:\d{2})\s*(?:-|–|to|until)\s*(?P<end>\d{1,2}:\d{2})"
    r"(?:\s+(?P<zone>\S+))?"
)
HOW = "Write a line such as “Sat Sun 22:00-06:00 Europe/Berlin”."


class MaintenanceField(forms.CharField):
    """Lines of windows; its value is their JSON."""

    def __init__(self, **options: Any) -> None:
        placeholder = "Mon-Fri 22:00-06:00 Europe/Berlin"
        widget = forms.Textarea(
            attrs={"rows": 2, "spellcheck": "false", "placeholder": placeholder}
        )
        super().__init__(required=False, widget=widget, max_length=5_000, **options)

    def clean(self, value: Any) -> Any:
        lines = filter(None, map(str.strip, super().clean(value).splitlines()))
        return [_window(line) for line in lines]


def lines_of(windows: Iterable[JSON]) -> str:
    """Write windows as the field shows them."""
    return "\n".join(_line(window) for window in windows)


def _window(line: str) -> JSON:
    found = LINE.fullmatch(line)
    if not found:
        raise forms.ValidationError(f"“{line[:80]}” is no window. {HOW}")
    days = _days(found["days"])
    window: JSON = {"weekdays": days} if days else {}
    window |= {name: found[group].zfill(5) for name, group in TIMES.items()}
    if found["zone"]:
        window["zone"] = found["zone"]
    try:
        read_maintenance([window])
    except BadMaintenance as wrong:
        raise forms.ValidationError(f"“{line[:80]}”: {wrong.say}") from wrong
    return window


TIMES = {"from": "start", "until": "end"}


def _days(text: str) -> list[int]:
    """Read `Mon-Fri, Sun` as weekdays; from Sat to Mon it goes over the end of the week."""
    days: set[int] = set()
    for first, last in re.findall(r"([A-Za-z]+)(?:\s*-\s*([A-Za-z]+))?", text):
        start, end = _day(first), _day(last or first)
        days |= {(start + n) % 7 for n in range((end - start) % 7 + 1)}
    return sorted(days)


def _day(text: str) -> int:
    try:
        return DAYS.index(text[:3].title())
    except ValueError:
        raise forms.ValidationError(f"“{text[:20]}” is no weekday. {HOW}") from None


def _line(window: JSON) -> str:
    days = " ".join(DAYS[day] for day in window.get("weekdays", []))
    times = f"{window['from'][:5]}-{window['until'][:5]}"
    return " ".join(filter(None, (days, times, window.get("zone"))))
