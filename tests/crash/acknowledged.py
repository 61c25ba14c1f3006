"""The promise: what was acknowledged is stored, and stored once however often it was sent."""

from collections import Counter
from collections.abc import Sequence

import psycopg

from tests.crash.senders import Sender
from tests.waiting import wait_until

SOME = 400


def wait_for_more(senders: Sequence[Sender], some: int = SOME) -> None:
    """Every sender has so many more events acknowledged than at the call."""
    wanted = {sender: len(sender.acknowledged) + some for sender in senders}
    wait_until(
        lambda: all(
            len(sender.acknowledged) >= number or not sender.is_alive()
            for sender, number in wanted.items()
        ),
        what=f"{some} more acknowledged to every sender",
    )


def assert_all_stored_once(senders: Sequence[Sender], *, dsn: str) -> None:
    for sender in senders:
        sender.finish()
    with psycopg.connect(dsn) as connection:
        stored = Counter(str(id_) for (id_,) in connection.execute("select id from event"))
    acknowledged = {id_ for sender in senders for id_ in sender.acknowledged}
    lost = acknowledged - stored.keys()
    assert not lost, f"{len(lost)} of {len(acknowledged)} acknowledged events are lost"
    twice = [id_ for id_, times in stored.items() if times > 1]
    assert not twice, f"{len(twice)} events were sent again and stored twice"
