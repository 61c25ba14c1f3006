"""Counts, sizes and spans of time as people say them."""

from datetime import timedelta

SPANS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))
UNITS = ("bytes", "kB", "MB", "GB", "TB")


def count_in_words(count: float, one: str) -> str:
    return f"{count:,.0f} {one}{'' if count == 1 else 's'}"


def time_in_words(span: timedelta | float) -> str:
    """Say a span in its largest unit: “3 minutes”, “0.4 s”."""
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    for size, unit in SPANS:
        if abs(seconds) >= size:
            return count_in_words(round(seconds / size), unit)
    return f"{seconds:.1f} s" if abs(seconds) < 10 else f"{seconds:.0f} s"


def bytes_in_words(size: float) -> str:
    """Say a size by thousands: “1.4 MB”."""
    unit = 0
    while abs(size) >= 1000 and unit < len(UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:,.0f} {UNITS[unit]}" if unit == 0 or size >= 10 else f"{size:.1f} {UNITS[unit]}"
