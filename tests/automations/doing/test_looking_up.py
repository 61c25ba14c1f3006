"""A block that an action names is looked up on its Prefect server before the action is kept."""

import json
import threading
from uuid import uuid4

import pytest
from django.db import connection

from apps.automations import keeping
from apps.automations.doing import destinations, looking_up
from apps.automations.doing.actions import BadAction
from apps.automations.models import Automation, Destination
from apps.automations.yaml_files import imported
from apps.automations.yaml_text import BadFile
from tests.automations.doing.receiving import answer
from tests.ports import free_port

pytestmark = pytest.mark.usefixtures("empty_log")

BLOCK = str(uuid4())
CALL = {"type": "call-webhook", "block_document_id": BLOCK, "payload": "a"}
TELL = {"type": "send-notification", "block_document_id": BLOCK, "subject": "a", "body": "b"}
PATH = "actions[0].block_document_id"


@pytest.fixture
def server(receiver):
    destinations.save(
        Destination(name="Prefect", kind="prefect", private=True),
        {"url": f"http://127.0.0.1:{receiver.port}/api", "key": "me:abc"},
    )
    has(receiver, "webhook")
    return receiver


def has(server, slug: str) -> None:
    """Let the server have a block of this type."""
    told = {"id": BLOCK, "name": "chat", "block_type": {"slug": slug}, "data": {}}
    server.answering = answer(200, json.dumps(told).encode())


def kept(*actions, **fields) -> Automation:
    trigger = {"type": "presence", "query": "outcome:failed"}
    automation = Automation(name="one", trigger=trigger, actions=list(actions), **fields)
    keeping.save(automation)
    return automation


def refused(*actions) -> BadAction:
    with pytest.raises(BadAction) as bad:
        kept(*actions)
    assert not Automation.objects.exists()
    return bad.value


@pytest.mark.parametrize(
    ("action", "slug"),
    [(CALL, "webhook"), (TELL, "slack-webhook"), (TELL, "custom-webhook")],
)
def test_a_block_that_is_there_is_asked_for_once_and_without_its_secrets(action, slug, server):
    has(server, slug)
    kept(action, action)
    (asked,) = server.received
    assert (asked.method, asked.path) == ("GET", f"/api/block_documents/{BLOCK}")
    assert asked.headers["authorization"].startswith("Basic ")


def test_a_block_that_is_not_there_is_refused_with_the_reason(server):
    server.answering = answer(404, b'{"detail": "Block document not found"}')
    bad = refused(CALL)
    assert bad.path == PATH
    assert "“Prefect”" in bad.say
    assert "Block document not found" in bad.say


@pytest.mark.parametrize(
    ("action", "slug", "say"),
    [(CALL, "slack-webhook", "no webhook"), (TELL, "secret", "type “secret”")],
)
def test_a_block_of_another_kind_is_refused(action, slug, say, server):
    has(server, slug)
    assert say in refused(action).say


def test_without_its_server_it_is_refused():
    url = f"http://127.0.0.1:{free_port()}/api"
    destinations.save(Destination(name="Prefect", kind="prefect", private=True), {"url": url})
    assert "could not be reached" in refused(CALL).say


def test_a_server_that_is_slow_is_not_waited_for_long(server, monkeypatch):
    monkeypatch.setattr(looking_up, "LONGEST", 0.2)
    done = threading.Event()
    server.answering = lambda to: done.wait(30)
    assert "did not answer within 0.2 s" in refused(CALL, TELL).say
    done.set()


def test_what_was_kept_already_is_changed_without_its_server(server):
    automation = kept(CALL)
    server.answering = answer(503)
    automation.cooldown = 60
    keeping.save(automation)
    automation.actions = [CALL | {"payload": "b"}]
    with pytest.raises(BadAction):
        keeping.save(automation)


FILE = f"""
- name: one
  trigger: {{type: presence, query: outcome:failed}}
  actions_on_trigger: [{json.dumps(CALL)}]
"""


def test_a_file_asks_outside_of_its_transaction(server, monkeypatch):
    asked = []

    def look_up(*told) -> None:
        asked.append(connection.in_atomic_block)
        looking_up.look_up(*told)

    monkeypatch.setattr(keeping, "look_up", look_up)
    assert [one.done for one in imported(FILE)] == ["made"]
    assert asked == [False]


def test_a_file_is_told_where_its_block_is_missing(server):
    server.answering = answer(404)
    with pytest.raises(BadFile, match=r"\[0\]\.actions_on_trigger\[0\]\.block_document_id"):
        imported(FILE)
    assert not Automation.objects.exists()
