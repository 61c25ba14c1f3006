"""The pages of automations: made by a form or as JSON, listed, switched, read by who may not."""

import html
import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from apps.automations.models import Attempt, Automation, Bucket, Destination, Firing, Task
from apps.events.models import Event
from apps.feed.automations import then, when
from apps.feed.automations.destinations import KINDS
from tests.feed.watching import draft, store

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_log")]

HOST = {"host": "127.0.0.1"}
WEBHOOK = {"kind": "webhook", "url": "https://example.com/hook"}


@pytest.fixture(autouse=True)
def local(settings):
    settings.LOCAL_MODE = True


@pytest.fixture
def reader(settings):
    settings.LOCAL_MODE = False
    user = User.objects.create_user("ada")
    user.user_permissions.add(Permission.objects.get(codename="view_event"))
    client = Client()
    client.force_login(user)
    return client


def posted(name="Failures", actions=(WEBHOOK,), **said):
    """What a browser posts of the editor's form."""
    told = dict(when.BEGUN) | {"query": "outcome:failed"} | said
    about = {"name": name, "most_a_minute": 10, "late": "15 min", "actions": len(actions)}
    return {
        **about,
        **told,
        **{
            f"then-{at}-{field}": value
            for at, action in enumerate(actions)
            for field, value in (dict(then.BEGUN) | action).items()
        },
    }


def post(client, path, fields):
    return client.post(path, fields, headers=HOST)


def edited(client, one, fields):
    """Post what an editor of it holds that was opened just now."""
    page = raw(client, f"/automations/{one.id}/edit")
    edition = re.search(r'name="edition" value="([^"]+)"', page)[1]
    return post(client, f"/automations/{one.id}/edit", fields | {"edition": edition})


def get(client, path):
    answer = client.get(path, headers=HOST)
    assert answer.status_code == 200, answer.content
    return said(answer)


def said(answer):
    """Return a page's text as a person reads it."""
    main = answer.content.decode().partition("<main")[2] or answer.content.decode()
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


def made(client, **fields):
    answer = post(client, "/automations", posted(**fields))
    assert answer.status_code == 302, said(answer)
    return Automation.objects.get(name=fields.get("name", "Failures"))


def firing_of(automation, **fields):
    now = datetime.now(UTC)
    told = {"id": uuid4(), "fired": now, "version": 1, "tx": 0, "seq": 0, "why": "Any failed."}
    return Firing.objects.create(automation=automation, **told | fields)


def task_of(firing, at=0, **fields):
    action = {"type": "webhook", "method": "POST", "url": "https://example.com/hook"}
    return Task.objects.create(id=uuid4(), firing=firing, at=at, action=action, **fields)


def test_an_automation_is_made_by_the_form(client):
    one = made(client, enabled="1")
    assert one.enabled
    assert one.trigger == {
        "type": "presence",
        "query": "outcome:failed",
        "times": 1,
        "within": 0,
    }
    assert [action["url"] for action in one.actions] == ["https://example.com/hook"]
    page = get(client, f"/automations/{one.id}")
    assert "any event with outcome failed" in page
    assert "call https://example.com/…" in page


def test_it_may_be_saved_without_switching_it_on(client):
    assert not made(client, enabled="0").enabled


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_kept(client):
    fields = posted(query="evnt:x", kind="often", within="soon")
    answer = post(client, "/automations", fields)
    assert answer.status_code == 422
    page = answer.content.decode()
    for field, word in (("query", "evnt"), ("within", "is no span of time")):
        [told] = re.findall(rf'id="id_{field}_error">([^<]*)<', page)
        assert word in html.unescape(told)
    assert not Automation.objects.exists()


def test_a_change_keeps_what_the_form_does_not_show(client):
    one = made(client)
    Automation.objects.update(owner_resource="acme.shop")
    fields = posted(name="Renamed", kind="often") | {"maintenance": "22:00-06:00"}
    assert edited(client, one, fields).status_code == 302
    one.refresh_from_db()
    assert (one.name, one.version, one.owner_resource) == ("Renamed", 2, "acme.shop")
    assert one.maintenance == [{"from": "22:00", "until": "06:00"}]
    assert "22:00-06:00" in raw(client, f"/automations/{one.id}/edit")


