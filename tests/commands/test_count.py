"""How many events match, exactly."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.events import exact
from apps.events.search import QueryTimeout
from apps.feed.management.commands import count
from apps.query import parse
from apps.query.calendar import LAST_MOMENT
from tests.feed.watching import draft, store

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_log"),
]


def counted(*arguments):
    out, err = StringIO(), StringIO()
    call_command("count", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.fixture
def spread():
    """Events over years, two at the very same moment."""
    now = datetime.now(UTC)
    times = [now, now, now - timedelta(hours=3), datetime(2019, 5, 1, tzinfo=UTC)]
    store(*(draft("a.b", occurred=time) for time in [*times, datetime.min.replace(tzinfo=UTC)]))
    store(draft("a.c", occurred=now + timedelta(hours=1)))


def test_all_are_counted_whenever_they_occurred(spread):
    assert counted() == ("6\n", "")
    assert counted("event:a.b")[0] == "5\n"
    assert counted("--", "-event:a.b")[0] == "1\n"


def test_events_at_both_ends_of_time_are_counted(spread):
    store(draft("a.d", occurred=LAST_MOMENT))
    assert counted()[0] == "7\n"
    assert counted("event:a.d")[0] == "1\n"
    assert counted("--since", "9999-12-31T23:59:59.999999Z")[0] == "1\n"
    assert counted("--until", "0001-01-01T00:00:00Z")[0] == "1\n"


def test_the_times_narrow(spread):
    assert counted("--since", "now-1h")[0] == "3\n"
    assert counted("--until", "2020-01-01")[0] == "2\n"


def test_nothing_is_none():
    assert counted()[0] == "0\n"


def test_one_sees_how_far_it_is(spread, monkeypatch):
    monkeypatch.setattr(count, "PROGRESS_SECONDS", -1)
    _, said = counted()
    assert "so far, back to" in said
    assert said.endswith("100%\n")


def test_a_slice_that_takes_too_long_is_halved(spread, monkeypatch):
    tries = []
    counts = exact._count

    def slow(match, start, end):
        tries.append(end - start)
        if end - start > timedelta(days=600):
            raise QueryTimeout
        return counts(match, start, end)

    monkeypatch.setattr(exact, "_count", slow)
    *_, last = exact.count_all(parse("event:a.b"), since=datetime(2019, 1, 1, tzinfo=UTC))
    assert (last.events, last.part) == (4, 1)
    assert max(tries) > timedelta(days=600)


def test_a_mistake_is_underlined():
    with pytest.raises(CommandError) as mistake:
        counted("evnt:x")
    assert "^^^^" in str(mistake.value)
