"""The tables of the way in."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.events.models import Source
from apps.ingest.hooks.hook import Hook

__all__ = ["Hook", "Relay", "RelayedHour"]


class Relay(models.Model):
    """A server whose events are taken over, and how far that has come."""

    url = models.TextField(unique=True, help_text="With /api: “http://127.0.0.1:4200/api”.")
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="+")
    enabled = models.BooleanField(
        default=False, help_text="Whether the worker runs it; a command runs it regardless."
    )
    anywhere = models.BooleanField(
        default=False,
        help_text="Whether it may call a private address: said by who sat here.",
    )
    sealed = models.TextField(
        default="", help_text="How we say who we are there: “user:password” or a key, encrypted."
    )
    created = models.DateTimeField(default=timezone.now)
    oldest = models.DateTimeField(null=True, help_text="The oldest event that the server keeps.")
    compared = models.DateTimeField(null=True, help_text="When all its hours were last compared.")
    last_stored = models.DateTimeField(null=True, help_text="When its last new event was stored.")
    server_count = models.BigIntegerField(default=0, help_text="Events that the server keeps.")
    own_count = models.BigIntegerField(default=0, help_text="Events of it that were read.")
    error = models.TextField(default="", help_text="Why it waits; empty while it works.")

    class Meta:
        db_table = "relay"

    def __str__(self) -> str:
        return self.url

    def switch(self, *, on: bool) -> None:
        """Have the worker run it, or no longer; its counts go on meanwhile, elsewhere."""
        self.enabled, self.error = on, ""
        # In local mode who switches it on reaches whatever this machine reaches.
        self.anywhere = self.anywhere or (on and settings.LOCAL_MODE)
        self.save(update_fields=["enabled", "error", "anywhere"])


class RelayedHour(models.Model):
    """How many events of one hour a relay has read."""

    pk = models.CompositePrimaryKey("relay_id", "start")
    relay = models.ForeignKey(Relay, on_delete=models.CASCADE, related_name="hours", db_index=False)
    start = models.DateTimeField()
    count = models.BigIntegerField()

    class Meta:
        db_table = "relayed_hour"

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d %H}: {self.count}"
