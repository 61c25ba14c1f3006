"""How Eventfeed is: said in words to people, and in numbers to Prometheus."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, expect
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

from apps.accounts.models import Scope, Token
from apps.automations.doing.backlog import Backlog
from apps.automations.doing.job import Done
from apps.automations.doing.outbox import Doing, finish
from apps.automations.models import Task
from apps.events import partitions, steps
from apps.events.counters import Life, counters
from apps.events.models import FollowerPosition, Process, Rejection, Source
from apps.events.rejections import COUNTED_AS, OTHERWISE, Rejected, reject_sync
from apps.feed import health
from apps.feed.health import Disk, Found, Held, Part, Place, Rejections, Writer, shown
from apps.feed.measures import bytes_in_words, time_in_words
from apps.feed.metrics import DATABASE_UP, MEASURES, TROUBLE
from apps.feed.verdict import troubles, verdict
from eventfeed.database import dsn
from tests.automations.doing.fired import fired
from tests.crash.up import Up
from tests.feed.watching import draft, store
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def process(name: str = "worker", *, seen: datetime = NOW, **counted: Any) -> Process:
    return Process(
        id=uuid4(),
        name=name,
        pid=7,
        host="here",
        started=NOW - timedelta(hours=1),
        seen=seen,
        counters=counted,
    )


def well(**changes: Any) -> Found:
    tomorrow = Part("event_20261127", NOW, NOW + timedelta(days=7), 10, 1000)
    standing: dict[str, Any] = {"at": NOW, "processes": [process()], "parts": [tomorrow]}
    return Found(**standing | changes)


def held(age: float, *writers: Writer) -> Held:
    return Held(3, timedelta(seconds=age), writers)


def writer(pid: str = "4711", state: str = "idle in transaction") -> Writer:
    return Writer(pid, "nightly job", "shop", state, timedelta(minutes=9), NOW, "UPDATE t")


FLOW = health.Flow(1, "billing", "custom", 9, NOW, 0.2, 5, 9, refused=4)
REFUSED = Rejections("No JSON.", 1, "billing", 3, NOW, within_hour=2)
PLACE = Place("registry", 5, 6, NOW, 10_000, timedelta(minutes=3))

WRONG = {
    "no worker": ({"processes": [process("web")]}, "no-worker", "manage.py worker"),
    "a worker long silent": (
        {"processes": [process(seen=NOW - timedelta(minutes=2))]},
        "no-worker",
        "2 minutes",
    ),
    "a recorder without a database": (
        {"processes": [process(), process("web", database_away=True)]},
        "recorder-away",
        "read-only",
    ),
    "half a queue": (
        {"processes": [process(), process("web", queue_events=10_000)]},
        "queue-full",
        "10,000 events",
    ),
    "a flood": ({"flows": [FLOW]}, "overloaded", "billing"),
    "a long transaction": ({"held": held(60, writer())}, "held-back", "pg_terminate_backend(4711)"),
    "a prepared one": (
        {"held": held(60, writer("gid", "prepared"))},
        "held-back",
        "ROLLBACK PREPARED 'gid'",
    ),
    "one that we may not see": ({"held": held(60)}, "held-back", "pg_read_all_stats"),
    "a follower behind": ({"followers": [PLACE]}, "follower-behind", "3 minutes"),
    "a full disk": ({"disk": Disk(5, 10**8, 10**12)}, "disk", "100 MB"),
    "no partition for tomorrow": ({"parts": []}, "partitions", "manage.py partitions"),
    "lost by gRPC": ({"processes": [process(grpc_dropped=2)]}, "grpc-dropped", "2 events"),
    "waiting in gRPC": ({"processes": [process(grpc_waiting=1)]}, "grpc-waiting", "1 event "),
    "relays without a keeper": (
        {"processes": [process(relays_unkept=90)]},
        "relays-unkept",
        "goes on trying",
    ),
    "a part that stands still": (
        {"processes": [process(steps={"automations": 500.0, "registry": 0.1})]},
        "standing-still",
        "automations has taken no step for 8 minutes",
    ),
    "an action that nobody does": (
        {"outbox": Backlog(1, timedelta(hours=2), timedelta(minutes=3))},
        "actions-overdue",
        "due for 3 minutes",
    ),
    "actions given up": ({"outbox": Backlog(parked=2)}, "actions-parked", "2 actions"),
    "refused": ({"rejections": [REFUSED]}, "rejections", "2 rejections of 1 source"),
}


@pytest.mark.parametrize(("changes", "name", "words"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_named_with_what_to_do(changes: dict[str, Any], name: str, words: str):
    told = troubles(well(**changes))
    assert name in [trouble.name for trouble in told]
    assert words in " ".join(f"{trouble.say} {trouble.do}" for trouble in told)
    assert all(trouble.do.endswith((".", ";")) for trouble in told)
    assert verdict(told) != "All is well."


def test_all_is_well_when_nothing_is_wrong():
    assert verdict(troubles(well())) == "All is well."


def test_the_worker_is_not_missed_before_it_can_have_begun():
    web = process("web")
    web.started = NOW - timedelta(seconds=2)
    assert not troubles(well(processes=[web]))


def test_a_short_transaction_holds_nothing_back():
    assert not troubles(well(held=held(0.4, writer())))


def test_the_worst_comes_first():
    told = troubles(well(processes=[], rejections=[REFUSED], parts=[]))
    assert [trouble.is_bad for trouble in told] == [True, True, False]
    assert verdict(told) == "2 things are wrong."


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("ALTER USER x\n  PASSWORD 'it''s secret' VALID", "ALTER USER x PASSWORD '…' VALID"),
        ("UPDATE t SET a = 'cut off", "UPDATE t SET a = '…'"),
        (r"UPDATE t SET a = E'it\'s secret', b = 1", "UPDATE t SET a = E'…', b = 1"),
        ("DO $$ secret; $$; COMMIT", "DO '…'; COMMIT"),
        ("DO $x$ secret $$ more $x$", "DO '…'"),
        ("SELECT $1, $2", "SELECT $1, $2"),
        (None, ""),
    ],
)
def test_values_in_statements_are_left_out(statement: str | None, words: str):
    assert shown(statement) == words


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (time_in_words(0.25), "0.2 s"),
        (time_in_words(timedelta(seconds=61)), "1 minute"),
        (time_in_words(7_300), "2 hours"),
        (bytes_in_words(999), "999 bytes"),
        (bytes_in_words(1_400_000), "1.4 MB"),
        (bytes_in_words(25e9), "25 GB"),
    ],
)
def test_measures_are_said_as_people_say_them(said: str, words: str):
    assert said == words


# With PostgreSQL.


@pytest.fixture(autouse=True)
def no_steps_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tests before this one had at work in this process does not stand still now."""
    monkeypatch.setattr(steps, "_taken", {})


