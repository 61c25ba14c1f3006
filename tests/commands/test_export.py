"""Events in a file or a pipe: all that match, with what is wrong told where it stands."""

import gzip
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from apps.feed.management.commands import export
from tests.commands.test_tail import CHECKOUT, where
from tests.feed.watching import draft, store

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_log"),
]


@pytest.fixture
def run(monkeypatch):
    """Run the command; return what it wrote, and what it said meanwhile."""

    def run(*arguments):
        out, err = BytesIO(), StringIO()
        monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=out))
        call_command("export", *map(str, arguments), stderr=err)
        return out.getvalue(), err.getvalue()

    return run


def ids(lines):
    return [json.loads(line)["id"] for line in lines.splitlines()]


def test_csv_has_the_columns_asked_for(run):
    store(draft("a.b", payload={"n": 7}))
    written, _ = run("--format", "csv", "--columns", "payload.n")
    head, row = written.decode().splitlines()
    assert (head.rpartition(",")[2], row.rpartition(",")[2]) == ("payload.n", "7")
    with pytest.raises(CommandError, match="is no column"):
        run("--format", "csv", "--columns", "n")


def test_what_matches_is_written_newest_first(run):
    now = datetime.now(UTC)
    old, new, _ = store(
        draft("a.b", occurred=now - timedelta(minutes=2)),
        draft("a.b", occurred=now - timedelta(minutes=1)),
        draft("a.c"),
    )
    written, said = run("event:a.b")
    assert ids(written) == [str(new), str(old)]
    assert said == "2 events.\n"
    assert ids(run("event:a.b", "--since", "now-90s")[0]) == [str(new)]
    assert ids(run("event:a.b", "--until", "now-90s")[0]) == [str(old)]


def test_a_file_is_written_whole_or_by_another_name(run, tmp_path, monkeypatch):
    store(*(draft(number=n) for n in range(120)))
    file = tmp_path / "events.ndjson"
    written, said = run("--to", file)
    assert (written, said) == (b"", "120 events.\n")
    assert len(ids(file.read_bytes())) == 120
    file.unlink()
    monkeypatch.setattr(export, "PATIENCE", 0)
    monkeypatch.setattr(export.Writing, "tell_progress", failing)
    with pytest.raises(CommandError, match="Incomplete after 50 events: gone"):
        run("--to", file)
    assert [kept.name for kept in tmp_path.iterdir()] == ["events.ndjson.partial"]


def failing(_):
    raise OperationalError("gone")


@pytest.mark.parametrize("name", ["events.csv", "events.csv.gz"])
def test_the_name_of_a_file_says_how_it_is_written(run, tmp_path, name):
    store(draft())
    run("--to", tmp_path / name)
    opened = gzip.open if name.endswith(".gz") else open
    with opened(tmp_path / name, "rt") as file:
        assert file.readline().startswith("id,occurred,")


def test_what_is_exported_can_be_imported(run, tmp_path):
    store(draft(), draft())
    file = tmp_path / "events.ndjson.gz"
    run("--to", file)
    out = StringIO()
    call_command("import", "--as", "eventfeed", str(file), stdout=out)
    assert out.getvalue() == "0 events stored, 2 known already.\n"


@pytest.mark.parametrize(
    ("arguments", "say"),
    [
        (["outcom:failed"], "Did you mean outcome:failed"),
        (["--since", "yester"], "now-1h"),
        (["--format", "xml"], "invalid choice"),
        (["--to", "/nowhere/at/all"], "No such file"),
    ],
)
def test_a_mistake_is_told_in_words(run, arguments, say):
    with pytest.raises(CommandError) as mistake:
        run(*arguments)
    assert say in str(mistake.value)


def test_who_has_read_enough_may_leave():
    store(*(draft(number=n, payload={"text": "x" * 2_000}) for n in range(500)))
    process = subprocess.Popen(
        [sys.executable, "manage.py", "export"],
        cwd=CHECKOUT,
        env=os.environ | where(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout.readline().startswith(b'{"id":')
    process.stdout.close()
    said = process.stderr.read().decode()
    assert process.wait(60) in (0, -signal.SIGPIPE)
    assert "Traceback" not in said
