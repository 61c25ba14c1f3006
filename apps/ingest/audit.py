"""Who did what with Eventfeed itself: sign-ins, tokens, sources and what the admin changes.

Django tells of these by signals, so that the apps they belong to need not know of events.
"""

import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import post_save

from apps.accounts.models import Token
from apps.events.audit import SYSTEM, tell
from apps.events.words import Kind, Words, register
from apps.query.outcomes import Outcome

INFORMATION, FAILED = Outcome.INFORMATION, Outcome.FAILED

# Event: words, kind of its resource, icon, outcome.
TABLE: Sequence[tuple[str, str, str, str, Outcome]] = [
    ("user.signed-in", "Signed in", "user", "shield", INFORMATION),
    ("user.signed-out", "Signed out", "user", "shield", INFORMATION),
    ("user.sign-in-failed", "Sign-in failed", "user", "shield", FAILED),
    ("user.added", "User added", "user", "shield", INFORMATION),
    ("user.changed", "User changed", "user", "shield", INFORMATION),
    ("user.removed", "User removed", "user", "shield", INFORMATION),
    ("group.added", "Group added", "group", "shield", INFORMATION),
    ("group.changed", "Group changed", "group", "shield", INFORMATION),
    ("group.removed", "Group removed", "group", "shield", INFORMATION),
    ("token.made", "Token made", "token", "key", INFORMATION),
    ("token.changed", "Token changed", "token", "key", INFORMATION),
    ("token.revoked", "Token revoked", "token", "key", INFORMATION),
    ("source.added", "Source added", "source", "transfer", INFORMATION),
    ("source.changed", "Source changed", "source", "transfer", INFORMATION),
    ("hook.added", "Webhook added", "webhook", "transfer", INFORMATION),
    ("hook.changed", "Webhook changed", "webhook", "transfer", INFORMATION),
    ("hook.removed", "Webhook removed", "webhook", "transfer", INFORMATION),
    ("subscription.confirmed", "SNS subscription confirmed", "subscription", "cloud", INFORMATION),
    ("relay.added", "Relay added", "relay", "transfer", INFORMATION),
    ("relay.changed", "Relay changed", "relay", "transfer", INFORMATION),
    ("relay.removed", "Relay removed", "relay", "transfer", INFORMATION),
    ("view.shared", "View shared", "view", "list", INFORMATION),
    ("view.changed", "View changed", "view", "list", INFORMATION),
    ("view.unshared", "View made private", "view", "list", INFORMATION),
    ("view.removed", "View removed", "view", "list", INFORMATION),
    ("setting.added", "Setting added", "setting", "cog", INFORMATION),
    ("setting.changed", "Setting changed", "setting", "cog", INFORMATION),
    ("setting.removed", "Setting removed", "setting", "cog", INFORMATION),
    ("partition.dropped", "Partition dropped", "partition", "database", INFORMATION),
]
KINDS = {f"eventfeed.{kind}": Kind(kind, icon) for _, _, kind, icon, _ in TABLE}
WORDS = {
    f"eventfeed.audit.{event}": Words(text, "audit", kind, icon, outcome, owner=SYSTEM)
    for event, text, kind, icon, outcome in TABLE
}

# What the admin writes down: by its flag, and by the model it was done to.
DONE = {ADDITION: "added", CHANGE: "changed", DELETION: "removed"}
MODELS = {
    "source": "source",
    "user": "user",
    "group": "group",
    "hook": "hook",
    "relay": "relay",
}
# Tokens are told of when they are saved, wherever that is.
TOLD_ELSEWHERE = {"token"}

# A stranger who guesses passwords must not fill the log with it.
MOST_FAILURES = 20
WITHIN = 60.0


def listen() -> None:
    register(WORDS, system=SYSTEM, title="Eventfeed", prefixes=(SYSTEM,), kinds=KINDS)
    user_logged_in.connect(signed_in)
    user_logged_out.connect(signed_out)
    user_login_failed.connect(sign_in_failed)
    post_save.connect(token_saved, sender=Token)
    post_save.connect(changed_in_admin, sender=LogEntry)


def signed_in(user: Any, **_: Any) -> None:
    tell("user.signed-in", kind="user", name=user.get_username())


def signed_out(user: Any, **_: Any) -> None:
    if user is not None:
        tell("user.signed-out", kind="user", name=user.get_username())


def sign_in_failed(credentials: dict[str, Any], request: Any = None, **_: Any) -> None:
    """Tell of a wrong password, without a name that nobody has: it may be the password."""
    if not failures.may_be_told():
        return
    name = str(credentials.get("username", ""))
    users = get_user_model().objects
    known = name if users.filter(username=name).exists() else "unknown"
    address = request.META.get("REMOTE_ADDR") if request else None
    tell(
        "user.sign-in-failed",
        kind="user",
        name=known,
        message=f"From {address}" if address else None,
        payload={"address": address},
    )


def token_saved(
    instance: Token, created: bool, update_fields: frozenset[str] | None = None, **_: Any
) -> None:
    revoked = "revoked" in (update_fields or ())
    event = "made" if created else "revoked" if revoked else "changed"
    maker = instance.created_by
    tell(
        f"token.{event}",
        kind="token",
        name=instance.name,
        by=maker.get_username() if created and maker else None,
        message=f"{instance.prefix}… may {' and '.join(instance.scopes)}",
        payload={"scopes": instance.scopes, "source": instance.source},
    )


def changed_in_admin(instance: LogEntry, created: bool, **_: Any) -> None:
    model = instance.content_type.model if instance.content_type else ""
    if not created or model in TOLD_ELSEWHERE:
        return
    kind = MODELS.get(model, "setting")
    tell(
        f"{kind}.{DONE[instance.action_flag]}",
        kind=kind,
        name=instance.object_repr,
        by=instance.user.get_username(),
        message=instance.get_change_message()[:200] or None,
    )


class Failures:
    """The failed sign-ins that this process has told of within a minute."""

    def __init__(self) -> None:
        self.told: deque[float] = deque()

    def may_be_told(self) -> bool:
        now = time.monotonic()
        while self.told and self.told[0] < now - WITHIN:
            self.told.popleft()
        if len(self.told) >= MOST_FAILURES:
            return False
        self.told.append(now)
        return True


failures = Failures()
