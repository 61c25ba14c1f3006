"""The real Prefect SDK and CLI keep automations here, unmodified: the newest, and 3.4.25."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.feed.prefect.corner import PATIENCE, Corner
from tests.waiting import wait_until

Start = Callable[..., subprocess.Popen[str]]

BY_THE_SDK = """
import json, sys
from datetime import timedelta
from prefect.automations import Automation, CompoundTrigger, DoNothing, EventTrigger, Posture

name = sys.argv[1]
presence = EventTrigger(
    expect={name + ".failed"},
    match={"prefect.resource.id": name + ".*"},
    match_related=[{"prefect.resource.role": "flow", "team": ["blue", "!red"]}],
    for_each={"prefect.resource.id"},
    threshold=3,
    within=timedelta(minutes=10),
)
absence = EventTrigger(
    posture=Posture.Proactive,
    after={name + ".opened"},
    expect={name + ".closed"},
    within=timedelta(hours=1),
)
both = CompoundTrigger(require="all", within=timedelta(hours=2), triggers=[presence, absence])
sent = Automation(name=name, tags=["a"], trigger=both, actions=[DoNothing()])
made = sent.create()
read = Automation.read(id=made.id)
named = Automation.read(name=name)

seen = [read.trigger == sent.trigger, read.actions == sent.actions, named.id == made.id]
read.description = "changed"
read.update()
seen.append(Automation.read(id=made.id).description == "changed")
read.disable()
seen.append(not Automation.read(id=made.id).enabled)
read.enable()
seen.append(Automation.read(id=made.id).enabled)
read.delete()
try:
    Automation.read(name=name)
except ValueError as gone:
    seen.append("not found" in str(gone))
print(json.dumps(seen))
"""


def test_the_sdk_makes_reads_changes_and_deletes_one(
    run: Callable[..., Any], environment: Path
) -> None:
    assert run(environment, BY_THE_SDK) == [True] * 7


FOR_A_DEPLOYMENT = """
import asyncio, json, sys
from uuid import UUID
from prefect.client.orchestration import get_client
from prefect.events.schemas.automations import AutomationCore, EventTrigger
from prefect.events.actions import DoNothing

owner = "prefect.deployment." + sys.argv[1]

async def main():
    async with get_client() as client:
        one = AutomationCore(
            name=sys.argv[1],
            trigger=EventTrigger(expect={"acme.opened"}),
            actions=[DoNothing()],
            owner_resource=owner,
        )
        counts = []
        for _ in range(2):
            await client.delete_resource_owned_automations(owner)
            await client.create_automation(one)
            counts.append(len(await client.read_resource_related_automations(owner)))
        found = await client.find_automation(sys.argv[1].upper())
        print(json.dumps([counts, found.name]))

asyncio.run(main())
"""


def test_a_deployment_that_is_served_again_replaces_its_own(
    run: Callable[..., Any], environment: Path, corner: Corner
) -> None:
    assert run(environment, FOR_A_DEPLOYMENT) == [[1, 1], corner.name]


@pytest.fixture
def prefect(start: Start, environment: Path) -> Callable[..., str]:
    """Run `prefect automation …` and return what it prints."""

    def prefect(*arguments: str) -> str:
        command = start(environment, "prefect", "automation", *arguments)
        said, wrong = command.communicate(timeout=PATIENCE)
        assert command.returncode == 0, said + wrong
        return said

    return prefect


def test_the_command_line_keeps_automations(
    prefect: Callable[..., str], corner: Corner, tmp_path: Path
) -> None:
    trigger = {
        "type": "event",
        "match": {"prefect.resource.id": f"{corner.name}.*"},
        "match_related": {},
        "after": [],
        "expect": [f"{corner.name}.failed"],
        "for_each": [],
        "posture": "Proactive",
        "threshold": 1,
        "within": 600.0,
    }
    said = {
        "name": corner.name,
        "description": "By the command line.",
        "enabled": True,
        "tags": ["a"],
        "trigger": trigger,
        "actions": [{"type": "do-nothing"}],
    }
    id = made(prefect, said, tmp_path)
    assert corner.name in prefect("ls")
    [told] = json.loads(prefect("inspect", corner.name, "--json"))
    assert {name: told[name] for name in said} == said
    assert not is_on(corner, prefect, "pause", id)
    assert is_on(corner, prefect, "resume", id)
    prefect("delete", corner.name)
    assert corner.name not in prefect("ls")


def made(prefect: Callable[..., str], said: dict[str, Any], folder: Path) -> UUID:
    """Make one by a file; return its id."""
    file = folder / "automation.json"
    file.write_text(json.dumps(said))
    return UUID(prefect("create", "--from-file", str(file)).strip().rpartition(" ")[2])


def is_on(corner: Corner, prefect: Callable[..., str], verb: str, id: UUID) -> bool:
    prefect(verb, "--id", str(id))
    return httpx.get(f"{corner.api}/automations/{id}").raise_for_status().json()["enabled"]


WATCH = """
import json, sys
from prefect.automations import Automation, DoNothing, EventTrigger

trigger = EventTrigger(expect={sys.argv[1] + ".happened"}, threshold=2, within=600)
made = Automation(name=sys.argv[1], trigger=trigger, actions=[DoNothing()]).create()
print(json.dumps(str(made.id)))
"""


def test_what_the_sdk_has_made_fires(run: Callable[..., Any], latest: Path, corner: Corner) -> None:
    id = run(latest, WATCH)
    asked = {"q": f"event:eventfeed.automation.triggered resource:eventfeed.automation.{id}"}

    def firings() -> list[dict[str, Any]]:
        answer = httpx.get(f"{corner.api}/events", params=asked, timeout=PATIENCE)
        return answer.raise_for_status().json()["events"]

    _, second = corner.tell(2)
    wait_until(firings, what="a firing")
    [fired] = firings()
    assert fired["follows"] == second
