"""`POST /hooks/<slug>` of a running Eventfeed, and hooks as somebody has made them on the page."""

import gzip
import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.ingest.hooks.body import FORM
from tests.crash.up import Up
from tests.ingest.conftest import Eventfeed
from tests.ingest.hooking import TEMPLATE, Made, Person


@pytest.fixture
def person(eventfeed: Eventfeed) -> Person:
    return Person(eventfeed)


def events_of(eventfeed: Eventfeed) -> list[tuple[Any, ...]]:
    return eventfeed.query(
        "SELECT event, message, system, payload FROM event WHERE resource_id = %s ORDER BY tx, seq",
        f"{eventfeed.corner}.thing",
    )


def rejections_of(eventfeed: Eventfeed, hook: int) -> list[tuple[Any, ...]]:
    return eventfeed.query(
        "SELECT r.reason, r.path, r.headers, convert_from(r.body, 'UTF8') FROM rejection r"
        " JOIN hook h ON h.source_id = r.source_id WHERE h.id = %s ORDER BY r.id",
        hook,
    )


def test_a_delivery_is_an_event_before_its_success_is_said(
    eventfeed: Eventfeed, person: Person
) -> None:
    answer = person.makes().post({"what": "paid", "note": 'for "all"\nof it'})
    assert answer.status_code == 200
    assert answer.json() == {"stored": 1, "known": 0}
    ((event, message, system, payload),) = events_of(eventfeed)
    assert (event, system) == (f"{eventfeed.corner}.paid", "webhook")
    assert message == 'for "all" of it'
    assert payload["body"] == {"what": "paid", "note": 'for "all"\nof it'}


def test_the_hook_is_a_related_resource_and_its_address_is_nowhere(
    eventfeed: Eventfeed, person: Person
) -> None:
    hook = person.makes(name=f"Payments {eventfeed.corner}")
    hook.post({"what": "paid"}, headers={"Authorization": "Bearer secret-of-theirs"})
    ((related, whole),) = eventfeed.query(
        "SELECT related, event::text FROM event WHERE resource_id = %s",
        f"{eventfeed.corner}.thing",
    )
    assert related[0]["prefect.resource.role"] == "webhook"
    assert related[0]["prefect.resource.name"] == f"Payments {eventfeed.corner}"
    assert hook.address.rpartition("/")[2] not in whole
    assert "secret-of-theirs" not in whole


def test_a_retried_delivery_is_one_event(eventfeed: Eventfeed, person: Person) -> None:
    hook = person.makes(delivery='headers["X-Delivery"]')
    for delivery in ("one", "one", "two", "one"):
        answer = hook.post({"what": "paid"}, headers={"X-Delivery": delivery})
        assert answer.status_code == 200
    assert len(events_of(eventfeed)) == 2


def test_without_a_delivery_id_each_delivery_is_an_event_and_the_page_says_so(
    eventfeed: Eventfeed, person: Person
) -> None:
    hook = person.makes()
    for _ in range(2):
        hook.post({"what": "paid"})
    assert len(events_of(eventfeed)) == 2
    assert "each delivery is a new event, also one that is sent again" in person.get(
        f"/hooks/{hook.id}"
    )


def test_a_delivery_without_its_id_is_stored_with_a_warning(
    eventfeed: Eventfeed, person: Person
) -> None:
    person.makes(delivery='headers["X-Delivery"]').post({"what": "paid"})
    assert eventfeed.query(
        "SELECT warnings FROM event WHERE resource_id = %s", f"{eventfeed.corner}.thing"
    ) == [(["The delivery-id expression found nothing, so a retry would be a second event."],)]


