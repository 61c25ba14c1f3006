"""What the real server would say: its own models read our answers, and its filters our cases."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from apps.events.models import Event
from apps.feed.prefect.events import received_events
from tests.environments import environment_with
from tests.feed.prefect.recorded import name_of, recorded
from tests.feed.prefect.test_filters import CASES
from tests.feed.watching import store

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_log"),
]

ASK_THE_SERVER = """
import json, sys
from prefect.server.events.filters import EventFilter
from prefect.server.events.schemas.events import ReceivedEvent

told = json.load(sys.stdin)
events = [ReceivedEvent.model_validate(one) for one in told["events"]]

# Without the times, of which it thinks that what is absent is until now.
open_ended = {"since": "2000-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}

def found(asked):
    read = EventFilter.model_validate({"occurred": open_ended, **asked})
    return [str(event.id) for event in events if read.includes(event)]

json.dump({
    "written": [event.model_dump_json() for event in events],
    "found": [found(asked) for asked in told["filters"]],
}, sys.stdout)
"""


@pytest.fixture
def answered(tmp_path: Path) -> dict[str, Any]:
    """What the newest server makes of our events and of the cases' filters."""
    store(*recorded())
    python = environment_with("latest") / "bin" / "python"
    events = received_events(list(Event.objects.order_by("occurred")))
    asked = {"events": events, "filters": [asked for _, asked, _ in CASES]}
    done = subprocess.run(
        [python, "-c", ASK_THE_SERVER],
        input=msgspec.json.encode(asked),
        env={"PREFECT_HOME": str(tmp_path)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return {"events": events, **json.loads(done.stdout)}


def test_our_events_are_written_as_the_server_writes_them(answered: dict[str, Any]) -> None:
    for ours, theirs in zip(answered["events"], answered["written"], strict=True):
        written = json.loads(msgspec.json.encode(ours))
        assert list(written) == list(json.loads(theirs))
        assert written == json.loads(theirs)


def test_the_server_reads_our_cases_alike(answered: dict[str, Any]) -> None:
    for (said, asked, ours), theirs in zip(CASES, answered["found"], strict=True):
        # Live, its filter of related resources lets everything through; and it searches substrings.
        if asked.get("related") or "text" in asked:
            continue
        assert {name_of(id) for id in theirs} == ours, said
