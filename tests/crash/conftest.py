from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.up import Up


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """Eventfeed with a PostgreSQL of its own, as `make run` starts it."""
    up = Up(tmp_path / "data")
    up.start()
    yield up
    up.end()
