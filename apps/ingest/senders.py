"""What the sources page says of each sender, without a look into the log."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import Token
from apps.events.models import Event, Source, SourceSeen, current_log
from apps.events.words import system_title, words
from apps.ingest.recipes import RECIPES
from apps.query import clause, display_name

LATELY = timedelta(minutes=5)
DAY = timedelta(days=1)
MOST_REASONS = 3

RATES = """
    SELECT source_id,
        coalesce(sum(events) FILTER (WHERE minute >= %s), 0),
        sum(events)
    FROM source_minute WHERE minute >= %s AND source_id = ANY (%s) GROUP BY source_id
"""
REFUSED = """
    SELECT source_id, reason, count(*), max(id) FROM rejection
    WHERE received >= %s AND NOT stored AND source_id = ANY (%s)
    GROUP BY source_id, reason ORDER BY count(*) DESC, max(id) DESC
"""
HOURS = """
    SELECT source_id, width_bucket(extract(epoch FROM minute), %s, %s, 48), sum(events)
    FROM source_minute WHERE minute >= %s AND source_id = ANY (%s) GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Reason:
    """Why something was refused within a day, and how often."""

    text: str
    count: int
    newest: int


@dataclass(frozen=True)
class Sender:
    """A source as its row says it."""

    source: Source
    seen: SourceSeen | None
    last: Event | None
    lately: int
    today: int
    reasons: Sequence[Reason]
    tokens: Sequence[Token]
    spark: str

    @property
    def kind(self) -> str:
        recipe = RECIPES.get(self.source.kind)
        return recipe.title if recipe else system_title(self.source.system)

    @property
    def rate(self) -> str:
        """How much comes, by the minute where it is enough to say so."""
        minutes = LATELY.total_seconds() / 60
        if self.lately >= minutes:
            return f"{self.lately / minutes:,.0f} a minute"
        return f"{self.lately} in 5 minutes" if self.lately else ""

    @property
    def lag(self) -> str:
        """How long after it occurred an event arrives."""
        return "" if self.seen is None else lag_in_words(self.seen.lag)

    @property
    def refused(self) -> int:
        return sum(reason.count for reason in self.reasons)

    @property
    def refused_in_words(self) -> str:
        return f"{self.refused:,}"

    @property
    def today_in_words(self) -> str:
        return f"{self.today:,}"

    @property
    def events_in_words(self) -> str:
        count = self.seen.events if self.seen else 0
        return f"{count:,} event{'' if count == 1 else 's'}"

    @property
    def last_words(self) -> str:
        return words(self.last.event, self.last.resource).text if self.last else ""

    @property
    def last_link(self) -> str:
        return f"/events/{self.last.id}?at={self.last.at}" if self.last else ""

    @property
    def system(self) -> str:
        return system_title(self._system)

    @property
    def feed_link(self) -> str:
        """The feed of what it has sent."""
        return "/?" + urlencode({"q": clause("source", self.source.name)})

    @property
    def _system(self) -> str:
        return self.last.system if self.last else self.source.system


def senders(sources: Iterable[Source]) -> list[Sender]:
    """Return what is to say of these sources, in a handful of queries."""
    found = list(sources)
    ids = [source.id for source in found]
    now = timezone.now()
    rates = _rates(ids, now)
    reasons = _reasons(ids, now)
    tokens = _tokens([source.name for source in found])
    seen = {one.source_id: one for one in SourceSeen.objects.filter(source_id__in=ids)}
    last = _events(seen.values())
    sparks = _sparks(ids, now)
    return [
        Sender(
            source=source,
            seen=seen.get(source.id),
            last=last.get(source.id),
            lately=rates.get(source.id, (0, 0))[0],
            today=rates.get(source.id, (0, 0))[1],
            reasons=reasons[source.id],
            tokens=tokens[source.name],
            spark=sparks.get(source.id, ""),
        )
        for source in found
    ]


def _rates(ids: Sequence[int], now: datetime) -> dict[int, tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(RATES, [now - LATELY, now - DAY, list(ids)])
        return {id: (lately, today) for id, lately, today in cursor.fetchall()}


def _reasons(ids: Sequence[int], now: datetime) -> Mapping[int, list[Reason]]:
    reasons: dict[int, list[Reason]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(REFUSED, [now - DAY, list(ids)])
        for id, text, count, newest in cursor.fetchall():
            reasons[id].append(Reason(text, count, newest))
    return reasons


def _tokens(names: Sequence[str]) -> Mapping[str, list[Token]]:
    """Return the usable tokens whose events are filed under each name."""
    tokens: dict[str, list[Token]] = defaultdict(list)
    named = Q(source__in=names) | Q(source="", name__in=names)
    for token in Token.objects.usable().filter(named, scopes__overlap=["ingest", "admin"]):
        tokens[token.source or token.name].append(token)
    return tokens


def _events(seen: Iterable[SourceSeen]) -> dict[int, Event]:
    """Return the last event of each source; one whose partition has expired is left out."""
    places = [one.last_id for one in seen]
    found = Event.objects.filter(id__in=places).defer("payload", "related", "terms")
    events = {event.source_id: event for event in found.order_by("tx", "seq")}
    log = current_log()
    for event in events.values():
        event.log = log
    return events


def _sparks(ids: Sequence[int], now: datetime) -> dict[int, str]:
    """Return the points of a line for each source: a day in half hours, on a field of 96 by 20."""
    start = now - DAY
    counted: dict[int, dict[int, float]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(HOURS, [start.timestamp(), now.timestamp(), start, list(ids)])
        for id, bucket, count in cursor.fetchall():
            counted[id][bucket] = float(count)
    return {id: _line(of_source) for id, of_source in counted.items()}


def _line(counted: Mapping[int, float]) -> str:
    most = max(counted.values())
    heights = (counted.get(bucket, 0) / most for bucket in range(1, 49))
    return " ".join(f"{2 * x},{19 - 18 * height:.1f}" for x, height in enumerate(heights))


STEPS = ((86_400.0, "day", "days"), (3_600.0, "hour", "hours"), (60.0, "minute", "minutes"))


def lag_in_words(seconds: float) -> str:
    """Say seconds as people do; a sender whose clock is fast is ahead of us."""
    size = abs(seconds)
    for step, one, many in STEPS:
        if size >= step:
            count = round(size / step)
            said = f"{count:,} {one if count == 1 else many}"
            break
    else:
        said = f"{size:.1f} s" if size < 10 else f"{size:.0f} s"
    return f"{said} ahead" if seconds < -0.05 else said


def row_of(event: Event) -> dict[str, object]:
    """Return what the feed's own template of a row shows of an event."""
    occurred = event.occurred.astimezone(UTC)
    said = words(event.event, event.resource)
    return {
        "at": event.at,
        "iso": occurred.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "exact": f"{occurred:%Y-%m-%d %H:%M:%S} UTC",
        "clock": f"{occurred:%H:%M:%S}",
        "outcome": event.outcome_word,
        "href": f"/events/{event.id}?at={event.at}",
        "words": said.text,
        "kind": said.kind,
        "name": display_name(event.resource),
        "name_href": "/?" + urlencode({"q": clause("any", event.resource_id)}),
        "raw": event.event,
        "message": event.message,
        "system": system_title(event.system),
    }