def test_a_delivery_that_cannot_be_read_is_kept_and_answered_with_success(
    eventfeed: Eventfeed, person: Person
) -> None:
    hook = person.makes()
    answer = hook.post({"other": 1}, headers={"X-Event": "other", "X-Api-Token": "secret"})
    assert answer.status_code == 200
    assert answer.json()["detail"].startswith("Kept as a rejection.")
    assert events_of(eventfeed) == []
    ((reason, path, headers, body),) = rejections_of(eventfeed, hook.id)
    assert "There is no “what” here" in reason
    assert path == "template, line 2"
    assert json.loads(body) == {"other": 1}
    assert headers["x-event"] == "other"
    assert "x-api-token" not in headers


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ body|tojson }}", "The field event is required."),
        ('{"event": "a"}', "The field resource is required."),
        ("nothing", "The template wrote no JSON."),
        ('{"event": "a", "resource": {"prefect.resource.id": ""}}', "must not be empty"),
        ('{"event": "a", "resource": {"prefect.resource.id": "b"}, "outcome": "bad"}', "outcome"),
        ('{"event": "a", "resource": {"prefect.resource.id": "b"}, "outcome": []}', "outcome"),
        ('{"event": "a", "resource": {"prefect.resource.id": "b"}, "occurred": "x"}', "a time"),
        ('{"event": "a", "resource": {"prefect.resource.id": "b"}, "message": 5}', "a string"),
        ('{"event": "\\u0000", "resource": {"prefect.resource.id": "b"}}', "U+0000"),
        ('{"id": "\\ud800", "event": "a", "resource": {}}', "prefect.resource.id is required"),
        ("[1]", "An event must be an object"),
        ("{{ [{}] * 101 }}", "the limit is 100"),
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "1 s"),
        ("{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}", "itself without end"),
        ("{{ 'x' * 999999999 }}", "MiB"),
        ("{% for a in range(99999) %}{{ 'x' * 99 }}{% endfor %}", "writes more than 2 MiB"),
    ],
)
def test_whatever_a_template_does_is_said(
    eventfeed: Eventfeed, person: Person, template: str, reason: str
) -> None:
    hook = person.makes(template=template)
    assert hook.post({"a": 1}).status_code == 200
    (said, *_), *_ = rejections_of(eventfeed, hook.id)
    assert reason in said


def test_an_array_is_as_many_events(eventfeed: Eventfeed, person: Person) -> None:
    event = '{"event": "CORNER.{{ one }}", "resource": {"prefect.resource.id": "CORNER.thing"}}'
    comma = '{{ "" if loop.last else "," }}'
    template = f"[{{% for one in body %}}{event}{comma}{{% endfor %}}]"
    template = template.replace("CORNER", eventfeed.corner)
    hook = person.makes(template=template, delivery='headers["X-Delivery"]')
    for _ in range(2):
        hook.post(["a", "b", "c"], headers={"X-Delivery": "1"})
    names = [event.rpartition(".")[2] for event, *_ in events_of(eventfeed)]
    assert names == ["a", "b", "c"]


def test_what_a_template_makes_nothing_of_is_kept_unless_it_skips_it(
    eventfeed: Eventfeed, person: Person
) -> None:
    template = "{% if body.draft %}{{ skip() }}{% endif %}[{% for one in body.all %}5{% endfor %}]"
    hook = person.makes(template=template)
    assert hook.post({"draft": True}).json() == {"stored": 0, "known": 0}
    assert rejections_of(eventfeed, hook.id) == []
    assert "made no event" in hook.post({"all": []}).json()["detail"]
    (said, *_), *_ = rejections_of(eventfeed, hook.id)
    assert "made no event" in said


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("what=paid", "application/x-www-form-urlencoded"),
        ('{"what": "paid"}', "text/plain"),
        ('{"what": "paid"}', ""),
    ],
)
def test_bodies_are_read_as_what_they_are(
    eventfeed: Eventfeed, person: Person, body: str, content_type: str
) -> None:
    person.makes().post(body, headers={"Content-Type": content_type})
    assert [event for event, *_ in events_of(eventfeed)] == [f"{eventfeed.corner}.paid"]


def test_a_gzip_body_and_a_slash_at_the_end_are_fine(eventfeed: Eventfeed, person: Person) -> None:
    hook = person.makes()
    answer = httpx.post(
        f"{hook.address}/",
        content=gzip.compress(b'{"what": "paid"}'),
        headers={"Content-Encoding": "gzip"},
    )
    assert answer.status_code == 200
    assert len(events_of(eventfeed)) == 1


