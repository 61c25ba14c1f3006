# mypy: ignore-errors
"""Ask Prefect's own evaluator when triggers fire: run by an environment that has its server.

Reads cases as JSON from the standard input, `{"name": {"trigger": {…}, "events": [[at, name,
team], …], "until": seconds}}`, and writes for each the seconds at which it fired. Its clock is
ours: every five seconds it looks at what is due, as its service does.
"""

import asyncio
import json
import os
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

HOME = tempfile.mkdtemp(prefix="eventfeed-oracle-")
os.environ |= {
    "PREFECT_HOME": HOME,
    "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{Path(HOME, 'oracle.db')}",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}

import prefect.types._datetime as clock  # noqa: E402
from prefect.server.database import provide_database_interface  # noqa: E402
from prefect.server.events import triggers  # noqa: E402
from prefect.server.events.schemas.automations import Automation  # noqa: E402
from prefect.server.events.schemas.events import ReceivedEvent  # noqa: E402

START = clock.DateTime(2026, 11, 21, 12, tzinfo=clock.now("UTC").tzinfo)
LOOK = 5


class Simulated:
    seconds = 0.0

    def now(self, *_args, **_kwargs):
        return START + timedelta(seconds=self.seconds)


async def main():
    cases = json.load(sys.stdin)
    db = provide_database_interface()
    await db.create_db()
    answers = {}
    for name, case in cases.items():
        answers[name] = await fired(case)
    json.dump(answers, sys.stdout)


async def fired(case):
    simulated, found = Simulated(), []
    clock.now = simulated.now

    async def act(firing):
        found.append(simulated.seconds)

    triggers.act = act
    await triggers.reset()
    automation = Automation(
        id=uuid4(), name="one", trigger=case["trigger"], actions=[{"type": "do-nothing"}]
    )
    await store(automation)
    triggers.load_automation(automation)
    events = [*case["events"]]
    look = 0
    while look <= case["until"]:
        while events and events[0][0] < look:
            at, name, team, *occurred = events.pop(0)
            simulated.seconds = at
            await triggers.reactive_evaluation(event(name, team, occurred[0] if occurred else at))
        simulated.seconds = look
        await triggers.evaluate_proactive_triggers()
        async with triggers.automations_session() as session:
            await triggers.sweep_closed_buckets(session, simulated.now() - timedelta(seconds=60))
            await session.commit()
        look += LOOK
    return found


async def store(automation):
    """Its buckets point to it."""
    from prefect.server.events.models import automations as models

    async with models.automations_session(begin_transaction=True) as session:
        await models.create_automation(session, automation)
        await session.commit()


def event(name, team, occurred):
    return ReceivedEvent(
        id=uuid4(),
        event=name,
        occurred=START + timedelta(seconds=occurred),
        received=clock.now("UTC"),
        resource={"prefect.resource.id": f"r.{team}", "team": team},
        related=[],
        payload={},
    )


asyncio.run(main())
