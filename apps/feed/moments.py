"""Times as links write them, `now-15m` or ISO, and ranges of them in words."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

RELATIVE = re.compile(r"now(?:-(\d{1,6})([smhd]))?", re.ASCII)
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
NAMED = {
    "now-15m": "Last 15 minutes",
    "now-1h": "Last hour",
    "now-24h": "Last 24 hours",
    "now-7d": "Last 7 days",
}
EVERYTHING = "Everything kept"


class BadMoment(ValueError):
    """The text is no time."""


def moment(text: str, now: datetime) -> datetime:
    """Return the time a link means; one without a zone is UTC. Raises BadMoment."""
    if relative := RELATIVE.fullmatch(text):
        return _before(now, *relative.groups())
    try:
        told = datetime.fromisoformat(text)
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadMoment(
            f"“{text[:80]}” is no time; write 2026-11-21T14:00 or now-15m, now-1h, now-7d."
        ) from error


def in_order(since: datetime | None, until: datetime | None) -> None:
    """Raise BadMoment for a range that ends before it begins."""
    if since and until and until < since:
        raise BadMoment(f"The range ends ({_field(until)}) before it begins ({_field(since)}).")


def _before(now: datetime, number: str | None, unit: str | None) -> datetime:
    if number is None or unit is None:
        return now
    try:
        return now - timedelta(**{UNITS[unit]: int(number)})
    except OverflowError as error:
        raise BadMoment(f"now-{number}{unit} is before all times.") from error


@dataclass(frozen=True)
class Range:
    """A span of times as the link wrote it, and as times."""

    since_text: str
    until_text: str
    since: datetime | None
    until: datetime | None

    @classmethod
    def read(cls, since: str, until: str, now: datetime) -> "Range":
        """Read both ends; raises BadMoment."""
        return cls(
            since,
            until,
            moment(since, now) if since else None,
            moment(until, now) if until else None,
        )

    @property
    def is_open(self) -> bool:
        return not self.since and not self.until

    @property
    def name(self) -> str:
        """What it is called, "" when only its ends say what it is."""
        if self.is_open:
            return EVERYTHING
        return "" if self.until else NAMED.get(self.since_text, "")

    @property
    def since_minute(self) -> str:
        return _field(self.since)[:16].replace("T", " ")

    @property
    def until_minute(self) -> str:
        return _field(self.until)[:16].replace("T", " ")

    @property
    def since_field(self) -> str:
        return _field(self.since)

    @property
    def until_field(self) -> str:
        return _field(self.until)


# Not strftime, which writes the year 1 without its zeros.
def _field(moment: datetime | None) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") if moment else ""


# Senders' clocks tell no less apart.
MOMENT = timedelta(milliseconds=1)


def ago(span: timedelta) -> str:
    """Return a duration in words, two units at most: “12 min 4 s”."""
    seconds = abs(span.total_seconds())
    if abs(span) < MOMENT:
        return "under 1 ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s".replace(".0 ", " ")
    for size, unit, smaller, small_unit in STEPS:
        if seconds >= size:
            whole, rest = divmod(round(seconds / smaller), size // smaller)
            return f"{whole} {unit} {rest} {small_unit}" if rest else f"{whole} {unit}"
    return f"{seconds:.0f} s"


STEPS = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))