@pytest.fixture
def visit(client: Client, empty_log: None, settings: Settings) -> Callable[..., str]:
    settings.LOCAL_MODE = True
    partitions.ensure()
    worker = Life("worker")
    worker.tell()

    def visit(path: str = "/health", status: int = 200, **headers: str) -> str:
        answer = client.get(path, headers={"host": "127.0.0.1", **headers})
        assert answer.status_code == status
        return unescape(answer.content.decode())

    return visit


def metrics_in(text: str) -> dict[str, list[Any]]:
    return {
        sample.name: [s for s in family.samples if s.name == sample.name]
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_an_installation_at_rest_is_well(visit: Any):
    page = visit()
    assert "All is well." in page
    assert "Nothing is held back" in page
    assert "worker" in page


def test_the_page_says_what_was_refused_and_where_followers_are(visit: Any):
    store(draft())
    source = Source.objects.get(name="tests")
    for _ in range(3):
        reject_sync(Rejected(source.id, "POST /x", "No JSON at <byte 3>.", b"{"))
    FollowerPosition.objects.create(name="registry")
    page = visit()
    assert "No JSON at <byte 3>." in page
    assert re.search(r"registry</th><td[^>]*>1 event, ", page)
    assert "All is well, with something to look at." in page
    assert "3 rejections of 1 source within an hour." in page


def test_old_and_mended_rejections_count_no_more(visit: Any):
    source = Source.objects.create(name="billing", system="custom")
    for changes in ({"received": timezone.now() - timedelta(days=2)}, {"stored": True}):
        reject_sync(Rejected(source.id, "POST /x", "No JSON.", b"{"))
        Rejection.objects.filter(id=Rejection.objects.latest("id").id).update(**changes)
    assert "No JSON." not in visit()


def test_a_transaction_that_holds_the_feed_back_is_named(visit: Any, monkeypatch: Any):
    monkeypatch.setattr("apps.feed.verdict.HELD_BACK", timedelta())
    with psycopg.connect(dsn(), application_name="nightly job") as slow:
        slow.execute(
            "INSERT INTO source (name, system, created, kind, masks, networks)"
            " VALUES ('secret name', 'custom', now(), '', '{}', '{}')"
        )
        store(draft())
        page = visit()
        assert "The feed is held back by a long transaction: 1 event stored" in page
        assert f"pg_terminate_backend({slow.info.backend_pid})" in page
        assert "nightly job" in page
        assert "secret name" not in page
        slow.rollback()
    assert "Nothing is held back" in visit()


def test_the_outbox_is_told_and_no_secret_of_its_receivers(visit: Any):
    tasks = fired(
        {"type": "webhook", "url": "https://hooks.example.com/services"},
        {"type": "notify", "destination": "#alerts", "body": "a"},
        {"type": "notify", "destination": "#alerts", "body": "b"},
        {"type": "do-nothing"},
        {"type": "cancel-flow-run"},
    )
    hour = timezone.now() - timedelta(hours=1)
    later = timezone.now() + timedelta(hours=1)
    Task.objects.update(made=hour, due=later, tries=2)
    Task.objects.filter(id=tasks[2].id).update(due=timezone.now() - timedelta(minutes=5), tries=0)
    Task.objects.filter(id=tasks[3].id).update(state=Task.State.PARKED, ended=timezone.now())
    told = metrics_in(visit("/metrics"))
    assert told["eventfeed_actions_waiting"][0].value == 4
    assert 3_600 <= told["eventfeed_actions_waiting_seconds"][0].value < 3_700
    assert 300 <= told["eventfeed_actions_overdue_seconds"][0].value < 400
    assert told["eventfeed_actions_parked_day"][0].value == 1
    receivers = {s.labels["receiver"]: s.value for s in told["eventfeed_actions_retried"]}
    assert receivers == {
        "https://hooks.example.com/…": 1,
        "#alerts": 1,
        "the Prefect server": 1,
    }
    page = visit()
    assert "4 actions not done yet, the oldest for 1 hour." in page
    assert "/services" not in page
    assert ">#alerts<" in page


def test_attempts_at_actions_are_counted_by_what_came_of_them(visit: Any):
    for done in (Done(), Done(error="No."), Done(error="Later.", again=True)):
        (task,) = fired({"type": "do-nothing"})
        finish(Doing(task.id, "", timezone.now(), done=done))
    Life("worker").tell()
    told = metrics_in(visit("/metrics"))["eventfeed_action_attempts_total"]
    assert {sample.labels["result"] for sample in told} >= {"done", "failed", "again"}


def test_prometheus_can_read_the_metrics(visit: Any):
    store(draft())
    source = Source.objects.get(name="tests")
    counters.overloaded(source.id)
    counters.tell(["tests"])
    counters.reject("malformed")
    Life("web").tell()
    told = metrics_in(visit("/metrics"))
    assert [sample.value for sample in told["eventfeed_database_up"]] == [1]
    [refused] = [
        sample
        for sample in told["eventfeed_overloaded_requests_total"]
        if sample.labels["source"] == "tests" and sample.labels["process"] == "web"
    ]
    assert refused.value >= 1
    assert told["eventfeed_told_rows_total"]
    assert told["eventfeed_rejections_total"]
    assert told["eventfeed_partition_bytes"]
    assert {s.labels["process"] for s in told["eventfeed_stored_events_total"]} == {"web", "worker"}


def test_every_metric_is_in_the_docs_under_the_name_it_has():
    docs = (ROOT / "docs/running.md").read_text()
    names = [m.name + "_total" * (m.kind == "counter") for m in MEASURES]
    names += [DATABASE_UP[0], TROUBLE[0]]
    assert [name for name in names if f"`{name}`" not in docs] == []


def test_all_that_rejections_are_counted_as_is_in_the_docs():
    docs = (ROOT / "docs/running.md").read_text()
    reasons = {*COUNTED_AS.values(), OTHERWISE}
    assert [reason for reason in sorted(reasons) if f"`{reason}`" not in docs] == []


@pytest.mark.usefixtures("empty_log")
def test_metrics_need_a_token_that_may_read(client: Client):
    _, reader = Token.make("scraper", scopes=[Scope.READ])
    _, sender = Token.make("sender", scopes=[Scope.INGEST])
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": f"Bearer {sender}"}).status_code == 403
    answer = client.get(
        "/metrics",
        headers={
            "Authorization": f"Bearer {reader}",
            "Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5",
        },
    )
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")


@pytest.mark.usefixtures("empty_log")
def test_the_page_is_for_those_who_may_read(client: Client, django_user_model: Any):
    assert client.get("/health").status_code == 302
    user = django_user_model.objects.create_user("nobody", password="long enough 123")
    client.force_login(user)
    assert client.get("/health").status_code == 403


@pytest.fixture
def leave(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A function after which the database cannot be reached."""
    known = connection.settings_dict

    def leave() -> None:
        connection.close()
        # Without the pool, which would wait for the database to come back.
        monkeypatch.setitem(known, "OPTIONS", {**known["OPTIONS"], "pool": False})
        monkeypatch.setitem(known, "PORT", "1")

    yield leave
    connection.close()
    monkeypatch.undo()


def test_page_and_metrics_are_of_use_while_the_database_is_away(
    client: Client, settings: Settings, leave: Any
):
    settings.LOCAL_MODE = True
    leave()
    answer = client.get("/health", headers={"host": "127.0.0.1"})
    page = unescape(answer.content.decode())
    assert answer.status_code == 503
    assert "Something is wrong." in page
    assert "PostgreSQL cannot be reached: " in page
    assert "Waits to be written" in page
    told = metrics_in(client.get("/metrics", headers={"host": "127.0.0.1"}).content.decode())
    assert [sample.value for sample in told["eventfeed_database_up"]] == [0]
    assert [sample.labels for sample in told["eventfeed_trouble"]] == [{"trouble": "database-away"}]


def test_strangers_learn_no_more_than_that_it_is_away(client: Client, leave: Any):
    client.cookies["sessionid"] = "of somebody"
    leave()
    answer = client.get("/health")
    page = unescape(answer.content.decode())
    assert answer.status_code == 503
    assert "PostgreSQL is away." in page
    assert "Waits to be written" not in page
    assert "cannot be reached" not in page


def test_a_database_that_stands_still_is_said_soon(
    client: Client, settings: Settings, visit: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(health, "LONGEST", 0.2)
    with psycopg.connect(dsn()) as blocker:
        blocker.execute("LOCK TABLE process IN ACCESS EXCLUSIVE MODE")
        assert "PostgreSQL does not answer." in visit(status=503)
        blocker.rollback()
    wait_until(lambda: not health._look.is_under_way)
    monkeypatch.undo()
    assert "All is well." in visit()


# With everything real.


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_on_a_phone(up: Up, browser: Browser, scheme: Any):
    wait_until(lambda: 'process="worker"' in up.get("/metrics").read().decode())
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{up.port}/health")
    expect(page.get_by_role("status")).to_contain_text("All is well.")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_a_running_installation_tells_of_web_and_worker(up: Up):
    def scraped() -> str:
        return httpx.get(f"http://127.0.0.1:{up.port}/metrics", timeout=30).text

    wait_until(lambda: all(f'process="{name}"' in scraped() for name in ("web", "worker")))
    told = metrics_in(scraped())
    assert {sample.labels["process"] for sample in told["eventfeed_queue_events"]} >= {"web"}
    assert told["eventfeed_disk_left_bytes"][0].value > 0
    assert not told.get("eventfeed_trouble")
