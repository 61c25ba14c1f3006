"""The tables of what happened."""

from collections.abc import Iterable
from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models.base import ModelState
from django.utils import timezone

from apps.events.position import Position
from apps.query.outcomes import Outcome


class TermsField(models.TextField):
    """The text of a tsvector; `ReadTerms` reads it."""

    def db_type(self, connection: Any) -> str:
        return "tsvector"


class Source(models.Model):
    """A configured sender."""

    id = models.AutoField(primary_key=True)
    name = models.TextField(unique=True)
    system = models.TextField(help_text="Whose events it sends, when they do not say it.")
    created = models.DateTimeField(default=timezone.now)
    kind = models.TextField(
        default="", blank=True, help_text="Which lines it was set up with: “openlineage-spark”."
    )
    masks = models.JSONField(
        default=dict, blank=True, help_text="What is made unreadable before it is stored."
    )
    networks = ArrayField(
        models.TextField(),
        default=list,
        blank=True,
        help_text="Who sends from one of these networks, “10.2.0.0/16”, needs no token.",
    )

    class Meta:
        db_table = "source"

    def __str__(self) -> str:
        return self.name


class SourceSeen(models.Model):
    """What a follower of the log has seen of a source."""

    source = models.OneToOneField(
        Source, on_delete=models.CASCADE, primary_key=True, related_name="seen"
    )
    events = models.BigIntegerField(default=0)
    first = models.DateTimeField()
    last = models.DateTimeField(help_text="When its last event was received.")
    last_id = models.UUIDField()
    last_tx = models.BigIntegerField()
    last_seq = models.BigIntegerField()
    lag = models.FloatField(help_text="Seconds between occurring and arriving, the median lately.")

    class Meta:
        db_table = "source_seen"

    def __str__(self) -> str:
        return f"{self.source_id}: {self.events} events"


class SourceMinute(models.Model):
    """How many events of a source arrived in one minute of the last day."""

    pk = models.CompositePrimaryKey("source_id", "minute")
    source = models.ForeignKey(
        Source, on_delete=models.CASCADE, related_name="minutes", db_index=False
    )
    minute = models.DateTimeField()
    events = models.IntegerField()

    class Meta:
        db_table = "source_minute"

    def __str__(self) -> str:
        return f"{self.source_id} at {self.minute}: {self.events}"


class Event(models.Model):
    """A stored fact. `(id, occurred)` is its identity, `(tx, seq)` its place in the log."""

    id = models.UUIDField(primary_key=True)
    occurred = models.DateTimeField()
    received = models.DateTimeField()
    event = models.TextField()
    resource_id = models.TextField()
    resource = models.JSONField()
    related = models.JSONField()
    payload = models.JSONField()
    follows = models.UUIDField(null=True)
    outcome = models.SmallIntegerField(choices=[(o.value, o.word) for o in Outcome])
    system = models.TextField()
    source = models.ForeignKey(
        Source, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    warnings = ArrayField(models.TextField(), null=True)
    message = models.TextField(null=True)  # noqa: DJ001 - the column of the log, null when unsaid
    tx = models.BigIntegerField()
    seq = models.BigIntegerField()
    terms = TermsField()
    terms_version = models.SmallIntegerField()

    log: str | None = None
    """The log it was read from, when the reader knew."""
    source_name: str = ""
    """The name of its source, when the reader knew."""
    is_imported: bool = False
    """Whether it was taken over from a file, when the reader knew."""

    class Meta:
        db_table = "event"
        managed = False

    def __str__(self) -> str:
        return f"{self.event} {self.resource_id}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Event) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    @classmethod
    def of_row(cls, values: Iterable[tuple[str, Any]]) -> Self:
        """Make what a reader has read, with the columns it left out to be loaded when asked for.

        Django's own way asks for the default of every column and signals twice, for each event.
        """
        event = cls.__new__(cls)
        event._state = ModelState()
        event._state.adding, event._state.db = False, DEFAULT_DB_ALIAS
        event.__dict__.update(values)
        return event

    @property
    def identity(self) -> tuple[Any, Any]:
        return self.id, self.occurred

    @property
    def position(self) -> Position:
        return Position(self.log or current_log(), self.tx, self.seq)

    @property
    def at(self) -> str:
        """The text of the position, as links and frames hold it."""
        return str(self.position)

    @property
    def outcome_word(self) -> str:
        return Outcome(self.outcome).word

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: models.QuerySet["Event"] | None = None,
    ) -> None:
        """Load deferred columns of this very event: its id alone names several."""
        events = Event.objects.all() if from_queryset is None else from_queryset
        super().refresh_from_db(using, fields, events.filter(occurred=self.occurred))


