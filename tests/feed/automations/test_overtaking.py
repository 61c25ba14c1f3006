"""Two people edit one automation: the later one is told, and keeps what was written."""

import json

import pytest

from apps.automations.edition import WRITTEN, edition_of
from apps.automations.keeping import delete, mute, save, switch
from apps.automations.models import Automation
from apps.feed.automations.editor import DOCUMENT
from tests.feed.automations.test_pages import made, post, posted, raw, said, value_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_log")]


@pytest.fixture(autouse=True)
def local(settings):
    settings.LOCAL_MODE = True


@pytest.fixture
def opened(client):
    """An automation whose editor stands open, and what is posted from there."""
    one = made(client)
    page = f"/automations/{one.id}/edit"
    return one, page, posted(name="Mine") | {"edition": value_in(raw(client, page))}


def value_in(page):
    return page.partition('name="edition" value="')[2].partition('"')[0]


def changed(one, **fields):
    kept = Automation.objects.get(id=one.id)
    for name, value in fields.items():
        setattr(kept, name, value)
    save(kept, by="ada")


def test_a_later_save_is_refused_and_keeps_what_was_typed(client, opened):
    one, page, mine = opened
    changed(one, name="Hers", cooldown=60)
    answer = post(client, page, mine)
    assert answer.status_code == 409
    assert "Not saved. ada changed this automation at 20" in said(answer)
    assert "It differs from yours in: name, cooldown." in said(answer)
    assert value_of(answer.content.decode(), "id_name") == "Mine"
    one.refresh_from_db()
    assert one.name == "Hers"


def test_who_has_been_told_may_write_over_it(client, opened):
    one, page, mine = opened
    changed(one, name="Hers")
    told = post(client, page, mine).content.decode()
    assert post(client, page, mine | {"edition": value_in(told)}).status_code == 302
    one.refresh_from_db()
    assert one.name == "Mine"


def test_trying_it_meanwhile_does_not_count_as_having_been_told(client, opened):
    one, page, mine = opened
    changed(one, name="Hers")
    tried = post(client, "/automations/try", mine | {"automation": one.id, "test": "1"})
    mistaken = post(client, page, mine | {"query": ""})
    for answer in (tried, mistaken):
        again = mine | {"edition": value_in(answer.content.decode())}
        assert post(client, page, again).status_code == 409


def test_json_is_refused_likewise(client, opened):
    one, page, mine = opened
    changed(one, name="Hers")
    document = {"name": "Mine", "trigger": one.trigger, "actions": one.actions}
    fields = {"document": json.dumps(document), "edition": mine["edition"]}
    answer = post(client, page, fields)
    assert answer.status_code == 409
    assert "ada changed this automation" in said(answer)
    assert "&quot;Mine&quot;" in answer.content.decode()
    assert post(client, page, fields | {"edition": value_in(answer.content.decode())}).headers


def test_what_was_removed_meanwhile_is_made_anew(client, opened):
    one, page, mine = opened
    delete(Automation.objects.get(id=one.id), by="ada")
    answer = post(client, page, mine)
    assert "ada removed this automation" in said(answer)
    assert "Saving it makes a new automation" in said(answer)
    assert 'action="/automations"' in answer.content.decode()
    assert post(client, "/automations", mine).status_code == 302
    assert Automation.objects.get(gone=None).name == "Mine"


def test_switching_and_muting_refuse_nobody(client, opened):
    one, page, mine = opened
    mute(Automation.objects.get(id=one.id), one.updated)
    switch(Automation.objects.get(id=one.id), on=False)
    assert post(client, page, mine).status_code == 302
    one.refresh_from_db()
    assert (one.name, one.enabled) == ("Mine", False)


def test_an_edition_is_of_all_that_the_editor_writes():
    assert set(WRITTEN) == set(DOCUMENT)
    first, other = Automation(name="a", trigger={}), Automation(name="a", trigger={}, cooldown=1)
    assert edition_of(first) != edition_of(other)
