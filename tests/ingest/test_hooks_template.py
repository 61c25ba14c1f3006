"""The language of hook templates: what is written becomes JSON, and nothing else can be reached."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apps.ingest.adapters.message import Message, Unreadable
from apps.ingest.hooks.drafting import Recipe
from apps.ingest.hooks.reading import asked, elements_in
from apps.ingest.hooks.renderer import Answer, Asked, Failed, Rendered, Skipped
from apps.ingest.hooks.rendering import Renderer, render_now


def rendered(template: str, body: object = None, **headers: str) -> Any:
    """Return what a template writes, read as the JSON that it must be."""
    answer = answered(template, body, **headers)
    assert isinstance(answer, Rendered), answer
    return json.loads(answer.text)


def answered(template: str, body: object = None, **headers: str) -> Answer:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return render_now(Asked(template, headers=told, body=json.dumps(body).encode()))


def fails(template: str, body: object = None) -> Failed:
    answer = answered(template, body)
    assert isinstance(answer, Failed), answer
    return answer


TEXTS = [
    'a "quoted" one',
    "two\nlines",
    "back\\slash",
    "<b>&amp;</b>",
    "ü – 中文 🙂",
    "\x00\x1f",
    "",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_stays_within_its_string(text: str) -> None:
    assert rendered('{"a": "{{ body.t }}"}', {"t": text}) == {"a": text}
    assert rendered('{"a": {{ body.t|tojson }}}', {"t": text}) == {"a": text}
    assert rendered('{"a": "{% set t = body.t %}{{ t }}"}', {"t": text}) == {"a": text}
    assert rendered('"{% macro m(t) %}{{ t }}{% endmacro %}{{ m(body.t) }}"', {"t": text}) == text
    assert rendered('"{% set t %}{{ body.t }}{% endset %}{{ t }}"', {"t": text}) == text


@given(st.text(st.characters(codec="utf-8")))
@example('", "event": "another')
def test_no_sender_breaks_out_of_a_string(text: str) -> None:
    assert rendered('{"a": "{{ body }}", "b": "{{ body ~ "!" }}"}', text) == {
        "a": text,
        "b": f"{text}!",
    }


@pytest.mark.parametrize("value", [None, True, 5, 1.5, [1, "a"], {"a": {"b": None}}, "text"])
def test_values_are_written_as_json(value: object) -> None:
    assert rendered("{{ body|tojson }}", value) == value


def test_constants_of_a_template_are_written_as_json_too() -> None:
    assert rendered("""["{{ 'a "b" <c>' }}", {{ none }}, {{ true }}]""") == [
        'a "b" <c>',
        None,
        True,
    ]


def test_what_is_missing_is_named_with_its_line() -> None:
    failed = fails('{\n"a": "{{ body.b.c.d }}"}', {})
    assert failed.line == 2
    assert "There is no “b” here" in failed.say
    assert rendered('"{{ body.b.c|default("x") }}"', {}) == "x"
    assert rendered("{% if body.b.c %}1{% else %}2{% endif %}", {}) == 2
    assert rendered("[{% for one in body.b %}{{ one }}{% endfor %}]", {}) == []


def readings(template: str) -> list[Any]:
    recipe, message = Recipe(1, "any", template), Message(b"{}")
    elements = elements_in(render_now(asked(recipe, message)), recipe, message)
    return [element.reading for element in elements]


def test_a_template_says_what_it_does_not_want() -> None:
    assert isinstance(answered("[{{ skip() }}"), Skipped)
    assert readings("{% if not body.a %}{{ skip() }}{% endif %}") == []


def test_a_template_that_makes_nothing_has_not_understood() -> None:
    (reading,) = readings("[{% for one in body.some %}{}{% endfor %}]")
    assert reading.problems[0].reason.startswith("The template made no event of it")


def test_a_template_refuses_in_its_own_words() -> None:
    (reading,) = readings('{{ refuse("No order is in it.") }}')
    assert reading.problems[0].reason == "No order is in it."


def test_headers_are_asked_for_in_any_spelling() -> None:
    template = """["{{ headers["X-Git-Event"] }}", "{{ headers.get("x-git-event") }}",
                   {{ ("X-GIT-EVENT" in headers)|tojson }}, "{{ method }}"]"""
    assert rendered(template, {}, x_git_event="push") == ["push", "push", True, "POST"]


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ ''['__class__'] }}",
        "{{ ''|attr('__class__') }}",
        "{{ body.__init__.__globals__ }}",
        "{{ self.__dict__ }}",
        "{{ range.__self__ }}",
        "{{ '{0.__class__}'.format(body) }}",
        "{{ body.update({'a': 1}) }}",
        "{{ headers.clear() }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{% extends 'a' %}",
        "{{ lipsum() }}",
        "{{ open('/etc/passwd') }}",
        "{{ 'x'|safe }}",
        "{{ 9 ** 9 }}",
    ],
)
def test_nothing_else_can_be_reached(template: str) -> None:
    fails(template, {"a": 2})


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(60) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% set n = namespace(x=9) %}{% for i in range(99) %}{% set n.x = n.x * n.x %}{% endfor %}",
        "{% set n = namespace(x='a') %}{% for i in range(99) %}{% set n.x = n.x~n.x %}{% endfor %}",
        "{{ 'x' * 9999999999 }}",
        "{{ [0] * 9999999999 }}",
        "{{ 'x'|center(9999999999) }}",
        "{{ '%9999999999d' % 1 }}",
        "{{ '{:9999999999}'.format(1) }}",
        "{{ range(99999)|map('string')|join('x' * 99999) }}",
        "{{ body|tojson|indent(999999999) }}",
        "{% for a in range(99999) %}{{ 'x' * 999 }}{% endfor %}",
        "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
        "{{ " + "-" * 50_000 + "1 }}",
    ],
)
def test_a_template_that_would_never_end_ends(template: str) -> None:
    fails(template, {"a": 1})
    assert rendered("{{ body|tojson }}", 1) == 1


def test_a_process_that_was_killed_is_started_again() -> None:
    renderer = Renderer()
    assert renderer.render(Asked("1", body=b"")) == Rendered("1")
    renderer._process.kill()
    renderer._process.wait()
    assert renderer.render(Asked("2", body=b"")) == Rendered("2")
    renderer.end()


def test_the_process_knows_nothing_of_ours() -> None:
    renderer = Renderer()
    renderer.render(Asked("1", body=b""))
    told = Path(f"/proc/{renderer._process.pid}/environ").read_text()
    names = {entry.partition("=")[0] for entry in told.split("\0")}
    assert names <= {"PYTHONPATH", "PYTHONSAFEPATH", "LD_LIBRARY_PATH", "LC_CTYPE", ""}
    renderer.end()


CLOUD_EVENT = {
    "specversion": "1.0", "id": "7", "source": "/loader", "type": "load.done",
    "time": "2026-11-21T10:00:00Z", "subject": "orders", "data": {"rows": 5},
}  # fmt: skip


def test_a_cloud_event_may_be_structured_or_in_headers() -> None:
    template = "{{ body|from_cloud_event(headers) }}"
    told = rendered(template, CLOUD_EVENT)
    assert told["event"] == "load.done"
    assert told["resource"]["prefect.resource.id"] == "orders"
    assert told["payload"]["data"] == {"rows": 5}
    headers = {f"ce_{key}": str(value) for key, value in CLOUD_EVENT.items() if key != "data"}
    binary = rendered(template, {"rows": 5}, **headers)
    assert binary == told
    assert "no “type”" in fails(template, {"id": "1", "source": "a"}).say


def test_times_are_written_in_one_way() -> None:
    template = """["{{ 1767225600|moment }}", "{{ 1767225600000|moment }}",
                   "{{ "2026-01-01 00:00:00 UTC"|moment }}",
                   "{{ "2026-01-01T01:00+01:00"|moment }}"]"""
    assert rendered(template) == ["2026-01-01T00:00:00+00:00"] * 3 + ["2026-01-01T01:00:00+01:00"]
    assert "is no time" in fails("{{ 'soon'|moment }}").say


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
OF_AN_EVENT = ("id", "event", "occurred", "resource", "related", "payload", "follows")
NAMES = (*OF_AN_EVENT, "outcome", "message")
FIELDS = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, JSON))


@settings(max_examples=100, deadline=None)
@given(st.one_of(FIELDS, JSON, st.lists(FIELDS)))
def test_whatever_is_passed_through_is_an_event_or_says_why_not(body: object) -> None:
    recipe = Recipe(1, "any", "{{ body|tojson }}")
    message = Message(json.dumps(body).encode())
    for element in elements_in(render_now(asked(recipe, message)), recipe, message):
        reading = element.reading
        assert reading.problems if isinstance(reading, Unreadable) else reading


@settings(max_examples=100, deadline=None)
@given(st.text() | st.from_regex(r"(\{[{%#] ?[a-z|(). ]* ?[}%#]\}|[a-z\n]){0,9}"), st.binary())
def test_whatever_stands_in_a_template_has_an_answer(template: str, body: bytes) -> None:
    told = template.encode(errors="replace").decode()
    assert isinstance(render_now(Asked(told, told, body=body)), Answer)