def test_the_form_is_shown_as_json_and_back_with_what_was_written(client):
    answer = post(client, "/automations", posted(name="Tried") | {"as_json": "1"})
    document = json.loads(html.unescape(re.search(r"<textarea[^>]*>([^<]*)<", said_raw(answer))[1]))
    assert document["name"] == "Tried"
    assert document["trigger"]["query"] == "outcome:failed"
    back = post(client, "/automations", {"document": json.dumps(document), "as_form": "1"})
    assert 'value="Tried"' in said_raw(back)
    assert 'value="outcome:failed"' in said_raw(back)
    assert not Automation.objects.exists()


def said_raw(answer):
    return answer.content.decode().partition("<main")[2]


STEPS = [{"type": "presence", "query": q, "times": 2, "within": 60} for q in ("a", "b")]
NESTED = {"type": "compound", "require": "all", "triggers": STEPS, "within": 600}


def test_json_makes_what_no_form_can_say_and_the_form_keeps_it(client):
    document = {"name": "Both twice", "trigger": NESTED, "actions": [{"type": "do-nothing"}]}
    answer = post(client, "/automations", {"document": json.dumps(document)})
    assert answer.status_code == 302
    one = Automation.objects.get()
    assert one.trigger == NESTED
    page = get(client, f"/automations/{one.id}/edit")
    assert "more than the form has fields for" in page
    assert "both of these within 10 minutes" in page
    kept = posted(name="Renamed", kind="kept", kept=json.dumps(one.trigger), query="")
    assert edited(client, one, kept).status_code == 302
    one.refresh_from_db()
    assert (one.name, one.version, one.trigger) == ("Renamed", 1, NESTED)


def test_a_trigger_of_prefect_is_kept_by_the_form_as_it_was_sent(client):
    said = {"type": "event", "posture": "Reactive", "expect": ["a"], "threshold": 1, "within": 0}
    trigger = {"type": "prefect", "trigger": said}
    one = Automation.objects.create(name="Theirs", trigger=trigger)
    kept = posted(name="Ours", kind="kept", kept=json.dumps(trigger))
    assert edited(client, one, kept).status_code == 302
    one.refresh_from_db()
    assert (one.name, one.trigger) == ("Ours", trigger)


def test_more_actions_than_a_few_are_all_kept(client):
    actions = [WEBHOOK | {"url": f"https://example.com/{n}"} for n in range(15)]
    one = made(client, actions=actions)
    page = raw(client, f"/automations/{one.id}/edit")
    assert 'name="actions" value="16"' in page
    assert len(one.actions) == 15


def test_an_automation_without_actions_is_shown_so_and_saved_so(client):
    trigger = {"type": "presence", "query": "outcome:failed", "times": 1, "within": 0}
    one = Automation.objects.create(name="Watched", trigger=trigger)
    page = raw(client, f"/automations/{one.id}/edit")
    first = page[page.index('name="then-0-kind"') : page.index('name="then-0-at"')]
    assert re.search(r'<option value="" selected>nothing<', first)
    assert edited(client, one, posted(name="Watched", actions=[{"kind": ""}])).status_code == 302
    one.refresh_from_db()
    assert one.actions == one.actions_on_trigger == one.actions_on_resolve == []


def test_a_new_one_begins_with_a_webhook(client):
    page = raw(client, "/automations/new")
    first = page[page.index('name="then-0-kind"') : page.index('name="then-0-at"')]
    assert '<option value="webhook" selected>' in first


def test_what_waits_for_a_resolution_is_not_done_at_each_firing(client):
    one = made(client)
    quiet = WEBHOOK | {"at": "actions_on_resolve"}
    assert edited(client, one, posted(actions=[WEBHOOK, quiet])).status_code == 302
    one.refresh_from_db()
    assert (len(one.actions), len(one.actions_on_resolve)) == (1, 1)


def test_tags_are_written_with_commas_and_found(client):
    one = made(client, tags='shop, nightly,"a, b", shop')
    assert one.tags == ["shop", "nightly", "a, b"]
    page = raw(client, f"/automations/{one.id}/edit")
    assert value_of(page, "id_tags") == 'shop, nightly, "a, b"'
    assert "Failures" in get(client, "/automations?name=nightly")
    assert "No automation has “ night ”" in get(client, "/automations?name=night")


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ("{", "line 1"),
        ("[]", "Write an object"),
        ({"trigger": {}}, "name"),
        ({"name": "a", "colour": 1}, "colour"),
        ({"name": "a", "trigger": {"type": "presence", "query": 5}}, "trigger.query"),
        (
            {"name": "a", "trigger": {"type": "presence", "query": "b"}, "actions": [{}]},
            "actions[0].type",
        ),
        (
            {
                "name": "a",
                "trigger": {"type": "presence", "query": "b"},
                "maintenance": [{"from": "late", "until": "06:00"}],
            },
            "maintenance[0].from",
        ),
        ({"name": "a", "trigger": {}, "cooldown": -1}, "cooldown"),
        ({"name": "a", "trigger": {}, "dry_run": 1}, "dry_run"),
    ],
)
def test_json_is_told_where_it_is_wrong(client, document, path):
    text = document if isinstance(document, str) else json.dumps(document)
    answer = post(client, "/automations", {"document": text})
    assert answer.status_code == 422
    assert path in said(answer)
    assert not Automation.objects.exists()


