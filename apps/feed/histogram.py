"""The histogram above the rows: bars drawn by the server, and the same as a table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.events.counting import BadField, Histogram, QueryTimeout, Series, histogram, label_of
from apps.events.words import system_title
from apps.feed.asked import Asked
from apps.feed.facets import EMPTY, estimate_of
from apps.feed.rows import exact, iso
from apps.feed.within import Within
from apps.query import QueryError, parse
from apps.query.calendar import shifted

COLUMNS = ("outcome", "event", "source", "system")
TICKS = 5
# Days that are named below the bars, on a phone too; and the part of it in which a name is cut.
MOST_DAYS = 8
EDGE = 0.04
HATCHED = {"failed": 45, "waiting": -45}
UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
# Parts of a bucket's width that its bar takes, and of the height that the highest one does.
WIDTH, HEIGHT = 0.86, 96.0
# Nothing lies further back than this, so a view from afar ends here.
WIDEST = timedelta(days=3_660)


@dataclass(frozen=True)
class Key:
    """A series in the legend."""

    name: str
    events: str
    outcome: str
    place: int

    @property
    def hatched(self) -> int:
        """The angle of its stripes; 0 for the plain ones, so that colour is not alone."""
        return HATCHED.get(self.outcome, 0) if self.outcome else (0, 45, 0, -45)[self.place % 4]


@dataclass(frozen=True)
class Rect:
    """A piece of a bar, in percent of the drawing."""

    key: Key
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True)
class Bar:
    since: str
    until: str
    x: str
    width: str
    title: str
    rects: list[Rect]
    counts: list[int]
    exact: str
    events: int
    href: str


@dataclass(frozen=True)
class Tick:
    x: str
    iso: str
    text: str
    anchor: str


@dataclass(frozen=True)
class Drawing:
    """What the template shows of a histogram."""

    events: str
    """“1 event”, “12,345 events”."""
    most: str
    every: str
    keys: list[Key]
    bars: list[Bar]
    ticks: list[Tick]
    of_days: bool
    estimate: str
    by: str


@require_safe
def draw(request: HttpRequest) -> HttpResponse:
    """Answer the histogram of what the feed page asks, as a part of it or as a page."""
    now = timezone.now()
    template = "feed/_histogram.html" if "part" in request.GET else "feed/histogram.html"
    try:
        asked = Asked.read(request.GET, now)
        query = parse(asked.text)
        by = by_of(request.GET)
        since, until = asked.range.since, asked.range.until
        found = histogram(query, since=since, until=until, by=by, now=now)
    except QueryTimeout:
        say = "The histogram takes too long to count. The rows are not affected."
        return render(request, template, {"error": say}, status=503)
    except (BadField, QueryError, ValueError) as error:
        return render(request, template, {"error": str(error)}, status=400)
    told = {
        "drawing": drawing_of(asked, found),
        "asked": asked,
        "within": Within.of(asked, query, now),
        "by": COLUMNS,
        "key": label_of(by),
        "wider": wider(asked, found, now),
    }
    return render(request, template, told)


def by_of(url: QueryDict) -> str:
    """Read what to stack by; the form says a label as `by=label&label=KEY`."""
    by = url.get("by") or COLUMNS[0]
    return f"label.{url.get('label', '').strip()}" if by == "label" else by


def drawing_of(asked: Asked, found: Histogram) -> Drawing:
    starts = found.starts
    keys = [key_of(found.by, series, place) for place, series in enumerate(found.series)]
    sums = [sum(counts) for counts in zip(*(one.counts for one in found.series), strict=True)]
    sums = sums or [0] * len(starts)
    most = max(sums, default=0)
    of_days = found.step * len(starts) > timedelta(days=2)
    return Drawing(
        events=f"{found.events:,} event{'' if found.events == 1 else 's'}",
        most=f"{most:,}",
        every=in_words(found.step),
        keys=keys,
        bars=[
            bar(asked, found, keys, at, start, most, sums[at]) for at, start in enumerate(starts)
        ],
        ticks=list(ticks(starts, of_days=of_days)),
        of_days=of_days,
        estimate=estimate_of(found.sample),
        by=found.by,
    )


def key_of(by: str, series: Series, place: int) -> Key:
    value = series.value
    name = "others" if series.rest else "without it" if value is None else value
    if by == "system" and value is not None:
        name = system_title(value)
    name = name or EMPTY
    outcome = value or "" if by == "outcome" else ""
    return Key(name, f"{series.events:,}", outcome, min(place, 8))


def bar(
    asked: Asked,
    found: Histogram,
    keys: list[Key],
    at: int,
    start: datetime,
    most: int,
    events: int,
) -> Bar:
    share = 100 / len(found.starts)
    x, width = at * share, share * WIDTH
    counts = [one.counts[at] for one in found.series]
    rects, top = [], 100.0
    # What has failed stands at the bottom, where bars can be compared.
    for key, count in zip(keys, counts, strict=True):
        if count:
            height = HEIGHT * count / most
            top -= height
            rects.append(Rect(key, percent(x), percent(top), percent(width), percent(height)))
    said = [f"{count:,} {key.name}" for key, count in zip(keys, counts, strict=True) if count]
    end = shifted(start, found.step)
    return Bar(
        since=instant(start),
        until=instant(end),
        x=percent(x),
        width=percent(share),
        title=", ".join(said) or "nothing",
        rects=rects,
        counts=counts,
        exact=exact(start),
        events=events,
        href=asked.link(since=instant(start), until=instant(end)),
    )


def ticks(starts: list[datetime], *, of_days: bool) -> list[Tick]:
    places = days(starts) if of_days else regular(starts)
    return [
        Tick(
            x=percent(100 * at / len(starts)),
            iso=iso(starts[at]),
            text=f"{starts[at]:%m-%d}" if of_days else f"{starts[at]:%H:%M}",
            anchor="start" if at < EDGE * len(starts) else "middle",
        )
        for at in places
    ]


def regular(starts: list[datetime]) -> range:
    every = max(1, len(starts) // TICKS)
    return range(0, len(starts) - every // 2, every)


def days(starts: list[datetime]) -> list[int]:
    """Return where days begin, each or each so many of them, so that none is left out."""
    begin = [at for at, start in enumerate(starts) if (start.hour, start.minute) == (0, 0)]
    every = ceil(len(begin) / MOST_DAYS) or 1
    return [at for at in begin[::every] if at < (1 - EDGE) * len(starts)]


def wider(asked: Asked, found: Histogram, now: datetime) -> str:
    """Return the link to three times the range, which ends now where it did before."""
    since, until = found.range
    assert since is not None
    assert until is not None
    span = until - since
    if span > WIDEST:
        return ""
    later = shifted(until, span)
    ends_now = later >= now
    first = max(shifted(since, -span * (2 if ends_now else 1)), now - WIDEST)
    return asked.link(since=instant(first), until="" if ends_now else instant(later))


def in_words(step: timedelta) -> str:
    """Say the length of a bucket: “15 minutes”, “1 hour”."""
    seconds = int(step.total_seconds())
    size, unit = next((size, unit) for size, unit in UNITS if seconds % size == 0)
    number = seconds // size
    return f"{number} {unit}{'' if number == 1 else 's'}"


def instant(moment: datetime) -> str:
    """Write a time as short as a link can hold it."""
    return iso(moment).replace(".000000Z", "Z")


def percent(number: float) -> str:
    return f"{number:.2f}%"
