"""The tables of automations: what is watched for, what has fired, and what was done then."""

from __future__ import annotations

from typing import ClassVar
from uuid import uuid4

from django.db import models
from django.utils import timezone

MOST_NAME = 200
# Seconds: an event that arrives later than this after it occurred fires nothing.
LATE = 900


class Destination(models.Model):
    """Where an action goes: an address that holds secrets, by a name that may be shown."""

    class Kind(models.TextChoices):
        WEBHOOK = "webhook", "Webhook"
        NOTIFICATION = "notification", "Notification"
        PREFECT = "prefect", "Prefect server"

    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=MOST_NAME, unique=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    sealed = models.TextField(help_text="Its address and its secrets, as JSON, encrypted.")
    shown = models.TextField(help_text="What may be shown of its address: scheme and host.")
    private = models.BooleanField(
        default=False, help_text="Its address may be one of a private network or this machine."
    )
    made = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "destination"
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class Automation(models.Model):
    """A trigger and what is done when it fires. An edit is a new version, with empty state."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    name = models.CharField(max_length=MOST_NAME)
    description = models.TextField(blank=True, default="")
    tags = models.JSONField(default=list, blank=True)
    enabled = models.BooleanField(default=True)
    dry_run = models.BooleanField(
        default=False, help_text="It records what it would have done, and does nothing."
    )
    trigger = models.JSONField(
        help_text="As `apps.automations.reading` reads it; Prefect's as sent."
    )
    actions = models.JSONField(default=list, blank=True)
    actions_on_trigger = models.JSONField(default=list, blank=True)
    actions_on_resolve = models.JSONField(default=list, blank=True)
    owner_resource = models.TextField(blank=True, default="")
    version = models.PositiveIntegerField(default=1)
    start_tx = models.BigIntegerField(
        default=0, help_text="It looks at what lies behind this place of the log."
    )
    start_seq = models.BigIntegerField(default=0)
    started = models.DateTimeField(
        default=timezone.now, help_text="The clock when it was switched on, or edited last."
    )
    late = models.PositiveIntegerField(
        default=LATE, help_text="Seconds after which an event comes too late to fire anything."
    )
    cooldown = models.PositiveIntegerField(
        default=0, help_text="Seconds after a firing in which it does not fire again."
    )
    most_a_minute = models.PositiveIntegerField(
        default=10, help_text="Firings of a minute; beyond it one says how many more."
    )
    muted_until = models.DateTimeField(null=True, blank=True)
    maintenance = models.JSONField(
        default=list,
        blank=True,
        help_text="When it is silent: weekdays, from, until, and their time zone.",
    )
    created = models.DateTimeField(default=timezone.now)
    updated = models.DateTimeField(default=timezone.now)
    gone = models.DateTimeField(
        null=True, blank=True, help_text="When it was deleted; its firings are kept a while."
    )

    class Meta:
        db_table = "automation"
        ordering: ClassVar = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Bucket(models.Model):
    """What an automation remembers of one of its keys, between events."""

    pk = models.CompositePrimaryKey("automation_id", "version", "key")
    automation = models.ForeignKey(
        Automation, models.CASCADE, db_index=False, related_name="buckets"
    )
    version = models.PositiveIntegerField()
    key = models.TextField(help_text="The values of `for_each` as JSON, or their hash.")
    state = models.JSONField()
    due = models.DateTimeField(null=True, help_text="When the clock next decides something here.")

    class Meta:
        db_table = "automation_bucket"

    def __str__(self) -> str:
        return f"{self.automation_id} {self.key}"


class LateEvents(models.Model):
    """How many events came too late for an automation."""

    automation = models.OneToOneField(
        Automation, models.CASCADE, primary_key=True, related_name="late_events"
    )
    events = models.BigIntegerField(default=0)
    last = models.DateTimeField()

    class Meta:
        db_table = "automation_late"

    def __str__(self) -> str:
        return f"{self.automation_id}: {self.events}"


class Tick(models.Model):
    """A moment of the database's clock by which something was decided, and its place in the log.

    The clock otherwise moves by what is received; these are what a backtest must be told.
    """

    tx = models.BigIntegerField()
    seq = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "automation_tick"
        indexes: ClassVar = [models.Index(fields=["tx", "seq", "at"], name="tick_place")]

    def __str__(self) -> str:
        return f"{self.at} at {self.tx}.{self.seq}"

    @property
    def place(self) -> tuple[int, int]:
        return self.tx, self.seq


class Clock(models.Model):
    """How far the clock of the log had come at the place of what is remembered; there is one."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    at = models.DateTimeField()
    carried = models.BooleanField(
        default=False, help_text="Whether now() has carried it there, and no tick tells so yet."
    )
    tx = models.BigIntegerField(null=True, help_text="The place; else it is the follower's.")
    seq = models.BigIntegerField(null=True)

    class Meta:
        db_table = "automation_clock"

    def __str__(self) -> str:
        return str(self.at)

    @property
    def place(self) -> tuple[int, int] | None:
        return None if self.tx is None or self.seq is None else (self.tx, self.seq)


