"""A block that no Prefect server has is said in the editor, beside its action."""

import json
from uuid import uuid4

import pytest

from apps.automations.doing import destinations
from apps.automations.models import Automation, Destination
from tests.feed.automations.test_pages import WEBHOOK, post, posted, said
from tests.ports import free_port

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_log")]

CALL = {"type": "call-webhook", "block_document_id": str(uuid4()), "payload": "a"}


@pytest.fixture(autouse=True)
def away(settings):
    """A Prefect server that is away."""
    settings.LOCAL_MODE = True
    url = f"http://127.0.0.1:{free_port()}/api"
    destinations.save(Destination(name="Prefect", kind="prefect", private=True), {"url": url})


def test_the_form_says_it_beside_the_action(client):
    block = {"kind": "other", "other": json.dumps(CALL)}
    answer = post(client, "/automations", posted(actions=[WEBHOOK, block]))
    assert answer.status_code == 422
    say = "block_document_id: Its block cannot be taken from the Prefect server “Prefect”."
    assert say in said(answer)
    assert not Automation.objects.exists()


def test_the_json_says_where(client):
    trigger = {"type": "presence", "query": "outcome:failed"}
    text = json.dumps({"name": "a", "trigger": trigger, "actions": [CALL]})
    answer = post(client, "/automations", {"document": text})
    assert answer.status_code == 422
    assert "actions[0].block_document_id" in said(answer)
    assert "cannot be taken" in said(answer)
    assert not Automation.objects.exists()
