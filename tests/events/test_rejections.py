"""Rejections and sources: what was refused, and who sent it."""

import pytest

from apps.events import rejections
from apps.events.away import in_database
from apps.events.models import Rejection, Source
from apps.events.rejections import Rejected, reject, reject_sync
from apps.events.sources import source_named


def refused(source: Source, **said) -> Rejected:
    told = {"doorway": "POST /api/events", "reason": "It is no event.", "body": b"{}"}
    return Rejected(source_id=source.id, **(told | said))


async def test_rejection_keeps_what_was_wrong_and_where(source: Source):
    await reject(lambda: [refused(source, index=3, path="resource.a", event_id="x")])
    [kept] = await in_database(lambda: list(Rejection.objects.all()))
    assert (kept.doorway, kept.reason) == ("POST /api/events", "It is no event.")
    assert (kept.index, kept.path, kept.event_id) == (3, "resource.a", "x")
    assert (bytes(kept.body), kept.body_size) == (b"{}", 2)


def test_long_message_is_kept_by_its_beginning(source: Source):
    reject_sync(refused(source, body=b"x" * 100_000))
    kept = Rejection.objects.get()
    assert (len(kept.body), kept.body_size) == (64 * 1024, 100_000)


def test_what_is_no_text_is_kept_as_escapes(source: Source):
    reject_sync(refused(source, path="a\0b", reason="\ud800", event_id="\0"))
    kept = Rejection.objects.get()
    assert (kept.path, kept.reason, kept.event_id) == ("a\\u0000b", "\\ud800", "\\u0000")


def test_each_source_keeps_its_newest(source: Source, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rejections, "KEPT", 3)
    other = Source.objects.create(name="other", system="custom")
    reject_sync(refused(other))
    for number in range(5):
        reject_sync(refused(source, index=number))
    kept = Rejection.objects.filter(source=source).order_by("id")
    assert list(kept.values_list("index", flat=True)) == [2, 3, 4]
    assert Rejection.objects.filter(source=other).count() == 1


async def test_source_is_made_when_it_is_first_heard_of(source: Source):
    new = await source_named("new", "flyte")
    assert await source_named("new", "flyte") == new
    assert await source_named("billing", "custom") == source.id
    made = await in_database(lambda: Source.objects.get(name="new"))
    assert (made.id, made.system) == (new, "flyte")
