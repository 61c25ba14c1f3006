"""The filters over the list: they show what the text says, and their links change the text."""

from dataclasses import dataclass

from apps.feed.asked import Asked, chosen, toggle
from apps.query import Query
from apps.query.outcomes import OUTCOMES


@dataclass(frozen=True)
class OutcomeButton:
    word: str
    href: str
    chosen: bool


@dataclass(frozen=True)
class Filter:
    """A multi-select over one field of the query; `suggest` names what it suggests."""

    field: str
    title: str
    suggest: str
    hint: str
    chosen: tuple[str, ...] = ()


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
    return [Filter(f.field, f.title, f.suggest, f.hint, chosen(query, f.field)) for f in FILTERS]
