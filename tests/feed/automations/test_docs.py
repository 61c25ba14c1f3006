"""What docs/automations.md shows is read as it stands, and what the form can say is a form."""

import json
import re
from pathlib import Path

import pytest

from apps.automations.doing.actions import read as read_action
from apps.automations.manners import read_maintenance
from apps.automations.reading import read

PAGE = (Path(__file__).parents[3] / "docs/automations.md").read_text()
BLOCKS = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
TRIGGERS = [json.loads(block) for block in BLOCKS[:-1]]
ACTIONS = [json.loads(line) for line in BLOCKS[-1].splitlines()]


@pytest.mark.parametrize("trigger", TRIGGERS, ids=[one["type"] for one in TRIGGERS])
def test_each_trigger_of_the_docs_is_one(trigger):
    assert read(trigger).sentence()


def test_each_kind_of_trigger_is_shown():
    kinds = {"presence", "absence", "sequence", "compound", "metric", "prefect"}
    assert {one["type"] for one in TRIGGERS} == kinds


@pytest.mark.parametrize("action", ACTIONS, ids=[one["type"] for one in ACTIONS])
def test_each_action_of_the_docs_is_one(action):
    assert read_action(action).sentence()


def test_the_maintenance_of_the_docs_is_one():
    [windows] = re.findall(r"`(\[\{\"weekdays.*?\])`", PAGE)
    assert read_maintenance(json.loads(windows))
