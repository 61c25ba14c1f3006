"""The filters over the list: they show what the text says, and their links change the text."""

from dataclasses import dataclass, replace

from apps.feed.asked import Asked, chosen, toggle
from apps.query import Query
from apps.query.outcomes import OUTCOMES
from apps.resources.models import Resource


@dataclass(frozen=True)
class OutcomeButton:
    word: str
    href: str
    chosen: bool


@dataclass(frozen=True)
class Chosen:
    text: str
    name: str


@dataclass(frozen=True)
class Filter:
    """A multi-select over one field of the query; `suggest` names what it suggests."""

    field: str
    title: str
    suggest: str
    hint: str
    chosen: tuple[Chosen, ...] = ()


FILTERS = (
    Filter("any", "Resource", "resource", "A resource's name or id"),
    Filter("event", "Event", "event", "A name, or prefect.flow-run.*"),
)
FIELDS = {filter.field for filter in FILTERS}


def outcome_buttons(asked: Asked, query: Query) -> list[OutcomeButton]:
    values = chosen(query, "outcome")
    return [
        OutcomeButton(word, asked.link(q=toggle(query, "outcome", word)), word in values)
        for word in OUTCOMES
    ]


def filters(query: Query) -> list[Filter]:
    return [replace(filter, chosen=_named(chosen(query, filter.field))) for filter in FILTERS]


def _named(values: tuple[str, ...]) -> tuple[Chosen, ...]:
    """Return the values with the names of those that are ids of known resources."""
    if not values:
        return ()
    names = dict(Resource.objects.filter(id__in=values).values_list("id", "display_name"))
    return tuple(Chosen(value, names.get(value, value)) for value in values)
