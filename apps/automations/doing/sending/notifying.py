"""Notifications by apprise, of the kinds that we keep, with nothing attached."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from apps.automations.doing.sending.calling import LONGEST, refused
from apps.automations.doing.sending.guard import going
from apps.automations.doing.sending.services import NOT_KEPT, is_kept
from apps.automations.doing.sending.told import Answer, Notify

CALLED = "Eventfeed"


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
        storage_mode=apprise.PersistentStoreMode.MEMORY,
        image_url_mask="",
        image_url_logo="",
        image_path_mask="",
    )


@contextmanager
def _heard() -> Iterator[list[str]]:
    """Hear what apprise says of its troubles: it tells nobody else."""
    said: list[str] = []
    handler = _Hearing(said)
    logger = logging.getLogger("apprise")
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)


class _Hearing(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.said = said
        # Another notification speaks in another thread.
        self.thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self.thread:
            self.said.append(record.getMessage())


def _first(said: list[str]) -> str:
    return " ".join(" ".join(said).split())[:500]
