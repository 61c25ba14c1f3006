"""What the real Prefect server takes, we take, and as the same; what it refuses, we refuse."""

import json
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from apps.ingest.adapters.prefect.adapter import draft_of
from apps.ingest.adapters.prefect.reading import PrefectEvent, read
from tests.environments import environment_with
from tests.ingest.test_prefect_reading import ID, PLAIN, in_role, labels, resource

TIMES = [
    "2026-01-02T03:04:05.678901Z",
    "2026-01-02 03:04:05+05:30",
    "2026-01-02T03:04:05+0530",
    "2026-01-02T03:04:05-08",
    "2026-01-02T03:04:05",
    "2026-01-02T03:04Z",
    "2026-01-02t03:04:05z",
    "2026-01-02T03:04:05,5Z",
    "2026-01-02",
    "20260102T030405Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "0000-01-01T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-02T03:04:60Z",
    " 2026-01-02T03:04:05Z",
    "yesterday",
    "",
    1_700_000_000,
    1_700_000_000.25,
    "1700000000",
    "1700000000.25",
    1_700_000_000_000,
    20_000_000_000,
    20_000_000_001,
    -1,
    1e20,
    True,
    None,
    [],
]
# A Prefect server reads them on Python before 3.13, with pendulum, and since then no more.
ONLY_ON_OLDER_PYTHONS = ["2026-01-02T03:04:05-08", "20260102T030405Z"]
UUIDS = [
    ID,
    ID.upper(),
    ID.replace("-", ""),
    f"urn:uuid:{ID}",
    f"{{{ID}}}",
    f"URN:UUID:{ID}",
    f"{{{ID.replace('-', '')}}}",
    f"urn:uuid:{ID.replace('-', '')}",
    f" {ID}",
    ID[:-1],
    "018f-0000-0000-7000-8000-000000000000",
    "",
    5,
    True,
    [],
]
OTHERS: list[dict[str, Any]] = [
    {"follows": None},
    {"id": None},
    {"event": ""},
    {"event": "x" * 1024},
    {"event": "x" * 1025},
    {"event": 5},
    {"event": None},
    {"resource": {}},
    {"resource": None},
    {"resource": {"prefect.resource.id": ""}},
    {"resource": {"prefect.resource.id": " "}},
    {"resource": resource(size=5)},
    {"resource": resource(size=None)},
    {"resource": resource(**{"": ""})},
    {"resource": resource(**labels(499))},
    {"resource": resource(**labels(500))},
    {"related": None},
    {"related": {}},
    {"related": ["x"]},
    {"related": [resource()]},
    {"related": [in_role(**{"prefect.resource.role": ""})]},
    {"related": [in_role(**labels(498))]},
    {"related": [in_role(**labels(499))]},
    {"related": [in_role()] * 100},
    {"related": [in_role()] * 101},
    {"payload": None},
    {"payload": []},
    {"payload": {"deep": {"a": [1, None, 2.5, "é😀"]}}},
    {"something": "else"},
]
CASES = [
    *({"occurred": time} for time in TIMES),
    *({field: form} for form in UUIDS for field in ("id", "follows")),
    *OTHERS,
]

ASK_THE_SERVER = """
import json, sys
from prefect.server.events.schemas.events import Event

def verdict(told):
    try:
        event = Event.model_validate(told)
    except ValueError:
        return None
    follows = event.follows and str(event.follows)
    return [event.occurred.isoformat(), str(event.id), follows, event.event]

json.dump([verdict(told) for told in json.load(sys.stdin)], sys.stdout)
"""


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What the schema of the newest Prefect server says to each case; None is a refusal."""
    python: Path = environment_with("latest") / "bin" / "python"
    answered = subprocess.run(
        [python, "-c", ASK_THE_SERVER],
        input=json.dumps([{**PLAIN, **case} for case in CASES]),
        env={"PREFECT_HOME": str(tmp_path_factory.mktemp("prefect"))},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(answered.stdout)


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda n: str(CASES[n])[:60])
def test_an_event_fares_as_on_the_real_server(verdicts: list[Any], number: int) -> None:
    reading = read(json.dumps({**PLAIN, **CASES[number]}).encode())
    verdict = verdicts[number]
    if verdict is None:
        taken = isinstance(reading, PrefectEvent)
        assert taken is (CASES[number].get("occurred") in ONLY_ON_OLDER_PYTHONS), "not by Prefect"
        return
    assert isinstance(reading, PrefectEvent), reading
    draft = draft_of(reading)
    occurred, id, follows, event = verdict
    assert draft.occurred == datetime.fromisoformat(occurred)
    assert (draft.id, draft.follows) == (UUID(id), follows and UUID(follows))
    assert draft.event == event
