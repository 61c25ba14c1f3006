"""A gap says how many events are not drawn, of what times, and why."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils.html import strip_tags

from apps.feed.rows import gap_in_words

THEN = datetime(2026, 11, 21, 14, 31, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "more", "seconds", "why", "said"),
    [
        (1204, False, 2, "rate",
         "1,204 events between 14:31:59 and 14:32:01 were not drawn (602 a second)."),
        (1, False, 0, "slow",
         "1 event at 14:31:59 was not drawn because this page could not keep up."),
        (10_000, True, 86_400, "resume",
         "10,000+ events between 2026-11-21 14:31:59.000 UTC and 2026-11-22 14:31:59.000 UTC"
         " arrived while this page was paused or away."),
    ],
)  # fmt: skip
def test_a_gap_is_told_in_words(count, more, seconds, why, said):
    last = THEN + timedelta(seconds=seconds)
    assert strip_tags(gap_in_words(count, more, THEN, last, why)) == said


def test_its_times_are_times():
    html = gap_in_words(2, False, THEN, THEN + timedelta(seconds=5), "slow")
    assert '<time datetime="2026-11-21T14:31:59.000000Z">14:31:59</time>' in html
