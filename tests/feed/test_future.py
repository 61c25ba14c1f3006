"""Events from a clock that is ahead say so, and can be left out, drawn and live."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from apps.events.models import Event
from apps.feed.rows import render_row
from tests.feed.visitor import Visitor
from tests.feed.watching import draft, store

SAID = "2 events say that they happen in the future."


@pytest.mark.parametrize(
    ("minutes", "ahead"),
    [(180, "3 h"), (6, "6 min"), (4, ""), (-600, "")],
)
@pytest.mark.django_db
def test_a_row_says_when_its_clock_was_ahead(minutes: int, ahead: str):
    occurred = datetime.now(UTC) + timedelta(minutes=minutes, seconds=2)
    [id] = store(draft(occurred=occurred))
    html = render_row(Event.objects.get(id=id))
    assert ("clock ahead" in html) == bool(ahead)
    if ahead:
        assert f"Received {ahead}" in html
        assert "before it occurred: the sender's clock is ahead." in html.replace("&#x27;", "'")


@pytest.mark.django_db
def test_what_leads_the_feed_from_the_future_is_counted_and_can_be_left_out(client, settings):
    settings.LOCAL_MODE = True
    now = datetime.now(UTC)
    times = (now, now + timedelta(minutes=2), now + timedelta(hours=3), now.replace(year=9999))
    store(*(draft("clock.told", occurred=at) for at in times))

    def page(q: str) -> str:
        return client.get("/", {"q": q}).content.decode()

    assert f'<p class="future"><span>{SAID}</span>' in page("event:clock.told")
    left = "event:clock.told occurred:<now+5m"
    assert '<p class="future" hidden>' in page(left)
    assert page(left).count('<li class="row"') == 2
    assert "/?q=event:clock.told%20occurred:%3Cnow%2B5m" in page("event:clock.told")
    assert 'class="future"' not in client.get("/", {"order": "arrival"}).content.decode()


def test_the_line_appears_live_and_leaves_them_out(visitor: Visitor):
    visitor.watch()
    told = visitor.page.locator(".future")
    expect(told).to_be_hidden()
    ahead = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    visitor.send(*(visitor.event(name, occurred=ahead) for name in ("one", "two")))
    expect(told).to_contain_text(SAID)
    expect(visitor.row("one").locator(".ahead")).to_have_text("clock ahead")
    told.get_by_role("link", name="Leave them out").click()
    visitor.sees_state("live")
    visitor.send(visitor.event("three"))
    expect(visitor.row("three")).to_be_visible()
    assert visitor.names() == ["three"]
