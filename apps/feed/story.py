"""One sentence that says what happened: “crimson-fox of flow nightly-orders failed, 12 min 4 s
after it started.”"""

from collections.abc import Iterable

from apps.events.models import Event
from apps.events.words import ANYTHING_ICON, kind_of, words
from apps.feed.moments import MOMENT, ago
from apps.feed.rows import ROLE, role_words, shorten
from apps.query import display_name
from apps.query.outcomes import Outcome

# The first of these roles is what the resource is part of.
WHOLES = ("flow", "job", "workflow", "deployment", "parent", "flow-run", "customer", "repository")
ENDED = (Outcome.FAILED, Outcome.COMPLETED)

# What follows the kind in the words of an event, and how a sentence says it. What is not here
# stands after a colon: “Invoice 42: invoice paid.”
ACTIVE = "failed, completed, crashed, started, stopped, succeeded, finished, ended, exited, expired"
STATE = (
    "running, pending, ready, not ready, late, paused, suspended, retrying, restarting, dead, "
    "provisioning, activating, deactivating, stopping, deprovisioning"
)
PASSIVE = (
    "created, updated, deleted, scheduled, cancelled, cached, rolled back, acquired, released, "
    "triggered, resolved, declared, reopened, materialized, referenced, loaded, evicted"
)
PREDICATES = {
    **{words: words for words in ACTIVE.split(", ")},
    **{words: f"is {words}" for words in STATE.split(", ")},
    **{words: f"was {words}" for words in PASSIVE.split(", ")},
    "awaiting concurrency slot": "is waiting for a concurrency slot",
    "awaiting retry": "is waiting to be retried",
    "cancelled flow run": "cancelled a flow run",
    "cancelling": "is being cancelled",
    "executed flow run": "executed a flow run",
    "heartbeat": "sent a heartbeat",
    "removing": "is being removed",
    "submitted flow run": "submitted a flow run",
    "unknown": "is in an unknown state",
}

Parts = list[tuple[str, bool]]


def story(event: Event, earlier: Iterable[Event]) -> Parts:
    """Return the sentence as parts, the strong ones marked.

    `earlier` are older events of the same resource, in any order.
    """
    said = words(event.event, event.resource)
    parts = [(shorten(display_name(event.resource)), True), *_whole(event, said.kind)]
    of_itself = _tells_of(event, said.kind)
    happened = _happened(said.text, said.kind) if of_itself else f": {_uncapitalized(said.text)}"
    parts.append((happened, False))
    parts.append((_since(event, earlier, ended=of_itself and event.outcome in ENDED) + ".", False))
    return parts


def _tells_of(event: Event, kind: str) -> bool:
    """Whether this happened to the resource itself.

    A checkpoint that is completed is an event of its job, and the job goes on.
    """
    known = kind_of(event.resource["prefect.resource.id"])
    return kind.endswith(known.text) or known.icon == ANYTHING_ICON


def _whole(event: Event, kind: str) -> Parts:
    roles = {labels.get(ROLE): labels for labels in reversed(event.related)}
    whole = next(
        (roles[role] for role in WHOLES if role in roles and role_words(role) != kind), None
    )
    # A run of OpenLineage is called as its job is: once is enough.
    if whole is None or display_name(whole) == display_name(event.resource):
        return []
    return [(f" of {role_words(whole[ROLE])} ", False), (shorten(display_name(whole)), True)]


def _happened(text: str, kind: str) -> str:
    """Return “ failed” of “Flow run failed”, else the whole words after a colon."""
    text = _uncapitalized(text)
    # “Run failed” is told of a “dbt model run”, “Workflow failed” of a “workflow execution”.
    names = (kind, kind.rpartition(" ")[2], kind.partition(" ")[0])
    said = (text.removeprefix(f"{name} ") for name in names)
    predicate = next((PREDICATES[words] for words in said if words in PREDICATES), None)
    return f" {predicate}" if predicate else f": {text}"


def _uncapitalized(text: str) -> str:
    """Begin small, unless the first word is all capitals: “ECS task”."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _since(event: Event, earlier: Iterable[Event], *, ended: bool) -> str:
    past = [other for other in earlier if other.occurred <= event.occurred]
    if ended:
        started = [other for other in past if other.outcome == Outcome.RUNNING]
        if started:
            start = min(started, key=lambda other: other.occurred)
            return _when(event, start, after="it started", at="as it started")
    if not past:
        return ""
    last = max(past, key=lambda other: other.occurred)
    said = words(last.event, last.resource)
    return _when(event, last, after=f"“{said.text}”", at=f"at the same time as “{said.text}”")


def _when(event: Event, before: Event, *, after: str, at: str) -> str:
    span = event.occurred - before.occurred
    return f", {ago(span)} after {after}" if span >= MOMENT else f", {at}"
