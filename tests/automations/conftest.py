"""A log that automations follow, and a way to let things happen in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.automations.keeping import save
from apps.automations.models import Automation
from apps.automations.watching import Watching
from apps.events.models import Source
from apps.events.record import record
from tests.events.telling import told
from tests.events.waiting import until_final


@pytest.fixture
def source(empty_log: None) -> Source:
    return Source.objects.create(name="billing", system="custom")


@pytest.fixture
def happen(source: Source) -> Callable[..., None]:
    """Record events, so many seconds ago, and wait until they are final."""

    def happen(*names: str, ago: float = 0, **more: Any) -> None:
        now = datetime.now(UTC) - timedelta(seconds=ago)
        record([told(name, occurred=now, **more) for name in names], source_id=source.pk)
        until_final()

    return happen


@pytest.fixture
def watching(source: Source) -> Watching:
    return Watching()


@pytest.fixture
def automate(source: Source) -> Callable[..., Automation]:
    """Make an automation with a trigger."""

    def automate(trigger: dict[str, Any], **more: Any) -> Automation:
        automation = Automation(name="one", trigger=trigger, **more)
        save(automation)
        return automation

    return automate
