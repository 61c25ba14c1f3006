"""Trying before anything depends on it: what an action would send, and whether it arrives."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.utils import timezone

from apps.automations.doing import actions
from apps.automations.doing.context import context_of
from apps.automations.doing.destinations import PrefectServer, may_be_private, opened
from apps.automations.doing.job import Done, Job, done
from apps.automations.doing.performing import perform
from apps.automations.doing.prefect import Server
from apps.automations.models import Automation, Destination, Firing
from eventfeed.sealed import CannotOpen

SUBJECT = "A test from Eventfeed"
WHY = "Somebody tries this destination: nothing has happened."


def send_test(destination: Destination) -> Done:
    """Send a test to a destination and wait for what comes of it; a Prefect server is only asked.

    Without an error it was taken. It takes up to 15 s.
    """
    try:
        address = opened(destination)
    except CannotOpen as error:
        return Done(error=f"Its secrets cannot be read. {error}")
    job = Job(
        id=uuid4(),
        action=_action(destination),
        context=_context(),
        address=address,
        private=may_be_private(address.url, destination),
    )
    if isinstance(address, PrefectServer):
        return _asked(Server(job, address))
    return perform(job)


def preview(said: Any, firing: Firing) -> Done:
    """Return an action as it would be done for a firing, which need not be stored.

    `rendered` is what would be sent; `error` says what is wrong with a template.
    Raises BadAction for what is no action.
    """
    action = actions.read(said)
    return perform(Job(id=uuid4(), action=action, context=context_of(firing), dry=True))


def _action(destination: Destination) -> actions.Action:
    if destination.kind == Destination.Kind.NOTIFICATION:
        return actions.Notify(destination.name, SUBJECT, WHY)
    return actions.Webhook(destination.name, None)


def _asked(server: Server) -> Done:
    """Ask a server what only one who may act there is told."""
    return done(server.ask("POST", "/deployments/filter", {"limit": 1}))


def _context() -> dict[str, object]:
    now = timezone.now()
    automation = Automation(name=SUBJECT, trigger={})
    return context_of(
        Firing(id=uuid4(), automation=automation, fired=now, start=now, end=now, why=WHY)
    )
