"""Taking the demo away again."""

from django.db import connection

from apps.events.models import Source
from apps.ingest.demo import SOURCE
from apps.ingest.demo.world import LABEL
from apps.query import clause, parse

# Small batches, each a transaction: a long one would hold up every reader of the log.
DELETE = """
    DELETE FROM event USING (
        SELECT id, occurred FROM event
        WHERE source_id = %s AND terms @@ %s::tsquery LIMIT 1000
    ) AS gone
    WHERE event.id = gone.id AND event.occurred = gone.occurred
"""


def remove() -> int:
    """Delete what the demo's source sent under the demo's label; return how many events."""
    source = Source.objects.filter(name=SOURCE).first()
    if source is None:
        return 0
    marked = parse(clause(f"label.{LABEL}", "true")).sql().terms
    deleted = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(DELETE, [source.pk, marked])
            if not cursor.rowcount:
                return deleted
            deleted += cursor.rowcount
