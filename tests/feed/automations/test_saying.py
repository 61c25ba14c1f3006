"""An automation as a sentence behind When and Then."""

import pytest

from apps.automations.models import Automation
from apps.feed.automations.saying import deeds, said_of

CALL = {"type": "webhook", "destination": "ops"}
RECORD = {"type": "record", "event": "acme.a", "resource": {"prefect.resource.id": "a"}}


@pytest.mark.parametrize(
    ("actions", "said"),
    [
        ([], ""),
        ([CALL], "call ops"),
        ([CALL, CALL], "call ops twice"),
        ([CALL, RECORD, CALL, CALL], "call ops 3 times and record acme.a"),
        ([{"type": "lost"}], "“lost”, which cannot be read"),
    ],
)
def test_the_same_deed_is_said_once(actions, said):
    assert deeds(actions) == said


def test_one_event_is_any_event_and_goes_on_behind_when():
    trigger = {"type": "presence", "query": "event:a", "times": 1, "within": 0}
    assert said_of(Automation(name="a", trigger=trigger)).when == "any event named a"
