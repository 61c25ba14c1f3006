"""What docs/automations.md tells receivers is so."""

import re

import pytest

from apps.automations.doing import destinations
from apps.automations.models import Destination
from tests.automations.doing.fired import fired
from tests.automations.doing.waiting import ended
from tests.crash.up import CHECKOUT

CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.mark.usefixtures("delivering", "allowed")
def test_the_check_of_a_signature_works(receiver):
    told: dict = {}
    exec(CODE.search((CHECKOUT / "docs" / "automations.md").read_text())[1], told)
    secret = destinations.new_secret()
    destinations.save(
        Destination(name="A", kind="webhook"), {"url": receiver.url, "secret": secret}
    )
    (task,) = fired({"type": "webhook", "destination": "A", "body": "{{ event.message }}"})
    ended(task)
    (received,) = receiver.received
    check = told["is_from_eventfeed"]
    assert check(secret, received.headers, received.body)
    assert not check(secret, received.headers, received.body + b" ")
    assert not check(destinations.new_secret(), received.headers, received.body)