def test_what_is_no_gzip_is_the_senders_mistake(person: Person) -> None:
    answer = person.makes().post(b"{}", headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 400


def test_a_hook_is_switched_off_and_on(eventfeed: Eventfeed, person: Person) -> None:
    hook = person.makes()
    person.submit(f"/hooks/{hook.id}/switch", on="0")
    assert hook.post({"what": "paid"}).status_code == 404
    person.submit(f"/hooks/{hook.id}/switch", on="1")
    assert hook.post({"what": "paid"}).status_code == 200


def test_a_new_address_leaves_the_former_one_for_a_day_or_until_it_is_ended(
    eventfeed: Eventfeed, person: Person
) -> None:
    former = person.makes()
    person.submit(f"/hooks/{former.id}/rotate")
    hook = person.sees(former.id)
    assert hook.address != former.address
    assert [one.post({"what": "paid"}).status_code for one in (former, hook)] == [200, 200]
    person.submit(f"/hooks/{former.id}/end-former")
    assert [one.post({"what": "paid"}).status_code for one in (former, hook)] == [404, 200]


def test_a_removed_hook_is_gone_and_its_events_stay(eventfeed: Eventfeed, person: Person) -> None:
    hook = person.makes()
    hook.post({"what": "paid"})
    person.submit(f"/hooks/{hook.id}/remove")
    assert hook.post({"what": "paid"}).status_code == 404
    assert len(events_of(eventfeed)) == 1


@pytest.mark.parametrize("slug", ["nobody", "a-1234567890123456789012", "%00", "é", "a" * 3_000])
def test_an_address_of_nobody_is_404(eventfeed: Eventfeed, slug: str) -> None:
    answer = httpx.post(f"http://127.0.0.1:{eventfeed.port}/hooks/{slug}", json={})
    assert answer.status_code == 404


def test_who_opens_the_address_in_a_browser_sees_the_hook(person: Person) -> None:
    hook = person.makes()
    answer = person.client.get(hook.address)
    assert answer.url.path == f"/hooks/{hook.id}"


def test_a_large_body_is_kept_as_size_and_hash(eventfeed: Eventfeed, person: Person) -> None:
    body = {"what": "paid", "rows": ["x" * 100] * 20_000}
    assert person.makes().post(body).json() == {"stored": 1, "known": 0}
    ((_, _, _, payload),) = events_of(eventfeed)
    assert payload["body"]["bytes"] > 2_000_000


def test_a_body_that_unfolds_beyond_all_bounds_is_kept(
    eventfeed: Eventfeed, person: Person
) -> None:
    hook = person.makes()
    body = b"[" + b"{}," * 9_000_000 + b"{}]"
    assert hook.post(body).status_code == 200
    (said, *_), *_ = rejections_of(eventfeed, hook.id)
    assert "It needs more than 512 MiB." in said


def test_a_kept_delivery_is_read_again_after_its_template_was_mended(
    eventfeed: Eventfeed, person: Person
) -> None:
    hook = person.makes()
    hook.post({"other": "paid"})
    template = TEMPLATE.replace("CORNER", eventfeed.corner).replace("body.what", "body.other")
    person.submit(f"/hooks/{hook.id}/edit", name=f"N{hook.id}", template=template, signature="none")
    ((rejection,),) = eventfeed.query(
        "SELECT r.id FROM rejection r JOIN hook h ON h.source_id = r.source_id WHERE h.id = %s",
        hook.id,
    )
    person.submit(f"/rejections/{rejection}/again")
    assert [event for event, *_ in events_of(eventfeed)] == [f"{eventfeed.corner}.paid"]


@settings(max_examples=60, deadline=None)
@given(
    body=st.binary()
    | st.recursive(st.none() | st.text(), st.lists).map(lambda v: json.dumps(v).encode()),
    content_type=st.sampled_from(
        ["application/json", "text/xml", FORM, "application/json; charset=x"]
    ),
    header=st.text(st.characters(codec="latin-1", exclude_categories=["C"])),
)
def test_whatever_is_posted_is_answered(
    body: bytes, content_type: str, header: str, fuzzed: Made
) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"x-any", header.strip().encode("latin-1")),
    ]
    answer = fuzzed.post(body, headers=headers)
    assert answer.status_code < 300


@pytest.fixture(scope="session")
def fuzzed(running: Up) -> Made:
    template = """{
      "event": "fuzzed.{{ body|string|truncate(40) }}",
      "message": "{{ headers["x-any"] }}",
      "resource": {"prefect.resource.id": "fuzzed"}
    }"""
    return Person(Eventfeed(running.port, running.dsn)).makes(template=template)
