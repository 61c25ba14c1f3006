"""Times as people type them: whole months and days, instants, and how long ago."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apps.query.calendar import LAST_MOMENT, shifted

_RELATIVE = re.compile(r"now(?:(?P<sign>[+-])(?P<number>\d{1,6})(?P<unit>[smhdw]))?", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_WRITTEN = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)(?:[tT ](?P<hour>\d\d)"
    r"(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<part>\d{1,6})\d*)?)?)?)?)?)?"
    r"(?P<zone>[zZ]|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)
_DAYS = {"today": 0, "yesterday": 1, "tomorrow": -1}


class NoMoment(ValueError):
    """The text is no time."""


@dataclass(frozen=True)
class Moment:
    """A time as it was typed: `2026-11` is a whole month, `now-15m` depends on when it is asked."""

    text: str

    @classmethod
    def read(cls, text: str) -> "Moment":
        """Return the time a text means; raises NoMoment."""
        moment = cls(text)
        moment.span(datetime.now(UTC))
        return moment

    @property
    def is_relative(self) -> bool:
        return bool(_RELATIVE.fullmatch(self.text)) or self.text in _DAYS

    @property
    def is_in_utc(self) -> bool:
        """Whether it is told by a clock or a calendar, and no zone says by whose."""
        found = _WRITTEN.fullmatch(self.text)
        return self.text in _DAYS or bool(found and not found["zone"])

    @property
    def preposition(self) -> str:
        """What stands before it in a sentence: something happens on a day, at an hour."""
        found = _WRITTEN.fullmatch(self.text)
        if not found:
            return "" if self.text in _DAYS else "at "
        return "at " if found["hour"] else "on " if found["day"] else "in "

    def span(self, now: datetime) -> tuple[datetime, datetime]:
        """Return its first instant and the first after it; the same one twice for an instant.

        Without a zone it is UTC.
        """
        try:
            return self._span(now)
        except (ValueError, OverflowError):
            raise NoMoment(self.text) from None

    def _span(self, now: datetime) -> tuple[datetime, datetime]:
        if found := _RELATIVE.fullmatch(self.text):
            at = _moved(now, found)
            return at, at
        if self.text in _DAYS:
            midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
            start = midnight - timedelta(days=_DAYS[self.text])
            return start, start + timedelta(days=1)
        if found := _WRITTEN.fullmatch(self.text):
            return _written(found)
        raise NoMoment(self.text)


def _moved(now: datetime, found: re.Match[str]) -> datetime:
    if not found["sign"]:
        return now
    away = timedelta(**{_UNITS[found["unit"]]: int(found["number"])})
    return shifted(now, away if found["sign"] == "+" else -away)


def _written(found: re.Match[str]) -> tuple[datetime, datetime]:
    parts = found.groupdict()
    given = [parts[name] for name in ("year", "month", "day", "hour", "minute", "second")]
    year, month, day, hour, minute, second = (
        int(text) if text else least for text, least in zip(given, (1, 1, 1, 0, 0, 0), strict=True)
    )
    part = parts["part"] or ""
    zone = _zone(parts["zone"])
    start = datetime(
        year, month, day, hour, minute, second, int(part.ljust(6, "0")) if part else 0, tzinfo=UTC
    )
    start = shifted(start, -zone)
    return start, _end(start, given, part, zone)


def _zone(text: str | None) -> timedelta:
    if not text or text in "zZ":
        return timedelta()
    hours, minutes = int(text[1:3]), int(text[3:].lstrip(":") or 0)
    if hours > 23 or minutes > 59:
        raise NoMoment(text)
    away = timedelta(hours=hours, minutes=minutes)
    return -away if text[0] == "-" else away


def _end(start: datetime, given: list[str | None], part: str, zone: timedelta) -> datetime:
    """Return where what was left unsaid ends: a year, a month, a day, a second, a millisecond."""
    said = sum(text is not None for text in given)
    if said == 6:
        return shifted(start, timedelta(microseconds=10 ** (6 - len(part)) if len(part) < 6 else 0))
    if said > 2:
        return shifted(
            start, (timedelta(days=1), timedelta(hours=1), timedelta(minutes=1))[said - 3]
        )
    local = shifted(start, zone)
    months = local.year * 12 + local.month - 1 + (12 if said == 1 else 1)
    if months // 12 > 9999:
        return LAST_MOMENT
    return shifted(local.replace(year=months // 12, month=months % 12 + 1), -zone)
