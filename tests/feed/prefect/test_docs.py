"""What docs/prefect-api.md says is so."""

from pathlib import Path

import msgspec
import pytest

from apps.automations import models, reading
from apps.feed.prefect import automations, automations_filter, counts, filters, out, views

DOCS = Path(__file__).resolve().parents[3] / "docs" / "prefect-api.md"
PARTS = [filters.Occurred, filters.Name, filters.Resource, filters.Related, filters.AnyResource]


@pytest.mark.parametrize("part", [filters.EventFilter, *PARTS])
def test_every_field_of_the_filter_is_told(part: type[msgspec.Struct]) -> None:
    said = DOCS.read_text()
    missing = [name for name in part.__struct_fields__ if f"`{name}`" not in said]
    assert not missing


def test_the_bounds_are_told_as_they_are() -> None:
    said = " ".join(DOCS.read_text().split())
    assert f"{views.LIMIT} unless given, up to {views.MOST}" in said
    assert f"up to {filters.MOST_VALUES} values" in said
    assert f"up to {out.MOST_READERS} streams" in said
    assert f"at most {counts.MOST_BUCKETS:,}" in said
    assert f"the {counts.MOST_ROWS:,} most frequent" in said
    assert out.BACKFILL.total_seconds() == 15 * 60
    assert out.PERMIT_SECONDS == 120
    assert all(f"`{countable}`" in said for countable in counts.COUNTABLES[1:])


def test_the_bounds_of_automations_are_told_as_they_are() -> None:
    said = " ".join(DOCS.read_text().split())
    assert f"a list of at most {automations.MOST}" in said
    assert f"at most {models.MOST_NAME} characters" in said
    assert f"at most {reading.MOST_TRIGGERS} triggers in one" in said
    assert f"{reading.DEEPEST} deep" in said
    assert f"at most {reading.MOST_SPLITS} labels" in said
    fields = automations_filter.AutomationFilter.__struct_fields__
    assert all(f"`{name}`" in said for name in fields)
