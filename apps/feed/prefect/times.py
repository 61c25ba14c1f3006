"""Times as Prefect's models read them: wider than RFC 3339, which is all that msgspec reads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Self

# Seconds since 1970 from here on are milliseconds, as pydantic has it.
MILLISECONDS = 2e10


class Moment:
    """A time in UTC: read of ISO 8601, of a date alone, or of seconds since 1970."""

    def __init__(self, utc: datetime) -> None:
        self.utc = utc

    @classmethod
    def read(cls, value: Any) -> Self:
        """Read what was JSON; raises ValueError."""
        try:
            return cls(_utc(_told(value)))
        except (ValueError, OverflowError, OSError):
            raise ValueError("Expected a time, such as 2026-11-21T12:00:00Z") from None


def read_moment(type: type[Any], value: Any) -> Any:
    """Read for msgspec the one type that it does not know; raises ValueError."""
    if type is Moment:
        return Moment.read(value)
    raise NotImplementedError(type)


def write_moment(value: Any) -> str:
    """Write for msgspec what `read_moment` reads."""
    if isinstance(value, Moment):
        return value.utc.isoformat()
    raise NotImplementedError(type(value))


def _told(value: Any) -> datetime:
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value if abs(value) < MILLISECONDS else value / 1000
        return datetime.fromtimestamp(seconds, UTC)
    raise ValueError


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:  # in the first and the last year another zone can leave the calendar
        return moment.replace(tzinfo=UTC)
