"""What the benchmark of automations does within Eventfeed: makes a thousand, tries the past."""

import time
from typing import Any, NamedTuple

from django.db import connection

from apps.automations.backtest import Backtest
from apps.automations.doing.destinations import save as save_destination
from apps.automations.keeping import save
from apps.automations.models import Automation, Destination
from apps.automations.past import Past
from benchmarks.automations import EACH, NAMES, PROBE

# Where a log of copies begins: what they are copies of lies before them, and was received last.
OLDEST = """
    SELECT min(tx), min(received) FROM event
    WHERE received <= (SELECT min(received) + (max(received) - min(received)) / 2 FROM event)
"""


class Tried(NamedTuple):
    """How long a backtest took, in seconds, of how many events, and how many fitted."""

    seconds: float
    events: int
    taken: int
    fired: int


def make_thousand(receiver: str) -> None:
    """Make ten automations for each of a hundred names, half with state, and one that posts."""
    destination = Destination(name="bench", kind=Destination.Kind.WEBHOOK, private=True)
    save_destination(destination, {"url": receiver})
    for name in NAMES:
        for number, trigger in enumerate([*_without_state(name), *_with_state(name)]):
            save(Automation(name=f"{name} {number}", trigger=trigger))
    webhook = {"type": "webhook", "destination": "bench", "body": "{{ event.id }}"}
    probe = {"type": "presence", "query": f"event:{PROBE}"}
    save(Automation(name=PROBE, trigger=probe, actions=[webhook], most_a_minute=0))


def _without_state(name: str) -> list[dict[str, Any]]:
    asked = ["outcome:failed", "zeppelin", "label.team:none", "-system:[prefect,custom]", "is:late"]
    return [{"type": "presence", "query": f"event:{name} {one}"} for one in asked]


def _with_state(name: str) -> list[dict[str, Any]]:
    query = f"event:{name}"
    one = {"type": "presence", "query": query, "within": 60}
    return [
        {"type": "presence", "query": query, "times": 100_000, "within": 600, **EACH},
        {"type": "absence", "query": query, "after": query, "within": 900, **EACH},
        {"type": "absence", "query": query, "within": 900},
        {
            **{"type": "metric", "query": query, "metric": "success", "operator": "<"},
            **{"threshold": 0.5, "over": 600, "breached_for": 600, **EACH},
        },
        {"type": "sequence", "within": 60, "triggers": [one, {**one, "query": "event:bench.no"}]},
    ]


def try_on_past(trigger: dict[str, Any]) -> Tried:
    with connection.cursor() as cursor:
        cursor.execute(OLDEST)
        tx, since = cursor.fetchone()
    automation = Automation(name="tried", trigger=trigger)
    tried = Backtest(automation, since=since, past=Past((tx, 0)))
    started = time.monotonic()
    tried.run()
    return Tried(time.monotonic() - started, tried.looked_at, tried.taken, tried.fired)
