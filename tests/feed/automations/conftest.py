from collections.abc import Iterator

import pytest

from tests.automations.doing.receiving import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.end()
