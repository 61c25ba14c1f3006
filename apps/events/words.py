"""How events and resources are told in words: the registry that pages read.

An adapter registers its system's catalogue in its app's `ready()`. What nobody registered is told
by its own dotted parts, so that every event has words.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from apps.query.outcomes import Outcome


@dataclass(frozen=True)
class Kind:
    """What sort of thing a resource is; without a text, its id says it."""

    text: str
    icon: str


@dataclass(frozen=True)
class Words:
    text: str
    group: str
    kind: str
    icon: str
    outcome: Outcome
    owner: str | None = None


# An entry that needs the name or the labels to find its words.
Rule = Callable[[str, Mapping[str, str]], Words]
# A kind that needs the id.
KindRule = Callable[[str], Kind]


@dataclass
class Registry:
    exact: dict[str, Words | Rule] = field(default_factory=dict)
    patterns: list[tuple[re.Pattern[str], Words | Rule]] = field(default_factory=list)
    marks: dict[str, Rule] = field(default_factory=dict)
    """How a name without words is told, by a label that the resource has."""
    kinds: dict[str, Kind | KindRule] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)


REGISTRY = Registry()

ANYTHING_ICON = "circle"
UNKNOWN_GROUP = "custom"
SPELLINGS = {
    spelling.lower(): spelling
    for spelling in (
        *("API", "DAG", "dbt", "ECS", "ETL", "GCP", "GCS", "GitHub", "GitLab", "HTTP", "ID", "IP"),
        *("JSON", "OpenLineage", "RDD", "SLA", "SNS", "SQL", "SQS", "SSO", "URI", "URL"),
    )
}
DOTTED = re.compile(r"[^\s./:]+(\.[^\s./:]+)+", re.ASCII)
# Capitals in a row are a word of their own, and one begins the next: `HTTPServer2`.
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W_A-Z]+")


def register(
    table: Mapping[str, Words | Rule],
    *,
    system: str,
    title: str,
    prefixes: Sequence[str] = (),
    kinds: Mapping[str, Kind | KindRule] | None = None,
    mark: tuple[str, Rule] | None = None,
) -> None:
    """Add a system's words; a `*` in a name of the table stands for anything but nothing.

    `prefixes` are the dotted heads of names that belong to the system. Where names are anybody's,
    `mark` is a label that all its resources have, and what tells an event that has no words.
    """
    for name, entry in table.items():
        if "*" in name:
            REGISTRY.patterns.append((_pattern(name), entry))
        else:
            REGISTRY.exact[name] = entry
    # The pattern that says most is asked first.
    REGISTRY.patterns.sort(key=lambda pair: len(pair[0].pattern), reverse=True)
    REGISTRY.kinds.update(kinds or {})
    REGISTRY.titles[system] = title
    if mark:
        REGISTRY.marks[mark[0]] = mark[1]
    REGISTRY.owners.update(dict.fromkeys(prefixes, system))
    _entry.cache_clear()
    _unknown.cache_clear()


def words(event: str, resource: Mapping[str, str] | None = None) -> Words:
    """Return the words for an event; its resource's labels make them more exact."""
    labels = resource or {}
    entry = _entry(event)
    if entry is None:
        entry = next((rule for label, rule in REGISTRY.marks.items() if label in labels), None)
    if entry is None:
        kind = kind_of(labels.get("prefect.resource.id", ""))
        return _unknown(event, kind)
    return entry if isinstance(entry, Words) else entry(event, labels)


def kind_of(resource_id: str, role: str | None = None) -> Kind:
    """Return the kind of a resource: registered, else as its dotted id or its role says."""
    _, known = _registered(resource_id)
    if known is None:
        return Kind(_kind_in(resource_id, role), ANYTHING_ICON)
    if not isinstance(known, Kind):
        return known(resource_id)
    return known if known.text else Kind(_kind_in(resource_id, role), known.icon)


def kind_of_ids(head: str) -> Kind:
    """Return the kind of all resources whose ids begin so: `prefect.flow-run.`.

    Where a rule needs the whole id, they are of what the ids that it is for are called.
    """
    place, known = _registered(head)
    is_rule = known is not None and not isinstance(known, Kind)
    return Kind(_kind_in(f"{place}.x", None), ANYTHING_ICON) if is_rule else kind_of(f"{head}x")


def _registered(resource_id: str) -> tuple[str, Kind | KindRule | None]:
    """Return what is registered for the longest beginning of an id, and that beginning."""
    parts = resource_id.split(".", 4)
    for length in range(min(len(parts), 4), 0, -1):
        place = ".".join(parts[:length])
        if known := REGISTRY.kinds.get(place):
            return place, known
    return "", None


@lru_cache(maxsize=4096)
def owner_of(name: str) -> str | None:
    """Return the system that an event name or resource id is reserved for."""
    return REGISTRY.owners.get(name.partition(".")[0])


def system_title(system: str) -> str:
    return REGISTRY.titles.get(system, system)


def icons() -> set[str]:
    """Return the names of all icons that words and kinds use, known without any event."""
    entries = [*REGISTRY.exact.values(), *(entry for _, entry in REGISTRY.patterns)]
    used = {entry.icon for entry in entries if isinstance(entry, Words)}
    kinds = {kind.icon for kind in REGISTRY.kinds.values() if isinstance(kind, Kind)}
    return used | kinds | {ANYTHING_ICON}


def spelled(name: str) -> str:
    """Return the parts of a name in words: `workQueue.not-ready` is "work queue not ready"."""
    return " ".join(_spelling(word) for word in WORD.findall(name))


def sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]


def _spelling(word: str) -> str:
    lower = word.lower()
    return SPELLINGS.get(lower, lower)


@lru_cache(maxsize=4096)
def _entry(event: str) -> Words | Rule | None:
    if exact := REGISTRY.exact.get(event):
        return exact
    return next((entry for name, entry in REGISTRY.patterns if name.fullmatch(event)), None)


@lru_cache(maxsize=4096)
def _unknown(event: str, kind: Kind) -> Words:
    text = sentence_case(spelled(_without_head(event))) or event or "Unnamed event"
    return Words(
        text, UNKNOWN_GROUP, kind.text, kind.icon, Outcome.INFORMATION, owner=owner_of(event)
    )


def _without_head(event: str) -> str:
    """Leave out who says it: `acme.invoice.paid` is about a paid invoice."""
    _head, _, rest = event.partition(".")
    return rest if "." in rest else event


def _kind_in(resource_id: str, role: str | None) -> str:
    """Say the kind in a dotted id: `acme.invoice.42` is an invoice."""
    if DOTTED.fullmatch(resource_id):
        *head, _ = resource_id.split(".")
        for part in reversed(head):
            if text := spelled(part.strip("0123456789")):
                return text
    return spelled(role or "") or "resource"


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(".+".join(re.escape(part) for part in name.split("*")), re.DOTALL)
