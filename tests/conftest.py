"""What tests of every folder may ask for."""

import shutil
from collections.abc import Iterator
from tempfile import mkdtemp

import pytest
from django.db import connection


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Keep this run's files in a folder of its own.

    Pytest closes the usual one at each start, and with it the way of another run's PostgreSQL,
    which as root runs under another user.
    """
    if config.option.basetemp is None:
        config.option.basetemp = mkdtemp(prefix="eventfeed-pytest-")
        config.add_cleanup(lambda: shutil.rmtree(config.option.basetemp, ignore_errors=True))


@pytest.fixture(autouse=True)
def unhurried_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be sampled because the machine stalls; who wants that gives it no time."""
    from apps.events import counting

    for budget in ("ROLLED_BUDGET", "ROWS_BUDGET", "SAMPLE_BUDGET"):
        monkeypatch.setattr(counting, budget, 60.0)


@pytest.fixture
def empty_log(transactional_db: None) -> Iterator[None]:
    """A log with nothing of other tests in it, whose transactions are real ones."""
    _empty_the_log()
    yield
    _empty_the_log()


def _empty_the_log() -> None:
    with connection.cursor() as cursor:
        # No model's tables, so no test's end empties them.
        cursor.execute("TRUNCATE event, once")
