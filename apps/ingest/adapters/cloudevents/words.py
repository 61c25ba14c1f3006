"""How CloudEvents are told: their types are anybody's, so they are told by their own parts."""

import re
from collections.abc import Mapping
from functools import lru_cache

from apps.events.words import (
    ANYTHING_ICON,
    UNKNOWN_GROUP,
    Kind,
    Words,
    owner_of,
    register,
    sentence_case,
    spelled,
)
from apps.ingest.adapters.cloudevents.draft import VERSION, outcome_of

SUBJECT = "cloudevents.subject."
TYPE, ABOUT = "ce.type", "ce.subject"
# What a type begins with that is a domain, read from its end: `com.acme.order.placed`.
DOMAINS = {"ai", "app", "cloud", "co", "com", "de", "dev", "eu", "io", "net", "org"}
PLACE = re.compile(r"^[a-z][a-z0-9+.-]*://[^/]*", re.IGNORECASE)
SEPARATORS = re.compile(r"[./:#]+")
# `storage object`, of however many words.
MOST_WORDS = 2
LONGEST = 40


def tell(event: str, labels: Mapping[str, str]) -> Words:
    """Tell an event by its type: `com.acme.order.placed` is “Order placed” of an order."""
    return _told(event, labels.get(ABOUT, "").partition("/")[0])


@lru_cache(maxsize=4096)
def _told(type: str, group: str) -> Words:
    parts = parts_of(type)
    text = sentence_case(spelled(" ".join(parts))) or type
    kind = _thing(parts, group) or "subject"
    return Words(text, UNKNOWN_GROUP, kind, ANYTHING_ICON, outcome_of(type), owner=owner_of(type))


def parts_of(type: str) -> list[str]:
    """Return what a type says, without who says it and in which version."""
    parts = [part for part in SEPARATORS.split(PLACE.sub("", type)) if part]
    while len(parts) > 1 and VERSION.fullmatch(parts[-1]):
        parts.pop()
    is_domain = parts and parts[0].lower() in DOMAINS and len(parts) > 3
    said_by = 2 if is_domain else 1 if len(parts) > 2 else 0
    return parts[said_by:]


def _thing(parts: list[str], group: str) -> str:
    """Say what it happened to: `order` of `orders/17`, else what stands before what happened."""
    things = [spelled(part) for part in parts[:-1]]
    named = spelled(group)
    of_group = next((thing for thing in things if thing and named.startswith(thing)), None)
    return of_group or " ".join(things[-MOST_WORDS:])


def kind_of_subject(resource_id: str) -> Kind:
    """Return the kind of a subject where no type says it: its group, else where it comes from."""
    source, _, subject = resource_id.removeprefix(SUBJECT).partition("#")
    group, slash, rest = subject.partition("/")
    # More slashes are a path, whose first part says little.
    is_grouped = slash and "/" not in rest
    place = SEPARATORS.split(source.rstrip("/"))[-1]
    said = one_of(spelled(group)) if is_grouped else spelled(place)
    return Kind(said if 0 < len(said) <= LONGEST else "subject", ANYTHING_ICON)


def one_of(things: str) -> str:
    """Return one of what is many: `order` of `orders`; what may be no plural stays."""
    if len(things) < 4 or things.endswith(("ss", "us", "is")):
        return things
    return f"{things[:-3]}y" if things.endswith("ies") else things.removesuffix("s")


def register_cloudevents() -> None:
    register(
        {},
        system="cloudevents",
        title="CloudEvents",
        prefixes=("cloudevents",),
        kinds={SUBJECT.removesuffix("."): kind_of_subject},
        mark=(TYPE, tell),
    )
