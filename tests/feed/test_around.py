"""What happened around an event: three links with bounded counts."""

from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from apps.events.search import QueryTimeout
from apps.feed import around as surroundings
from tests.feed.test_pages import said
from tests.feed.watching import draft, store

pytestmark = pytest.mark.django_db

ID = "prefect.resource.id"
ROLE = "prefect.resource.role"
NOON = datetime.now(UTC) - timedelta(hours=3)
RUN = {ID: "prefect.flow-run.1", ROLE: "flow-run", "prefect.resource.name": "crimson-fox"}


@pytest.fixture
def page(client, settings):
    settings.LOCAL_MODE = True
    return lambda path: unescape(client.get(path).content.decode())


def task(minutes: float, number: int = 1, **told):
    resource = {ID: f"prefect.task-run.{number}"}
    at = NOON + timedelta(minutes=minutes)
    return draft("prefect.task-run.Running", resource=resource, occurred=at, **told)


def around(html: str) -> str:
    section = html.split('<section class="around">')[1].split("</section>")[0]
    return said(section.replace('<span class="unseen">', "<!--").replace("</span></a>", "--></a>"))


def test_it_counts_everything_the_resource_and_the_run(page):
    id, *_ = store(
        task(0, related=[RUN]),
        task(4, related=[RUN]),
        task(-4, 2, related=[RUN]),
        task(3, 3),
        task(6, related=[RUN]),
    )
    for path in (f"/events/{id}", f"/events/{id}/drawer"):
        told = around(page(path))
        assert "Everything 4 events" in told
        assert "This task run 2 events" in told
        assert "Its flow run 3 events crimson-fox" in told


def test_its_links_show_what_they_count(page):
    id, *_ = store(task(0, related=[RUN]), task(4, 2, related=[RUN]), task(6, related=[RUN]))
    section = page(f"/events/{id}").split('<section class="around">')[1]
    href = next(part for part in section.split('"') if "any:prefect.flow-run.1" in part)
    assert page(href).count('<li class="row"') == 2


def test_a_run_is_its_own_surroundings(page):
    (id,) = store(draft("prefect.flow-run.Running", resource={ID: "prefect.flow-run.1"}))
    told = around(page(f"/events/{id}"))
    assert "This flow run 1 event" in told
    assert "Its" not in told


def test_counts_are_bounded(page, monkeypatch):
    monkeypatch.setattr(surroundings, "MOST_COUNTED", 2)
    id, *_ = store(*(task(0) for _ in range(4)))
    assert "Everything 2+ events" in around(page(f"/events/{id}"))


def test_what_takes_too_long_to_count_is_a_link_all_the_same(page, monkeypatch):
    def slow(*_, **__):
        raise QueryTimeout

    monkeypatch.setattr(surroundings, "count", slow)
    (id,) = store(task(0, related=[RUN]))
    assert around(page(f"/events/{id}")).count("Show them") == 3
