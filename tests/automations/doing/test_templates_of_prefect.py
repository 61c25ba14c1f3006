"""Templates say here what they say on a Prefect server, whose own code is asked."""

import json
import subprocess

import pytest

from apps.automations.doing.templates import BadTemplate, render
from tests.automations.doing.fired import event
from tests.automations.doing.test_templates import context
from tests.environments import environment_with

ASK = """
import asyncio, json, sys
from prefect.server.events.jinja_filters import all_filters
from prefect.server.events.schemas.events import ReceivedEvent
from prefect.server.events.schemas.labelling import LabelDiver
from prefect.server.utilities.user_templates import (
    register_user_template_filters, render_user_template, validate_user_template
)
register_user_template_filters(all_filters)
told = json.load(sys.stdin)
event = ReceivedEvent.model_validate(told["event"])
context = {"event": event, "labels": LabelDiver(told["labels"]), "events": [event]}

def said(template):
    try:
        validate_user_template(template)
        return asyncio.run(render_user_template(template, context))
    except Exception:
        return None

print(json.dumps([said(template) for template in told["templates"]]))
"""
LABELS = {"prefect.resource.id": "order.42", "related:flow:team": "ml", "a.b.c": "d"}
FLOW = {
    "prefect.resource.id": "flow.1",
    "prefect.resource.role": "flow",
    "prefect.resource.name": "Nightly",
    "team": "ml",
}
EVENT = event(follows=None, related=[FLOW, FLOW | {"prefect.resource.id": "flow.2"}])
SAME = [
    "plain",
    "{{ event.id }} {{ event.event }} {{ event.follows }}",
    "{{ event.occurred }} {{ event.received }}",
    "{{ event.occurred.isoformat() }}",
    "{{ event.occurred.strftime('%H:%M') }}",
    "{{ event.occurred|humanize_naturaldate }}",
    "{{ event.resource.id }} {{ event.resource.name }}",
    "{{ event.resource['prefect.resource.name'] }}",
    "{{ event.resource.get('nothing') }}",
    "{{ event.resource.labels.prefect.resource.name }}",
    "{{ event.resource.labels.prefect.resource }}",
    "{{ event.resource|tojson }}",
    "{{ event.resource.keys()|list }}",
    "{{ event.resource.has_all_labels({'prefect.resource.id': 'order.42'}) }}",
    "{{ event.related|length }} {{ event.related[0].role }} {{ event.related[1].id }}",
    "{{ event.related[0]|tojson }}",
    "{{ event.resource_in_role.flow.name }} {{ event.resource_in_role['flow'].id }}",
    "{{ event.resources_in_role.flow|length }}",
    "{{ event.involved_resources|map(attribute='id')|join(',') }}",
    "{{ event.find_resource_label('prefect.resource.name') }}",
    "{{ event.find_resource_label('related:flow:team') }}",
    "{{ event.find_resource_label('related:nothing:team') }}",
    "{{ event.payload }} {{ event.payload.amount }} {{ event.payload|tojson }}",
    "{{ event.payload.amount * 2 }} {{ event.payload.nothing.at.all }}",
    "{{ labels.prefect.resource.id }} {{ labels['a.b.c'] }} {{ labels.a.b.c }} {{ labels.x }}",
    "{% for key, value in labels %}{{ key }}={{ value }};{% endfor %}",
    "{{ labels|length }}",
    "{% for one in events %}{{ one.event|upper }}{% endfor %}",
    "{{ 'flow-runs/flow-run/4c1b945e-5b03-4864-b2ed-9a461fb8a792'|flow_run_id }}",
    "{{ 12345|humanize_intcomma }} {{ '<&>'|tojson }} {{ '<&>' }}",
    "{{ range(100)|length }}",
    "{{ range(101)|length }}",
    "{{ nothing }}{{ nothing.at.all }}",
    "{{ 1 / 0 }}",
    "{{ a b }}",
    "{% for a in b %}" * 3 + "{% endfor %}" * 3,
    "{% for a in b %}{% endfor %}" * 11,
    "{% include 'a' %}",
]


@pytest.fixture(scope="module")
def theirs() -> dict[str, str | None]:
    known = ("id", "occurred", "received", "event", "resource", "related", "payload")
    told = {
        "event": {name: EVENT[name] for name in known},
        "labels": LABELS,
        "templates": SAME,
    }
    python = environment_with("server") / "bin" / "python"
    done = subprocess.run(
        [python, "-c", ASK], input=json.dumps(told), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return dict(zip(SAME, json.loads(done.stdout.splitlines()[-1]), strict=True))


@pytest.mark.parametrize("template", SAME)
def test_a_template_says_what_prefect_says(template, theirs):
    try:
        ours = render(template, context(events=[EVENT], key=LABELS))
    except BadTemplate:
        ours = None
    assert ours == theirs[template]
