"""An event from the command line comes through the one door."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.events.models import Event

pytestmark = pytest.mark.django_db

ID = "2c3d5d0e-1111-4000-8000-000000000001"


def emit(*arguments):
    out, err = StringIO(), StringIO()
    call_command("emit", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_everything_that_is_told_is_stored():
    out, err = emit(
        "acme.invoice.paid", "--resource", "acme.invoice.42", "--resource-name", "Invoice 42",
        "--label", "team=billing", "--label", "note=a=b",
        "--related", "customer=acme.customer.7,Globex, Inc.", "--related", "flow=prefect.flow.1",
        "--payload", '{"amount": 12.5}', "--follows", ID, "--occurred", "2023-04-01T12:00:00+02:00",
    )  # fmt: skip
    event = Event.objects.get()
    assert out.split() == [str(event.id), f"/events/{event.id}"]
    assert err == ""
    assert event.resource == {
        "prefect.resource.id": "acme.invoice.42",
        "prefect.resource.name": "Invoice 42",
        "team": "billing",
        "note": "a=b",
    }
    assert [labels.get("prefect.resource.name") for labels in event.related] == [
        "Globex, Inc.",
        None,
    ]
    assert event.payload == {"amount": 12.5}
    assert str(event.follows) == ID
    assert event.occurred.isoformat() == "2023-04-01T10:00:00+00:00"
    assert (event.system, event.source.name) == ("custom", "command-line")


def test_a_name_that_belongs_to_prefect_is_stored_with_a_warning():
    _, err = emit("prefect.flow-run.Failed", "--resource", "prefect.flow-run.1")
    assert "belongs to Prefect" in err
    assert len(Event.objects.get().warnings) == 2


MISTAKES = {
    "no resource": (["a.b"], "--resource"),
    "an empty resource": (["a.b", "--resource", ""], "must not be empty"),
    "a label without a value": (["a.b", "--resource", "r", "--label", "team"], "key=value"),
    "a related resource without an id": (["a.b", "--resource", "r", "--related", "x="], "role=id"),
    "broken JSON": (["a.b", "--resource", "r", "--payload", "{"], "no JSON"),
    "a payload that is no object": (["a.b", "--resource", "r", "--payload", "[]"], "JSON object"),
    "a payload with NaN": (["a.b", "--resource", "r", "--payload", '{"a": NaN}'], "NaN"),
    "follows no id": (["a.b", "--resource", "r", "--follows", "x"], "UUID"),
    "occurred never": (["a.b", "--resource", "r", "--occurred", "x"], "must be a time"),
    "a NUL": (["a.b", "--resource", "r\0"], "resource"),
    "no address": (["a.b", "--resource", "r", "--url", "ftp://x"], "no address"),
    "an address where nobody is": (
        ["a.b", "--resource", "r", "--url", "http://127.0.0.1:1"],
        "cannot be reached",
    ),
}


@pytest.mark.parametrize(("arguments", "say"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_told_in_words_and_nothing_is_stored(arguments, say):
    with pytest.raises(CommandError) as mistake:
        emit(*arguments)
    assert say in str(mistake.value)
    assert not Event.objects.exists()


def test_through_another_eventfeed_the_token_goes_along(listener):
    url, seen = listener(204)
    out, _ = emit("a.b", "--resource", "r", "--url", f"{url}/", "--token", "ef_x")
    path, headers, body = seen[0]
    (message,) = json.loads(body)
    assert (path, headers["Authorization"]) == ("/api/events", "Bearer ef_x")
    assert (message["event"], message["resource"]) == ("a.b", {"prefect.resource.id": "r"})
    assert out.split() == [message["id"], f"{url}/events/{message['id']}"]


def test_what_another_eventfeed_says_against_it_is_passed_on(listener):
    url, _ = listener(403, b"This token may not send events.")
    with pytest.raises(CommandError, match="403: This token may not send events"):
        emit("a.b", "--resource", "r", "--url", url)
