"""The heartbeat: an address elsewhere that is called while all goes on, and no longer when not.

Who listens there tells people when it falls silent; a dead worker could not.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, connection

from apps.automations.doing.job import send
from apps.automations.doing.sending.told import Call
from apps.events.follower import behind

logger = logging.getLogger(__name__)

EVERY = 60.0
# A follower that an event has waited for so long does not move.
STALLED = timedelta(minutes=2)


def keep_beating(followers: Sequence[str], stop: threading.Event) -> None:
    """Call EVENTFEED_HEARTBEAT_URL each minute while these followers move, until stopped."""
    while settings.EVENTFEED_HEARTBEAT_URL and not stop.is_set():
        if _all_move(followers):
            _beat(settings.EVENTFEED_HEARTBEAT_URL)
        stop.wait(EVERY)


def _all_move(followers: Sequence[str]) -> bool:
    try:
        still = [name for name in followers if behind(name).age > STALLED]
    except DatabaseError as error:
        logger.warning("No heartbeat is sent: %s", " ".join(str(error).split()))
        return False
    finally:
        connection.close()
    if still:
        logger.warning("No heartbeat is sent: %s does not move.", ", ".join(still))
    return not still


def _beat(url: str) -> None:
    # Whoever sets the address keeps this machine, and knows where it is.
    answer = send(Call("GET", url, private=True))
    if answer.error:
        logger.warning("The heartbeat was not taken: %s", answer.error)
