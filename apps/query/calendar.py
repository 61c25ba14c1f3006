"""Moving in time without falling off: nothing is before the year 1 or after the year 9999."""

from datetime import UTC, datetime, timedelta

FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)
LAST_MOMENT = datetime.max.replace(tzinfo=UTC)


def shifted(moment: datetime, by: timedelta) -> datetime:
    """Return the moment so much later or earlier, or the end of all times that lies there."""
    try:
        return moment + by
    except OverflowError:
        return LAST_MOMENT if by > timedelta() else FIRST_MOMENT
