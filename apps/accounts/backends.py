"""Signing in with a password, with patience."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

MOST_TRIES = 10
WINDOW_SECONDS = 300
MOST_TRACKED = 4_096


@dataclass
class Tries:
    """Wrong passwords this process has lately seen, by address and user name."""

    failed: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic

    def exhausted(self, who: tuple[str, str]) -> bool:
        return len(self.recent(who)) >= MOST_TRIES

    def note_failure(self, who: tuple[str, str]) -> None:
        recent = [*self.recent(who), self.clock()]
        if len(self.failed) >= MOST_TRACKED:
            # The one longest untouched; `who` moves to the end below.
            self.failed.pop(next(iter(self.failed)))
        self.failed.pop(who, None)
        self.failed[who] = recent

    def forgive(self, who: tuple[str, str]) -> None:
        self.failed.pop(who, None)

    def recent(self, who: tuple[str, str]) -> list[float]:
        since = self.clock() - WINDOW_SECONDS
        return [at for at in self.failed.get(who, []) if at > since]


tries = Tries()


class PatientBackend(ModelBackend):
    """Refuses to look at passwords for a while after ten wrong ones in five minutes.

    It counts for the sign-in page and the admin's own alike. The count is by address and name, so
    that a stranger elsewhere cannot lock a person out.
    """

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        who = tried_by(request, username)
        if tries.exhausted(who):
            raise PermissionDenied
        user = super().authenticate(request, username=username, password=password, **kwargs)
        if user is None:
            tries.note_failure(who)
        else:
            tries.forgive(who)
        return user


def tried_by(request: HttpRequest | None, username: str | None) -> tuple[str, str]:
    address = request.META.get("REMOTE_ADDR", "") if request else ""
    return str(address), (username or "").casefold()[:150]
