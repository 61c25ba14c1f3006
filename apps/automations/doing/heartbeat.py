"""The heartbeat: an address elsewhere that is called while all goes on, and no longer when not.

Who listens there tells people when it falls silent; a dead worker could not.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import Error, connection
from django.utils import timezone

from apps.automations.doing import outbox
from apps.automations.doing.job import send
from apps.automations.doing.sending.told import Call
from apps.events.follower import behind
from apps.events.models import Process
from apps.events.steps import ages_among

logger = logging.getLogger(__name__)

EVERY = 60.0
# For so long an event may wait for a follower, and any of them take no step where nothing comes.
STALLED = timedelta(minutes=2)


def keep_beating(followers: Sequence[str], stop: threading.Event) -> None:
    """Call EVENTFEED_HEARTBEAT_URL each minute while all goes on, until stopped."""
    began = time.monotonic()
    while settings.EVENTFEED_HEARTBEAT_URL and not stop.is_set():
        if _goes_on(followers, time.monotonic() - began):
            _beat(settings.EVENTFEED_HEARTBEAT_URL)
        stop.wait(EVERY)


def _goes_on(followers: Sequence[str], seconds: float) -> bool:
    """Look at all that the worker does; what nobody has begun stands still for so many seconds."""
    try:
        slow = [name for name in followers if behind(name).age > STALLED]
        still = _still([*followers, outbox.NAME], seconds)
    except Error as error:
        logger.warning("No heartbeat is sent: %s", " ".join(str(error).split()))
        return False
    finally:
        connection.close()
    for name in dict.fromkeys([*slow, *still]):
        logger.warning("No heartbeat is sent: %s does not move.", name)
    return not slow and not still


def _still(names: Sequence[str], seconds: float) -> list[str]:
    """Return what has taken no step lately, neither here nor in another worker."""
    ages = ages_among(Process.objects.all(), timezone.now())
    return [name for name in names if ages.get(name, seconds) > STALLED.total_seconds()]


def _beat(url: str) -> None:
    # Whoever sets the address keeps this machine, and knows where it is.
    answer = send(Call("GET", url, private=True))
    if answer.error:
        logger.warning("The heartbeat was not taken: %s", answer.error)
