"""A hook: an address that a system we have no door for may post to."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from typing import ClassVar, Self
from urllib.parse import urlencode

from django.db import models, transaction
from django.utils import timezone
from django.utils.text import slugify

from apps.events.models import Source
from apps.ingest.hooks.drafting import ROLE, SYSTEM, Recipe
from apps.ingest.hooks.signatures import CHECKS, Signed, verify
from apps.query.values import written_value
from eventfeed.sealed import seal, unseal

# The name for people, and behind it 128 bits that nobody guesses.
SLUG = re.compile(r"[a-z0-9-]{1,40}-[A-Za-z0-9_-]{22}")
LONGEST_NAME = 40
OLD_ADDRESS = timedelta(days=1)
NOTED_EVERY = timedelta(minutes=1)


class HookQuerySet(models.QuerySet["Hook"]):
    def at(self, slug: str) -> Hook | None:
        """Return the hook of this address, or of the one it had until lately."""
        if not SLUG.fullmatch(slug):
            return None
        former = models.Q(former_slug=slug, former_until__gt=timezone.now())
        return self.filter(models.Q(slug=slug) | former).select_related("source").first()


class Hook(models.Model):
    """An address, and how what is posted to it becomes events."""

    name = models.CharField(max_length=LONGEST_NAME, unique=True)
    enabled = models.BooleanField(
        default=True, help_text="Switched off, it answers its deliveries with 404."
    )
    slug = models.CharField(max_length=80, unique=True, editable=False)
    former_slug = models.CharField(max_length=80, blank=True, editable=False, db_index=True)
    former_until = models.DateTimeField(null=True, editable=False)
    template = models.TextField()
    delivery = models.CharField("Delivery id", max_length=500, blank=True)
    signature = models.CharField(
        max_length=10,
        choices=[(kind, check.title) for kind, check in CHECKS.items()],
        default="none",
    )
    signature_header = models.CharField(
        max_length=100, blank=True, help_text="Which header holds it, where you name it."
    )
    sealed_secret = models.TextField(blank=True, editable=False)
    ready = models.CharField(max_length=20, blank=True, editable=False)
    source = models.OneToOneField(
        Source, on_delete=models.PROTECT, editable=False, related_name="hook"
    )
    created = models.DateTimeField(default=timezone.now, editable=False)
    last_used = models.DateTimeField(null=True, editable=False)
    turned_away = models.DateTimeField(null=True, editable=False)
    turned_away_because = models.CharField(max_length=200, blank=True, editable=False)

    objects = HookQuerySet.as_manager()

    class Meta:
        db_table = "hook"
        ordering: ClassVar = ["name"]
        verbose_name = "webhook"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(signature="none") | ~models.Q(sealed_secret=""),
                name="hook_signature_has_a_secret",
                violation_error_message="A signature can only be checked with a secret.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def store(self) -> Self:
        """Save it with the source its events belong to; a new one is given an address."""
        with transaction.atomic():
            if self.pk:
                self.source.name = self.name
                self.source.save(update_fields=["name"])
            else:
                self.slug = self.new_slug()
                self.source, _ = Source.objects.get_or_create(
                    name=self.name, defaults={"system": SYSTEM, "kind": "webhook"}
                )
            self.save()
        return self

    def new_slug(self) -> str:
        return (
            f"{slugify(self.name)[:LONGEST_NAME].strip('-') or 'hook'}-{secrets.token_urlsafe(16)}"
        )

    @property
    def path(self) -> str:
        return f"/hooks/{self.slug}"

    @property
    def events_link(self) -> str:
        return "/?" + urlencode({"q": f"related.{ROLE}:{written_value(self.name)}"})

    @property
    def recipe(self) -> Recipe:
        return Recipe(self.id, self.name, self.template, self.delivery, self.signature_header)

    def keep_secret(self, secret: str) -> None:
        self.sealed_secret = seal(secret) if secret else ""

    def verify(self, headers: dict[str, str], body: bytes) -> None:
        """Raise BadSignature unless it is signed as wanted, or CannotOpen."""
        if self.signature != "none":
            secret = unseal(self.sealed_secret)
            verify(self.signature, Signed(headers, body, secret, self.signature_header))

    def rotate(self) -> None:
        """Give the hook a new address; the one it has goes on for a day."""
        self.former_slug, self.former_until = self.slug, timezone.now() + OLD_ADDRESS
        self.slug = self.new_slug()
        self.save(update_fields=["slug", "former_slug", "former_until"])

    def end_former_address(self) -> None:
        self.former_slug, self.former_until = "", None
        self.save(update_fields=["former_slug", "former_until"])

    @property
    def has_former_address(self) -> bool:
        return self.former_until is not None and self.former_until > timezone.now()

    @property
    def use_is_news(self) -> bool:
        return self.last_used is None or timezone.now() - self.last_used >= NOTED_EVERY

    def note_use(self) -> None:
        """Keep when it was last sent something; asked for at most once a minute."""
        Hook.objects.filter(pk=self.pk).update(last_used=timezone.now())

    def is_news(self, because: str) -> bool:
        """Say whether that a delivery is turned away for this was not said within the minute."""
        if self.turned_away is None or because[:200] != self.turned_away_because:
            return True
        return timezone.now() - self.turned_away >= NOTED_EVERY

    def note_turned_away(self, because: str) -> None:
        """Keep why a delivery was not taken as its sender's own."""
        self.turned_away, self.turned_away_because = timezone.now(), because[:200]
        Hook.objects.filter(pk=self.pk).update(
            turned_away=self.turned_away, turned_away_because=self.turned_away_because
        )
