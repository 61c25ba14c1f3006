"""Templates mean what Prefect's mean, are checked when saved, and end whatever is in them."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.automations.doing.context import context_of
from apps.automations.doing.templates import BadTemplate, check, render, render_all
from apps.automations.models import Automation, Firing
from tests.automations.doing.fired import event


def context(**fields):
    automation = Automation(name="Failed orders", trigger={})
    told = {
        "id": uuid4(),
        "fired": datetime.now(UTC),
        "why": "3 orders have failed.",
        "count": 3,
        "key": {"resource": "order.42", "label.team": "ml"},
        "events": [event(event="order.late"), event()],
    }
    return context_of(Firing(automation=automation, **told | fields))


CONTEXT = context()


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{{ automation.name }}", "Failed orders"),
        ("{{ event.event }} {{ event.resource.id }}", "order.failed order.42"),
        ("{{ event.resource['prefect.resource.name'] }}", "Order 42"),
        ("{{ event.resource.name }} {{ event.resource.labels.prefect.resource.id }}", None),
        ("{{ labels.label.team }} {{ labels['label.team'] }}", "ml ml"),
        ("{{ labels.nothing.at.all }}|{{ event.payload.a.b.c }}", "|"),
        ("{{ event.payload.amount * 2 }}", "25.0"),
        ("{{ event.payload|tojson }}", '{"amount": 12.5}'),
        ("{{ '<b>'|tojson }}", r'"\u003cb\u003e"'),
        ("{{ event.message }}", "No stock."),
        ("{{ firing.why }} {{ firing.count }}", "3 orders have failed. 3"),
        ("{% for one in events %}{{ one.event }} {% endfor %}", "order.late order.failed "),
        ("{{ firings|length }} {{ firings[0].trigger_states[0] }}", "1 Triggered"),
        ("{{ firing.triggering_event.event }}", "order.failed"),
        ("{{ firing.triggered|humanize_naturaltime }}", None),
        ("{{ 1234567|humanize_intcomma }}", "1,234,567"),
        ("{{ 'see flow-run/4c1b945e-5b03-4864-b2ed-9a461fb8a792'|flow_run_id }}", None),
        ("{% if event.payload.nothing %}a{% else %}b{% endif %}", "b"),
        ("{{ '%s-%s'|format('a', 'b') }}", "a-b"),
        ("{{ [1] * 3 }}", "[1, 1, 1]"),
        ("{{ range(3)|list }}", "[0, 1, 2]"),
        ("{{ range(99, -1, -1)|length }} {{ range(event.payload.amount|int)|length }}", "100 12"),
        ("{{ labels }}", "resource: order.42, label.team: ml"),
        ("{{ labels|tojson }}", '{"label.team": "ml", "resource": "order.42"}'),
        ("{{ labels.label.team|tojson }}", '"ml"'),
    ],
)
def test_a_template_is_rendered_with_the_context(template, text):
    rendered = render(template, CONTEXT)
    assert rendered.strip()
    assert text is None or rendered == text


def test_times_are_moments():
    told = context(events=[event(occurred=(datetime.now(UTC) - timedelta(hours=3)).isoformat())])
    assert render("{{ event.occurred|humanize_naturaltime }}", told) == "3 hours ago"
    assert render("{{ event.occurred.year }}", told) == str(datetime.now(UTC).year)


def test_pages_are_linked(settings):
    settings.EVENTFEED_ADDRESS = "https://events.example.com"
    told = context()
    link = f"https://events.example.com/events/{told['event']['id']}"
    assert render("{{ event|ui_url }}", told) == render("{{ event.url }}", told) == link
    events = "https://events.example.com/?q=any%3A%22order.42%22"
    assert render("{{ event.resource|ui_resource_events_url }}", told) == events
    assert "/automations/" in render("{{ automation|ui_url }}", told)


def test_the_firings_that_a_firing_is_made_of_are_told_with_their_events():
    def child(name, *children):
        return {
            "id": str(uuid4()),
            "triggered": "2026-11-21T12:00:00+00:00",
            "triggering_labels": {},
            "triggering_event": event(event=name),
            "why": name,
            "children": list(children),
        }

    told = context(events=[], children=[child("a", child("b")), child("c")])
    template = "{% for one in firings %}{{ one.why }} {{ one.triggering_event.event }},{% endfor %}"
    assert render(template, told) == "3 orders have failed. ,a a,b b,c c,"
    assert render("{{ events|map(attribute='event')|join('-') }}", told) == "a-b-c"
    assert render("{{ events[0].resource.id }} {{ firings[1].triggered.year }}", told) == (
        "order.42 2026"
    )


def test_without_an_event_there_is_still_a_context():
    told = context(events=[])
    assert render("{{ event.event }}|{{ event.resource.id }}|{{ events|length }}", told) == "||0"


@pytest.mark.parametrize(
    ("template", "line", "say"),
    [
        ("a\n{{ b", 2, "unexpected end"),
        ("{% for a in b %}", 1, "endfor"),
        ("{{ a b }}", 1, "expected token"),
        ("{{ a|nothing }}", 1, "No filter named"),
        ("{% include 'a' %}{{ 1 +* 2 }}", 1, ""),
        ("a\n{{ 2 ** event.payload.amount }}", 2, "**"),
        ("\n\n{% include '/etc/passwd' %}", 3, "no other"),
        ("{% import 'os' as os %}", 1, "no other"),
        ("{% from 'os' import path %}", 1, "no other"),
        ("a\n{% extends event.payload.base %}", 2, "no other"),
        ("\n{% for n in range(101) %}{% endfor %}", 2, "at most 100 numbers; this has 101."),
        ("{{ range(0, -200, -1) }}", 1, "this has 200"),
        ("{{ range(0, 10, 0) }}", 1, "must not be zero"),
        ("\n{{ range(101) }}\n{{ 2 ** 2 }}", 2, "at most 100"),
        ("{% for a in b %}" * 3 + "{% endfor %}" * 3, 1, "3 deep"),
        ("{% for a in b %}{% endfor %}\n" * 11, 11, "11 loops"),
        ("{% for a in b recursive %}{% endfor %}", 1, "recursive"),
        ("{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}", 1, "too deeply"),
        ("x" * 70_000, 1, "65,536"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(template, line, say):
    bad = check(template)
    assert bad
    assert bad.line == line
    assert say in bad.message


@pytest.mark.parametrize("template", ["", "a", "{{ event.id }}", "{% if a %}b{% endif %}"])
def test_nothing_is_wrong_with_a_good_one(template):
    assert check(template) is None


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__ }}{{ 1 / 0 }}",
        "{{ event.__class__ }}{{ event.update({'a': 1}) }}",
        "{{ event.payload.clear() }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}{{ os.system('true') }}",
        "{{ lipsum() }}",
        "{{ open('/etc/passwd') }}",
        "{{ 9 ** 9 }}",
        "{{ range(101) }}",
        "{{ range(99999999999) }}",
    ],
)
def test_nothing_else_can_be_reached(template):
    with pytest.raises(BadTemplate):
        render(template, CONTEXT)


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__ }}",
        "{{ event.__class__.__mro__ }}",
        "{{ '{0.__class__.__mro__}'.format(event) }}",
        "{{ labels._labels.__init__.__globals__.x }}",
        "{{ event|attr('__class__') }}",
        "{{ event.resource.labels._labels }}",
    ],
)
def test_what_is_private_is_as_good_as_absent(template):
    try:
        assert render(template, CONTEXT) == ""
    except BadTemplate as bad:
        assert "unsafe" in bad.message  # noqa: PT017 - either answer is a good one


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in 'x' * 9999 %}{% for b in 'x' * 9999 %}{% endfor %}{% endfor %}",
        "{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(60) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% set n = namespace(x=9) %}{% for i in range(99) %}{% set n.x = n.x * n.x %}{% endfor %}",
        "{% set n = namespace(x='a') %}{% for i in range(99) %}{% set n.x = n.x~n.x %}{% endfor %}",
        "{% set n = namespace(x='a') %}{% for i in range(99) %}{% set n.x = n.x+n.x %}{% endfor %}",
        "{{ 'x' * 9999999999 }}",
        "{{ 9999999999 * 'x' }}",
        "{{ [0] * 9999999999 }}",
        "{{ (0,) * 9999999999 }}",
        "{{ 'x'|center(9999999999) }}",
        "{{ '%9999999999d' % 1 }}",
        "{{ '%9999999999d'|format(1) }}",
        "{{ '%*d'|format(9999999999, 1) }}",
        "{{ '{:9999999999}'.format(1) }}",
        "{{ 'x'.ljust(9999999999) }}",
        "{{ 'x'.zfill(9999999999) }}",
        "{{ event|tojson|indent(999999999) }}",
        "{{ event|tojson(indent=999999999) }}",
        "{% for a in 'x' * 60000 %}{{ 'x' * 60000 }}{% endfor %}",
    ],
)
def test_a_template_that_would_never_end_ends(template):
    with pytest.raises(BadTemplate):
        render(template, CONTEXT)
    assert render("{{ 1 }}", CONTEXT) == "1"


def test_the_first_of_several_that_fails_is_named():
    with pytest.raises(BadTemplate) as bad:
        render_all(["{{ 1 }}", "\n\n{{ 1 / 0 }}"], CONTEXT)
    assert (bad.value.line, bad.value.source) == (3, "\n\n{{ 1 / 0 }}")


@settings(max_examples=60, deadline=None)
@given(st.text() | st.from_regex(r"(\{[{%#] ?[a-z|(). ]* ?[}%#]\}|[a-z\n]){0,9}"))
def test_whatever_stands_in_a_template_has_an_answer(template):
    told = template.encode(errors="replace").decode()
    with suppress(BadTemplate):
        assert isinstance(render(told, CONTEXT), str)


@pytest.mark.parametrize("text", [
    "{{ 7|round(-999999999) }}",
    "{{ 'x'|indent(1000000000) }}",
    "{% if 7|round(-999999999) %}a{% endif %}",
    "{% set a = 7|round(-999999999) %}",
])  # fmt: skip
def test_nothing_of_a_template_is_worked_out_while_it_is_read(text):
    assert check(text) is None