def test_the_preview_says_the_sentence_and_what_is_missing(client):
    answer = post(client, "/automations/preview", posted(actions=[{"kind": "webhook", "url": "x"}]))
    assert "any event with outcome failed" in said(answer)
    assert "Address : It begins with http://" in said(answer)
    assert 'data-beside="id_then-0-url"' in answer.content.decode()


def test_an_action_can_wait_until_a_metric_is_well_again(client):
    quiet = WEBHOOK | {"at": "actions_on_resolve"}
    one = made(client, kind="metric", actions=[WEBHOOK, quiet])
    assert len(one.actions_on_trigger) == len(one.actions_on_resolve) == 1
    assert one.actions == []


def test_from_an_event_the_form_is_about_those_of_its_flow(client):
    id = stored()
    page = raw(client, f"/automations/new?event={id}")
    assert value_of(page, "id_query") == (
        "event:prefect.flow-run.Failed related.flow:prefect.flow.nightly"
    )
    assert value_of(page, "id_name") == "Flow run failed: nightly"


@pytest.mark.parametrize(
    ("about", "query"),
    [
        ("this", "event:prefect.flow-run.Failed resource:prefect.flow-run.fox"),
        ("any", "event:prefect.flow-run.Failed"),
        ("nonsense", "event:prefect.flow-run.Failed"),
    ],
)
def test_it_may_be_about_this_resource_or_any(client, about, query):
    page = raw(client, f"/automations/new?event={stored()}&about={about}")
    assert value_of(page, "id_query") == query


def test_an_event_may_be_missed(client):
    page = raw(client, f"/automations/new?event={stored()}&kind=absent")
    assert re.search(r'value="absent"[^>]*checked', page)


def test_from_a_query_and_from_a_source(client):
    page = raw(client, "/automations/new?q=label.team:ml+outcome:failed")
    assert value_of(page, "id_query") == "label.team:ml outcome:failed"
    page = raw(client, "/automations/new?source=my+flink")
    assert value_of(page, "id_query") == 'source:"my flink"'
    assert value_of(page, "id_name") == "my flink fell silent"


@pytest.mark.parametrize(
    ("asked", "query", "left_out"),
    [
        ("occurred:today outcome:failed", "outcome:failed", "occurred:today is left out"),
        (
            "event:a received:>now-1h label.b:c",
            "event:a label.b:c",
            "received:>now-1h is left out: it waits for",
        ),
        ("outcome:failed", "outcome:failed", ""),
    ],
)
def test_from_a_query_its_times_are_left_out_and_that_is_said(asked, query, left_out, client):
    path = f"/automations/new?{urlencode({'q': asked})}"
    assert value_of(raw(client, path), "id_query") == query
    page = get(client, path)
    assert left_out in page
    assert ("is left out" in page) == bool(left_out)


def test_a_query_that_fits_no_trigger_says_so_before_it_is_saved(client):
    path = f"/automations/new?{urlencode({'q': '(occurred:today OR outcome:failed)'})}"
    assert value_of(raw(client, path), "id_query") == "(occurred:today OR outcome:failed)"
    assert "A trigger cannot ask for occurred: it waits for what happens from now on." in get(
        client, path
    )


def test_automate_stands_where_people_look(client):
    id = stored()
    source = Event.objects.get().source
    assert f"/automations/new?event={id}" in raw(client, f"/events/{id}")
    assert "/automations/new?q=outcome%3Afailed" in raw(client, "/?q=outcome:failed")
    # A trigger has a time of its own: the range that is looked at stays behind.
    ranged = raw(client, "/?q=outcome:failed&since=2026-01-01T00:00:00Z&until=now")
    assert 'class="button automate" href="/automations/new?q=outcome%3Afailed"' in ranged
    assert f"/automations/new?source={source.name}" in raw(client, f"/sources/{source.id}")


def raw(client, path):
    return client.get(path, headers=HOST).content.decode()


