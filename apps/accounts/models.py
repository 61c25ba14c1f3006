"""Tokens: who may send and read without a browser."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

SECRET = re.compile(r"ef_[A-Za-z0-9_-]{43}")
PREFIX_LENGTH = len("ef_") + 8
LAST_USED_EVERY = timedelta(minutes=1)


class Scope(models.TextChoices):
    INGEST = "ingest", "Send events"
    READ = "read", "Read events"
    ADMIN = "admin", "Everything"


class TokenQuerySet(models.QuerySet["Token"]):
    def usable(self) -> Self:
        """Return the tokens that open a door now: neither revoked nor expired."""
        return self.filter(revoked=None).exclude(expires__lte=timezone.now())

    def bearing(self, secret: str) -> Token | None:
        """Return the usable token of this secret."""
        token = self.usable().filter(prefix=secret[:PREFIX_LENGTH]).first()
        if token and hmac.compare_digest(token.digest, digest_of(secret)):
            return token
        return None


class Token(models.Model):
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=PREFIX_LENGTH, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope))
    source = models.CharField(
        max_length=100,
        blank=True,
        help_text="Its events are filed under it. Empty: as the sender says.",
    )
    created = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False
    )
    expires = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    revoked = models.DateTimeField(null=True, blank=True, editable=False)
    last_used = models.DateTimeField(null=True, blank=True, editable=False)

    objects = TokenQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["name"],
                condition=models.Q(revoked=None),
                name="token_name_once_unless_revoked",
                violation_error_message="A token of this name exists; revoke it first.",
            ),
            models.CheckConstraint(
                condition=models.Q(scopes__contained_by=Scope.values, scopes__len__gt=0),
                name="token_scopes_known",
                violation_error_message="Say at least one scope: ingest, read or admin.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def make(
        cls,
        name: str,
        *,
        scopes: Iterable[str],
        source: str = "",
        expires: datetime | None = None,
        created_by: object = None,
    ) -> tuple[Self, str]:
        """Store a new token; return it with its secret, which is kept nowhere."""
        token = cls(
            name=name,
            scopes=sorted(set(scopes)),
            source=source,
            expires=expires,
            created_by=created_by,
        )
        secret = token.give_secret()
        token.full_clean()
        token.save()
        return token, secret

    def give_secret(self) -> str:
        secret = "ef_" + secrets.token_urlsafe(32)
        self.prefix, self.digest = secret[:PREFIX_LENGTH], digest_of(secret)
        return secret

    def revoke(self) -> None:
        self.revoked = timezone.now()
        self.save(update_fields=["revoked"])

    def note_use(self) -> None:
        """Keep when the token was last used, at most once a minute."""
        now = timezone.now()
        if self.last_used is None or now - self.last_used >= LAST_USED_EVERY:
            Token.objects.filter(pk=self.pk).update(last_used=now)

    @property
    def state(self) -> str:
        if self.revoked:
            return "revoked"
        if self.expires and self.expires <= timezone.now():
            return "expired"
        return "usable"


def digest_of(secret: str) -> str:
    # No slow hash: a secret of 256 random bits cannot be guessed, and every request pays for this.
    return hashlib.sha256(secret.encode()).hexdigest()