def current_log() -> str:
    """The id of the log in this database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM log")
        return str(cursor.fetchone()[0])


class Imported(models.Model):
    """A transaction that has taken over events from a file; they have its number."""

    tx = models.BigIntegerField(primary_key=True)

    class Meta:
        db_table = "imported"

    def __str__(self) -> str:
        return str(self.tx)


class FollowerPosition(models.Model):
    """How far a durable follower has come."""

    name = models.TextField(primary_key=True)
    tx = models.BigIntegerField(default=0)
    seq = models.BigIntegerField(default=0)
    moved = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "follower"

    def __str__(self) -> str:
        return self.name


class EventCount(models.Model):
    """How many events of a kind occurred in one minute or hour, as the rollups have counted."""

    pk = models.CompositePrimaryKey("span", "start", "event", "outcome", "source_id", "system")
    span = models.SmallIntegerField(help_text="Seconds: 60 or 3600.")
    start = models.DateTimeField()
    event = models.TextField(db_collation="C", help_text="The name; cut when it is very long.")
    outcome = models.SmallIntegerField(choices=[(o.value, o.word) for o in Outcome])
    source = models.ForeignKey(
        Source, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    system = models.TextField(db_collation="C")
    events = models.BigIntegerField()

    class Meta:
        db_table = "event_count"

    def __str__(self) -> str:
        return f"{self.event} at {self.start}: {self.events}"


class Process(models.Model):
    """A process of ours, as it last told of itself."""

    id = models.UUIDField(primary_key=True)
    name = models.TextField(help_text="What it runs as: web, worker or grpc.")
    pid = models.IntegerField()
    host = models.TextField()
    started = models.DateTimeField()
    seen = models.DateTimeField()
    counters = models.JSONField()

    class Meta:
        db_table = "process"

    def __str__(self) -> str:
        return f"{self.name} {self.pid} at {self.host}"


class Rejection(models.Model):
    """A message or an event that was refused, kept to look at."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE)
    received = models.DateTimeField(default=timezone.now)
    doorway = models.TextField(help_text="For example “POST /api/events”.")
    index = models.IntegerField(null=True, help_text="Which event of the message, from 0.")
    path = models.TextField(default="", help_text="Where in it, “resource.prefect.resource.id”.")
    reason = models.TextField()
    body = models.BinaryField(help_text="The message, or its beginning.")
    body_size = models.IntegerField()
    event_id = models.TextField(null=True)  # noqa: DJ001 - a message may hold none
    system = models.TextField(default="", help_text="Whose dialect the doorway reads.")
    kind = models.TextField(default="", help_text="What the path says of the body.")
    content_type = models.TextField(default="")
    headers = models.JSONField(default=dict, help_text="What came beside the body, no secrets.")
    tried = models.DateTimeField(null=True, help_text="When it was last tried again.")
    told = models.TextField(default="", help_text="What came of it.")
    stored = models.BooleanField(default=False, help_text="Whether it is in the feed by now.")

    class Meta:
        db_table = "rejection"
        indexes = (models.Index(fields=["source", "id"], name="rejection_source_id"),)

    def __str__(self) -> str:
        return self.reason