def value_of(page, id):
    [field] = re.findall(rf'<input[^>]*id="{id}"[^>]*>', page)
    found = re.search(r'value="([^"]*)"', field)
    return html.unescape(found[1]) if found else ""


def stored():
    told = draft(
        event="prefect.flow-run.Failed",
        resource={
            "prefect.resource.id": "prefect.flow-run.fox",
            "prefect.resource.name": "fox",
        },
        related=[
            {
                "prefect.resource.id": "prefect.flow.nightly",
                "prefect.resource.role": "flow",
                "prefect.resource.name": "nightly",
            }
        ],
    )
    [id] = store(told)
    return id


def test_the_list_tells_how_it_goes(client):
    one = made(client, name="Often failing")
    firing = firing_of(one)
    task_of(firing, state=Task.State.FAILED)
    page = get(client, "/automations")
    assert "Often failing" in page
    assert "1 in 24 h" in page
    assert "1 failed" in page


def test_the_list_tells_what_is_being_tried_again(client):
    firing = firing_of(made(client))
    for at, tries in enumerate((3, 1, 0)):
        task_of(firing, at=at, tries=tries)
    page = get(client, "/automations")
    assert "2 being tried again" in page
    assert "failed" not in page.partition("1 in 24 h")[2]
    assert "2 actions, until they arrive" in get(client, f"/automations/{firing.automation_id}")


def test_a_long_list_has_pages_and_is_searched_by_name(client):
    trigger = {"type": "presence", "query": "a"}
    Automation.objects.bulk_create(
        Automation(name=f"Load {n:03}", trigger=trigger) for n in range(120)
    )
    first = get(client, "/automations")
    assert "Load 049" in first
    assert "Load 050" not in first
    assert "page 1 of 3, 120 automations" in first
    assert "Load 100" in get(client, "/automations?page=3")
    found = raw(client, "/automations?name=LOAD+11&page=1")
    assert "<strong>10</strong> found" in found
    id = Automation.objects.get(name="Load 110").id
    back = post(client, f"/automations/{id}/switch", {"on": "0", "from": "/automations?name=L"})
    assert back.headers["location"] == "/automations?name=L"
    away = post(client, f"/automations/{id}/switch", {"on": "1", "from": "//example.com"})
    assert away.headers["location"] == f"/automations/{id}"


def test_the_list_tells_when_an_absence_is_decided_next(client):
    one = made(client, kind="absent")
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
    Bucket.objects.create(automation=one, version=one.version, key="[]", state={}, due=due)
    # What a former version remembered counts no more.
    former = due - timedelta(minutes=1)
    Bucket.objects.create(automation=one, version=99, key="[]", state={}, due=former)
    assert f"next decided {due:%Y-%m-%d %H:%M:%S} UTC" in get(client, "/automations")


def test_an_empty_list_begins_with_examples(client):
    page = raw(client, "/automations")
    for link in re.findall(r'href="(/automations/new\?[^"]*)"', page):
        example = raw(client, html.unescape(link))
        assert "data-preview" in example
        assert '<dl class="sentence"><dt>When</dt>' in example


def test_it_is_switched_muted_and_removed(client):
    one = made(client, enabled="1")
    post(client, f"/automations/{one.id}/switch", {"on": "0", "from": "/automations"})
    assert "Switch on" in get(client, "/automations")
    post(client, f"/automations/{one.id}/switch", {"on": "1"})
    post(client, f"/automations/{one.id}/mute", {"hours": "8"})
    assert "muted" in get(client, f"/automations/{one.id}")
    post(client, f"/automations/{one.id}/mute", {"hours": "0"})
    assert "muted" not in get(client, f"/automations/{one.id}")
    firing_of(one)
    post(client, f"/automations/{one.id}/remove", {})
    assert "Nothing is watched for yet" in get(client, "/automations")
    # Its firings stay readable.
    assert "removed" in get(client, f"/automations/{one.id}")


def test_one_whose_destination_is_gone_is_muted_and_switched_all_the_same(client):
    gone = {"type": "webhook", "destination": "gone", "method": "POST"}
    one = Automation.objects.create(
        name="a", trigger={"type": "presence", "query": "a"}, actions=[gone]
    )
    assert post(client, f"/automations/{one.id}/mute", {"hours": "1"}).status_code == 302
    assert post(client, f"/automations/{one.id}/switch", {"on": "0"}).status_code == 302
    one.refresh_from_db()
    assert one.muted_until
    assert not one.enabled
    assert "gone" in raw(client, f"/automations/{one.id}/edit")


