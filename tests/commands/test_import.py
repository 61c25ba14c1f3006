"""Files of messages are taken over, and what a message says can be looked at without storing it."""

import gzip
import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.events.models import Event, Rejection

pytestmark = pytest.mark.django_db

RUN_ID = "0190a1b2-0000-7000-8000-00000000000{}"


def run_event(number: int = 1, **changes: object) -> dict[str, object]:
    return {
        "eventType": "COMPLETE",
        "eventTime": "2026-11-20T03:04:05.678Z",
        "producer": "https://acme.example/tests",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": RUN_ID.format(number)},
        "job": {"namespace": "acme", "name": "orders.load"},
    } | changes


def lines(*messages: object) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def take(*arguments: object) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("import", "--as", "openlineage", *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_every_line_of_a_file_is_stored_once(file: Path):
    file.write_bytes(lines(run_event(1), run_event(2)) + b"\n")
    assert take(file)[0] == "2 events stored.\n"
    assert take(file)[0] == "0 events stored, 2 known already.\n"
    assert [event.source.name for event in Event.objects.all()] == ["import", "import"]


def test_a_compressed_file_is_read_as_it_is(tmp_path: Path):
    file = tmp_path / "events.jsonl.gz"
    file.write_bytes(gzip.compress(lines(run_event())))
    assert take(file, "--source", "warehouse")[0] == "1 events stored.\n"
    assert Event.objects.get().source.name == "warehouse"


def test_a_line_that_cannot_be_read_is_named_and_kept_and_the_others_are_stored(file: Path):
    file.write_bytes(lines(run_event(1), run_event(2, job={"name": "no namespace"}), run_event(3)))
    with pytest.raises(CommandError, match="1 refused"):
        take(file)
    assert Event.objects.count() == 2
    kept = Rejection.objects.get()
    assert (kept.index, kept.path) == (2, "job.namespace")


def test_a_file_that_is_not_there_is_said(tmp_path: Path):
    with pytest.raises(CommandError, match="is no file"):
        take(tmp_path / "nothing.jsonl")


def test_a_secret_in_a_file_is_masked_as_at_a_door(file: Path):
    job = {"namespace": "postgres://me:secret@host:5432", "name": "orders"}
    file.write_bytes(lines(run_event(job=job)))
    take(file)
    assert "secret@" not in json.dumps(Event.objects.get().payload)


def read(system: str, file: Path, *arguments: str) -> list[dict]:
    out = StringIO()
    call_command("read", system, str(file), *arguments, stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_the_drafts_of_a_message_are_printed_and_nothing_is_stored(file: Path):
    file.write_bytes(json.dumps(run_event()).encode())
    (draft,) = read("openlineage", file)
    assert draft["outcome"] == "completed"
    assert draft["resource"]["prefect.resource.id"].endswith(RUN_ID.format(1))
    assert not Event.objects.exists()


def test_what_cannot_be_read_of_a_message_is_printed_with_its_place(file: Path):
    file.write_bytes(json.dumps(run_event(run={"runId": None})).encode())
    err = StringIO()
    with pytest.raises(CommandError, match="1 could not be read"):
        call_command("read", "openlineage", str(file), stdout=StringIO(), stderr=err)
    assert "run.runId" in err.getvalue()


def test_what_came_beside_a_message_can_be_said(file: Path):
    file.write_bytes(b'{"amount": 12.5}')
    beside = ["ce-id=1", "ce-source=/acme", "ce-type=a.b", "ce-specversion=1.0"]
    (draft,) = read("cloudevents", file, *(part for one in beside for part in ("--header", one)))
    assert (draft["event"], draft["payload"]) == ("a.b", {"amount": 12.5})
