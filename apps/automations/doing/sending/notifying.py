"""Notifications by apprise, of the kinds that we keep, with nothing attached."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from apps.automations.doing.sending.calling import refused
from apps.automations.doing.sending.guard import going
from apps.automations.doing.sending.services import NOT_KEPT, is_kept
from apps.automations.doing.sending.told import LONGEST, Answer, Notify

CALLED = "Eventfeed"

_said: ContextVar[list[str] | None] = ContextVar("said", default=None)


async def notify(asked: Notify) -> Answer:
    """Send a notification and say what came of it."""
    try:
        async with asyncio.timeout(LONGEST):
            return await asyncio.to_thread(_notified, asked)
    except TimeoutError:
        return Answer(error=f"It was not taken within {LONGEST:.0f} s.", again=True)


def _notified(asked: Notify) -> Answer:
    # Only here: who sends no notification has no use for its hundred services.
    import apprise

    # Whatever is read before the address is known, is read before anything is forbidden.
    sender = apprise.Apprise(asset=_asset(apprise))
    with _heard() as said, going(private=asked.private) as way:
        plugin = apprise.Apprise.instantiate(asked.url, asset=sender.asset)
        if plugin is None:
            return Answer(error=_first(said) or "apprise cannot read its address.")
        # The addresses of some services, as they give them out, begin with https://.
        if not is_kept(plugin.url()):
            return Answer(error=NOT_KEPT)
        # An address may ask for it, whatever the asset says.
        plugin.redirects = False
        sender.add(plugin)
        if sender.notify(title=asked.subject, body=asked.body, body_format="text"):
            return Answer()
    if way.refused:
        return Answer(error=refused(way.refused))
    return Answer(error=_first(said) or "It was not taken.", again=True)


def _asset(apprise: Any) -> Any:
    return apprise.AppriseAsset(
        app_id=CALLED,
        app_desc=CALLED,
        app_url="",
        async_mode=False,
        http_redirects=False,
        allow_templates=False,
        pgp_autogen=False,
        pem_autogen=False,
        # Its time is bounded here; by itself it takes one of a few threads that all share.
        service_timeout=0,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
        image_url_mask="",
        image_url_logo="",
        image_path_mask="",
    )


@contextmanager
def _heard() -> Iterator[list[str]]:
    """Hear what apprise says of its troubles: it tells nobody else."""
    said: list[str] = []
    token = _said.set(said)
    try:
        yield said
    finally:
        _said.reset(token)


class _Hearing(logging.Handler):
    """Gives what is said to the notification that it is said of: others are on their way too."""

    def emit(self, record: logging.LogRecord) -> None:
        if (said := _said.get()) is not None:
            said.append(record.getMessage())


logging.getLogger("apprise").addHandler(_Hearing(logging.WARNING))


def _first(said: list[str]) -> str:
    return " ".join(" ".join(said).split())[:500]
