"""What happened around an event: of everything, about its resource, and in its run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apps.events.models import Event
from apps.events.search import QueryTimeout, count
from apps.events.words import kind_of
from apps.feed.asked import link
from apps.feed.rows import ID, ROLE, iso
from apps.query import clause, display_name, parse
from apps.query.calendar import FIRST_MOMENT, LAST_MOMENT

NEAR = timedelta(minutes=5)
MOST_COUNTED = 1_000

# In these roles stands the run that an event is part of, the widest first.
RUNS = ("flow-run", "workflow-execution", "root", "parent", "run")


@dataclass(frozen=True)
class Around:
    """A link to events near in time, and how many they are: "" when counting takes too long."""

    about: str
    name: str
    href: str
    count: str


def around(event: Event) -> list[Around]:
    """Return links to what occurred within NEAR of an event, itself included."""
    since, until = span(event.occurred)
    found: list[Around] = []
    for about, name, asked in _asked(event):
        hopeless = bool(found) and not found[-1].count
        counted = "" if hopeless else _counted(asked, since, until)
        found.append(Around(about, name, near(event.occurred, asked), counted))
    return found


def _counted(asked: str, since: datetime | None, until: datetime | None) -> str:
    try:
        several = count(parse(asked), since=since, until=until, limit=MOST_COUNTED + 1)
    except QueryTimeout:
        return ""
    if several > MOST_COUNTED:
        return f"{MOST_COUNTED:,}+ events"
    return f"{several:,} event{'' if several == 1 else 's'}"


def _asked(event: Event) -> Iterator[tuple[str, str, str]]:
    """Yield about what, its name and the query."""
    yield "Everything", "", ""
    kind = kind_of(event.resource_id).text
    yield f"This {kind}", display_name(event.resource), clause("any", event.resource_id)
    if run := run_of(event):
        name = f"Its {kind_of(run[ID], run[ROLE]).text}"
        yield name, display_name(run), clause("any", run[ID])


def run_of(event: Event) -> Mapping[str, str] | None:
    """Return the related run that an event is part of, when it is about something smaller."""
    roles = {labels.get(ROLE): labels for labels in reversed(event.related)}
    runs = (roles[role] for role in RUNS if role in roles)
    return next((run for run in runs if run.get(ID, event.resource_id) != event.resource_id), None)


def near(moment: datetime, query: str = "") -> str:
    """Return the link to what occurred within NEAR of a moment, open where all times end."""
    since, until = span(moment)
    fields = {"since": iso(since) if since else "", "until": iso(until) if until else ""}
    return link({"q": query} | fields)


def span(moment: datetime) -> tuple[datetime | None, datetime | None]:
    moment = moment.astimezone(UTC)
    since = moment - NEAR if moment - FIRST_MOMENT >= NEAR else None
    until = moment + NEAR if LAST_MOMENT - moment >= NEAR else None
    return since, until
