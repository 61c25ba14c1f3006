"""The feed in a terminal: the last events, then every new one, once, whatever happens meanwhile."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from apps.events.draft import Draft
from apps.events.models import Source
from apps.events.record import record
from apps.query import Outcome
from eventfeed.database import dsn

pytestmark = pytest.mark.usefixtures("empty_log")

CHECKOUT = Path(__file__).parents[2]
PATIENCE = 30


def tell(event="acme.invoice.paid", outcome=Outcome.INFORMATION, **kwargs):
    source, _ = Source.objects.get_or_create(name="test", defaults={"system": "custom"})
    draft = Draft(
        id=uuid4(),
        occurred=datetime.now(UTC),
        event=event,
        resource={"prefect.resource.id": "acme.invoice.42"},
        outcome=outcome,
        **kwargs,
    )
    record([draft], source_id=source.pk)
    return str(draft.id)


def where():
    """Say where the database is by the environment: an embedded PostgreSQL's host is a folder."""
    database = connection.settings_dict
    return {
        "DATABASE_URL": f"postgres://{database['USER']}@/{database['NAME']}",
        "PGHOST": database["HOST"] or "127.0.0.1",
        "PGPORT": str(database["PORT"] or 5432),
    }


def hear_interrupts():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """A tail in a process of its own, and the lines it has printed."""

    def __init__(self, *arguments, **environment):
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "tail", *arguments],
            cwd=CHECKOUT,
            env=os.environ | where() | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Whoever runs the tests in the background of a shell has made them deaf to Ctrl-C.
            preexec_fn=hear_interrupts,
        )
        self.lines = self.collect(self.process.stdout)
        self.notices = self.collect(self.process.stderr)

    def collect(self, stream):
        lines = queue.Queue()
        threading.Thread(target=lambda: [lines.put(line) for line in stream], daemon=True).start()
        return lines

    def line(self):
        return self.lines.get(timeout=PATIENCE)

    def notice(self, part):
        while part not in (line := self.notices.get(timeout=PATIENCE)):
            pass
        return line

    def end(self, sign=signal.SIGINT):
        self.process.send_signal(sign)
        return self.process.wait(PATIENCE)


@pytest.fixture
def terminal():
    opened = []

    def open_one(*arguments, **environment):
        opened.append(Terminal(*arguments, **environment))
        return opened[-1]

    yield open_one
    for one in opened:
        one.process.kill()
        one.process.wait()


def test_the_last_lines_come_first_and_then_the_new_ones(terminal):
    for number in range(3):
        tell(f"acme.old.n{number}")
    tail = terminal("-n", "2")
    assert ["acme.old.n1" in tail.line(), "acme.old.n2" in tail.line()] == [True, True]
    tell("acme.new.n1")
    assert "acme.new.n1" in tail.line()
    assert tail.end() == 0
    assert tail.lines.empty()


def test_the_query_holds_for_old_and_new_alike(terminal):
    tell("acme.a")
    tell("acme.b")
    tail = terminal("--", "-event:acme.b")
    assert "acme.a" in tail.line()
    tell("acme.b")
    tell("acme.c")
    assert "acme.c" in tail.line()


@pytest.mark.parametrize(
    "query",
    ["payload.amount:>5", "source:test", "chain:{leader}", "-source:other has:payload.amount"],
)
def test_a_query_means_of_new_events_what_it_means_of_old_ones(terminal, query):
    leader = tell("acme.led")
    tell("acme.first", follows=UUID(leader), payload={"amount": 7})
    follower = tell("acme.second", follows=UUID(leader), payload={"amount": 8})
    tail = terminal("-n", "1", "--", query.format(leader=leader))
    assert "acme.second" in tail.line()
    tell("acme.third", follows=UUID(follower), payload={"amount": 9})
    assert "acme.third" in tail.line()


def test_json_is_one_object_a_line_with_labels_and_payload(terminal):
    id = tell(payload={"amount": 12.5})
    tail = terminal("--json")
    first = json.loads(tail.line())
    assert (first["id"], first["payload"]) == (id, {"amount": 12.5})
    assert first["source"] == "test"
    assert first["resource"] == {"prefect.resource.id": "acme.invoice.42"}
    id = tell(payload={"amount": 13})
    second = json.loads(tail.line())
    assert (second["id"], second["payload"]) == (id, {"amount": 13})


def test_nothing_is_lost_while_the_database_is_away(terminal):
    tell("acme.first")
    tail = terminal()
    assert "acme.first" in tail.line()
    tell("acme.second")
    assert "acme.second" in tail.line()
    with psycopg.connect(dsn(), autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'eventfeed reader'"
        )
    tell("acme.third")
    assert "acme.third" in tail.line()
    assert tail.notice("") == "The database is away: waiting.\n"
    assert tail.notice("") == "The database is back.\n"


def test_colours_are_for_terminals_and_those_who_insist(terminal):
    tell(outcome=Outcome.FAILED)
    assert "\x1b" not in terminal().line()
    assert "\x1b[31m✕" in terminal("--force-color").line()


def test_what_a_sender_writes_cannot_drive_the_terminal(terminal):
    tell(message="\x1b]0;owned\x07")
    assert "\x1b" not in terminal().line()


@pytest.mark.parametrize(
    ("arguments", "say"),
    [
        (["outcom:failed"], "outcome:failed"),
        (["--since", "yesterday"], "now-1h"),
        (["-n", "many"], "invalid int"),
        (["-n", "-5"], "0 or more"),
    ],
)
def test_a_mistake_is_told_in_words(arguments, say):
    with pytest.raises(CommandError) as mistake:
        call_command("tail", *arguments)
    assert say in str(mistake.value)


def test_what_may_have_been_meant_is_suggested_once():
    with pytest.raises(CommandError) as mistake:
        call_command("tail", "outcome:failed", "evnt:x")
    assert str(mistake.value).splitlines()[0] == (
        "There is no field “evnt”. Did you mean outcome:failed event:x ?"
    )


def test_the_wrong_part_of_a_query_is_underlined():
    with pytest.raises(CommandError) as mistake:
        call_command("tail", "outcome:failed", "evnt:x")
    _, query, line = str(mistake.value).splitlines()
    assert query[line.index("^") : line.rindex("^") + 1].startswith("evnt")