def test_at_a_word_that_nobody_knows_there_is_no_page(client):
    made(client)
    one = Automation.objects.get()
    firing = firing_of(one)
    place = Destination.objects.create(name="ops", kind="webhook", sealed="", shown="")
    pages = one.id, f"firings/{firing.id}", f"destinations/{place.id}"
    for page in pages:
        answer = client.get(f"/automations/{page}/nonsense", headers=HOST)
        assert answer.status_code == 404
        assert "Nothing is here" in said(answer)
        assert post(client, f"/automations/{page}/nonsense", {}).status_code == 404


def test_what_people_do_is_told(client):
    one = made(client)
    post(client, f"/automations/{one.id}/switch", {"on": "0"})
    post(client, f"/automations/firings/{firing_of(one).id}/acknowledge", {})
    told = list(Event.objects.order_by("tx", "seq").values_list("event", flat=True))
    assert told == [
        f"eventfeed.audit.{what}"
        for what in ("automation.made", "automation.switched-off", "firing.acknowledged")
    ]


def test_older_firings_are_on_the_next_page(client):
    one = made(client)
    now = datetime.now(UTC)
    for n in range(60):
        firing_of(one, why=f"Number {n}.", fired=now - timedelta(seconds=n // 7))
    page = raw(client, f"/automations/{one.id}")
    older = re.search(r'class="older"><a href="([^"]*)"', page)[1]
    shown = [*re.findall(r"Number (\d+)\.", page)]
    shown += re.findall(r"Number (\d+)\.", raw(client, f"/automations/{one.id}{older}"))
    assert sorted(map(int, shown)) == list(range(60))


def test_a_firing_explains_itself_without_its_events(client):
    one = made(client)
    kept = {
        "id": str(uuid4()),
        "event": "prefect.flow-run.Failed",
        "occurred": "2026-01-02T03:04:05+00:00",
        "resource": {"prefect.resource.id": "a.b", "prefect.resource.name": "crimson <fox>"},
        "outcome": "failed",
        "message": "It broke.",
    }
    manners = {"more": 4, "speaks_until": datetime.now(UTC)}
    firing = firing_of(
        one, events=[kept], count=3, key={"label.team": "ml"}, why="3 failed.", **manners
    )
    task = task_of(firing, state=Task.State.PARKED, rendered={"body": "<b>bold</b>"})
    Attempt.objects.create(
        task=task, began=datetime.now(UTC), seconds=0.25, status=503, response="<i>no</i>"
    )
    Attempt.objects.create(task=task, began=datetime.now(UTC), seconds=1, error="No answer.")
    page = get(client, f"/automations/firings/{firing.id}")
    for told in (
        *("3 failed.", "label.team ml", "Flow run failed", "crimson <fox>", "It broke."),
        *(
            "the last 1 of 3",
            "given up after a day",
            "status 503 , 0.25 s",
            "No answer.",
            "<i>no</i>",
        ),
        *("<b>bold</b>", "stands for 4 further ones", "Try again", "Acknowledge"),
    ):
        assert told in page
    assert "<i>no</i>" not in raw(client, f"/automations/firings/{firing.id}")


@pytest.mark.parametrize(
    ("event", "firing", "is_led"),
    [
        ("eventfeed.automation.triggered", "6f3a53fd-9f0a-4c0e-8f5b-2f9f5d0a7d11", True),
        ("eventfeed.automation.action.failed", "6f3a53fd-9f0a-4c0e-8f5b-2f9f5d0a7d11", True),
        ("eventfeed.automation.triggered", "../../admin", False),
        ("eventfeed.automation.triggered", None, False),
        ("acme.order.placed", "6f3a53fd-9f0a-4c0e-8f5b-2f9f5d0a7d11", False),
    ],
)
def test_its_event_leads_to_the_firing(client, event, firing, is_led):
    [id] = store(draft(event=event, payload={"firing": firing}))
    page = raw(client, f"/events/{id}")
    assert (f'href="/automations/firings/{firing}"' in page) == is_led


def test_actions_to_one_destination_are_told_apart(client):
    firing = firing_of(made(client))
    for at in range(2):
        task_of(firing, at=at, state=Task.State.DONE)
    page = get(client, f"/automations/firings/{firing.id}")
    assert "1 · Webhook call https://example.com/… done" in page
    assert "2 · Webhook call https://example.com/… done" in page


def test_what_failed_is_tried_again(client):
    firing = firing_of(made(client))
    failed, done = (task_of(firing, at, state=s) for at, s in enumerate(("failed", "done")))
    page = f"/automations/firings/{firing.id}"
    assert post(client, f"{page}/again", {"task": failed.id}).status_code == 302
    failed.refresh_from_db()
    assert failed.state == Task.State.WAITING
    post(client, f"{page}/again", {"task": done.id})
    done.refresh_from_db()
    assert done.state == Task.State.DONE
    assert post(client, f"{page}/again", {"task": uuid4()}).status_code == 404


def test_a_dry_run_says_what_it_would_have_done(client):
    firing = firing_of(made(client), silent="A dry run.")
    task_of(firing, state=Task.State.DRY, rendered={"body": "hello"})
    page = get(client, f"/automations/firings/{firing.id}")
    assert "Nothing was done. A dry run." in page
    assert "What would have been done" in page


def test_a_destination_is_kept_sealed_and_never_shown(client):
    fields = {
        "name": "ops",
        "url": "https://hooks.example.com/services/secret",
        "secret": "whsec_YWJj",
    }
    assert post(client, "/automations/destinations/new?kind=webhook", fields).status_code == 302
    one = Destination.objects.get()
    for path in ("/automations/destinations", f"/automations/destinations/{one.id}"):
        page = raw(client, path)
        assert "https://hooks.example.com" in page
        assert "services/" not in page
        assert "whsec_YWJj" not in page
    sealed = one.sealed
    post(client, f"/automations/destinations/{one.id}", {"name": "renamed", "private": "on"})
    one.refresh_from_db()
    assert (one.name, one.private, one.sealed) == ("renamed", True, sealed)
    alone = {"name": "renamed", "secret": "whsec_ZGVm"}
    answer = post(client, f"/automations/destinations/{one.id}", alone)
    assert "Write the address again, too" in said(answer)
    post(client, f"/automations/destinations/{one.id}/remove", {})
    assert not Destination.objects.exists()


@pytest.mark.parametrize(
    "path", ["/automations/new", *(f"/automations/destinations/new?kind={k}" for k in KINDS)]
)
def test_nothing_is_wrong_before_anybody_has_typed(client, path):
    assert 'class="wrong"' not in raw(client, path)


def test_a_webhook_without_an_address_says_so_beside_it(client):
    answer = post(client, "/automations", posted(actions=[{"kind": "webhook"}]))
    assert answer.status_code == 422
    [told] = re.findall(r'id="id_then-0-url_error">([^<]*)<', answer.content.decode())
    assert told == "Write its address, or choose a destination."
    assert "It has either" not in said(answer)


@pytest.mark.parametrize(
    ("kind", "fields", "field"),
    [
        ("webhook", {"name": "a", "url": "nonsense"}, "url"),
        ("webhook", {"name": "", "url": "https://x.org"}, "name"),
        ("webhook", {"name": "a", "url": "https://x.org", "headers": "Host: y"}, "headers"),
        ("notification", {"name": "a", "url": "file:///etc/passwd"}, "url"),
        ("prefect", {"name": "a", "url": ""}, "url"),
    ],
)
def test_a_destination_says_what_is_wrong(client, kind, fields, field):
    answer = post(client, f"/automations/destinations/new?kind={kind}", fields)
    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert not Destination.objects.exists()


def test_readers_look_and_change_nothing(reader):
    one = Automation.objects.create(name="Seen", trigger={"type": "presence", "query": "a"})
    firing = firing_of(one)
    task_of(firing, state=Task.State.FAILED)
    for path in ("", f"/{one.id}", f"/firings/{firing.id}", "/destinations"):
        page = raw(reader, f"/automations{path}")
        assert "<form method" not in page.partition("<main")[2]
        assert "/automations/new" not in page
    for path in ("/new", f"/{one.id}/edit", "/destinations/new"):
        assert reader.get(f"/automations{path}", headers=HOST).status_code == 403
    for path in ("", "/preview", f"/{one.id}/switch", f"/firings/{firing.id}/acknowledge"):
        assert post(reader, f"/automations{path}", posted()).status_code == 403
    assert list(Automation.objects.values_list("enabled", flat=True)) == [True]


def test_what_cannot_be_read_is_said_and_can_be_mended(client):
    one = Automation.objects.create(name="Old", trigger={"type": "forgotten"})
    assert "type: This is to be one of" in get(client, "/automations")
    assert "forgotten" in get(client, f"/automations/{one.id}/edit")