class Firing(models.Model):
    """One time an automation fired. It explains itself when its events are gone."""

    class Kind(models.TextChoices):
        TRIGGERED = "triggered", "Triggered"
        RESOLVED = "resolved", "Resolved"

    id = models.UUIDField(
        primary_key=True, help_text="Of version, key, window and deciding event: the same again."
    )
    automation = models.ForeignKey(Automation, models.CASCADE, related_name="firings")
    version = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.TRIGGERED)
    key = models.JSONField(default=dict, help_text="The values of `for_each`, by their names.")
    start = models.DateTimeField(null=True, help_text="The window it looked at.")
    end = models.DateTimeField(null=True)
    fired = models.DateTimeField(help_text="The clock of the log when it was decided.")
    made = models.DateTimeField(default=timezone.now, help_text="When it was written.")
    tx = models.BigIntegerField(help_text="The place of the log that decided it.")
    seq = models.BigIntegerField()
    why = models.TextField(help_text="A sentence: what was seen, or was not.")
    count = models.IntegerField(default=0, help_text="Events seen in the window.")
    value = models.FloatField(null=True, help_text="What a metric was.")
    events = models.JSONField(default=list, help_text="The last of its events, cut.")
    children = models.JSONField(default=list, help_text="The firings of the triggers it is of.")
    depth = models.PositiveSmallIntegerField(
        default=0, help_text="How many automations fired one after another up to this."
    )
    silent = models.TextField(
        blank=True, default="", help_text="Why nothing was done: muted, cooldown, dry run …"
    )
    more = models.PositiveIntegerField(
        default=0, help_text="Further firings of its minute, which it stands for."
    )
    speaks_until = models.DateTimeField(
        null=True, help_text="When that minute ends: of a firing that says how many more."
    )
    acknowledged = models.DateTimeField(null=True)
    acknowledged_by = models.TextField(blank=True, default="")

    class Meta:
        db_table = "firing"
        ordering: ClassVar = ["-fired", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["automation", "-fired"], name="firing_of_automation"),
            models.Index(fields=["-fired"], name="firing_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.automation_id} at {self.fired}"


class Task(models.Model):
    """The outbox: one action of one firing, until it is done. Its id is its idempotency key."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"  # it cannot succeed: nothing to try again by itself
        PARKED = "parked", "Parked"  # it was tried for a day
        DRY = "dry", "Dry run"

    id = models.UUIDField(primary_key=True)
    firing = models.ForeignKey(Firing, models.CASCADE, related_name="tasks")
    at = models.PositiveSmallIntegerField(help_text="Which of the firing's actions it is.")
    action = models.JSONField(help_text="The action as it stood when it fired.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    due = models.DateTimeField(default=timezone.now)
    tries = models.PositiveSmallIntegerField(default=0)
    made = models.DateTimeField(default=timezone.now)
    ended = models.DateTimeField(
        null=True, help_text="Until then the deliverer has it; a dry run is only rendered."
    )
    rendered = models.JSONField(null=True, help_text="What was sent, secrets left out, cut.")

    class Meta:
        db_table = "automation_task"
        ordering: ClassVar = ["made", "at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["firing", "at"], name="one_task_an_action")
        ]
        indexes: ClassVar = [
            models.Index(fields=["due"], condition=models.Q(ended=None), name="task_waiting"),
            models.Index(fields=["ended"], condition=models.Q(state="parked"), name="task_parked"),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.firing_id} {self.at}"


class Attempt(models.Model):
    """One try of a task, and what came back."""

    id = models.BigAutoField(primary_key=True)
    task = models.ForeignKey(Task, models.CASCADE, related_name="attempts")
    began = models.DateTimeField()
    seconds = models.FloatField()
    status = models.IntegerField(null=True, help_text="The receiver's HTTP status.")
    response = models.TextField(blank=True, default="", help_text="What it answered, cut.")
    error = models.TextField(blank=True, default="", help_text="Why it did not succeed.")

    class Meta:
        db_table = "automation_attempt"
        ordering: ClassVar = ["began", "id"]

    def __str__(self) -> str:
        return f"{self.task_id} at {self.began}"
