"""Taking the demo away again."""

from django.db import connection

from apps.accounts.models import Token
from apps.events.models import Event, Source
from apps.events.rollups import GONE, UNCOUNT
from apps.ingest.demo import SOURCES
from apps.ingest.demo.world import LABEL
from apps.ingest.models import Relay
from apps.query import clause, parse

# Small batches, each a transaction: a long one would hold up every reader of the log.
DELETE = f"""
    WITH chosen AS (
        SELECT id, occurred FROM event
        WHERE source_id = ANY(%s) AND terms @@ %s::tsquery LIMIT 1000
    ), gone AS (
        DELETE FROM event USING chosen
        WHERE event.id = chosen.id AND event.occurred = chosen.occurred
        RETURNING {", ".join(f"event.{column}" for column in GONE.split(", "))}
    ), {UNCOUNT}
    SELECT count(*) FROM gone
"""  # noqa: S608 - of constants


def remove() -> int:
    """Delete what the demo's sources sent under the demo's label, and the sources with it.

    Return how many events.
    """
    sources = list(Source.objects.filter(name__startswith=SOURCES).values_list("pk", flat=True))
    if not sources:
        return 0
    deleted = _remove_events(sources)
    _remove_unused(sources)
    return deleted


def _remove_events(sources: list[int]) -> int:
    marked = parse(clause(f"label.{LABEL}", "true")).sql().terms
    deleted = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(DELETE, [sources, marked])
            gone = cursor.fetchone()[0]
            if not gone:
                return deleted
            deleted += gone


def _remove_unused(sources: list[int]) -> None:
    """Delete those that nothing came from besides, and nobody has set anything of."""
    used = Event.objects.filter(source_id__in=sources).values("source_id").distinct()
    untouched = Source.objects.filter(
        pk__in=sources, kind="", networks=[], masks={}, hook=None, rejection=None
    )
    unrelayed = untouched.exclude(pk__in=used).exclude(pk__in=Relay.objects.values("source_id"))
    unrelayed.exclude(name__in=Token.objects.values("source")).delete()
